"""Amorphous silicon: melted and slowly quenched with EDIP, then relaxed with SevenNet.

Ten cells of 512 atoms, ten seeds, 1 K/ps from 1700 to 1000 K at 2.285 g/cm³ (Tersoff gives the right coordination and
wrong angles, a fast quench too many five-fold atoms), box and atoms minimised, then 60 FIRE steps with SevenNet-0.
A frame of the liquid at 1700 K is kept from each run. 450 to 700 CPU-s a cell.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, lammps_session, physics_code, rounded, versions
from equitour.datasets.shelf import SHIPPED, Item

CELLS, EDGE, SEED, RATE = 10, 4, 28, 1.0
STEP = 0.001  # ps
LENGTH = EDGE * 5.431 * (2.329 / 2.285) ** (1 / 3)
CARD = {
    "title": "Amorphous and liquid silicon",
    "units": {
        "energy": "eV",
        "energy_above_diamond": "eV/atom",
        "forces": "eV/Å",
        "density": "g/cm³",
        "coordination": "number",
        "phase": "text",
    },
    "labels": {
        "energy": "SevenNet-0 total energy",
        "forces": "SevenNet-0 forces",
        "coordination": "neighbours within 2.85 Å",
        "phase": "amorphous, or liquid at 1700 K",
    },
    "method": "EDIP in LAMMPS: melt at 3000 K, 6 ps to 1700 K, 1 K/ps to 1000 K, 6 ps to 300 K, box and atoms minimised; "
    "amorphous cells then 60 FIRE steps at fixed box with SevenNet-0. Liquid frames as EDIP left them at 1700 K.",
    "caveats": "Not the cells of a DFT-trained quench: about 8 % of the atoms have five neighbours and the bond "
    "angle spreads by some 14 degrees, where experiment has 9 to 11.",
    "seed": SEED,
    "cutoff": 3.5,
    "licence": "MIT; potential: J. F. Justo et al., Phys. Rev. B 58, 2539 (1998), as shipped with LAMMPS",
    "citation": "A. P. Thompson et al., Comput. Phys. Commun. 271, 108171 (2022) for LAMMPS; Y. Park et al., J. Chem. "
    "Theory Comput. 20, 4857 (2024) for SevenNet.",
}


@cache
def quench(seed: int, rate: float = RATE) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Positions and box lengths of the liquid at 1700 K and of the quenched and minimised cell.

    Each quench has a process of its own: LAMMPS' EDIP crashes when it is set up a second time in the same one.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(melt_and_quench, seed, rate).result()


def melt_and_quench(seed: int, rate: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What `quench` gives, in this process."""
    session, share = lammps_session()
    session.commands_string(f"""
        units metal
        atom_modify map array
        lattice diamond {LENGTH / EDGE}
        region box block 0 {EDGE} 0 {EDGE} 0 {EDGE}
        create_box 1 box
        create_atoms 1 box
        mass 1 28.0855
        pair_style edip
        pair_coeff * * {share}/potentials/Si.edip Si
        timestep {STEP}
        thermo 100000
        velocity all create 6000 {1000 + seed}
    """)
    frames = {}
    ramps = [
        (3000, 3000, 6000),
        (3000, 1700, 6000),
        (1700, 1000, round(700 / rate / STEP)),
        (1000, 300, 6000),
    ]
    for hot, cold, steps in ramps:
        session.commands_string(f"fix heat all nvt temp {hot} {cold} 0.1\nrun {steps}\nunfix heat")
        if cold == 1700:
            frames["liquid"] = snapshot(session)
    session.commands_string("fix box all box/relax iso 0.0 vmax 0.001\nminimize 0 1e-4 3000 30000")
    session.commands_string("unfix box\nminimize 0 1e-5 3000 30000")
    frames["amorphous"] = snapshot(session)
    session.close()
    return frames


def snapshot(session) -> tuple[np.ndarray, np.ndarray]:
    """Positions inside the box, counted from its corner, and the box lengths."""
    low, high = (np.array(corner) for corner in session.extract_box()[:2])
    positions = np.array(session.gather_atoms("x", 1, 3)).reshape(-1, 3)
    return (positions - low) % (high - low), high - low


@cache
def calculator():
    """SevenNet-0 with the weights inside its wheel, on one thread."""
    torch, sevenn = physics_code("torch"), physics_code("sevenn.calculator", "sevenn")
    torch.set_num_threads(1)
    return sevenn.SevenNetCalculator("7net-0", device="cpu")


@cache
def diamond_energy() -> float:
    """Energy per atom of diamond silicon at this model's own lattice constant, the zero of the energies."""
    from ase.build import bulk
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    atoms = bulk("Si", "diamond", 5.46)
    atoms.calc = calculator()
    FIRE(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-3, steps=100)
    return atoms.get_potential_energy() / 2


def cell_item(key: str) -> Item:
    """``amorphous-3`` or ``liquid-3``: one cell with its SevenNet energy, forces and coordination."""
    from ase import Atoms
    from ase.neighborlist import neighbor_list
    from ase.optimize import FIRE

    phase, seed = key.split("-")
    positions, box = quench(int(seed))[phase]
    atoms = Atoms(f"Si{len(positions)}", positions=positions, cell=box, pbc=True)
    atoms.calc = calculator()
    if phase == "amorphous":
        FIRE(atoms, logfile=None).run(fmax=0.02, steps=60)
    atoms.positions, atoms.cell[:] = rounded(atoms.positions % box, 5), rounded(atoms.cell[:], 6)
    energy = atoms.get_potential_energy()
    neighbours = np.bincount(neighbor_list("i", atoms, 2.85), minlength=len(atoms))
    return Item(
        key=key,
        atomic_numbers=atoms.numbers,
        positions=atoms.positions,
        cell=atoms.cell[:],
        pbc=atoms.pbc,
        item={
            "energy": rounded(energy, 5),
            "energy_above_diamond": rounded(energy / len(atoms) - diamond_energy(), 5),
            "density": rounded(atoms.get_masses().sum() / atoms.get_volume() / 0.602214, 4),
            "phase": phase,
        },
        atom={
            "forces": rounded(atoms.get_forces(), 5).astype(np.float32),
            "coordination": neighbours.astype(np.int8),
        },
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing: a quench gives one liquid and one amorphous cell."""
    keys = [f"{phase}-{seed}" for seed in range(CELLS) for phase in ("amorphous", "liquid")]
    card = CARD | {"codes": versions("lammps", "sevenn", "ase", "torch")}
    Bench(name="silicon_amorphous", card=card, folder=folder, minutes=minutes).make(keys, cell_item)


if __name__ == "__main__":
    make()
