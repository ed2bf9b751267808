"""Environments that a description by few bodies cannot tell apart, and what a model makes of them (lesson 204)."""

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models import Potential, build
from equitour.train import (
    Budget,
    Example,
    Minibatches,
    Training,
    WeightedLoss,
    energy_and_forces,
    prediction_errors,
)

RADIUS, CUTOFF = 1.5, 4.0  # Å


def corners(places: list[tuple[int, float]], n: int, *, radius: float = RADIUS) -> Float[Tensor, "points 3"]:
    """Points at multiples of 360°/n on a circle, in Å.

    Args:
        places: For each point the multiple and its height above the circle's plane.
        n: Number of steps around the circle.
        radius: Of the circle.
    """
    step, height = torch.tensor(places, dtype=torch.float64).T
    angle = step * (2 * math.pi / n)
    return torch.stack([radius * angle.cos(), radius * angle.sin(), height], dim=1)


def pairs() -> dict[str, list[Float[Tensor, "points 3"]]]:
    """Three pairs of environments; both of pair n hold the same groups of up to n points, and differ in groups of n + 1."""
    five = [(0, 1.0), (1, 1.0), (0, 0.0), (2, -1.0), (3, -1.0)]
    return {
        "pair 1": [corners([(0, 0), (k, 0)], 8) for k in (3, 2)],
        "pair 2": [corners([(k, 0) for k in chosen], 8) for chosen in [(0, 1, 3, 4), (0, 1, 2, 5)]],
        "pair 3": [corners([*five, (k, 0)], 4) for k in (1, 3)],
    }


def spans(neighbours: Float[Tensor, "points 3"], members: int) -> Float[Tensor, " groups"]:
    """A number for every group of neighbours, in Å, sorted: how far its members are from the centre and from each other."""
    groups = [neighbours[list(g)] for g in itertools.combinations(range(len(neighbours)), members)]
    found = [(torch.cdist(g, g).sum(1) + g.norm(dim=1)).norm() / members for g in groups]
    return torch.stack(found).sort().values if groups else neighbours.new_zeros(0)


def spectrum(
    neighbours: Float[Tensor, "points 3"], members: int, x: Float[Tensor, " values"], *, width: float = 0.05
) -> Float[Tensor, " values"]:
    """How many groups have a span near x, as a sum of Gaussians of that width in Å."""
    return torch.exp(-(((x - spans(neighbours, members)[:, None]) / width) ** 2)).sum(0)


def antiprism(a: float, b: float) -> Float[Tensor, "6 3"]:
    """Two triangles of side a, turned by 60°, with distance b from a corner to the next two of the other one.

    The third distance to the other triangle is √(a² + b²), so that each corner of antiprism(b, a) has the same
    distances to the others as each of antiprism(a, b).
    """
    height = (b**2 - a**2 / 3) ** 0.5 / 2
    return corners([(k, height if k % 2 else -height) for k in range(6)], 6, radius=a / 3**0.5)


def around_carbon(neighbours: Float[Tensor, "points 3"]) -> AtomicGraph:
    """A carbon at the origin, atom 0, with hydrogens around it; all see each other."""
    positions = torch.cat([neighbours.new_zeros(1, 3), neighbours])
    return AtomicGraph.from_arrays(positions, [6] + [1] * len(neighbours), cutoff=CUTOFF)


def star(neighbours: Float[Tensor, "points 3"]) -> AtomicGraph:
    """The same with the edges from the carbon only, to be drawn as bonds."""
    graph = around_carbon(neighbours)
    out = graph.senders == 0
    return graph.replace(
        **{name: getattr(graph, name)[out] for name in ("senders", "receivers", "cell_shifts")}
    )


def trunk(name: str = "mace", *, num_channels: int = 8, **settings: Any) -> nn.Module:
    """A model of carbon and hydrogen with random weights, the same at each call, in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(name, elements=[1, 6], cutoff=CUTOFF, num_channels=num_channels, **settings).double()


def carbon(model: nn.Module, neighbours: Float[Tensor, "points 3"]) -> Float[Tensor, " channels"]:
    """What the model says of the carbon: its scalars."""
    return model(around_carbon(neighbours))[0, 0].detach()


def difference(a: Float[Tensor, " channels"], b: Float[Tensor, " channels"]) -> float:
    """Largest difference of two features, relative to the largest feature; rounding is about 1e-16."""
    return float((a - b).abs().max() / a.abs().max())


def example(sample: Any) -> Example:
    """A frame of a molecule with its energy and forces by GFN2-xTB, in single precision, to learn from."""
    graph = sample.graph.rebuild(cutoff=CUTOFF).to(dtype=torch.float32)
    energy, forces = sample.labels["energy_gfn2"][None], sample.atom_labels["forces_gfn2"].float()
    return Example(graph, {"energy": energy, "forces": forces})


class Learned(NamedTuple):
    """What a network took and what it gave.

    Attributes:
        layers: Number of interactions.
        weights: Number of weights.
        ms: Processor time of a training step, in ms.
        errors: Mean absolute error of the test forces in meV/Å, one for each seed.
    """

    layers: int
    weights: int
    ms: float
    errors: list[float]


def learned(
    name: str,
    train: Sequence[Example],
    test: Sequence[Example],
    *,
    steps: int,
    num_channels: int,
    seeds: Sequence[int] = (0, 1),
    **settings: Any,
) -> Learned:
    """Train a network on ethanol once for each seed, which draws its first weights and its batches."""
    energies, forces = (torch.cat([e.labels[label] for e in train]) for label in ("energy", "forces"))
    scale, shift = float(forces.square().mean().sqrt()), float(energies.mean()) / train[0].graph.num_nodes
    settings |= {"elements": [1, 6, 8], "cutoff": CUTOFF, "radial_channels": (8, 16)}
    spent, errors = 0.0, []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            trunk = build(name, num_channels=num_channels, **settings)
            potential = Potential(trunk, shifts=[shift] * 3, scale=scale)
        batches = Minibatches(train, batch_size=5, generator=torch.Generator().manual_seed(seed))
        loss = WeightedLoss(energy_and_forces(scale=scale))
        training = Training(potential, loss, batches=batches, budget=Budget(steps=steps))
        start = time.process_time()
        for _ in training:
            pass
        spent += 1e3 * (time.process_time() - start) / (steps * len(seeds))
        found = prediction_errors(training.average, test, energy_and_forces(), batch_size=len(test))
        errors.append(1e3 * found["forces"].mae)
    weights = sum(weight.numel() for weight in potential.parameters())
    return Learned(len(trunk.layers), weights, spent, errors)
