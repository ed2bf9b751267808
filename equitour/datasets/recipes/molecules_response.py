"""How small molecules answer an electric field: dipole, polarizability, Born charges and Raman tensors at once.

PBE0/def2-SVPD in thirteen finite fields (0, ±f e_a, ±f(e_a + e_b), f = 0.005 atomic units). The forces F(E) at those
fields give Born effective charges Z* = dF/dE and Raman tensors dα/dR = d²F/dE², the dipoles give α = dμ/dE.
Geometries come from short GFN2-xTB dynamics at 300 to 600 K. H2O 5 CPU-s, CH3OH 21, (H2O)2 26.
Diffuse functions are not optional: def2-SVP finds half of water's polarizability.
"""

from itertools import combinations
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, seed_of, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED, FIELD = 19, 0.005
# PySCF's levels of the integration grid, and the error in Å³ that asks for the finer one.
GRID, FINER_GRID, TURNING, BASIS = 3, 5, 0.01, "def2-svpd"
PLAN = {"H2O": 400, "H2CO": 100, "H2O_2": 100, "CH3OH": 60, "H2O_3": 40}
HARTREE, BOHR = 27.211386245988, 0.529177210903
CARD = {
    "title": "Small molecules in an electric field",
    "units": {
        "energy": "eV",
        "dipole": "e·Å",
        "polarizability": "Å³",
        "forces": "eV/Å",
        "born_effective_charges": "e",
        "raman_tensors": "Å²",
        "temperature": "K",
        "molecule": "text",
    },
    "labels": {
        "polarizability": "(3, 3) = dμ/dE, as a volume",
        "temperature": "of the dynamics that made the geometry",
        "born_effective_charges": "(nodes, 3, 3): dμ_b/dR_a, displacement first, field or dipole second",
        "raman_tensors": "(nodes, 3, 3, 3): dα_bc/dR_a, displacement first",
    },
    "method": "PySCF PBE0/def2-SVPD, grid level 3 (5 where turning the molecule misses the change of its polarizability "
    "by 0.01 Å³) and its own part of the gradient, analytic gradients in 13 finite fields of "
    "0.005 atomic units; the field's own part of the gradient added by hand.",
    "caveats": "Differences of displaced geometries agree to 1e-4 for Z* and 1e-4 of the largest Raman component. In clusters "
    "the grid tells: components of a dimer and a trimer of water differ by 3e-4 to 5e-4 e and 0.005 to 0.013 Å² between "
    "levels 3 and 5; turning leaves 2e-4 (water) to 1e-2 Å³ (clusters).",
    "seed": SEED,
    "cutoff": 5.0,
    "licence": "MIT",
    "citation": "Made for equitour; cite PySCF (10.1002/wcms.1340) and GFN2-xTB (10.1021/acs.jctc.8b01176).",
}


def start(molecule: str):
    """A molecule, or a ring of waters, near its minimum."""
    from ase import Atoms
    from ase.build import molecule as build
    from ase.data.s22 import create_s22_system

    if molecule == "H2O_2":
        return create_s22_system("Water_dimer")
    if molecule != "H2O_3":
        return build(molecule)
    ring = Atoms()
    for turn in (0, 120, 240):
        # One hydrogen points along the ring to the next oxygen, the other out of its plane.
        water = Atoms("OHH", positions=[(1.6, 0, 0), (1.15, 0.83, 0), (2.0, 0.1, 0.85 if turn else -0.85)])
        water.rotate(turn, "z", center=(0, 0, 0))
        ring += water
    return ring


