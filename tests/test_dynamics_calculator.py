import subprocess
import sys

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.lj import LennardJones as AseLennardJones
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, FIRE
from ase.phonons import Phonons
from dynamics_potentials import LennardJones, Springs

import equitour
from equitour.dynamics import calculator

SIGMA, EPSILON = 3.405, 0.01032

CELLS = {
    "cubic": np.diag([5.4, 5.4, 5.4]),
    "skewed": np.array([[5.4, 0.3, -0.2], [2.1, 5.0, 0.4], [-1.7, 1.2, 5.6]]),
    "left-handed": np.array([[5.0, 2.1, 0.4], [5.4, -0.3, -0.2], [-1.7, 1.2, 5.6]]),
    "flat, thinner than the cutoff": np.array([[7.5, 0.0, 0.0], [3.5, 6.4, 0.0], [0.5, 0.9, 3.6]]),
}


def rattled(name):
    atoms = Atoms(
        "Ar4",
        scaled_positions=[[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
        cell=CELLS[name],
        pbc=True,
    )
    atoms.rattle(0.15, seed=4)
    return atoms


def pair_of(cutoff=7.0):
    """Our potential and ASE's own, of the same formula."""
    ours = LennardJones(sigma=SIGMA, epsilon=EPSILON, cutoff=cutoff)
    ase = AseLennardJones(sigma=SIGMA, epsilon=EPSILON, rc=cutoff, ro=0.66 * cutoff, smooth=True)
    return ours, ase


# Energies, forces, stress


@pytest.mark.parametrize("name", CELLS)
def test_all_properties_agree_with_ase_own_lennard_jones(name):
    ours, ase = pair_of()
    results = []
    for calc in (calculator(ours), ase):
        atoms = rattled(name)
        atoms.calc = calc
        results.append(
            [
                atoms.get_potential_energy(),
                atoms.get_potential_energy(force_consistent=True),
                atoms.get_potential_energies(),
                atoms.get_forces(),
                atoms.get_stress(),
            ]
        )
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11 + 1e-11 * np.abs(theirs).max())
    assert np.abs(results[0][-1]).max() > 1e-4


@pytest.mark.parametrize("name", CELLS)
def test_stress_is_the_strain_derivative_of_the_energy_in_cells_of_any_shape(name):
    """Fourth-order differences of E(ε)/V for the six strains, in ASE's order xx yy zz yz xz xy."""
    atoms = rattled(name)
    atoms.calc = calculator(LennardJones(cutoff=7.0))
    stress, volume, cell = atoms.get_stress(), atoms.get_volume(), atoms.cell.array.copy()
    h = 2e-4

    def energy(i, j, strain):
        deformation = np.eye(3)
        deformation[i, j] += strain / 2
        deformation[j, i] += strain / 2
        atoms.set_cell(cell @ deformation, scale_atoms=True)
        return atoms.get_potential_energy()

    for component, (i, j) in zip(stress, [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)], strict=True):
        E = {n: energy(i, j, n * h) for n in (-2, -1, 1, 2)}
        slope = (E[-2] - 8 * E[-1] + 8 * E[1] - E[2]) / (12 * h)
        assert component == pytest.approx(slope / volume, abs=1e-9 * np.abs(stress).max() + 1e-10)


def test_a_cell_that_wants_to_shrink_has_positive_stress():
    """ASE's sign: stress is minus pressure on the diagonal, positive when the crystal is stretched."""
    for a, sign in [(5.6, 1), (5.0, -1)]:
        atoms = bulk("Ar", "fcc", a=a)
        atoms.calc = calculator(LennardJones())
        assert np.sign(atoms.get_stress()[:3]).tolist() == [sign] * 3


def test_energy_forces_and_stress_of_a_relaxation_come_from_one_evaluation():
    potential = LennardJones()
    atoms = rattled("skewed")
    atoms.calc = calculator(potential)
    atoms.get_stress()
    potential.edges_seen.clear()
    for _ in range(3):
        atoms.rattle(0.01, rng=np.random.default_rng(0))
        atoms.get_potential_energy()
        atoms.get_forces()
        atoms.get_stress()
    assert len(potential.edges_seen) == 3


