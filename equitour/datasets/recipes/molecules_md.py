"""Hot molecules: dynamics with GFN2-xTB at 500 K, every frame labelled again with PBE0.

Ten walkers a molecule start from its relaxed shape with fresh Maxwell velocities, warm up for 1 ps and then give a
frame every 40 fs (Langevin, step 0.5 fs, friction 0.01 per fs). Each frame keeps the energy, forces and dipole
of the semiempirical method that moved it, and gets those of density functional theory beside them, so the set
serves learning curves and delta learning alike. About 4 CPU-s a frame.

Codes: tblite (GFN2-xTB, doi:10.1021/acs.jctc.8b01176), PySCF (PBE0/def2-SVP with density fitting,
doi:10.1002/wcms.1340), ASE.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, standing, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED = 500
MOLECULES = {"ethanol": "CH3CH2OH", "acetamide": "CH3CONH2", "furan": "C4H4O", "water": "H2O"}
WALKERS, FRAMES = 10, 100
DEBYE = 0.20819433622621247  # e·Å
CARD = {
    "title": "Small molecules at 500 K, PBE0 beside GFN2-xTB",
    "units": {
        "energy": "eV",
        "forces": "eV/Å",
        "dipole": "e·Å",
        "energy_gfn2": "eV",
        "forces_gfn2": "eV/Å",
        "dipole_gfn2": "e·Å",
    },
    "labels": {
        "energy": "PBE0/def2-SVP total energy",
        "forces": "minus its gradient",
        "dipole": "PBE0 dipole",
        "energy_gfn2": "GFN2-xTB energy",
        "forces_gfn2": "GFN2-xTB forces",
        "dipole_gfn2": "GFN2-xTB dipole",
    },
    "method": "GFN2-xTB Langevin dynamics at 500 K, a frame every 40 fs from ten walkers; labels PBE0/def2-SVP "
    "with density fitting, grid level 3.",
    "caveats": "def2-SVP is small: dipoles are some 5 % too large. Frames of one walker are correlated in slow "
    "torsions, so split by walker (the first number of the key), not by frame.",
    "seed": SEED,
    "licence": "MIT",
    "citation": "Made for equitour; cite GFN2-xTB (10.1021/acs.jctc.8b01176) and PySCF (10.1002/wcms.1340).",
}


def keys() -> list[str]:
    """Walker and frame of every item: ``3-017`` is the eighteenth frame of the fourth walker."""
    return [f"{walker}-{frame:03d}" for walker in range(WALKERS) for frame in range(FRAMES)]


def walk(molecule: str, walker: int) -> Iterator[Item]:
    """One walker's frames with their GFN2 labels; the PBE0 labels are nan until `label` fills them in."""
    tblite = physics_code("tblite.ase", "tblite")
    from ase import units
    from ase.build import molecule as build
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.optimize import BFGS

    generator = np.random.default_rng([SEED, list(MOLECULES).index(molecule), walker])
    atoms = build(MOLECULES[molecule])
    atoms.calc = tblite.TBLite(method="GFN2-xTB", verbosity=0)
    BFGS(atoms, logfile=None).run(fmax=0.02, steps=200)
    MaxwellBoltzmannDistribution(atoms, temperature_K=500, rng=generator)
    dynamics = Langevin(
        atoms, 0.5 * units.fs, temperature_K=500, friction=0.01 / units.fs, fixcm=False, rng=generator
    )
    dynamics.run(2000)
    for frame in range(FRAMES):
        dynamics.run(80)
        yield gfn2_item(f"{walker}-{frame:03d}", atoms)


def gfn2_item(key: str, atoms) -> Item:
    """A frame, centred and rounded to what is stored, with the labels of exactly that structure."""
    still = atoms.copy()
    still.positions = rounded(still.positions - still.get_center_of_mass(), 5)
    still.calc = atoms.calc
    empty = np.full(still.positions.shape, np.nan, dtype=np.float32)
    return Item(
        key=key,
        atomic_numbers=still.numbers,
        positions=still.positions,
        item={
            "energy": np.nan,
            "dipole": np.full(3, np.nan),
            "energy_gfn2": rounded(still.get_potential_energy(), 6),
            "dipole_gfn2": rounded(still.get_dipole_moment(), 5),
        },
        atom={"forces": empty, "forces_gfn2": rounded(still.get_forces(), 5).astype(np.float32)},
    )


def label(item: Item) -> Item:
    """The item with PBE0/def2-SVP energy, forces and dipole of its own positions."""
    gto, dft, lib = (physics_code(f"pyscf.{part}", "pyscf") for part in ("gto", "dft", "lib"))
    from ase.units import Bohr, Hartree

    lib.num_threads(1)
    atoms = list(zip(item.atomic_numbers.tolist(), item.positions.tolist(), strict=True))
    field = dft.RKS(gto.M(atom=atoms, basis="def2-svp", verbose=0), xc="pbe0").density_fit()
    field.conv_tol = 1e-9
    energy = field.kernel()
    if not field.converged:
        raise RuntimeError(
            f"The PBE0 calculation of frame {item.key} must converge, but it did not; look at it."
        )
    forces = -field.nuc_grad_method().kernel() * Hartree / Bohr
    dipole = field.dip_moment(unit="Debye", verbose=0) * DEBYE
    return replace(
        item,
        item=dict(item.item) | {"energy": rounded(energy * Hartree, 6), "dipole": rounded(dipole, 5)},
        atom=dict(item.atom) | {"forces": rounded(forces, 5).astype(np.float32)},
    )


def make(
    folder: Path = SHIPPED, minutes: float | None = None, molecules: tuple[str, ...] = tuple(MOLECULES)
) -> None:
    """Make what is missing: the frames first (minutes), then their PBE0 labels (about an hour a molecule)."""
    card = CARD | {"codes": versions("tblite", "pyscf", "ase", "numpy")}
    for molecule in molecules:
        name, frames = f"molecules_md/{molecule}", {}

        def frame_of(key: str, molecule: str = molecule, frames: dict = frames) -> Item:
            if key not in frames:
                frames.update({item.key: item for item in walk(molecule, int(key.split("-")[0]))})
            return frames[key]

        plain = {item.key: item for item in standing(name, folder)[0]}
        title = {"title": f"{molecule.capitalize()} at 500 K, PBE0 beside GFN2-xTB"}
        bench = Bench(name=name, card=card | title, folder=folder, minutes=minutes)
        bench.make(keys(), frame_of)
        plain = {item.key: item for item in standing(name, folder)[0]}
        bench.make(
            keys(),
            lambda key, plain=plain: label(plain[key]),
            finished=lambda item: bool(np.isfinite(item.item["energy"])),
            order=lambda key: key.split("-")[::-1],  # The walkers take turns.
        )


if __name__ == "__main__":
    make()
