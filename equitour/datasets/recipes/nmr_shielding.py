"""NMR shielding as full tensors: sodium ions in shells of water, and small organic molecules.

Gauge-including orbitals in PySCF. `nmr_sodium_water`: Na+(H2O)3..6 from GFN2-xTB dynamics at 400 K, 300 clusters with
RHF/def2-SVP (8 CPU-s each) and 60 of them again with PBE0 (15 CPU-s), for delta learning. `nmr_molecules`: QM9's
corner, relaxed shapes rattled by 0.05 Å, RHF/def2-SVP. The antisymmetric part is real and is kept: shielding is
0e + 1e + 2e.
"""

import inspect
from functools import cache
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, seed_of, standing, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED, CLUSTERS, DEAR, MOLECULES = 23, 300, 60, 500
UNITS = {"shielding": "ppm", "method": "text"}
CARD = {
    "title": "NMR shielding tensors",
    "units": UNITS,
    "labels": {
        "shielding": "(nodes, 3, 3): induced field first, applied field second; not symmetric",
        "method": "of the tensor",
    },
    "method": "PySCF, gauge-including orbitals, def2-SVP, Hartree-Fock or (keys that end in pbe0) PBE0.",
    "caveats": "No relativity and a small basis: compare trends within the set, not absolute shifts (oxygen of water comes out "
    "some 20 ppm too high).",
    "seed": SEED,
    "cutoff": 5.0,
    "licence": "MIT",
    "citation": "Q. Sun et al., J. Chem. Phys. 153, 024109 (2020) for PySCF; GFN2-xTB: 10.1021/acs.jctc.8b01176.",
}


