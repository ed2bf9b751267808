"""Energies as physics wants them: forces are minus their gradient, and nothing jumps at the cutoff."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from equitour.checks.measure import ProvesNothing
from equitour.graph import AtomicGraph


def forces_against_energy(
    energy: Callable[[AtomicGraph], Tensor],
    graph: AtomicGraph,
    *,
    forces: Callable[[AtomicGraph], Tensor] | None = None,
    directions: int = 4,
    step: float = 1e-3,
    generator: torch.Generator | None = None,
) -> float:
    """Relative error of forces against −dE/dr by central differences of fourth order.

    The structure is moved along random directions u (all atoms at once), and F · u is compared with
    (−E(2h) + 8 E(h) − 8 E(−h) + E(−2h)) / 12h. Use float64.

    Args:
        energy: From a graph to energies (graphs,) in eV.
        graph: One structure or several.
        forces: From a graph to forces (nodes, 3) in eV/Å; the automatic gradient of `energy` by default.
        directions: How many random directions.
        step: h in Å.
        generator: Where the chance comes from; a fixed seed by default.

    Raises:
        ProvesNothing: All forces are zero.
    """
    generator = generator or torch.Generator().manual_seed(0)
    claimed = (forces or _automatic_forces(energy))(graph).detach()
    if float(claimed.abs().max()) == 0:
        raise ProvesNothing(
            "this check proves nothing: all forces are zero; move the atoms out of equilibrium"
        )
    errors, scale = [], []
    for _ in range(directions):
        direction = torch.randn(graph.positions.shape, generator=generator, dtype=torch.float64)
        direction = (direction / direction.norm()).to(graph.positions)
        slope = _slope(energy, graph, direction, step)
        errors.append(abs(float((claimed * direction).sum()) + slope))
        scale.append(abs(slope))
    return max(errors) / max(*scale, float(claimed.norm()) / claimed.numel() ** 0.5)


@dataclasses.dataclass(frozen=True)
class Smoothness:
    """Jumps at the cutoff: of the energy (eV), and of its slope (eV/Å)."""

    energy_jump: float
    force_jump: float


def smoothness_at_cutoff(
    energy: Callable[[AtomicGraph], Tensor],
    *,
    cutoff: float,
    atomic_numbers: tuple[int, int, int] = (8, 1, 1),
    step: float = 1e-4,
) -> Smoothness:
    """Jumps of an energy and its slope when an atom crosses another's cutoff.

    Three atoms: the first at the origin, the second within reach of both, the third moving out through the
    first one's cutoff. Values and slopes of both sides are extrapolated to the cutoff itself; float64.

    Args:
        energy: From a graph to energies (graphs,) in eV.
        cutoff: In Å; graphs are built with it.
        atomic_numbers: Of the three atoms.
        step: Distance between the samples, relative to the cutoff.

    Raises:
        ProvesNothing: The energy does not feel the third atom at all.
    """
    h = step * cutoff

    def at(distance: float) -> float:
        positions = [[0.0, 0.0, 0.0], [0.55 * cutoff, 0.3 * cutoff, 0.0], [distance, 0.0, 0.0]]
        return float(energy(AtomicGraph.from_arrays(positions, atomic_numbers, cutoff=cutoff)).detach().sum())

    inside = [at(cutoff - n * h) for n in (1, 2, 3)]
    outside = [at(cutoff + n * h) for n in (1, 2, 3)]
    if at(0.8 * cutoff) == at(0.7 * cutoff):
        raise ProvesNothing(
            "this check proves nothing: the energy does not feel the atom that leaves; couple them"
        )
    # Parabolas through three points on either side, evaluated at the cutoff.
    value = [3 * side[0] - 3 * side[1] + side[2] for side in (inside, outside)]
    slope = [(-2.5 * side[0] + 4 * side[1] - 1.5 * side[2]) / h for side in (inside, outside)]
    return Smoothness(energy_jump=abs(value[0] - value[1]), force_jump=abs(slope[0] + slope[1]))


def _automatic_forces(energy: Callable[[AtomicGraph], Tensor]) -> Callable[[AtomicGraph], Tensor]:
    def forces(graph: AtomicGraph) -> Tensor:
        positions = graph.positions.detach().requires_grad_()
        total = energy(graph.replace(positions=positions)).sum()
        return -torch.autograd.grad(total, positions)[0]

    return forces


def _slope(
    energy: Callable[[AtomicGraph], Tensor], graph: AtomicGraph, direction: Tensor, step: float
) -> float:
    def at(n: int) -> float:
        return float(energy(graph.replace(positions=graph.positions + n * step * direction)).detach().sum())

    return (-at(2) + 8 * at(1) - 8 * at(-1) + at(-2)) / (12 * step)
