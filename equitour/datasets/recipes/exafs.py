"""X-ray absorption fine structure of sites in the shipped crystals.

χ(k) at the K edge, the ripple that waves scattered by the neighbours leave on the absorption of one atom: multiple
scattering up to four legs in a cluster of 6 Å, by FEFF8L, whose programs lie inside the wheel of xraylarch. One site
for each element from potassium to barium in every crystal of `phonons`, `phonons_reference` and `perovskites`. One to
three seconds a site; potentials are not made self-consistent, which would take a hundred times as long.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, data_folder, physics_code, rounded, standing, versions
from equitour.datasets.shelf import SHIPPED, Item

SETS = ("phonons", "phonons_reference", "perovskites")
PROGRAMS = ("rdinp", "pot", "xsph", "pathfinder", "genfmt", "ff2x")
RADIUS, SPREAD, LIGHTEST, HEAVIEST = 6.0, 0.005, 19, 56  # Å, Å², atomic numbers
WAVENUMBERS = np.arange(2.0, 14.0 + 1e-9, 0.05)
CARD = {
    "title": "X-ray absorption fine structure",
    "units": {
        "chi": "1",
        "wavenumber": "1/Å",
        "element": "text",
        "formula": "text",
        "nearest": "Å",
        "coordination": "number",
        "absorber": "1 at the absorbing atom",
    },
    "labels": {
        "chi": "χ(k) over `shared['wavenumber']`, the wave number of the photoelectron",
        "nearest": "distance of the nearest neighbour",
        "coordination": "neighbours up to 1.25 times that distance",
    },
    "method": f"FEFF8L, K edge, overlapped atoms, Hedin-Lundqvist self-energy, S0² = 1, paths up to {RADIUS} Å and four "
    f"legs, the same σ² = {SPREAD} Å² for all paths.",
    "caveats": "Ideal crystals with one spread for every path; no measured background, noise or edge step. Peaks of the "
    "Fourier transform lie 0.3 to 0.5 Å short of the distances, since the scattered wave is delayed.",
    "seed": "none",
    "cutoff": 5.0,
    "licence": "MIT; structures as in the sets that they come from",
    "citation": "J. J. Rehr and R. C. Albers, Rev. Mod. Phys. 72, 621 (2000) for FEFF; M. Newville, J. Phys. Conf. Ser. "
    "430, 012007 (2013) for Larch.",
}


def cluster(item: Item, site: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and positions (Å, from the absorber, nearest first) of all atoms within the radius and a little more."""
    from ase import Atoms
    from ase.neighborlist import neighbor_list

    atoms = Atoms(item.atomic_numbers, item.positions, cell=item.cell, pbc=item.pbc)
    first, second, vectors = neighbor_list("ijD", atoms, RADIUS + 0.5)
    around = first == site
    order = np.argsort(np.linalg.norm(vectors[around], axis=1), kind="stable")
    numbers = np.concatenate([[atoms.numbers[site]], atoms.numbers[second[around]][order]])
    return numbers, np.concatenate([np.zeros((1, 3)), vectors[around][order]])


def feff_input(numbers: np.ndarray, positions: np.ndarray) -> str:
    """The file that FEFF reads: potential 0 is the absorber, then one for each element."""
    from ase.data import chemical_symbols

    elements = sorted(set(numbers[1:].tolist()))
    potentials = [(0, numbers[0]), *enumerate(elements, start=1)]
    kinds = [0] + [1 + elements.index(number) for number in numbers[1:].tolist()]
    lines = ["EDGE K", "S02 1.0", "CONTROL 1 1 1 1 1 1", "PRINT 0 0 0 0 0 0", "EXCHANGE 0"]
    lines += ["EXAFS 16", f"RPATH {RADIUS}", "NLEG 4", f"SIG2 {SPREAD}", "POTENTIALS"]
    lines += [f"{kind} {number} {chemical_symbols[number]}" for kind, number in potentials]
    lines += [
        "ATOMS",
        *(f"{x:.5f} {y:.5f} {z:.5f} {kind}" for (x, y, z), kind in zip(positions, kinds, strict=True)),
    ]
    return "\n".join([*lines, "END", ""])


def fine_structure(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray | None:
    """χ on the common wave numbers, or None where FEFF finds no potential."""
    programs = data_folder("larch").parent / "bin" / "linux64"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "feff.inp").write_text(feff_input(numbers, positions))
        for program in PROGRAMS:
            command = [str(programs / f"feff8l_{program}")]
            found = os.environ | {"LD_LIBRARY_PATH": str(programs)}
            subprocess.run(command, cwd=folder, env=found, capture_output=True, check=False, timeout=600)
        answer = Path(folder, "chi.dat")
        if not answer.exists():
            return None
        wavenumbers, chi = np.loadtxt(answer, comments="#", usecols=(0, 1), unpack=True)
    return np.interp(WAVENUMBERS, wavenumbers, chi)


def sites(crystals: dict[str, Item]) -> dict[str, tuple[str, int]]:
    """A key for the first atom of each absorbing element of every crystal: `perovskites/BaTiO3/Ti`."""
    from ase.data import chemical_symbols

    found = {}
    for name, item in crystals.items():
        numbers = item.atomic_numbers.tolist()
        absorbing = [z for z in sorted(set(numbers)) if LIGHTEST <= z <= HEAVIEST]
        found |= {f"{name}/{chemical_symbols[z]}": (name, numbers.index(z)) for z in absorbing}
    return found


def absorption(crystal: Item, site: int, key: str) -> Item | None:
    """One site with its χ and what its neighbourhood is."""
    numbers, positions = cluster(crystal, site)
    chi = fine_structure(numbers, positions)
    if chi is None or not np.isfinite(chi).all():
        return None
    distances = np.linalg.norm(positions[1:], axis=1)
    return Item(
        key=key,
        atomic_numbers=crystal.atomic_numbers,
        positions=crystal.positions,
        cell=crystal.cell,
        pbc=crystal.pbc,
        item={
            "chi": rounded(chi, 5).astype(np.float32),
            "nearest": rounded(distances[0], 4),
            "coordination": int((distances < 1.25 * distances[0]).sum()),
            "element": key.rsplit("/", 1)[1],
            "formula": str(crystal.item["formula"]),
        },
        atom={"absorber": (np.arange(len(crystal.atomic_numbers)) == site).astype(np.int8)},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing for the crystals that are on the shelf now; run it again when there are more."""
    physics_code("ase")
    crystals = {f"{name}/{item.key}": item for name in SETS for item in standing(name, folder)[0]}
    wanted = sites(crystals)
    card = CARD | {"codes": versions("xraylarch", "ase", "numpy")}
    bench = Bench(name="exafs", card=card, folder=folder, shared={"wavenumber": WAVENUMBERS}, minutes=minutes)
    bench.make(list(wanted), lambda key: absorption(crystals[wanted[key][0]], wanted[key][1], key))


if __name__ == "__main__":
    make()
