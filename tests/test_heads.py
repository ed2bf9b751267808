import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ase.build import bulk, molecule

from equitour.checks import forces_against_energy
from equitour.graph import AtomicGraph, batch
from equitour.models import load, save
from equitour.models.heads import Potential
from equitour.models.nequip import NequIP


@pytest.fixture
def potential():
    torch.manual_seed(0)
    trunk = NequIP(elements=[1, 6, 8, 11, 17], cutoff=4.5, num_layers=2, num_channels=4)
    return Potential(trunk, shifts=[-13.6, -1000.0, -2000.0, -4400.0, -12500.0], scale=2.0).double()


def strained(graph, strain):
    stretch = torch.eye(3).double() + strain
    return graph.replace(positions=graph.positions @ stretch, cell=graph.cell @ stretch)


def test_energies_are_shifts_plus_what_each_atom_adds(potential, ethanol):
    shifts = {1: -13.6, 6: -1000.0, 8: -2000.0}
    free = sum(shifts[number] for number in ethanol.atomic_numbers.tolist())
    expected = free + float(potential.interaction_energies(ethanol).detach().sum())
    assert float(potential(ethanol).detach()) == pytest.approx(expected, abs=1e-9)
    assert float(potential.node_energies(ethanol).detach().sum()) == pytest.approx(expected, abs=1e-9)


def test_the_scale_multiplies_what_is_learnt_and_leaves_the_shifts(potential, ethanol):
    twin = Potential(potential.trunk, shifts=potential.settings["shifts"], scale=4.0).double()
    twin.readout = potential.readout
    assert torch.allclose(twin.interaction_energies(ethanol), 2 * potential.interaction_energies(ethanol))
    assert torch.allclose(twin.evaluate(ethanol).forces, 2 * potential.evaluate(ethanol).forces)


def test_shifts_keep_double_precision_in_a_single_precision_model(potential):
    shift = -13587.123456789
    single = Potential(NequIP(elements=[8], cutoff=3.0), shifts=[shift]).float()
    atom = AtomicGraph.from_arrays([[0.0, 0, 0]], [8], cutoff=3.0, dtype=torch.float32)
    energy = single(atom)
    assert energy.dtype == torch.float64
    assert float(energy) == pytest.approx(shift + float(single.interaction_energies(atom)), abs=1e-9)
    assert float(single.half().float()(atom)) == pytest.approx(float(energy), abs=1e-2)
    assert float(single.shifts[0]) == shift


def test_forces_are_minus_the_gradient_in_a_batch(potential, ethanol, rattled_salt):
    graphs = batch([ethanol, rattled_salt])
    # Without the shifts, whose 10⁵ eV would drown the last digits of the differences.
    error = forces_against_energy(
        lambda g: potential.interaction_energies(g).sum()[None],
        graphs,
        forces=lambda g: potential.evaluate(g).forces,
    )
    assert error < 1e-8


def test_stress_is_the_slope_of_the_energy_with_strain(potential, rattled_salt):
    atoms = bulk("NaCl", "rocksalt", a=5.5)
    atoms.rattle(0.1, seed=4)
    graphs = batch([rattled_salt, AtomicGraph.from_ase(atoms, cutoff=4.5)])
    stress = potential.evaluate(graphs, stress=True).stress
    assert torch.allclose(stress, stress.mT, atol=1e-15)
    h = 1e-4
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2)):
        strain = torch.zeros(3, 3, dtype=torch.float64)
        strain[i, j] += h / 2
        strain[j, i] += h / 2
        slope = (potential(strained(graphs, strain)) - potential(strained(graphs, -strain))) / (2 * h)
        volumes = torch.linalg.det(graphs.cell).abs()
        assert torch.allclose(stress[:, i, j], slope.detach() / volumes, atol=1e-8)


