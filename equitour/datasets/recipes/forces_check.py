"""Are the shipped forces minus the gradient of the shipped energies? Energies on either side of some structures.

Two structures a set that has forces, four kinds of molecule in `molecules_response`, each moved by half a hundredth of an
Ångström to and fro along one random direction of all its atoms, in the same code and settings. A test compares the
difference with the forces on the shelf, wherever the physics codes are not installed. A minute for all.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from equitour.datasets.recipes import molecules_md, molecules_response
from equitour.datasets.recipes.bench import Bench, physics_code, rounded, seed_of, standing, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED, STEP = 31, 0.005  # the second in Å, over all coordinates together
SETS = {"molecules_md/water": 2, "molecules_md/ethanol": 2, "molecules_response": 4}
CARD = {
    "title": "Energies beside some molecules, to check forces",
    "units": {"energy": "eV"},
    "labels": {"energy": "of the moved structure; keys tell set, item and side"},
    "method": "PySCF, PBE0, as in the sets that the keys name.",
    "caveats": f"Structures {STEP} Å to either side of one on the shelf: a check, and nothing to learn from.",
    "seed": SEED,
    "cutoff": 5.0,
    "licence": "MIT",
    "citation": "Q. Sun et al., J. Chem. Phys. 153, 024109 (2020) for PySCF.",
}


def chosen(name: str, count: int, folder: Path) -> list[Item]:
    """The first items of a set that have energies, each of another kind of molecule where there are kinds."""
    kinds, items = {}, standing(name, folder)[0]
    for item in items:
        if np.isfinite(item.item["energy"]):
            kind = item.key if name.startswith("molecules_md") else item.key.rpartition("-")[0]
            kinds.setdefault(kind, item)
    return list(kinds.values())[:count]


def energy(name: str, item: Item) -> float:
    """Energy in eV of an item's structure, as its set's recipe computes it."""
    if name.startswith("molecules_md"):
        return float(molecules_md.label(item).item["energy"])
    from ase.units import Hartree

    gto, lib = physics_code("pyscf.gto", "pyscf"), physics_code("pyscf.lib", "pyscf")
    lib.num_threads(1)
    atoms = list(zip(item.atomic_numbers.tolist(), item.positions.tolist(), strict=True))
    molecule = gto.M(atom=atoms, basis=molecules_response.BASIS, verbose=0)
    return molecules_response.in_field(molecule, np.zeros(3), None).e_tot * Hartree


def beside(key: str, items: dict[str, Item]) -> Item:
    """``molecules_md/water:0-000:+``: one structure moved to one side."""
    name, _, side = key.split(":")
    item = items[key]
    away = seed_of(key[:-1], SEED).normal(size=item.positions.shape)
    away *= {"+": STEP, "-": -STEP}[side] / np.linalg.norm(away)
    moved = replace(item, positions=rounded(item.positions + away, 7))
    return Item(
        key=key,
        atomic_numbers=item.atomic_numbers,
        positions=moved.positions,
        item={"energy": rounded(energy(name, moved), 8)},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing; the sets must stand."""
    items = {
        f"{name}:{item.key}:{side}": item
        for name, count in SETS.items()
        for item in chosen(name, count, folder)
        for side in "+-"
    }
    card = CARD | {"codes": versions("pyscf", "numpy")}
    bench = Bench(name="forces_check", card=card, folder=folder, minutes=minutes)
    bench.make(list(items), lambda key: beside(key, items))


if __name__ == "__main__":
    make()
