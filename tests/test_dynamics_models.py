"""Dynamics with networks of random weights: not physics, but smooth energies with forces that belong to them."""

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.optimize import BFGS

import equitour
from equitour.dynamics import calculator, nve_init, nve_step
from equitour.graph import AtomicGraph
from equitour.models import Potential, build, save

SIZES = {
    "schnet": {"num_channels": 16, "num_layers": 2},
    "nequip": {"num_channels": 4, "num_layers": 2, "lmax": 1},
    "mace": {"num_channels": 4, "num_layers": 2},
}


@pytest.fixture(params=SIZES)
def potential(request):
    torch.manual_seed(0)
    trunk = build(request.param, elements=[1, 6, 8, 14], cutoff=4.0, **SIZES[request.param])
    return Potential(trunk, shifts=[-13.0, -1030.0, -2040.0, -7800.0]).double()


def test_energy_ripples_with_the_square_of_the_timestep_and_momentum_stays_zero(potential):
    ethanol = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=4.0)
    ripple = {}
    for timestep in (0.1, 0.2):
        chance = torch.Generator().manual_seed(1)
        state = nve_init(potential, ethanol, temperature=100, generator=chance)
        energies = [float(state.total_energy)]
        for _ in range(int(4.0 / timestep)):
            state = nve_step(potential, state, timestep=timestep)
            energies.append(float(state.total_energy))
        ripple[timestep] = max(energies) - min(energies)
        assert float(state.momentum.abs().max()) < 1e-11
    assert ripple[0.2] / ripple[0.1] == pytest.approx(4, rel=0.3)
    assert ripple[0.1] > 1e-9  # Otherwise the ratio would be one of rounding errors.


def test_time_turned_back_leads_back_to_the_start(potential):
    ethanol = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=4.0)
    start = nve_init(potential, ethanol, temperature=300, generator=torch.Generator().manual_seed(1))
    state = start
    for timestep in [0.1] * 20 + [-0.1] * 20:
        state = nve_step(potential, state, timestep=timestep)
    torch.testing.assert_close(state.positions, start.positions, rtol=0, atol=1e-10)


def test_stress_through_ase_is_the_strain_derivative_in_a_skewed_cell(potential):
    atoms = bulk("Si", "diamond", a=5.4)
    atoms.rattle(0.1, seed=2)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.05 * np.triu(np.ones((3, 3)), 1)), scale_atoms=True)
    atoms.calc = calculator(potential)
    stress, volume, cell = atoms.get_stress(), atoms.get_volume(), atoms.cell.array.copy()
    h = 1e-3
    for component, (i, j) in zip(stress, [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)], strict=True):
        E = {}
        for n in (-2, -1, 1, 2):
            deformation = np.eye(3)
            deformation[i, j] += n * h / 2
            deformation[j, i] += n * h / 2
            atoms.set_cell(cell @ deformation, scale_atoms=True)
            E[n] = atoms.get_potential_energy()
        slope = (E[-2] - 8 * E[-1] + 8 * E[1] - E[2]) / (12 * h)
        assert component == pytest.approx(slope / volume, abs=1e-6 * np.abs(stress).max())


def test_a_saved_model_relaxes_as_the_one_in_memory(potential, tmp_path):
    save(potential, tmp_path / "model.safetensors")
    ends = []
    for model in (potential, tmp_path / "model.safetensors"):
        atoms = molecule("H2O")
        atoms.calc = equitour.calculator(model, dtype=torch.float64)
        BFGS(atoms, logfile=None).run(fmax=0.05, steps=15)
        ends.append(atoms.positions)
    np.testing.assert_allclose(*ends, rtol=0, atol=1e-3)


def test_an_element_that_the_model_was_not_built_for_is_refused(potential):
    atoms = molecule("NH3")
    atoms.calc = calculator(potential)
    with pytest.raises(ValueError, match=r"the potential knows \(H, C, O, Si\), received N: take"):
        atoms.get_forces()