@cache
def repaired() -> None:
    """Make pyscf-properties 0.1.0 (2021) work with today's PySCF; checked on water, methane and Na+.

    Its DFT code asks for a block size that PySCF now refuses, and its response equations assume that the solver hands
    vectors back in the shape in which they were given.
    """
    numint = physics_code("pyscf.dft.numint", "pyscf")
    rhf = physics_code("pyscf.prop.nmr.rhf", "pyscf-properties")
    original = numint.NumInt.block_loop

    def block_loop(self, *arguments, **options):
        # The caller's buffer has a shape that only the old code knew.
        bound = inspect.signature(original).bind(self, *arguments, **options).arguments
        if bound.get("blksize"):
            bound["blksize"] = -(-bound["blksize"] // numint.BLKSIZE) * numint.BLKSIZE
        return original(**bound | {"buf": None})

    numint.NumInt.block_loop = block_loop
    # The solver looks this function up in its module; it drops converged vectors, so fewer than three may come back.
    rhf.gen_vind = response


def response(field, orbitals: np.ndarray, occupations: np.ndarray):
    """The operator of the coupled-perturbed equations for magnetic (antisymmetric) perturbations."""
    potential = field.gen_response(singlet=True, hermi=2)
    occupied = orbitals[:, occupations > 0]

    def apply(vectors):
        x = np.asarray(vectors).reshape(-1, orbitals.shape[1], occupied.shape[1])
        density = np.einsum("pi,xij,qj->xpq", orbitals, 2 * x, occupied.conj(), optimize=True)
        density = density - density.transpose(0, 2, 1).conj()
        moved = np.einsum(
            "xpq,pi,qj->xij", np.asarray(potential(density)), orbitals.conj(), occupied, optimize=True
        )
        return moved.reshape(np.asarray(vectors).shape)

    return apply


def shielding(
    numbers: np.ndarray, positions: np.ndarray, *, charge: int = 0, functional: str | None = None
) -> np.ndarray:
    """Shielding tensors (nodes, 3, 3) in ppm with def2-SVP: row the induced field, column the applied one."""
    repaired()
    gto, scf, dft, nmr = (
        physics_code(f"pyscf.{part}", "pyscf") for part in ("gto", "scf", "dft", "prop.nmr")
    )
    physics_code("pyscf.lib", "pyscf").num_threads(1)
    atoms = list(zip(numbers.tolist(), positions.tolist(), strict=True))
    molecule = gto.M(atom=atoms, basis="def2-svp", charge=charge, verbose=0)
    field = dft.RKS(molecule, xc=functional) if functional else scf.RHF(molecule)
    field.conv_tol = 1e-10
    field.kernel()
    if not field.converged:
        raise RuntimeError(
            "The calculation must converge before its shielding means anything; look at the geometry."
        )
    # PySCF gives the applied field first, the nuclear moment, which feels the induced one, second.
    return np.array((nmr.RKS(field) if functional else nmr.RHF(field)).kernel()).transpose(0, 2, 1)


def cluster(key: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and positions of Na+ with 3 to 6 waters after 1 ps at 400 K."""
    tblite = physics_code("tblite.ase", "tblite")
    from ase import Atoms, units
    from ase.build import molecule
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.optimize import BFGS

    generator, count = seed_of(key, SEED), 3 + int(key.split("-")[0]) % 4
    atoms = Atoms("Na")
    directions = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])[:count]
    for direction in directions:
        water = molecule("H2O")
        water.positions -= water.positions[0]
        # The oxygen looks at the ion, the hydrogens away from it.
        water.rotate([0, 0, -1], direction)
        water.positions += 2.35 * direction
        atoms += water
    atoms.calc = tblite.TBLite(method="GFN2-xTB", charge=1, verbosity=0)
    BFGS(atoms, logfile=None).run(fmax=0.1, steps=60)
    MaxwellBoltzmannDistribution(atoms, temperature_K=400, rng=generator)
    Langevin(atoms, 1.0 * units.fs, temperature_K=400, friction=0.01 / units.fs, rng=generator).run(1000)
    return atoms.numbers, rounded(atoms.positions - atoms.positions[0], 5)


def sodium(key: str) -> Item:
    """``017-rhf`` or ``017-pbe0``: one cluster by one method."""
    index, method = key.split("-")
    numbers, positions = cluster(index)
    tensor = shielding(numbers, positions, charge=1, functional=None if method == "rhf" else method)
    return Item(
        key=key,
        atomic_numbers=numbers,
        positions=positions,
        item={"method": method},
        atom={"shielding": rounded(tensor, 3).astype(np.float32)},
    )


def molecule_item(key: str, *, shapes: dict[str, Item]) -> Item:
    """One rattled molecule of QM9's corner."""
    plain = shapes[key]
    positions = rounded(plain.positions + seed_of(key, SEED).normal(0, 0.05, plain.positions.shape), 5)
    tensor = shielding(plain.atomic_numbers, positions)
    return Item(
        key=key,
        atomic_numbers=plain.atomic_numbers,
        positions=positions,
        item={"method": "rhf"},
        atom={"shielding": rounded(tensor, 3).astype(np.float32)},
    )


def small_molecules(corner: list[Item]) -> dict[str, Item]:
    """Molecules of QM9's corner in an order drawn once: all with two to five heavy atoms, then some with six."""
    heavy = [int((item.atomic_numbers > 1).sum()) for item in corner]
    chance, drawn = np.random.default_rng(SEED), []
    for sizes in ((2, 3, 4, 5), (6,)):
        group = [item for item, size in zip(corner, heavy, strict=True) if size in sizes]
        drawn += [group[i] for i in chance.permutation(len(group))]
    return {item.key: item for item in drawn[:MOLECULES]}


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing: clusters first, each fifth by both methods, then molecules of QM9's corner."""
    card = CARD | {"codes": versions("pyscf", "pyscf-properties", "tblite", "ase")}
    every = CLUSTERS // DEAR
    keys = [f"{i:03d}-{m}" for i in range(CLUSTERS) for m in ("rhf", "pbe0") if m == "rhf" or i % every == 0]
    title = {"title": "Sodium ions in shells of water: NMR shielding"}
    Bench(name="nmr_sodium_water", card=card | title, folder=folder, minutes=minutes).make(keys, sodium)
    shapes = small_molecules(standing("qm9_small/corner", SHIPPED)[0])
    title = {"title": "Small organic molecules: NMR shielding"}
    bench = Bench(name="nmr_molecules", card=card | title, folder=folder, minutes=minutes)
    bench.make(list(shapes), lambda key: molecule_item(key, shapes=shapes))


if __name__ == "__main__":
    make()