def test_stress_has_the_sign_of_ase_and_adds_up_to_the_virial(potential, rattled_salt):
    prediction = potential.evaluate(rattled_salt, stress=True)
    larger, smaller = (
        strained(rattled_salt, step * torch.eye(3, dtype=torch.float64)) for step in (1e-4, -1e-4)
    )
    volume = float(torch.linalg.det(rattled_salt.cell).abs())
    pressure = -float(potential(larger) - potential(smaller)) / (3 * 2e-4 * volume)
    assert float(prediction.stress.diagonal(dim1=1, dim2=2).mean()) == pytest.approx(-pressure, rel=1e-6)


def test_forces_are_the_same_with_and_without_stress(potential, rattled_salt):
    plain, both = potential.evaluate(rattled_salt), potential.evaluate(rattled_salt, stress=True)
    assert plain.stress is None
    assert torch.allclose(plain.forces, both.forces, atol=1e-13)
    assert torch.allclose(plain.energy, both.energy)


def test_predictions_hold_no_graph_unless_asked_for(potential, rattled_salt):
    plain = potential.evaluate(rattled_salt, stress=True)
    assert not any(value.requires_grad for value in plain)
    kept = potential.evaluate(rattled_salt, stress=True, create_graph=True)
    assert all(value.requires_grad for value in kept)
    (kept.forces.square().sum() + kept.stress.square().sum()).backward()
    assert all(p.grad is not None for p in potential.trunk.parameters())


def test_evaluation_works_where_gradients_are_switched_off(potential, ethanol):
    expected = potential.evaluate(ethanol).forces
    with torch.no_grad():
        assert torch.equal(potential.evaluate(ethanol).forces, expected)


def test_an_isolated_atom_feels_nothing(potential):
    atom = AtomicGraph.from_arrays([[0.0, 0, 0]], [8], cutoff=4.5)
    prediction = potential.evaluate(atom)
    assert torch.equal(prediction.forces, torch.zeros(1, 3).double())
    assert bool(prediction.energy.isfinite())


def test_an_isolated_atom_in_a_periodic_cell_has_no_stress(potential):
    atoms = bulk("Na", "sc", a=20.0)
    prediction = potential.evaluate(AtomicGraph.from_ase(atoms, cutoff=4.5), stress=True)
    assert torch.equal(prediction.stress, torch.zeros(1, 3, 3).double())


def test_stress_of_a_molecule_is_refused(potential, ethanol, rattled_salt):
    for graph in (ethanol, batch([ethanol, rattled_salt])):
        with pytest.raises(ValueError, match="stress needs structures that repeat in three directions"):
            potential.evaluate(graph, stress=True)


def test_shifts_must_be_one_for_each_element():
    trunk = NequIP(elements=[1, 8], cutoff=3.0)
    with pytest.raises(ValueError, match=r"shifts must hold one energy .* \[1, 8\], received 1: order them"):
        Potential(trunk, shifts=[-13.6])


def test_elements_unknown_to_the_model_are_refused(potential):
    graph = AtomicGraph.from_ase(molecule("SiH4"), cutoff=4.5)
    with pytest.raises(ValueError, match=r"elements must be among those of the model.*received \[14\]"):
        potential(graph)


def test_a_potential_is_saved_and_read_back_bit_for_bit(potential, ethanol, tmp_path):
    single = potential.float()
    save(single, tmp_path / "model.safetensors", metadata={"data": "ethanol"})
    twin = load(tmp_path / "model.safetensors")
    assert twin.settings == single.settings
    graph = ethanol.to(dtype=torch.float32)
    assert torch.equal(twin(graph), single(graph))
    assert torch.equal(twin.evaluate(graph).forces, single.evaluate(graph).forces)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.skipif(
    os.environ["EQUITOUR_MODE"] != "full", reason="compiling takes minutes: EQUITOUR_MODE=full"
)
def test_a_compiled_potential_gives_the_same_forces_and_the_same_gradients_of_weights():
    script = Path(__file__).with_name("compiled_potential.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "elements must be among those of the model, [1, 6, 8], received [14]" in done.stdout
