"""How alike are two disordered structures? Distances, coordination, angles and rings, each as a distribution."""

from __future__ import annotations

from collections import Counter, deque

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.graph import AtomicGraph


def radial_distribution(
    graph: AtomicGraph, *, r_max: float, bins: int = 100
) -> tuple[Float[Tensor, " bins"], Float[Tensor, " bins"]]:
    """g(r): pairs at distance r over those of an ideal gas of the same density, 4 π r² dr ρ N.

    Args:
        graph: One periodic cell.
        r_max: As far as is looked, in Å.
        bins: Shells.

    Returns:
        Middles of the shells in Å, and g.

    Raises:
        ValueError: The structure is not one periodic cell.
    """
    if graph.num_graphs != 1 or not bool(graph.pbc.all()):
        raise ValueError(
            f"g(r) must be of one periodic cell, received {graph.num_graphs} with periodic directions {graph.pbc.tolist()}: "
            "a molecule has no density"
        )
    lengths = graph.rebuild(cutoff=r_max).edge_lengths().detach()
    edges = torch.linspace(0, r_max, bins + 1, dtype=lengths.dtype)
    found = torch.histogram(lengths.cpu(), edges).hist
    shells = 4 / 3 * torch.pi * (edges[1:] ** 3 - edges[:-1] ** 3)
    density = graph.num_nodes / float(torch.linalg.det(graph.cell[0]).abs())
    return (edges[1:] + edges[:-1]) / 2, found / (shells * density * graph.num_nodes)


def coordination_numbers(graph: AtomicGraph, *, cutoff: float) -> Int[Tensor, " nodes"]:
    """Neighbours of each atom within the cutoff (Å)."""
    return graph.rebuild(cutoff=cutoff).senders.bincount(minlength=graph.num_nodes)


def ring_counts(graph: AtomicGraph, *, cutoff: float, largest: int = 9) -> dict[int, int]:
    """Shortest rings through each pair of bonds of an atom (King, Nature 213, 1112, 1967), counted by their size.

    Bonds are the pairs within the cutoff. Bonds to two images of one atom are kept apart, so that small cells have the rings
    of the crystal.

    Args:
        graph: The structure.
        cutoff: Longest bond, in Å.
        largest: Size beyond which a pair of bonds counts as in no ring.

    Returns:
        Number of bond pairs by the size of their shortest ring; 0 stands for none up to the largest.
    """
    bonds = _bonds(graph.rebuild(cutoff=cutoff))
    counts: Counter[int] = Counter()
    for atom, around in enumerate(bonds):
        home = (atom, (0, 0, 0))
        for first in range(len(around)):
            away = _steps_from(around[first], home, bonds, largest - 2)
            # Two bonds and the way between their ends close the ring.
            counts.update(away[end] + 2 if end in away else 0 for end in around[first + 1 :])
    return dict(sorted(counts.items()))


Place = tuple[int, tuple[int, int, int]]


def _bonds(graph: AtomicGraph) -> list[list[Place]]:
    """Of each atom: the atoms that it is bound to, and in which cell they stand."""
    bonds: list[list[Place]] = [[] for _ in range(graph.num_nodes)]
    shifts = graph.cell_shifts.long().tolist()
    for sender, receiver, shift in zip(graph.senders.tolist(), graph.receivers.tolist(), shifts, strict=True):
        bonds[sender].append((receiver, tuple(shift)))
    return bonds


def _steps_from(start: Place, avoided: Place, bonds: list[list[Place]], most: int) -> dict[Place, int]:
    """Bonds to walk from one atom to each within reach, around the avoided one: breadth first."""
    away, queue = {start: 0}, deque([start])
    while queue:
        place = queue.popleft()
        if away[place] == most:
            break
        atom, cell = place
        for other, shift in bonds[atom]:
            found = (other, (cell[0] + shift[0], cell[1] + shift[1], cell[2] + shift[2]))
            if found != avoided and found not in away:
                away[found] = away[place] + 1
                queue.append(found)
    return away
