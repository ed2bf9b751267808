"""From a generated crystal to the nearest minimum of a potential: what it would have become had the model known the forces."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


@dataclasses.dataclass(frozen=True, eq=False)
class Relaxed:
    """A crystal after relaxation.

    Attributes:
        atoms: Where it ended, without the calculator.
        energy: There, in eV.
        gained: Energy given off on the way, in eV; how far from a minimum the crystal was.
        converged: Whether forces and stress fell below the limit.
        frames: The way, the first frame the crystal as it was given.
    """

    atoms: Atoms
    energy: float
    gained: float
    converged: bool
    frames: list[Atoms]


def relax_crystal(
    atoms: Atoms,
    calculator: Calculator,
    *,
    force_limit: float = 0.05,
    max_steps: int = 200,
    fix_lattice: bool = False,
) -> Relaxed:
    """Follow forces and stress downhill (FIRE), lattice and positions together.

    The symmetry of the start is neither imposed nor broken: forces have it, so a crystal that stands exactly on a saddle stays there.

    Args:
        atoms: Periodic; left as it is.
        calculator: Any of ASE's that knows energy, forces and stress: a classical potential, `equitour.calculator(model)`, CHGNet.
        force_limit: The largest force, and stress times volume of an atom's share, at the end, in eV/Å.
        max_steps: Given up after so many.
        fix_lattice: Only positions move.

    Raises:
        ValueError: `force_limit` or `max_steps` is not positive.

    Source: E. Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006); ase.filters.FrechetCellFilter.
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    if not force_limit > 0 or max_steps < 1:
        raise ValueError(
            f"force_limit and max_steps must be positive, received {force_limit} and {max_steps}: 0.05 eV/Å and 200 are usual"
        )
    moving = atoms.copy()
    moving.calc = calculator
    before = moving.get_potential_energy()
    frames = [_bare(moving)]
    optimizer = FIRE(moving if fix_lattice else FrechetCellFilter(moving), logfile=None)
    converged = False
    for converged in optimizer.irun(fmax=force_limit, steps=max_steps):  # noqa: B007
        frames.append(_bare(moving))
    energy = moving.get_potential_energy()
    return Relaxed(_bare(moving), energy, before - energy, bool(converged), frames)


def _bare(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.calc = None
    if not np.isfinite(copy.positions).all():
        raise ValueError(
            f"a potential must give finite forces, received positions that are not finite for {copy.get_chemical_formula()}: "
            "the crystal is too far from anything that the potential knows"
        )
    return copy
