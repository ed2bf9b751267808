"""Crystals as CIF files that other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write


def write_cif(path: str | Path, crystals: Atoms | Sequence[Atoms]) -> None:
    """Write one crystal or several, one block each, in P 1: what is in the file is what was generated.

    Atoms are wrapped into the cell. A left-handed cell gets two of its vectors exchanged, because a CIF knows lengths and
    angles only and would hold the mirror image; labels and calculators are left behind.

    Args:
        path: The file, which is replaced.
        crystals: One or several.

    Raises:
        ValueError: There are no crystals, or one has no cell.
    """
    crystals = [crystals] if isinstance(crystals, Atoms) else list(crystals)
    if not crystals:
        raise ValueError("a CIF must hold a crystal, received none: generate one first")
    for place, atoms in enumerate(crystals):
        if atoms.cell.rank < 3:
            raise ValueError(
                f"a CIF must hold crystals, received structure {place} without a cell: give it one"
            )
    write(path, [_right_handed(atoms) for atoms in crystals], format="cif")


def _right_handed(atoms: Atoms) -> Atoms:
    order = [0, 1, 2] if np.linalg.det(atoms.cell.array) > 0 else [1, 0, 2]
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell.array[order], pbc=True)
