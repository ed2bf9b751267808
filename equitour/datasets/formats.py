"""Readers of the formats that published sets come in; each gives items in the units of the course."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from equitour.datasets.shelf import Item
from equitour.datasets.source import Raw

KCAL = 4184 / 96485.33212331  # eV in one kcal/mol
BOHR3 = 0.529177210903**3  # Å³
PERIODIC = np.ones(3, dtype=bool)


def text_of(path: Path) -> str:
    """A text file, unpacked when its name ends in .gz."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")


def rows_of(path: Path) -> list[dict[str, str]]:
    """A table with a header line."""
    csv.field_size_limit(10**7)
    return list(csv.DictReader(io.StringIO(text_of(path))))


def extxyz(
    path: Path, *, item: Mapping[str, str] | None = None, atom: Mapping[str, str] | None = None
) -> list[Item]:
    """Extended xyz: ``item`` and ``atom`` map our labels to the names in the file.

    ASE moves energies, forces and stresses into a calculator, so they are looked for there first.
    """
    from ase.io import read

    def look(atoms, name: str):
        results = atoms.calc.results if atoms.calc is not None else {}
        return results.get(name, atoms.info.get(name, atoms.arrays.get(name)))

    frames = read(io.StringIO(text_of(path)), index=":", format="extxyz")
    return [
        Item(
            key=f"{i:04d}",
            atomic_numbers=a.numbers,
            positions=a.positions,
            pbc=a.pbc,
            cell=np.asarray(a.cell) if a.pbc.any() else np.zeros((3, 3)),
            item={ours: np.asarray(look(a, theirs)) for ours, theirs in (item or {}).items()},
            atom={ours: np.asarray(look(a, theirs)) for ours, theirs in (atom or {}).items()},
        )
        for i, a in enumerate(frames)
    ]


def with_free_atoms(frames: Path, free: Path) -> Raw:
    """Frames of a molecule and, shared, the energies of its free atoms in the same method."""
    atoms = extxyz(free, item={"energy": "energy"})
    shared = {
        "free_atom_numbers": np.array([a.atomic_numbers[0] for a in atoms]),
        "free_atom_energies": np.array([a.item["energy"] for a in atoms], dtype=np.float64),
    }
    return extxyz(frames, item={"energy": "energy"}, atom={"forces": "forces"}), shared


def mlearn(path: Path) -> Raw:
    """Structures of one element as pymatgen wrote them, with energy, forces and what kind of cell they are."""
    from ase.data import atomic_numbers

    return [
        Item(
            key=f"{i:04d}",
            atomic_numbers=np.array(
                [atomic_numbers[s["species"][0]["element"]] for s in e["structure"]["sites"]]
            ),
            positions=np.array([s["xyz"] for s in e["structure"]["sites"]]),
            cell=np.array(e["structure"]["lattice"]["matrix"]),
            pbc=PERIODIC,
            item={"energy": float(e["outputs"]["energy"]), "group": e["group"]},
            atom={"forces": np.array(e["outputs"]["forces"], dtype=np.float64)},
        )
        for i, e in enumerate(json.loads(text_of(path)))
    ], {}


def plain_cif(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, positions and cell of a CIF without symmetry, as pymatgen writes them; a hundred times ASE's pace."""
    from ase.data import atomic_numbers
    from ase.geometry import cellpar_to_cell

    lines = [line.split() for line in text.splitlines()]
    value = {words[0]: words[1] for words in lines if len(words) == 2}
    names = [
        f"_cell_{n}" for n in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    ]
    cell = cellpar_to_cell([float(value[name]) for name in names])
    sites = [words for words in lines if len(words) == 7 and words[0] in atomic_numbers]
    fractions = np.array([[float(v) for v in words[3:6]] for words in sites])
    return np.array([atomic_numbers[words[0]] for words in sites]), fractions @ cell, cell


def cif_table(path: Path, *, labels: Mapping[str, str]) -> Raw:
    """A table with a CIF in every row; ``labels`` maps our names to columns."""
    items = []
    for row in rows_of(path):
        numbers, positions, cell = plain_cif(row["cif"])
        found = {ours: float(row[theirs]) for ours, theirs in labels.items()}
        items.append(
            Item(
                key=row["material_id"],
                atomic_numbers=numbers,
                positions=positions,
                cell=cell,
                pbc=PERIODIC,
                item=found,
            )
        )
    return items, {}


def phonon_table(path: Path) -> Raw:
    """Crystals with a phonon density of states on one common axis, each divided by its maximum."""
    items, axis = [], np.zeros(0)
    for row in rows_of(path):
        crystal, axis = ast.literal_eval(row["structure"]), np.array(json.loads(row["phfreq"]))
        items.append(
            Item(
                key=row["mp_id"],
                atomic_numbers=np.array(crystal["numbers"]),
                positions=np.array(crystal["positions"]),
                cell=np.array(crystal["cell"]),
                pbc=PERIODIC,
                item={"dos": np.array(json.loads(row["phdos"]))},
            )
        )
    return items, {"frequency": axis}


def qm7(table: Path, archive: Path) -> Raw:
    """Small molecules from an archive of xyz files, and their heats of formation from a list; eV."""
    from ase.data import atomic_numbers

    energies = {
        words[0]: words[1:] for words in map(str.split, text_of(table).splitlines()) if len(words) == 3
    }
    items = []
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if name not in energies:
                continue
            lines = [
                line.split()
                for line in tar.extractfile(member).read().decode().splitlines()[2:]
                if line.strip()
            ]
            dft, semiempirical = (float(v) * KCAL for v in energies[name])
            items.append(
                Item(
                    key=name.removesuffix(".xyz"),
                    atomic_numbers=np.array([atomic_numbers[w[0]] for w in lines]),
                    positions=np.array([[float(v) for v in w[1:4]] for w in lines]),
                    item={"energy": dft, "energy_dftb": semiempirical},
                )
            )
    return items, {}


def polarizabilities(path: Path) -> Raw:
    """QM7-X molecules with full polarizability tensors; atomic units become Å³."""
    items = extxyz(path, item={"polarizability": "polarizability"})
    for i in items:
        i.item["polarizability"] = i.item["polarizability"].reshape(3, 3) * BOHR3
    return items, {}
