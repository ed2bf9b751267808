"""Charged bodies in motion: Newton's paths of the systems of `n_body`, and graphs of all their pairs."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.datasets.charges import five_charges, leapfrog
from equitour.graph import AtomicGraph

POSITIVE, NEGATIVE = 11, 17  # A graph has no charges, so it says sodium for + and chlorine for −.


class Start(NamedTuple):
    """What a model is asked: systems side by side, how far ahead to look (nodes, 1), velocities (nodes, 3)."""

    graph: AtomicGraph
    times: Float[Tensor, "nodes 1"]
    velocities: Float[Tensor, "nodes 3"]


class End(NamedTuple):
    """What it should answer."""

    positions: Float[Tensor, "nodes 3"]
    velocities: Float[Tensor, "nodes 3"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Flights:
    """Five charges each, from t = 0 to 1, in float64.

    Attributes:
        charges: +1 or −1.
        positions: At t = 0, 0.1 … 1.
        velocities: At the same times; all masses are 1.
    """

    charges: Float[Tensor, "systems bodies"]
    positions: Float[Tensor, "frames systems bodies 3"]
    velocities: Float[Tensor, "frames systems bodies 3"]

    def __len__(self) -> int:
        return self.charges.shape[0]

    def ask(self, which: Int[Tensor, " chosen"], frame: Int[Tensor, "*chosen"] | int) -> tuple[Start, End]:
        """Start and end of some systems in float32, each seen at its frame (one for all, or one a system)."""
        frame = torch.as_tensor(frame).expand(len(which))
        graph = all_pairs(self.positions[0, which].float(), self.charges[which])
        times = (frame / (len(self.positions) - 1)).repeat_interleave(self.charges.shape[1])
        start, *end = (
            values.reshape(-1, 3).float()
            for values in (
                self.velocities[0, which],
                self.positions[frame, which],
                self.velocities[frame, which],
            )
        )
        return Start(graph, times[:, None], start), End(*end)


def flights(count: int, *, generator: torch.Generator) -> Flights:
    """The paths of the systems that `load("n_body", count=count, generator=generator)` draws."""
    positions, velocities, charges = five_charges(count, generator=generator)
    positions, velocities = leapfrog(positions, velocities, charges, every=100)
    return Flights(charges=charges, positions=positions, velocities=velocities)


def all_pairs(
    positions: Float[Tensor, "systems bodies 3"], charges: Float[Tensor, "systems bodies"]
) -> AtomicGraph:
    """Systems side by side as one graph in which each body of a system is joined to all its others."""
    systems, bodies = charges.shape
    receivers, senders = (~torch.eye(bodies, dtype=torch.bool)).nonzero().T
    first = bodies * torch.arange(systems)[:, None]
    return AtomicGraph(
        positions=positions.reshape(-1, 3),
        atomic_numbers=torch.where(charges.flatten() > 0, POSITIVE, NEGATIVE),
        senders=(first + senders).flatten(),
        receivers=(first + receivers).flatten(),
        cell_shifts=torch.zeros(systems * len(senders), 3, dtype=torch.long),
        cell=positions.new_zeros(systems, 3, 3),
        pbc=torch.zeros(systems, 3, dtype=torch.bool),
        batch=torch.arange(systems).repeat_interleave(bodies),
    )


def charges_of(graph: AtomicGraph) -> Float[Tensor, "nodes 1"]:
    """The charges of a graph made by `all_pairs`, as a column of features."""
    return torch.where(graph.atomic_numbers == POSITIVE, 1.0, -1.0).to(graph.positions)[:, None]
