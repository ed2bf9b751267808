"""Liquid water and ice in small boxes: dynamics with GFN1-xTB, energies and forces by GPAW with PBE.

150 frames of 16 molecules of liquid at 350 K and 1 g/cm³, and 40 each of ice Ih (GenIce, disordered protons) rattled by
0.03 Å, strained by some per cent, and both. 14 CPU-s a frame. GPAW's grid leaves a small net force, which is taken off.

GPAW comes from Debian (packages ``gpaw`` and ``gpaw-data``) and runs with the system's Python, as a program of its own.
"""

import io
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from equitour.datasets.recipes import gpaw
from equitour.datasets.recipes.bench import Bench, physics_code, rounded, seed_of, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED, LIQUID, ICE = 18, 150, 40
KINDS = ("ice-rattled", "ice-strained", "ice-both")
CARD = {
    "title": "Liquid water and ice",
    "units": {"energy": "eV", "forces": "eV/Å", "phase": "text"},
    "labels": {
        "energy": "PBE total energy as GPAW counts it",
        "phase": "liquid, or how the ice was disturbed",
    },
    "method": "GFN1-xTB Langevin dynamics at 350 K for the liquid, GenIce ice Ih; labels GPAW, LCAO dzp, h = 0.2 Å, PBE, Γ.",
    "caveats": "Sixteen molecules are a small box. PBE overstructures water. The net force of each frame, up to some "
    "0.1 eV/Å shared among all atoms, was subtracted.",
    "seed": SEED,
    "cutoff": 4.5,
    "licence": "MIT",
    "citation": "GPAW: J. J. Mortensen et al., J. Chem. Phys. 160, 092503 (2024); GenIce: M. Matsumoto et al., J. Comput. "
    "Chem. 39, 61 (2018); GFN1-xTB: 10.1021/acs.jctc.7b00118.",
}
GPAW_SCRIPT = """
import json, sys
from ase import Atoms
from gpaw import GPAW, FermiDirac
job = json.load(sys.stdin)
atoms = Atoms(job["numbers"], positions=job["positions"], cell=job["cell"], pbc=True)
atoms.calc = GPAW(mode="lcao", basis="dzp", h=job["h"], xc="PBE", convergence={"density": 1e-4},
                  occupations=FermiDirac(0.05), txt=None)
print("RESULT", json.dumps([atoms.get_potential_energy(), atoms.get_forces().tolist()]))
"""


@cache
def trajectory() -> tuple[Iterator, list]:
    """The walk of the liquid, and its frames so far."""
    return walk(LIQUID, every=100, before=4000), []


def liquid(index: int):
    """A frame of the liquid, every 50 fs after 2 ps; it is walked as far as is asked for, and again after a restart."""
    going, frames = trajectory()
    frames.extend(islice(going, max(0, index + 1 - len(frames))))
    return frames[index]


def walk(frames: int, *, every: int, before: int) -> Iterator:
    """Frames of a box of 16 molecules at 350 K, steps of 0.5 fs."""
    tblite = physics_code("tblite.ase", "tblite")
    from ase import Atoms, units
    from ase.build import molecule
    from ase.md.langevin import Langevin

    generator, atoms = np.random.default_rng(SEED), Atoms(cell=[6.214, 6.214, 12.428], pbc=True)
    for place in np.ndindex(2, 2, 4):
        water = molecule("H2O")
        axis = generator.normal(size=3)
        water.rotate(float(generator.uniform(0, 360)), axis)
        water.positions += np.array(place) * 3.107
        atoms += water
    atoms.calc = tblite.TBLite(method="GFN1-xTB", verbosity=0)
    dynamics = Langevin(atoms, 0.5 * units.fs, temperature_K=350, friction=0.02 / units.fs, rng=generator)
    dynamics.run(before)
    for _ in range(frames):
        dynamics.run(every)
        yield atoms.copy()


def ice(kind: str, generator: np.random.Generator):
    """The smallest orthogonal cell of ice Ih, disturbed."""
    physics_code("genice2")
    from ase.io import read

    seed = str(int(generator.integers(2**31)))
    command = [sys.executable, "-m", "genice2.cli.genice", "ice1h", "--rep", "1", "1", "1", "--seed", seed]
    done = subprocess.run([*command, "--format", "gromacs"], capture_output=True, text=True, check=True)
    atoms = read(io.StringIO(done.stdout), format="gromacs")
    atoms.wrap()
    if kind != "ice-rattled":
        strain = generator.normal(0, 0.02, (3, 3))
        atoms.set_cell(atoms.cell[:] @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    if kind != "ice-strained":
        atoms.positions += generator.normal(0, 0.03, atoms.positions.shape)
    return atoms


def labels(atoms, *, spacing: float = 0.2) -> tuple[float, np.ndarray]:
    """PBE energy (eV) and forces (eV/Å), net force taken off."""
    job = {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell[:].tolist(),
        "h": spacing,
    }
    found = gpaw.run(GPAW_SCRIPT, job)
    if found is None:
        raise RuntimeError("GPAW must converge for water, but it did not; look at the frame.")
    energy, forces = found
    return energy, np.array(forces) - np.mean(forces, axis=0)


def frame(key: str) -> Item:
    """``liquid-017`` or ``ice-both-003``."""
    kind, index = key.rsplit("-", 1)
    atoms = liquid(int(index)) if kind == "liquid" else ice(kind, seed_of(key, SEED))
    atoms.positions, atoms.cell[:] = rounded(atoms.positions, 5), rounded(atoms.cell[:], 6)
    energy, forces = labels(atoms)
    return Item(
        key=key,
        atomic_numbers=atoms.numbers,
        positions=atoms.positions,
        cell=atoms.cell[:],
        pbc=atoms.pbc,
        item={"energy": rounded(energy, 5), "phase": kind},
        atom={"forces": rounded(forces, 5).astype(np.float32)},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing, liquid and ice in proportion."""
    keys = [(i / LIQUID, f"liquid-{i:03d}") for i in range(LIQUID)]
    keys += [(i / ICE, f"{kind}-{i:03d}") for kind in KINDS for i in range(ICE)]
    card = CARD | {"codes": versions("tblite", "genice2", "ase") | {"gpaw": gpaw.version()}}
    bench = Bench(name="water_and_ice", card=card, folder=folder, minutes=minutes)
    bench.make([key for _, key in sorted(keys)], frame)


if __name__ == "__main__":
    make()
