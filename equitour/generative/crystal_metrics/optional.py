"""pymatgen is optional: who needs it asks here, and hears the cure when it is missing."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ase import Atoms

if TYPE_CHECKING:
    from pymatgen.core import Structure

CURE = "pip install 'equitour[crystals]'"


def has_pymatgen() -> bool:
    """Whether pymatgen is installed; nothing is imported."""
    return find_spec("pymatgen") is not None


def require_pymatgen(purpose: str) -> None:
    """Raise ImportError, with the cure, unless pymatgen is installed."""
    if not has_pymatgen():
        raise ImportError(f"{purpose} needs pymatgen, which is not installed: {CURE}")


def to_pymatgen(atoms: Atoms) -> Structure:
    """The same crystal as pymatgen's Structure, periodic in all directions.

    Raises:
        ImportError: pymatgen is not installed.
    """
    require_pymatgen("a Structure")
    from pymatgen.core import Lattice, Structure

    with warnings.catch_warnings():
        # Elements without an electronegativity are told of once for each comparison; scores treat them as published.
        warnings.simplefilter("ignore")
        return Structure(
            Lattice(atoms.cell.array),
            atoms.numbers,
            atoms.positions,
            coords_are_cartesian=True,
            to_unit_cell=True,
        )
