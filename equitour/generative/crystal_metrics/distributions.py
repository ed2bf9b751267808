"""Are the generated crystals as dense, and made of as many elements, as the reference?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from scipy.stats import wasserstein_distance

DALTON = 1.66053906892  # u/Å³ in g/cm³, CODATA 2022


def mass_density(atoms: Atoms) -> float:
    """Mass of the cell over its volume, in g/cm³."""
    return float(DALTON * atoms.get_masses().sum() / abs(np.linalg.det(atoms.cell.array)))


def wasserstein_density(generated: Sequence[Atoms], reference: Sequence[Atoms]) -> float:
    """Earth mover's distance between the two distributions of mass density, in g/cm³.

    Args:
        generated: The valid crystals among those generated.
        reference: Those to compare with; the valid ones, or all of them as published.

    Raises:
        ValueError: One side is empty.
    """
    return _distance(generated, reference, mass_density)


def wasserstein_elements(generated: Sequence[Atoms], reference: Sequence[Atoms]) -> float:
    """Earth mover's distance between the two distributions of the number of different elements in a crystal.

    Args:
        generated: The valid crystals among those generated.
        reference: Those to compare with; the valid ones, or all of them as published.

    Raises:
        ValueError: One side is empty.
    """
    return _distance(generated, reference, lambda atoms: len(np.unique(atoms.numbers)))


def _distance(generated, reference, number_of) -> float:
    if not generated or not reference:
        side = "generated" if not generated else "reference"
        raise ValueError(
            f"a distance of distributions must be of crystals, received no valid {side} one: check their cells"
        )
    return float(wasserstein_distance([number_of(a) for a in generated], [number_of(a) for a in reference]))
