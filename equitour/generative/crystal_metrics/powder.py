"""What a powder of the crystal would show to X-rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from jaxtyping import Float

from equitour.generative.crystal_metrics.optional import require_pymatgen, to_pymatgen


@dataclass(frozen=True)
class PowderPattern:
    """Lines of a powder pattern.

    Attributes:
        angles: 2θ of each line, in degrees.
        intensities: Heights; the highest is 100.
        spacings: Distance d of the lattice planes, in Å: λ = 2 d sin θ.
        planes: Miller indices of one plane of each family, h + k + l in brackets, such as "(1 1 0)".
    """

    angles: Float[np.ndarray, " lines"]
    intensities: Float[np.ndarray, " lines"]
    spacings: Float[np.ndarray, " lines"]
    planes: tuple[str, ...]


def powder_pattern(
    atoms: Atoms, *, wavelength: float = 1.54184, angles: tuple[float, float] = (5.0, 90.0)
) -> PowderPattern:
    """Positions and intensities of the lines, from structure factors with the Lorentz-polarisation factor of a powder.

    Args:
        atoms: A crystal.
        wavelength: Of the X-rays in Å; copper's Kα by default.
        angles: Least and largest 2θ in degrees.

    Raises:
        ImportError: pymatgen is not installed.
    """
    require_pymatgen("a powder pattern")
    from pymatgen.analysis.diffraction.xrd import XRDCalculator

    found = XRDCalculator(wavelength=wavelength).get_pattern(to_pymatgen(atoms), two_theta_range=angles)
    planes = tuple("({})".format(" ".join(map(str, line[0]["hkl"]))) for line in found.hkls)
    return PowderPattern(
        np.asarray(found.x, dtype=np.float64),
        np.asarray(found.y, dtype=np.float64),
        np.asarray(found.d_hkls, dtype=np.float64),
        planes,
    )