# The neighbour list


def test_nothing_depends_on_the_skin_while_atoms_and_cell_move():
    """The worst that a stale list could do would show: 60 random moves of atoms, cell, size, and order."""
    rng = np.random.default_rng(3)
    lazy, eager = calculator(LennardJones(), skin=0.8), calculator(LennardJones(), skin=0.0)
    atoms = rattled("skewed").repeat((2, 1, 1))
    for step in range(60):
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0, 0.004, (3, 3))), scale_atoms=True)
        if step % 17 == 16:
            atoms.wrap()
        if step % 19 == 18:
            del atoms[0]
        if step == 40:
            atoms.pbc = [True, False, True]
        energies = []
        for calc in (lazy, eager):
            atoms.calc = calc
            energies.append((atoms.get_potential_energy(), atoms.get_forces()))
        assert energies[0][0] == pytest.approx(energies[1][0], abs=1e-12)
        np.testing.assert_allclose(energies[0][1], energies[1][1], rtol=0, atol=1e-12)


def test_small_moves_search_no_neighbours():
    atoms = rattled("cubic")
    atoms.calc = calculator(LennardJones(), skin=0.5)
    atoms.get_forces()
    first = atoms.calc._neighbors
    atoms.rattle(0.02, seed=0)
    atoms.get_forces()
    assert atoms.calc._neighbors is first
    atoms.positions[0] += 1.0
    atoms.get_forces()
    assert atoms.calc._neighbors is not first


# Relaxation


def test_argon_relaxes_to_the_fcc_lattice_of_the_lattice_sums():
    """r₀ = (2 A₁₂ / A₆)^{1/6} σ = 1.0902 σ, −ε A₆² / 2 A₁₂ = −8.610 ε per atom (Kittel, ch. 3, for A₁₂ and A₆)."""
    A12, A6 = 12.13188, 14.45392
    atoms = bulk("Ar", "fcc", a=5.5)
    atoms.calc = calculator(LennardJones(sigma=SIGMA, epsilon=EPSILON, cutoff=60.0))
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-7, steps=100)
    lengths, angles = atoms.cell.cellpar().reshape(2, 3)
    assert lengths == pytest.approx([(2 * A12 / A6) ** (1 / 6) * SIGMA] * 3, rel=3e-5)
    assert angles == pytest.approx([60] * 3, abs=1e-3)
    assert atoms.get_potential_energy() == pytest.approx(-EPSILON * A6**2 / (2 * A12), rel=5e-4)


@pytest.mark.parametrize("optimizer", [FIRE, BFGS])
def test_a_shaken_and_sheared_crystal_finds_the_minimum_that_ase_own_potential_has(optimizer):
    ours, ase = pair_of()
    perfect = bulk("Ar", "fcc", a=5.3, cubic=True)
    perfect.calc = ase
    BFGS(FrechetCellFilter(perfect), logfile=None).run(fmax=1e-5)
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.03 * np.triu(np.ones((3, 3)), 1)), scale_atoms=True)
    atoms.calc = calculator(ours)
    assert optimizer(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=400)
    assert atoms.get_potential_energy() == pytest.approx(perfect.get_potential_energy(), abs=1e-6)
    assert atoms.get_volume() == pytest.approx(perfect.get_volume(), rel=1e-3)


# Phonons


def test_phonons_of_a_chain_of_springs_follow_the_sine(tmp_path):
    """ω = 2 √(k/m) |sin(q a / 2)| along the chain, and nothing across it."""
    k, a = 2.0, 2.0
    chain = Atoms("Ar", cell=[a, 8.0, 8.0], pbc=[True, False, False])
    phonons = Phonons(
        chain, calculator(Springs(k=k, length=a, cutoff=3.0)), supercell=(8, 1, 1), delta=0.01, name=tmp_path
    )
    phonons.run()
    phonons.read(acoustic=True)
    q = np.linspace(0, 0.5, 9)  # in units of 2π/a
    omega = phonons.band_structure([[x, 0, 0] for x in q]).max(axis=1)  # ħω in eV
    mass = chain.get_masses()[0]
    expected = (
        2
        * np.sqrt(k / mass)
        * np.abs(np.sin(np.pi * q))
        * units._hbar
        * np.sqrt(units._e / units._amu)
        * 1e10
        / units._e
    )
    np.testing.assert_allclose(omega, expected, rtol=1e-3, atol=1e-9)


