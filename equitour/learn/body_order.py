"""Environments that a description by few bodies cannot tell apart, and what a model makes of them (lesson 204)."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models import build
from equitour.train import Example

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
