from functools import partial

import battery
import pytest
import torch
from ase.build import bulk, molecule
from e3nn import o3

from equitour.graph import AtomicGraph, batch
from equitour.models import MODELS, build
from equitour.models.heads import Potential
from equitour.models.nequip import NequIP

SMALL = partial(NequIP, num_layers=2, num_channels=4)
SIZES = {
    "l = 0": partial(SMALL, lmax=0),
    "l = 1": partial(SMALL, lmax=1, irreps_out="0e + 1o"),
    "l = 2": partial(SMALL, lmax=2, irreps_out="0e + 1o + 2e"),
    "all parities": partial(SMALL, lmax=2, num_layers=3, irreps_out="0e + 0o + 1o + 1e + 2e + 2o"),
}


@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
@pytest.mark.parametrize("size", SIZES)
def test_physics(size, check):
    check(battery.build(SIZES[size]))


def crystal(*, repeat=2, seed=2):
    """Bulk silicon, where every atom has as many neighbours as the next, so that the padded form is chosen."""
    atoms = bulk("Si", cubic=True) * (repeat, 1, 1)
    atoms.rattle(0.05, seed=seed)
    return AtomicGraph.from_ase(atoms, cutoff=3.2)


def silicon_model(**settings):
    torch.manual_seed(0)
    return NequIP(elements=[14], cutoff=3.2, num_layers=2, num_channels=4, **settings).double()


def test_padded_and_loose_neighbours_give_the_same_energies_and_forces(monkeypatch):
    graph, potential = crystal(), Potential(silicon_model(lmax=2)).double()
    assert potential.trunk.edges(graph).degree == 4
    padded = potential.evaluate(graph)
    monkeypatch.setattr("equitour.models.nequip.PADDED_FROM_DEGREE", 99)
    assert potential.trunk.edges(graph).degree is None
    loose = potential.evaluate(graph)
    assert torch.allclose(padded.energy, loose.energy, rtol=1e-12)
    assert torch.allclose(padded.forces, loose.forces, atol=1e-12)


def test_neighbours_of_a_molecule_are_left_loose():
    graph = AtomicGraph.from_ase(molecule("trans-butane"), cutoff=3.0)
    assert NequIP(elements=[1, 6], cutoff=3.0, lmax=2).double().edges(graph).degree is None


def test_irreps_of_the_result_are_those_asked_for_and_reachable():
    settings = {"elements": [1], "cutoff": 3.0, "num_channels": 2}
    assert NequIP(**settings).irreps_out == o3.Irreps("0e")
    assert NequIP(**settings, lmax=2, irreps_out="2e + 0e").irreps_out == o3.Irreps("0e + 2e")
    # One layer takes scalars to the irreps of the harmonics, of which none is a pseudovector.
    assert NequIP(**settings, num_layers=1, irreps_out="0e + 1e").irreps_out == o3.Irreps("0e")


def test_hidden_features_may_hold_parities_that_harmonics_lack():
    model = NequIP(elements=[1], cutoff=3.0, num_channels=2, lmax=1, irreps_out="0e + 0o + 1e", num_layers=4)
    assert model.irreps_out == o3.Irreps("0e + 0o + 1e")
    assert model.layers[1].irreps_out == o3.Irreps("0e + 1e + 1o")


def test_what_the_last_layer_reaches_by_itself_is_not_carried_on_the_way():
    model = NequIP(elements=[1], cutoff=3.0, num_channels=2, lmax=2, irreps_out="1e + 2o + 3o")
    assert model.irreps_out == o3.Irreps("0e + 1e + 2o + 3o")
    assert model.layers[1].irreps_out == o3.Irreps("0e + 1o + 2e")


def test_a_model_without_layers_tells_elements_apart_and_nothing_else(ethanol):
    features = NequIP(elements=[1, 6, 8], cutoff=3.0, num_layers=0).double()(ethanol)
    for number in (1, 6, 8):
        same = features[ethanol.atomic_numbers == number]
        assert torch.equal(same, same[:1].expand_as(same))


def test_functions_of_torch_func_give_the_forces_of_a_batch_of_weights(ethanol):
    torch.manual_seed(1)
    potential = Potential(NequIP(elements=[1, 6, 8], cutoff=3.0, num_layers=2, num_channels=4)).double()
    weights = {name: value.detach() for name, value in potential.named_parameters()}

    def energy(weights, positions):
        graph = ethanol.replace(positions=positions)
        return torch.func.functional_call(potential, weights, (graph,)).sum()

    forces = -torch.func.grad(energy, argnums=1)(weights, ethanol.positions)
    assert torch.allclose(forces, potential.evaluate(ethanol).forces, atol=1e-12)
    # Second derivatives: the Hessian by forward over reverse, against itself transposed and a finite difference.
    positions = ethanol.positions[:3]

    def of_three(first):
        return energy(weights, torch.cat([first, ethanol.positions[3:]]))

    hessian = torch.func.jacrev(torch.func.grad(of_three))(positions).reshape(9, 9)
    assert torch.allclose(hessian, hessian.T, atol=1e-10)
    along = torch.randn(9, generator=torch.Generator().manual_seed(4)).double()
    step = 1e-4 * along.view(3, 3)
    gradient = torch.func.grad(of_three)
    slope = (gradient(positions + step) - gradient(positions - step)).flatten() / 2e-4
    assert torch.allclose(hessian @ along, slope, atol=1e-6)


def test_single_precision_doubled_equals_double_precision_from_the_start(ethanol):
    torch.manual_seed(3)
    single = Potential(NequIP(elements=[1, 6, 8], cutoff=3.0, lmax=2, num_layers=2, num_channels=4))
    doubled = single.double()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    born_double = Potential(NequIP(elements=[1, 6, 8], cutoff=3.0, lmax=2, num_layers=2, num_channels=4))
    torch.set_default_dtype(before)
    born_double.load_state_dict(doubled.state_dict())
    assert torch.equal(born_double(ethanol), doubled(ethanol))


def test_a_batch_with_molecules_crystals_and_single_atoms_has_finite_gradients_of_weights(ethanol):
    single = AtomicGraph.from_arrays([[0.0, 0.0, 0.0]], [14], cutoff=3.2)
    graphs = batch([ethanol, single, crystal(repeat=1)])
    torch.manual_seed(0)
    for lmax in (0, 1, 2):
        trunk = NequIP(elements=[1, 6, 8, 14], cutoff=3.2, lmax=lmax, num_layers=2, num_channels=4)
        potential = Potential(trunk).double()
        prediction = potential.evaluate(graphs, create_graph=True)
        (prediction.energy.sum() + prediction.forces.square().sum()).backward()
        assert all(bool(p.grad.isfinite().all()) for p in potential.parameters())


def test_the_registry_builds_it_from_its_own_settings():
    model = NequIP(elements=[8, 1], cutoff=3.0, lmax=2, irreps_out="0e + 1o")
    twin = build("nequip", **model.settings)
    assert "nequip" in MODELS
    assert twin.settings == model.settings
    assert twin.elements == [1, 8]


@pytest.mark.parametrize("lmax", [1, 2])
def test_energies_and_forces_on_another_device_are_those_on_the_cpu(lmax, device):
    potential, graph = Potential(silicon_model(lmax=lmax)).double(), crystal()
    here = potential.evaluate(graph)
    there = potential.to(device).evaluate(graph.to(device=device))
    assert torch.allclose(there.energy.cpu(), here.energy, rtol=1e-10)
    assert torch.allclose(there.forces.cpu(), here.forces, atol=1e-10)
