"""Which of the 230 space groups a crystal has, within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import spglib
from ase import Atoms


@dataclass(frozen=True)
class SpaceGroup:
    """A space group.

    Attributes:
        symbol: Hermann-Mauguin, such as "Pm-3m".
        number: 1 to 230.
    """

    symbol: str
    number: int

    def __str__(self) -> str:
        return f"{self.symbol} ({self.number})"


def space_group(atoms: Atoms, *, symprec: float = 0.1) -> SpaceGroup:
    """The space group that spglib finds when atoms may lie ``symprec`` Å off their ideal places.

    Generated crystals are never exact: 0.1 Å finds what they are meant to be, 0.01 Å what they are after a relaxation.

    Raises:
        ValueError: The tolerance is not positive, or spglib finds no group (two atoms on one place, a flat cell).
    """
    if not symprec > 0:
        raise ValueError(f"symprec must be positive, received {symprec}: 0.01 to 0.1 Å suits most crystals")
    cell = (atoms.cell.array, atoms.get_scaled_positions(wrap=True), atoms.numbers)
    try:
        found = spglib.get_spacegroup(cell, symprec=symprec)
    except Exception:  # Newer versions of spglib raise where older ones return None.
        found = None
    if found is None:
        raise ValueError(
            f"a space group must be of a crystal whose atoms keep apart, received {atoms.get_chemical_formula()} "
            f"without one at {symprec} Å: relax it, or choose a smaller symprec"
        )
    symbol, number = found.rsplit(" ", 1)
    return SpaceGroup(symbol.strip(), int(number.strip("()")))
