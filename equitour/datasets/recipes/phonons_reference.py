"""Phonon densities of states that were measured or taken from the literature: the judge of `phonons`.

NCrystal, a code for thermal neutrons, ships crystals with a curve for each element, digitised from papers or measured,
each with its source in the file's header; the headers travel with the items. The curves are smeared and laid on the
axis of `phonons`, so that the two sets can be compared point by point. Seconds.
"""

from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, versions
from equitour.datasets.recipes.phonons import AXIS, SMEARING
from equitour.datasets.shelf import SHIPPED, Item

CM_PER_EV = 8065.543937
LARGEST = 60
CARD = {
    "title": "Reference phonon densities of states",
    "units": {
        "dos": "1/cm^-1",
        "max_frequency": "cm^-1",
        "dos_by_atom": "1/cm^-1",
        "space_group": "number",
        "source": "text",
        "formula": "text",
        "frequency": "cm^-1",
    },
    "labels": {
        "dos": "integrates to 3N over `shared['frequency']`",
        "dos_by_atom": "each atom's part, the same for all atoms of an element on one site",
        "max_frequency": "where the curve in the file ends",
        "source": "the header of NCrystal's file: where structure and curve come from",
    },
    "method": "NCrystal's original curves, continued below their first point as the square of the frequency, smeared by "
    f"{SMEARING} cm^-1 (mirrored at zero), each normalised to 3 an atom; primitive cells by spglib.",
    "caveats": "Sources differ: some curves are measured, many are digitised from calculations with other methods; read "
    "`source`. Crystals with modes above 1150 cm^-1 or more than 60 atoms are left out.",
    "seed": "none",
    "cutoff": 5.0,
    "licence": "Apache-2.0 (NCrystal's data files)",
    "citation": "X.-X. Cai, T. Kittelmann, Comput. Phys. Commun. 246, 106851 (2020), and the sources named in each item.",
}


def curve(dynamics) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (cm^-1) and density of one element, from zero up, normalised to 3."""
    energies, density = np.array(dynamics.vdosOrigEgrid()), np.array(dynamics.vdosOrigDensity())
    if len(energies) == 2:
        energies = np.linspace(*energies, len(density))
    start = np.linspace(0, energies[0], 20, endpoint=False)
    density = np.concatenate([density[0] * (start / energies[0]) ** 2, density])
    frequencies = CM_PER_EV * np.concatenate([start, energies])
    return frequencies, 3 * density / np.trapezoid(density, frequencies)


def on_the_axis(frequencies: np.ndarray, density: np.ndarray) -> np.ndarray:
    """The curve smeared on the common axis."""
    gauss = sum(np.exp(-0.5 * ((AXIS[:, None] - sign * frequencies) / SMEARING) ** 2) for sign in (1, -1))
    return np.trapezoid(gauss * density / (SMEARING * np.sqrt(2 * np.pi)), frequencies, axis=1)


def crystal(key: str) -> Item | None:
    """One of NCrystal's files, or None when it has no structure or no curve for some element."""
    ncrystal = physics_code("NCrystal", "ncrystal")
    from ase import Atoms

    info = ncrystal.createInfo(f"{key}.ncmat")
    parts = list(info.atominfos) if info.hasStructureInfo() else []
    if not parts or not all(hasattr(part.dyninfo, "vdosOrigEgrid") for part in parts):
        return None
    curves = [curve(part.dyninfo) for part in parts]
    top = max(frequencies[-1] for frequencies, _ in curves)
    primitive = primitive_cell(info, parts)
    if primitive is None or len(primitive[2]) > LARGEST or top > 1150:
        return None
    symbols = [parts[i - 1].atomData.elementName() for i in primitive[2]]
    atoms = Atoms(symbols, cell=primitive[0], scaled_positions=primitive[1], pbc=True)
    each = np.stack([on_the_axis(*pair) for pair in curves])[primitive[2] - 1]
    return Item(
        key=key,
        atomic_numbers=atoms.numbers,
        positions=rounded(atoms.positions, 5),
        cell=rounded(atoms.cell[:], 5),
        pbc=np.ones(3, dtype=bool),
        item={
            "dos": rounded(each.sum(0), 6).astype(np.float32),
            "max_frequency": rounded(top, 2),
            "space_group": int(info.structure_info["spacegroup"]),
            "formula": atoms.get_chemical_formula(),
            "source": header(ncrystal.createTextData(f"{key}.ncmat").rawData),
        },
        atom={"dos_by_atom": rounded(each, 6).astype(np.float32)},
    )


def primitive_cell(info, parts: list) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Cell, fractional coordinates and, counted from 1, the part of the file that each atom belongs to."""
    from ase.geometry import cellpar_to_cell

    cell = cellpar_to_cell([info.structure_info[name] for name in ("a", "b", "c", "alpha", "beta", "gamma")])
    where = np.concatenate([np.array(part.positions) for part in parts])
    which = np.repeat(np.arange(len(parts)), [len(part.positions) for part in parts])
    # Parts stand for elements here, so that spglib keeps crystallographic roles apart.
    return physics_code("spglib").find_primitive((cell, where, which + 1), symprec=1e-4)


def header(text: str) -> str:
    """The comment lines of a file, one after the other, at most 1200 characters."""
    lines = [line.strip("# \t") for line in text.splitlines() if line.startswith("#")]
    return " ".join(line for line in lines if line)[:1200]


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing."""
    ncrystal = physics_code("NCrystal", "ncrystal")
    keys = sorted(file.name.removesuffix(".ncmat") for file in ncrystal.browseFiles(factory="stdlib"))
    card = CARD | {"codes": versions("ncrystal", "spglib", "numpy")}
    bench = Bench(
        name="phonons_reference", card=card, folder=folder, shared={"frequency": AXIS}, minutes=minutes
    )
    bench.make(keys, crystal)


if __name__ == "__main__":
    make()