def geometry(key: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Numbers, positions (Å, centred) and temperature of one snapshot."""
    tblite = physics_code("tblite.ase", "tblite")
    from ase import units
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.optimize import BFGS

    generator = seed_of(key, SEED)
    atoms = start(key.rsplit("-", 1)[0])
    atoms.calc = tblite.TBLite(method="GFN2-xTB", verbosity=0)
    BFGS(atoms, logfile=None).run(fmax=0.05, steps=100)
    temperature = round(float(generator.uniform(300, 600)), 1)
    # Twice the temperature in velocities: half of it becomes potential energy within the first vibrations.
    MaxwellBoltzmannDistribution(atoms, temperature_K=2 * temperature, rng=generator)
    step = 0.5 * units.fs
    Langevin(atoms, step, temperature_K=temperature, friction=0.02 / units.fs, rng=generator).run(400)
    return atoms.numbers, rounded(atoms.positions - atoms.get_center_of_mass(), 5), temperature


def field_gradient(molecule, density: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The part of dE/dR that the field -E·μ adds: moving basis functions and moving nuclear charges."""
    nao = molecule.nao
    moment = np.einsum("a,abij->bij", field, molecule.intor("int1e_irp").reshape(3, 3, nao, nao))
    gradient = -molecule.atom_charges()[:, None] * field
    for atom, (_, _, first, last) in enumerate(molecule.aoslice_by_atom()):
        gradient[atom] -= 2 * np.einsum("bij,ij->b", moment[:, :, first:last], density[:, first:last])
    return gradient


def still_integrator():
    """PySCF's integrator, for many densities on one grid: basis functions are evaluated once and kept."""
    numint, kept = physics_code("pyscf.dft.numint", "pyscf"), {}

    class Still(numint.NumInt):
        def eval_ao(self, mol, coords, deriv=0, out=None, **options):
            place = deriv, coords.tobytes()
            if place not in kept:
                kept[place] = super().eval_ao(mol, coords, deriv, **options)
            return kept[place]

    return Still()


def in_field(molecule, field: np.ndarray, like, guess=None, *, grid: int = GRID):
    """A converged calculation in a uniform field (atomic units); grid and integrals are taken from one of its ``like``."""
    mean_field = physics_code("pyscf.dft", "pyscf").RKS(molecule, xc="pbe0")
    mean_field.conv_tol, mean_field.conv_tol_grad, mean_field.grids.level = 1e-11, 1e-7, grid
    mean_field._numint = like._numint if like else still_integrator()
    if like is not None:
        mean_field.grids, mean_field._eri = like.grids, like._eri
    bare = mean_field.get_hcore()
    dressed = bare + np.einsum("a,aij->ij", field, molecule.intor("int1e_r", comp=3))
    mean_field.get_hcore = lambda *_: dressed
    mean_field.kernel(guess)
    if not mean_field.converged:
        raise RuntimeError("The calculation in a field must converge, but it did not; look at the geometry.")
    mean_field.get_hcore = lambda *_: bare
    return mean_field


def powers(fields: np.ndarray) -> np.ndarray:
    """Linear and quadratic terms of fields (n, 3) as (n, 9), the quadratic ones small: what can be linear is taken so."""
    scaled = fields / FIELD
    pairs = [scaled[:, a] * scaled[:, b] for a in range(3) for b in range(a, 3)]
    return np.column_stack([scaled, 0.1 * np.array(pairs).T])


def densities_in(molecule, fields: np.ndarray, *, grid: int) -> tuple[list, np.ndarray]:
    """Calculations in all fields (the first must be zero) and their densities, each begun from a fit to those before."""
    states = [in_field(molecule, fields[0], None, grid=grid)]
    densities = [states[0].make_rdm1()]
    for i, field in enumerate(fields[1:], start=1):
        share = (powers(field[None]) @ np.linalg.pinv(powers(fields[:i])))[0]
        guess = densities[0] + np.einsum("i,ijk->jk", share, np.array(densities) - densities[0])
        states.append(in_field(molecule, field, states[0], guess))
        densities.append(states[-1].make_rdm1())
    return states, np.array(densities)


def answers_in(molecule, fields: np.ndarray, *, grid: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy in the first field, which must be zero, and forces and dipoles in all of them, in atomic units."""
    repulsion = physics_code("pyscf.grad.rhf", "pyscf")
    states, densities = densities_in(molecule, fields, grid=grid)
    # The derivatives of the integrals cost most: they are computed once, for all densities together.
    coulomb, exchange = repulsion.get_jk(molecule, densities)
    forces, dipoles = [], []
    for i, (state, field) in enumerate(zip(states, fields, strict=True)):
        gradient = state.nuc_grad_method()
        # The grid moves with the atoms: without its part of the gradient, moving all of a cluster changes its answer.
        gradient.grid_response = True
        gradient.get_jk = lambda *_, i=i: (coulomb[i], exchange[i])
        forces.append(-gradient.kernel() - field_gradient(molecule, densities[i], field))
        dipoles.append(state.dip_moment(molecule, densities[i], unit="AU", verbose=0))
    return states[0].e_tot, np.array(forces), np.array(dipoles)


def response(molecule, *, grid: int = GRID) -> dict[str, np.ndarray]:
    """Finite differences over thirteen fields, in atomic units; index orders as in the card."""
    f, axes, pairs = FIELD, np.eye(3), list(combinations(range(3), 2))
    diagonals = [axes[a] + axes[b] for a, b in pairs]
    fields = f * np.array([np.zeros(3), *axes, *-axes, *diagonals, *np.negative(diagonals)])
    energy, forces, dipoles = answers_in(molecule, fields, grid=grid)
    force, plus, minus = forces[0], forces[1:4], forces[4:7]
    raman = np.zeros((molecule.natm, 3, 3, 3))
    for a in range(3):
        raman[:, :, a, a] = (plus[a] + minus[a] - 2 * force) / f**2
    for (a, b), both in zip(pairs, forces[7:10] + forces[10:], strict=True):
        single = plus[a] + minus[a] + plus[b] + minus[b]
        raman[:, :, a, b] = raman[:, :, b, a] = (both - single + 2 * force) / (2 * f**2)
    return {
        "energy": energy,
        "forces": force,
        "dipole": dipoles[0],
        "polarizability": ((dipoles[1:4] - dipoles[4:7]) / (2 * f)).T,
        "born": ((plus - minus) / (2 * f)).transpose(1, 2, 0),
        "raman": raman,
    }


def turning_error(molecule, found: dict[str, np.ndarray]) -> float:
    """How far the Raman tensors miss the change of the polarizability when the molecule turns, in atomic units.

    Turning about n must add n × α − α × n; a grid that is fixed in space, as integration grids are, resists.
    """
    alpha, worst = found["polarizability"], 0.0
    for axis in np.eye(3):
        turn = np.cross(axis, np.eye(3)).T
        moved = np.einsum("ncab,nc->ab", found["raman"], molecule.atom_coords() @ turn.T)
        worst = max(worst, abs(moved - (turn @ alpha - alpha @ turn)).max())
    return float(worst)


def sure_response(molecule) -> dict[str, np.ndarray]:
    """The response, once more on a finer grid where the usual one can be told by turning."""
    found = response(molecule)
    coarse = turning_error(molecule, found) * BOHR**3 > TURNING
    return response(molecule, grid=FINER_GRID) if coarse else found


def answer(key: str) -> Item:
    """One geometry with everything that the field tells about it."""
    gto, lib = physics_code("pyscf.gto", "pyscf"), physics_code("pyscf.lib", "pyscf")
    lib.num_threads(1)
    numbers, positions, temperature = geometry(key)
    atoms = list(zip(numbers.tolist(), positions.tolist(), strict=True))
    found = sure_response(gto.M(atom=atoms, basis=BASIS, verbose=0))
    alpha = (found["polarizability"] + found["polarizability"].T) / 2
    return Item(
        key=key,
        atomic_numbers=numbers,
        positions=positions,
        item={
            "energy": rounded(found["energy"] * HARTREE, 6),
            "dipole": rounded(found["dipole"] * BOHR, 6),
            "polarizability": rounded(alpha * BOHR**3, 5),
            "temperature": temperature,
            "molecule": key.rsplit("-", 1)[0],
        },
        atom={
            "forces": rounded(found["forces"] * HARTREE / BOHR, 5).astype(np.float32),
            "born_effective_charges": rounded(found["born"], 5).astype(np.float32),
            "raman_tensors": rounded(found["raman"] * BOHR**2, 5).astype(np.float32),
        },
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing, the kinds mixed in proportion so that a part already holds them all."""
    keys = [(i / count, f"{molecule}-{i:03d}") for molecule, count in PLAN.items() for i in range(count)]
    card = CARD | {"codes": versions("pyscf", "tblite", "ase", "numpy")}
    ordered = [key for _, key in sorted(keys)]
    Bench(name="molecules_response", card=card, folder=folder, minutes=minutes).make(ordered, answer)


if __name__ == "__main__":
    make()
