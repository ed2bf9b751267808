"""Phonon dispersions along the standard path of each lattice, for the first sixty crystals of `phonons`.

The same model, displacements and supercells as there. The path through the Brillouin zone is seekpath's, laid out as 120
points of equal spacing, so that all crystals have curves of one length. About 15 CPU-s each.
"""

import re
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, standing, versions
from equitour.datasets.recipes.phonons import CARD as PHONONS
from equitour.datasets.recipes.phonons import THZ_TO_CM, force_constants
from equitour.datasets.shelf import SHIPPED, Item

CRYSTALS, POINTS = 60, 120
CARD = dict(PHONONS) | {
    "title": "Phonon dispersions of small crystals",
    "units": {
        "bands": "cm^-1",
        "path": "1/Å",
        "q": "reciprocal lattice vectors",
        "corners": "text",
        "formula": "text",
    },
    "labels": {
        "bands": "(nodes, 3, points): the 3N branches in ascending order, listed three to an atom",
        "path": "length along the path at each point, 2π included",
        "q": "(points, 3) fractional wave vectors",
        "corners": "names of the corners and where they lie on the path; X|Y is a jump",
    },
    "method": "SevenNet 7net-l3i5, phonopy finite displacements of 0.02 Å; seekpath's path on 120 points.",
    "caveats": "The model softens phonons by some 10 %. No splitting of longitudinal and transverse optical modes at Γ.",
}


def path_of(phonon) -> tuple[np.ndarray, np.ndarray, str]:
    """Wave vectors (points, 3), length along the path (points,) in 1/Å, and the named corners."""
    band_structure = physics_code("phonopy.phonon.band_structure", "phonopy")
    segments, names, _ = band_structure.get_band_qpoints_by_seekpath(phonon.primitive, 2)
    reciprocal = 2 * np.pi * np.linalg.inv(phonon.primitive.cell).T
    ends = np.array([[segment[0], segment[-1]] for segment in segments])
    lengths = np.linalg.norm((ends[:, 1] - ends[:, 0]) @ reciprocal, axis=1)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    along = np.linspace(0, starts[-1], POINTS)
    which = np.clip(np.searchsorted(starts, along, side="right") - 1, 0, len(ends) - 1)
    part = ((along - starts[which]) / lengths[which])[:, None]
    return ends[which, 0] * (1 - part) + ends[which, 1] * part, along, corners(ends, names, starts)


def corners(ends: np.ndarray, names: list[str], starts: np.ndarray) -> str:
    """``GAMMA 0.000, X 1.105, U|K 1.496``: a bar where the path jumps."""
    rest, marks = list(names), [f"{names[0]} 0.000"]
    rest.pop(0)
    for segment in range(len(ends)):
        name = rest.pop(0)
        if segment + 1 < len(ends) and not np.allclose(ends[segment, 1], ends[segment + 1, 0]):
            name = f"{name}|{rest.pop(0)}"
        marks.append(f"{name} {starts[segment + 1]:.3f}")
    # phonopy names corners in LaTeX: $\\mathrm{X}$, and Γ as GAMMA or \\Gamma.
    return re.sub(r"[${}]|\\mathrm", "", ", ".join(marks).replace("\\Gamma", "GAMMA"))


def crystal(key: str, crystals: dict[str, Item]) -> Item:
    """One crystal's dispersion."""
    from ase import Atoms

    item = crystals[key]
    phonon = force_constants(Atoms(item.atomic_numbers, cell=item.cell, positions=item.positions, pbc=True))
    q, along, marks = path_of(phonon)
    phonon.run_qpoints(q)
    frequencies = THZ_TO_CM * phonon.get_qpoints_dict()["frequencies"]
    bands = rounded(frequencies.T.reshape(len(item.atomic_numbers), 3, POINTS), 2)
    return Item(
        key=key,
        atomic_numbers=item.atomic_numbers,
        positions=item.positions,
        cell=item.cell,
        pbc=item.pbc,
        item={
            "path": rounded(along, 5),
            "q": rounded(q, 5),
            "corners": marks,
            "formula": str(item.item["formula"]),
        },
        atom={"bands": bands.astype(np.float32)},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing among the crystals that `phonons` holds now."""
    crystals = {item.key: item for item in standing("phonons", folder)[0][:CRYSTALS]}
    card = CARD | {"codes": versions("sevenn", "phonopy", "ase", "torch")}
    bench = Bench(name="phonon_bands", card=card, folder=folder, minutes=minutes)
    bench.make(list(crystals), lambda key: crystal(key, crystals))


if __name__ == "__main__":
    make()
