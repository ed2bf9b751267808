"""Powder diffraction of the shipped crystals, by X-rays and by neutrons.

Patterns of every crystal in `phonons`, `phonons_reference` and `perovskites`, computed from structure and form factors by
pymatgen and drawn out with a Gaussian line. X-rays see electrons, neutrons see nuclei: the two patterns of one crystal
weigh its elements differently. A few hundredths of a second a crystal.
"""

from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, standing, versions
from equitour.datasets.shelf import SHIPPED, Item

WAVELENGTH, WIDTH = 1.54184, 0.3  # Å, degrees
ANGLES = np.arange(10.0, 90.0 + 1e-9, 0.25)
SETS = ("phonons", "phonons_reference", "perovskites")
CARD = {
    "title": "Powder diffraction patterns",
    "units": {
        "xray": "1 at its maximum",
        "neutron": "1 at its maximum",
        "angle": "degree",
        "formula": "text",
    },
    "labels": {
        "xray": "intensity over `shared['angle']`, the full angle 2θ",
        "neutron": "the same with neutron lengths",
    },
    "method": "pymatgen, copper Kα (1.54184 Å) for both, Lorentz and polarisation factors where they apply, no thermal "
    f"motion; Gaussian lines of standard deviation {WIDTH} degrees.",
    "caveats": "Ideal powders: no background, texture, absorption or thermal motion. A pattern does not tell a crystal from "
    "its mirror image.",
    "seed": "none",
    "cutoff": 5.0,
    "licence": "MIT; structures as in the sets that they come from",
    "citation": "S. P. Ong et al., Comput. Mater. Sci. 68, 314 (2013) for pymatgen.",
}


def pattern(calculator, structure) -> np.ndarray:
    """Lines drawn out on the common axis, 1 at the maximum."""
    lines = calculator.get_pattern(structure, two_theta_range=(5, 95))
    gauss = np.exp(-0.5 * ((ANGLES[:, None] - np.array(lines.x)) / WIDTH) ** 2)
    curve = gauss @ np.array(lines.y)
    return rounded(curve / curve.max(), 4).astype(np.float32)


def diffraction(key: str, crystals: dict[str, Item]) -> Item | None:
    """Both patterns of one crystal, or None when an element has no tabulated factor."""
    xrd = physics_code("pymatgen.analysis.diffraction.xrd", "pymatgen")
    neutron = physics_code("pymatgen.analysis.diffraction.neutron", "pymatgen")
    from pymatgen.core import Structure

    item = crystals[key]
    structure = Structure(item.cell, item.atomic_numbers.tolist(), item.positions, coords_are_cartesian=True)
    try:
        patterns = {
            "xray": pattern(xrd.XRDCalculator(WAVELENGTH), structure),
            "neutron": pattern(neutron.NDCalculator(WAVELENGTH), structure),
        }
    except (KeyError, ValueError):
        return None
    return Item(
        key=key,
        atomic_numbers=item.atomic_numbers,
        positions=item.positions,
        cell=item.cell,
        pbc=item.pbc,
        item=patterns | {"formula": str(item.item["formula"])},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing for the crystals that are on the shelf now; run it again when there are more."""
    crystals = {f"{name}/{item.key}": item for name in SETS for item in standing(name, folder)[0]}
    card = CARD | {"codes": versions("pymatgen", "numpy")}
    bench = Bench(name="scattering", card=card, folder=folder, shared={"angle": ANGLES}, minutes=minutes)
    bench.make(list(crystals), lambda key: diffraction(key, crystals))


if __name__ == "__main__":
    make()
