"""Each crystal looked at once: valid or not, and where it stands among others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from jaxtyping import Bool

from equitour.generative.crystal_metrics.composition_validity import composition_validity
from equitour.generative.crystal_metrics.fingerprints import composition_fingerprint, structure_fingerprint
from equitour.generative.crystal_metrics.optional import has_pymatgen
from equitour.generative.crystal_metrics.structural_validity import structural_validity


@dataclass(frozen=True)
class Assessment:
    """What the scores need to know of a list of crystals, in its order.

    Attributes:
        crystals: As they came.
        structural: Whether the atoms keep apart.
        composition: Whether charges can balance.
        fingerprints: (structure, composition) of each, None where atoms do not keep apart or their neighbours cannot be
            found; None instead of the list when pymatgen is not installed.
    """

    crystals: Sequence[Atoms]
    structural: Bool[np.ndarray, " crystals"]
    composition: Bool[np.ndarray, " crystals"]
    fingerprints: list[tuple[np.ndarray, np.ndarray] | None] | None

    @property
    def valid(self) -> Bool[np.ndarray, " crystals"]:
        """Valid in structure and composition, with neighbours that can be found."""
        both = self.structural & self.composition
        if self.fingerprints is None:
            return both
        return both & np.array([found is not None for found in self.fingerprints], dtype=bool)

    def those(self, chosen: Bool[np.ndarray, " crystals"]) -> list[Atoms]:
        """The crystals where ``chosen`` is true."""
        return [atoms for atoms, kept in zip(self.crystals, chosen, strict=True) if kept]


def assess(crystals: Sequence[Atoms], *, progress: Callable[[Iterable], Iterable] = iter) -> Assessment:
    """Validity and fingerprints of all crystals; fingerprints take about 60 ms for five atoms.

    Args:
        crystals: Periodic in all directions.
        progress: Wraps the loop over crystals, as tqdm does.

    Raises:
        ValueError: There are no crystals, or one has no atoms.
    """
    if len(crystals) == 0:
        raise ValueError("scores must be of crystals, received none: generate or read some first")
    structural, composition, fingerprints = [], [], []
    for atoms in progress(crystals):
        structural.append(structural_validity(atoms))
        composition.append(composition_validity(atoms.numbers))
        # The published programs ask for the neighbours of crowded cells too, which takes minutes and tells nothing.
        fingerprints.append(_fingerprints(atoms) if structural[-1] and has_pymatgen() else None)
    return Assessment(
        crystals, np.array(structural), np.array(composition), fingerprints if has_pymatgen() else None
    )


def _fingerprints(atoms: Atoms) -> tuple[np.ndarray, np.ndarray] | None:
    structure = structure_fingerprint(atoms)
    return None if structure is None else (structure, composition_fingerprint(atoms.numbers))
