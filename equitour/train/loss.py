"""What training minimises: weighted deviations of energies, forces and whatever else a model predicts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.train.examples import Example
from equitour.train.parallel import total


def squared(deviations: Tensor) -> Tensor:
    """δ², component by component: the mean square error."""
    return deviations.square()


def absolute(deviations: Tensor) -> Tensor:
    """|δ|, component by component: robust against outliers."""
    return deviations.abs()


def huber(deviations: Tensor, *, delta: float = 0.01) -> Tensor:
    """δ²/2 up to delta, from there delta (|δ| − delta/2)."""
    return nn.functional.huber_loss(deviations, torch.zeros_like(deviations), reduction="none", delta=delta)


def length(deviations: Tensor) -> Tensor:
    """|δ| of a whole row: like `absolute`, but the same however the axes are turned."""
    # A tiny number under the root keeps its gradient finite where the deviation vanishes.
    return (deviations.flatten(1).square().sum(1) + 1e-12).sqrt()


MEASURES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "squared": squared,
    "absolute": absolute,
    "huber": huber,
    "length": length,
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One quantity to learn.

    Attributes:
        name: Of the label, and of the field of the prediction: "energy", "forces", "stress", …
        weight: Of its term in the loss.
        scale: Its natural size; deviations are counted in this unit, so that weights are pure numbers.
        per_atom: Divide by the number of atoms first, as befits what grows with the system (energies).
        measure: How deviations are added: "squared", "absolute", "huber" or "length".
    """

    name: str
    weight: float = 1.0
    scale: float = 1.0
    per_atom: bool = False
    measure: str = "squared"

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(
                f"measure must be one of {', '.join(MEASURES)}, received {self.measure!r}: choose one of them"
            )
        if self.per_atom and self.measure == "length":
            raise ValueError(
                f"measure 'length' is for rows of an atom, received it for {self.name} per atom: use 'absolute'"
            )

    def deviations(self, prediction: Any, example: Example) -> Tensor:
        """Prediction minus label, in units of the scale."""
        found = getattr(prediction, self.name)
        deviation = (found - example.labels[self.name].to(found)) / self.scale
        if not self.per_atom:
            return deviation
        atoms = torch.bincount(example.graph.batch, minlength=example.graph.num_graphs)
        return deviation / atoms.to(deviation).reshape(-1, *[1] * (deviation.ndim - 1))


def energy_and_forces(
    *,
    energy: float = 1.0,
    forces: float = 100.0,
    stress: float = 0.0,
    scale: float = 1.0,
    measure: str = "squared",
) -> list[Target]:
    """Energies per atom and forces, and stress when its weight is not zero.

    Args:
        energy: Weight of the energy per atom.
        forces: Weight of the forces.
        stress: Weight of the stress.
        scale: Root mean square of the forces in eV/Å, which then count in this unit, energies in it times 1 Å, and
            stress (eV/Å³) in it per Å², which is far more than stress usually is.
        measure: For forces and stress. Energies are one number each, for which "length" means "absolute".
    """
    single = "absolute" if measure == "length" else measure
    targets = [
        Target(name="energy", weight=energy, scale=scale, per_atom=True, measure=single),
        Target(name="forces", weight=forces, scale=scale, measure=measure),
    ]
    if stress:
        targets.append(Target(name="stress", weight=stress, scale=scale, measure=measure))
    return targets


def evaluate(model: nn.Module, graph: AtomicGraph, names: Sequence[str], *, create_graph: bool) -> Any:
    """A potential's prediction, with stress only where it is a target."""
    return model.evaluate(graph, stress="stress" in names, create_graph=create_graph)


class WeightedLoss:
    """Sum over targets of weight × mean of the measure of (prediction − label) / scale.

    The mean runs over all components (rows for "length") of the batch, not structure by structure: an atom counts the
    same in a large cell and in a small one. In several processes the count is that of the whole batch, so that their
    losses and gradients add up to those of one process.

    Args:
        targets: What to learn; `energy_and_forces` gives the usual ones.
        predict: `predict(model, graph, names, create_graph=...)` gives an object with a field of each target's name;
            by default the model's own `evaluate`.
    """

    def __init__(self, targets: Sequence[Target], *, predict: Callable[..., Any] = evaluate) -> None:
        self.targets, self.predict = list(targets), predict

    def __call__(self, model: nn.Module, example: Example | None) -> dict[str, Tensor]:
        """The terms by name; None, the empty share of a process, contributes nothing."""
        names = [target.name for target in self.targets]
        prediction = None
        if example is not None:
            prediction = self.predict(model, example.graph, names, create_graph=True)
        return {target.name: self._term(target, prediction, example) for target in self.targets}

    def _term(self, target: Target, prediction: Any, example: Example | None) -> Tensor:
        values = torch.zeros(0, dtype=torch.float64)
        if example is not None:
            values = MEASURES[target.measure](target.deviations(prediction, example))
        count = total(torch.tensor(float(values.numel()), dtype=torch.float64))
        # A batch without any label of this target has nothing to say.
        return target.weight * values.sum().double() / count.clamp(min=1).to(values.device)


class EachMember:
    """The loss of a committee: that of each of its `members` alone, averaged, so that they learn apart.

    Args:
        loss: Of one member.
    """

    def __init__(self, loss: WeightedLoss) -> None:
        self.loss = loss

    def __call__(self, committee: nn.Module, example: Example | None) -> dict[str, Tensor]:
        """The terms by name, means over the members."""
        terms = [self.loss(member, example) for member in committee.members]
        return {name: torch.stack([found[name] for found in terms]).mean() for name in terms[0]}
