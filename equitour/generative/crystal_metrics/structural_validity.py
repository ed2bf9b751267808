"""Do the atoms keep apart, in a cell that has a volume?"""

from __future__ import annotations

import numpy as np
from ase import Atoms

SHORTEST = 0.5  # Å
SMALLEST = 0.1  # Å³


def structural_validity(atoms: Atoms) -> bool:
    """Whether no two atoms stand nearer than 0.5 Å, through the walls of the cell too, and its volume is 0.1 Å³ or more.

    As published, an atom is not compared with its own images: a cell with one short edge is caught by its volume only.

    Args:
        atoms: A crystal, periodic in all directions. Numbers that are not finite count as invalid.

    Source:
        Court et al., J. Chem. Inf. Model. 60, 4518 (2020), as used by Xie et al., ICLR 2022.
    """
    if not is_cell(atoms):
        return False
    return len(atoms) == 1 or shortest_distance_between(atoms) >= SHORTEST


def is_cell(atoms: Atoms) -> bool:
    """Whether positions and cell are finite, with a volume of at least 0.1 Å³: what can be compared at all."""
    finite = np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()
    return bool(finite and len(atoms) > 0 and abs(np.linalg.det(atoms.cell.array)) >= SMALLEST)


def shortest_distance_between(atoms: Atoms) -> float:
    """The shortest distance in Å between two atoms of the cell or their images; images of one atom do not count.

    Raises:
        ValueError: There are fewer than two atoms.
    """
    if len(atoms) < 2:
        raise ValueError(
            f"a distance needs two atoms, received {len(atoms)}: look at the cell's edges instead"
        )
    pairs = np.triu_indices(len(atoms), k=1)
    whole = atoms.copy()
    whole.pbc = True
    return float(whole.get_all_distances(mic=True)[pairs].min())
