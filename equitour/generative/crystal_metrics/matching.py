"""Which crystals are the same crystal, whatever cell, origin and order of atoms they are written in?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from ase import Atoms

from equitour.generative.crystal_metrics.optional import require_pymatgen, to_pymatgen

Progress = Callable[[Iterable], Iterable]


@cache
def _matcher():
    """The tolerances of CDVAE and DiffCSP; volumes are scaled to each other first."""
    require_pymatgen("comparing crystals")
    from pymatgen.analysis.structure_matcher import StructureMatcher

    return StructureMatcher(stol=0.5, angle_tol=10, ltol=0.3)


def match_distance(first: Atoms, second: Atoms) -> float | None:
    """Root mean square displacement between two crystals over (V/N)^(1/3), or None when they do not match.

    Cells are reduced and scaled to the same volume, lattices compared within 30 % in lengths and 10° in angles, atoms within
    half of (V/N)^(1/3).

    Raises:
        ImportError: pymatgen is not installed.
    """
    matcher = _matcher()
    try:
        found = matcher.get_rms_dist(to_pymatgen(first), to_pymatgen(second))
    except Exception:  # As published: a pair that pymatgen cannot compare does not match.
        return None
    return None if found is None else float(found[0])


def match_distances(
    generated: Sequence[Atoms], reference: Sequence[Atoms], *, progress: Progress = iter
) -> list[float | None]:
    """`match_distance` of the pairs in order.

    Raises:
        ValueError: The two differ in length.
        ImportError: pymatgen is not installed.
    """
    if len(generated) != len(reference):
        raise ValueError(
            f"a match pairs crystals in order, received {len(generated)} generated and {len(reference)} reference ones: "
            "generate one for each row of the reference"
        )
    pairs = list(zip(generated, reference, strict=True))
    return [match_distance(*pair) for pair in progress(pairs)]


@dataclass
class CrystalCatalogue:
    """Crystals kept once each; the same ones are found again by formula, atoms of the primitive cell, and a match.

    Only crystals of one formula whose primitive cells have as many atoms can match, so that few pairs are compared.
    """

    _shelves: dict[tuple, list] = field(default_factory=lambda: defaultdict(list))

    def add(self, atoms: Atoms) -> bool:
        """Keep the crystal unless one like it is kept already; whether it was new.

        Raises:
            ImportError: pymatgen is not installed.
        """
        key, structure = _reduced(atoms)
        known = self._knows(key, structure)
        if not known:
            self._shelves[key].append(structure)
        return not known

    def __contains__(self, atoms: Atoms) -> bool:
        return self._knows(*_reduced(atoms))

    def _knows(self, key: tuple, structure) -> bool:
        return any(
            _matcher().fit(kept, structure, skip_structure_reduction=True)
            for kept in self._shelves.get(key, ())
        )


def _reduced(atoms: Atoms) -> tuple[tuple, object]:
    """The Niggli cell of the primitive cell, as the matcher makes it, with the shelf that it belongs on."""
    structure = to_pymatgen(atoms).get_reduced_structure(reduction_algo="niggli").get_primitive_structure()
    return (structure.composition.reduced_formula, len(structure)), structure


def unique_crystals(crystals: Sequence[Atoms], *, progress: Progress = iter) -> list[bool]:
    """Of each crystal whether it is the first of its kind.

    Raises:
        ImportError: pymatgen is not installed.
    """
    catalogue = CrystalCatalogue()
    return [catalogue.add(atoms) for atoms in progress(crystals)]


def novel_crystals(
    crystals: Sequence[Atoms], known: Sequence[Atoms], *, progress: Progress = iter
) -> list[bool]:
    """Of each crystal whether none of the known ones matches it.

    Raises:
        ImportError: pymatgen is not installed.
    """
    formulas = {_formula(atoms) for atoms in crystals}
    catalogue = CrystalCatalogue()
    # Known crystals of a formula that nobody made need no reduction.
    for atoms in known:
        if _formula(atoms) in formulas:
            catalogue.add(atoms)
    return [atoms not in catalogue for atoms in progress(crystals)]


def _formula(atoms: Atoms) -> tuple:
    elements, counts = np.unique(atoms.numbers, return_counts=True)
    return tuple(elements.tolist()), tuple((counts // np.gcd.reduce(counts)).tolist())
