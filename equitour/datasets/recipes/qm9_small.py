"""A corner of QM9: all molecules of at most seven heavy atoms, and five thousand others drawn at random.

QM9's own first author publishes it as the ``qm9pack`` wheel (130,831 molecules, B3LYP/6-31G(2df,p)). This recipe
parses its tables and keeps what a course needs. The polarizability tensors stand in Gaussian's standard
orientation while the positions do not, so no equivariant model can learn their components: only the eigenvalues,
which no rotation changes, are kept. Under a minute.
"""

import csv
import json
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import data_folder, rounded, standing, versions
from equitour.datasets.shelf import SHIPPED, Item, pack, write_set

SEED = 9
RANDOM, HEAVY = 5000, 7
HARTREE, DEBYE, BOHR3 = 27.211386245988, 0.20819433622621247, 0.529177210903**3
COLUMNS = {
    "dipole_norm": ("Dipole_debye", DEBYE, 5, "e·Å"),
    "polarizability_iso": ("Polarizability_bohr3", BOHR3, 4, "Å³"),
    "homo": ("HOMO_au", HARTREE, 4, "eV"),
    "lumo": ("LUMO_au", HARTREE, 4, "eV"),
    "gap": ("HOMO_LUMO_gap_au", HARTREE, 4, "eV"),
    "r2": ("R2_bohr2", 0.529177210903**2, 3, "Å²"),
    "zpve": ("ZPVE_au", HARTREE, 5, "eV"),
    "energy": ("InternalEnergy_0K_au", HARTREE, 5, "eV"),
    "free_energy_298K": ("GibbsFreeEnergy_298K_au", HARTREE, 5, "eV"),
    "heat_capacity": ("Heatcapacity_Cv_cal_mol_K", 1.0, 3, "cal/(mol K)"),
}
TENSOR = ("xx", "xy", "yy", "xz", "yz", "zz")
TITLES = {
    "qm9_small/corner": "A corner of QM9: every molecule of at most seven heavy atoms",
    "qm9_small/sample": "A random sample of QM9 outside its corner",
}
CARD = {
    "title": "Molecules of QM9",
    "units": {name: column[3] for name, column in COLUMNS.items()}
    | {"polarizability_eigenvalues": "Å³", "charges": "e", "smiles": "SMILES"},
    "labels": {
        "energy": "internal energy at 0 K, zero-point motion included",
        "dipole_norm": "length of the dipole",
        "charges": "Mulliken charges",
        "r2": "electronic spatial extent",
        "polarizability_eigenvalues": "of the full tensor, ascending; its own frame is not that of the positions",
    },
    "method": "B3LYP/6-31G(2df,p) at its own relaxed geometries. The corner holds all molecules with at most 7 "
    "heavy atoms, the sample 5000 of the others, drawn with the seed.",
    "caveats": "The sample is fair to QM9 without its corner. One molecule that QM9 holds twice (000937 is 000933) "
    "stands once. Relaxed geometries only: nothing here teaches forces.",
    "seed": SEED,
    "cutoff": 5.0,
    "licence": "qm9pack: MIT; data: QM9, published with its paper",
    "citation": "R. Ramakrishnan, P. O. Dral, M. Rupp, O. A. von Lilienfeld, Sci. Data 1, 140022 (2014), "
    "10.1038/sdata.2014.22",
}


def numbers_in(text: str) -> np.ndarray:
    """Parse a bracketed list of numbers.

    Five strings of the wheel are not JSON (``0.,``), and QM9's raw files write powers of ten as ``*^``.
    """
    text = text.replace("*^", "e")
    try:
        return np.array(json.loads(text), dtype=np.float64)
    except json.JSONDecodeError:
        rows = [[float(v) for v in row.split(",")] for row in text.strip("[] \n").split("],[")]
        return np.array(rows if text.startswith("[[") else rows[0])


def tables(folder: Path) -> tuple[list[dict], dict[str, dict]]:
    """The rows of QM9 in its order, and the polarizability rows by file name."""
    rows = []
    for part in (1, 2, 3):
        with open(folder / f"qm9_part{part}.csv", newline="", encoding="utf-8") as stream:
            rows.extend(csv.DictReader(stream))
    with open(folder / "qm9_polarizability.csv", newline="", encoding="utf-8") as stream:
        return rows, {row["XYZ_file"]: row for row in csv.DictReader(stream)}


def heavy_atoms(row: dict) -> int:
    """Number of atoms other than hydrogen; the wheel gives counts as [H, C, N, O, F]."""
    return sum(json.loads(row["Stoichiometry"])[1:])


def eigenvalues(row: dict) -> np.ndarray:
    """Ascending eigenvalues of a molecule's polarizability tensor, in Å³."""
    xx, xy, yy, xz, yz, zz = (float(row[f"A_{name}"]) for name in TENSOR)
    tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return rounded(np.linalg.eigvalsh(tensor) * BOHR3, 4)


def item_of(row: dict, polarizability: dict) -> Item:
    """One molecule with its labels in the units of the course."""
    from ase.data import atomic_numbers

    symbols = [symbol.strip(" '") for symbol in row["Elements"].strip("[]").split(",")]
    labels = {
        name: rounded(float(row[column]) * unit, digits)
        for name, (column, unit, digits, _) in COLUMNS.items()
    }
    return Item(
        key=row["XYZ_file"].removesuffix(".xyz").removeprefix("dsgdb9nsd_"),
        atomic_numbers=np.array([atomic_numbers[s] for s in symbols]),
        positions=rounded(numbers_in(row["XYZ_Ang"]), 4),
        item=labels
        | {
            "polarizability_eigenvalues": eigenvalues(polarizability),
            "smiles": row["SMILES"],
        },
        atom={"charges": rounded(numbers_in(row["Mulliken_pop"]), 4).astype(np.float32)},
    )


def distinct(items: list[Item]) -> list[Item]:
    """Items without repeats; QM9 itself holds methylpyrazine twice (000933 and 000937, to the last digit).

    Sorted distances from the centroid, with the elements, do not change when a structure is moved, turned,
    mirrored or renumbered.
    """
    first = {}
    for item in items:
        radii = np.linalg.norm(item.positions - item.positions.mean(0), axis=1)
        first.setdefault((*np.sort(np.round(radii, 4)), *np.sort(item.atomic_numbers)), item)
    return list(first.values())


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Write both sets at once; there is nothing to resume, and ``minutes`` is never needed."""
    del minutes
    if all(standing(name, folder)[0] for name in TITLES):
        return
    rows, polarizability = tables(data_folder("qm9pack"))
    rows = [row for row in rows if row["XYZ_file"] in polarizability]
    corner = [row for row in rows if heavy_atoms(row) <= HEAVY]
    others = [row for row in rows if heavy_atoms(row) > HEAVY]
    chosen = np.sort(np.random.default_rng(SEED).choice(len(others), size=RANDOM, replace=False))
    for name, part in zip(TITLES, (corner, [others[i] for i in chosen]), strict=True):
        items = distinct([item_of(row, polarizability[row["XYZ_file"]]) for row in part])
        card = CARD | {"title": TITLES[name], "codes": versions("qm9pack", "numpy")}
        write_set(name, pack(items), card, folder)


if __name__ == "__main__":
    make()
