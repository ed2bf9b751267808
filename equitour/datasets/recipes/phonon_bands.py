"""Phonon dispersions along the standard path of each lattice, for the first sixty crystals of `phonons`.

The same model, displacements and supercells as there. The path through the Brillouin zone is seekpath's, laid out as 120
points of equal spacing, so that all crystals have curves of one length. About 15 CPU-s each.
"""

from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, standing, versions
from equitour.datasets.recipes.phonons import CARD as PHONONS
from equitour.datasets.recipes.phonons import THZ_TO_CM, force_constants
from equitour.datasets.shelf import SHIPPED, Item

CRYSTALS, POINTS, TOLERANCE = 60, 120, 1e-3  # the last in Å
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
    "method": "SevenNet 7net-l3i5, phonopy finite displacements of 0.02 Å; seekpath's path on 120 points, in the cell that is stored.",
    "caveats": "The model softens phonons by some 10 %. No splitting of longitudinal and transverse optical modes at Γ.",
}


def path_of(item: Item) -> tuple[np.ndarray, np.ndarray, str]:
    """Wave vectors (points, 3), length along the path (points,) in 1/Å, and the named corners."""
    seekpath = physics_code("seekpath")
    fractions = item.positions @ np.linalg.inv(item.cell)
    # Positions on the shelf are rounded to 1e-5 Å: a finer tolerance would find less symmetry than there is. The path
    # of the original cell comes in its own reciprocal lattice, and not in that of seekpath's standard cell.
    found = seekpath.get_path_orig_cell((item.cell, fractions, item.atomic_numbers), symprec=TOLERANCE)
    places, names = found["point_coords"], found["path"]
    ends = np.array([[places[first], places[last]] for first, last in names])
    reciprocal = 2 * np.pi * np.linalg.inv(item.cell).T
    lengths = np.linalg.norm((ends[:, 1] - ends[:, 0]) @ reciprocal, axis=1)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    along = np.linspace(0, starts[-1], POINTS)
    which = np.clip(np.searchsorted(starts, along, side="right") - 1, 0, len(ends) - 1)
    part = ((along - starts[which]) / lengths[which])[:, None]
    return ends[which, 0] * (1 - part) + ends[which, 1] * part, along, corners(names, starts)


def corners(names: list[tuple[str, str]], starts: np.ndarray) -> str:
    """``GAMMA 0.000, X 1.105, U|K 1.496``: a bar where the path jumps."""
    marks = [f"{names[0][0]} 0.000"]
    following = [first for first, _ in names[1:]] + [names[-1][1]]
    for (_, last), after, length in zip(names, following, starts[1:], strict=True):
        marks.append(f"{last if after == last else f'{last}|{after}'} {length:.3f}")
    return ", ".join(marks)


def crystal(key: str, crystals: dict[str, Item]) -> Item:
    """One crystal's dispersion."""
    from ase import Atoms

    item = crystals[key]
    phonon = force_constants(Atoms(item.atomic_numbers, cell=item.cell, positions=item.positions, pbc=True))
    q, along, marks = path_of(item)
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
    card = CARD | {"codes": versions("sevenn", "phonopy", "seekpath", "ase", "torch")}
    bench = Bench(name="phonon_bands", card=card, folder=folder, minutes=minutes)
    bench.make(list(crystals), lambda key: crystal(key, crystals))


if __name__ == "__main__":
    make()