def test_phonons_of_argon_agree_with_ase_own_lennard_jones(tmp_path):
    ours, ase = pair_of(cutoff=5.0)
    bands = []
    for name, calc in [("ours", calculator(ours)), ("ase", ase)]:
        phonons = Phonons(bulk("Ar", "fcc", a=5.25), calc, supercell=(4, 4, 4), name=tmp_path / name)
        phonons.run()
        phonons.read(acoustic=True)
        bands.append(phonons.band_structure([[0.1, 0, 0], [0.5, 0.5, 0], [0.5, 0.25, 0.75]]))
    np.testing.assert_allclose(*bands, rtol=1e-7)
    assert bands[0].min() > 1e-3


# dtype, refusals, the door at the package root


def test_the_dtype_of_the_weights_is_used_unless_another_is_asked_for():
    class Weighted(torch.nn.Module):
        cutoff = 7.0

        def __init__(self):
            super().__init__()
            self.epsilon = torch.nn.Parameter(torch.tensor(EPSILON))
            self.seen = []

        def evaluate(self, graph, *, stress=False):
            self.seen.append(graph.positions.dtype)
            return LennardJones(epsilon=self.epsilon.detach()).evaluate(graph, stress=stress)

    potential, atoms = Weighted(), rattled("cubic")
    atoms.calc = calculator(potential)
    single = atoms.get_potential_energy()
    atoms.calc = calculator(potential, dtype=torch.float64)
    double = atoms.get_potential_energy()
    assert potential.seen == [torch.float32]  # The second one worked on a copy,
    assert atoms.calc.potential.seen == [torch.float32, torch.float64]
    assert potential.epsilon.dtype == torch.float32  # and the caller's weights stayed as they were.
    assert single == pytest.approx(double, rel=1e-5)
    assert single != double


def test_an_element_that_the_potential_does_not_know_is_refused_by_name():
    atoms = molecule("CH3CH2OH")
    atoms.calc = calculator(LennardJones(elements=[1, 6]))
    with pytest.raises(ValueError, match=r"elements that the potential knows \(H, C\), received O: take a"):
        atoms.get_potential_energy()


def test_stress_without_a_cell_is_refused_and_forces_are_not():
    atoms = molecule("H2O")
    atoms.calc = calculator(Springs(cutoff=5.0))
    with pytest.raises(PropertyNotImplementedError, match="needs a cell that repeats in three directions"):
        atoms.get_stress()
    assert atoms.get_forces().shape == (3, 3)


def test_a_periodic_structure_without_a_cell_is_refused():
    atoms = molecule("H2O")
    atoms.pbc = True
    atoms.calc = calculator(Springs(cutoff=5.0))
    with pytest.raises(ValueError, match="a periodic cell must have a volume"):
        atoms.get_potential_energy()


@pytest.mark.parametrize("thing", ["model.safetensors", torch.nn.Linear(1, 1), None])
def test_what_is_no_potential_is_refused(thing):
    with pytest.raises(TypeError, match=r"a potential must have evaluate\(graph\) and a cutoff, received"):
        calculator(thing)


def test_a_negative_skin_is_refused():
    with pytest.raises(ValueError, match="skin must be at least 0 Å and finite, received -1"):
        calculator(LennardJones(), skin=-1.0)


def test_the_root_offers_the_calculator_without_importing_anything():
    atoms = rattled("cubic")
    atoms.calc = equitour.calculator(LennardJones(), skin=0.3)
    assert atoms.calc.skin == 0.3
    probe = "import sys, equitour; print(equitour.calculator.__name__, 'torch' in sys.modules, 'ase' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["calculator", "False", "False"]
