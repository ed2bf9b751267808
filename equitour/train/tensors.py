"""Losses and standardisation of tensors: per irrep block, per tensor, and only where there are labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.symmetry import CartesianTensor
from equitour.train.errors import Errors
from equitour.train.examples import Example, collate
from equitour.train.loss import Target


@dataclass(frozen=True, kw_only=True)
class TensorTarget(Target):
    """One tensor to learn, among those that a model gives by name; rows without a label (nan) do not count.

    Attributes:
        formula: Index symmetry; needed where blocks are weighed.
        axial: Indices that belong to axial vectors.
        block_weights: By irrep ("0e", "2e", …) the weight of its squared deviations; 1 where none is given.
        species: Atomic numbers of the atoms that count (a nucleus that was measured); all when empty.
    """

    formula: str = ""
    axial: str = ""
    block_weights: Mapping[str, float] = field(default_factory=dict)
    species: Sequence[int] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.block_weights:
            return
        irreps = [str(ir) for _, ir in _tensor(self.formula, self.axial).irreps]
        unknown = sorted(set(self.block_weights) - set(irreps))
        if unknown:
            raise ValueError(
                f"block_weights of {self.name} must name irreps among {', '.join(irreps)}, "
                f"received {', '.join(unknown)}: see CartesianTensor({self.formula!r}).irreps"
            )

    def deviations(self, prediction: Any, example: Example) -> Tensor:
        """Prediction minus label of the rows that have one, in units of the scale, blocks times √weight."""
        found = prediction[self.name]
        labels = example.labels[self.name].to(found)
        rows = labelled_rows(labels, example.graph, self.species)
        deviations = (found[rows] - labels[rows]) / self.scale
        if self.per_atom:
            atoms = torch.bincount(example.graph.batch, minlength=example.graph.num_graphs)
            deviations = deviations / atoms.to(found).reshape(-1, *[1] * (found.ndim - 1))[rows]
        if not self.block_weights:
            return deviations
        tensor = _tensor(self.formula, self.axial)
        return tensor.from_irreps(tensor.to_irreps(deviations) * self._roots(tensor).to(found))

    def _roots(self, tensor: CartesianTensor) -> Tensor:
        sizes = torch.tensor([copies * ir.dim for copies, ir in tensor.irreps])
        weights = torch.tensor([self.block_weights.get(str(ir), 1.0) for _, ir in tensor.irreps]).double()
        return weights.repeat_interleave(sizes).sqrt()


@cache
def _tensor(formula: str, axial: str) -> CartesianTensor:
    return CartesianTensor(formula, axial)


def labelled_rows(labels: Tensor, graph: AtomicGraph, species: Sequence[int] = ()) -> Tensor:
    """Places of the rows that carry numbers and, for tensors of atoms, belong to one of these species."""
    carried = labels.flatten(1).isfinite().all(1)
    if species:
        wanted = torch.tensor(list(species), device=labels.device)
        carried = carried & torch.isin(graph.atomic_numbers, wanted)
    return carried.nonzero().squeeze(1)


def predict_tensors(
    model: nn.Module, graph: AtomicGraph, names: Sequence[str], *, create_graph: bool
) -> dict[str, Tensor]:
    """The `predict` of `WeightedLoss` and `prediction_errors` for models that give tensors by name."""
    with torch.set_grad_enabled(create_graph):
        return model(graph)


def standardisation(
    examples: Sequence[Example],
    name: str,
    *,
    formula: str,
    axial: str = "",
    per: str = "node",
    elements: Sequence[int] = (),
    species: Sequence[int] = (),
) -> tuple[list[list[float]], list[float]]:
    """Means of a tensor's invariants for each element, and the size of what is left of each irrep block.

    Only these keep the symmetry. For a tensor of whole structures the means are the least squares fit of its invariants
    to the composition: numbers of atoms ("graph") or their shares ("mean").

    Args:
        examples: What training learns from, and nothing else.
        name: Of the label.
        formula: Index symmetry.
        axial: Indices that belong to axial vectors.
        per: "node", "graph" or "mean".
        elements: Atomic numbers of the model, ascending.
        species: Those that have labels; all when empty.

    Returns:
        (elements, invariants) means and one scale for each block, 1 where nothing is left, in the labels' units.

    Raises:
        ValueError: No row has a label.
    """
    tensor = _tensor(formula, axial)
    counts, components = [], []
    for example in examples:
        labels = example.labels[name].double()
        rows = labelled_rows(labels, example.graph, species)
        components.append(tensor.to_irreps(labels[rows]))
        counts.append(_composition(example.graph, elements, per)[rows])
    count, values = torch.cat(counts), torch.cat(components)
    if not len(values):
        raise ValueError(
            f"{name} must have labels, received none in {len(examples)} structures: check the file and the species"
        )
    scalars = [k for item, rows in zip(tensor.irreps, tensor.irreps.slices(), strict=True)
               for k in range(rows.start, rows.stop) if (item.ir.l, item.ir.p) == (0, 1)]  # fmt: skip
    # The smallest of all solutions: an element without labels gets zero.
    means = torch.linalg.pinv(count) @ values[:, scalars]
    rest = values.clone()
    rest[:, scalars] -= count @ means
    # A block of an extensive tensor is a sum of atoms' shares, each of which counts in its own size.
    if per == "graph":
        rest = rest / count.sum(1, keepdim=True).sqrt()
    scales = [float(rest[:, rows].square().mean().sqrt()) for rows in tensor.irreps.slices()]
    return means.tolist(), [scale if scale > 1e-12 else 1.0 for scale in scales]


def _composition(graph: AtomicGraph, elements: Sequence[int], per: str) -> Tensor:
    """(rows, elements): which element an atom is, or how many atoms of each a structure has."""
    numbers = torch.tensor(list(elements), device=graph.atomic_numbers.device)
    atoms = (graph.atomic_numbers[:, None] == numbers).double()
    if per == "node":
        return atoms
    sums = atoms.new_zeros(graph.num_graphs, len(numbers)).index_add(0, graph.batch, atoms)
    return sums / sums.sum(1, keepdim=True) if per == "mean" else sums


def block_errors(
    model: nn.Module,
    examples: Sequence[Example],
    target: TensorTarget,
    *,
    batch_size: int = 16,
) -> dict[str, Errors]:
    """Errors of each irrep block of a tensor over all its components, in the unit of the label.

    Components are those on an orthonormal basis: the squared errors of the blocks, each times its number of
    components, add up to the sum over all Cartesian components.
    """
    tensor = _tensor(target.formula, target.axial)
    plain = TensorTarget(name=target.name, species=target.species)
    found: list[Tensor] = []
    for first in range(0, len(examples), batch_size):
        example = collate(examples[first : first + batch_size])
        prediction: Any = predict_tensors(model, example.graph, [target.name], create_graph=False)
        found.append(tensor.to_irreps(plain.deviations(prediction, example).double()))
    values = torch.cat(found)
    blocks = zip(tensor.irreps, tensor.irreps.slices(), strict=True)
    return {
        str(item.ir): Errors(
            float(values[:, rows].abs().mean()), float(values[:, rows].square().mean().sqrt())
        )
        for item, rows in blocks
    }
