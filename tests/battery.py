"""Physics that every model on atoms must pass, written once: `for check in battery.CHECKS: check(battery.build(factory))`.

A subject is a trunk (`trunk(graph)` gives [nodes, rows, channels]) or a potential that holds one as `.trunk`.
`build` makes a trunk from a factory that takes `elements` and `cutoff`::

    MODELS = {"schnet": partial(SchNet, num_layers=2, num_channels=8)}

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
    def test_physics(check, model):
        check(battery.build(MODELS[model]))
"""

import copy
import json

import pytest
import torch
from battery_outputs import ROUNDING, assert_same, energy_of, features_of, forces_of, trunk_of
from battery_structures import (
    CUTOFF,
    ELEMENTS,
    STRUCTURES,
    ethanol,
    isolated_atom,
    lone_silicon,
    silicon_carbide,
    water,
)
from second_device import second_device

from equitour.checks import equivariance_report, forces_against_energy, smoothness_at_cutoff
from equitour.graph import AtomicGraph, batch
from equitour.symmetry import change_lattice_basis


def build(factory, *, seed=0):
    """A trunk in float64 that knows the battery's elements, its weights drawn from `seed`."""
    torch.manual_seed(seed)
    return factory(elements=list(ELEMENTS), cutoff=CUTOFF).double().eval()


def name(check):
    """The sentence that a check stands for."""
    return check.__name__.removeprefix("check_")


def check_features_turn_mirror_move_and_permute(subject):
    for structure in STRUCTURES:
        graph = structure()
        _, irreps = features_of(subject, graph)
        report = equivariance_report(lambda g: features_of(subject, g)[0], graph, irreps, trials=2)
        assert max(report.errors.values()) <= ROUNDING, report.verdict
        # What stays zero turns like everything, and proves nothing.
        assert not report.silent, report.verdict


def check_energy_is_a_scalar_and_forces_are_vectors(subject):
    for structure in STRUCTURES:
        energy = equivariance_report(energy_of(subject), structure(), "0e", per="graph", trials=2)
        assert max(energy.errors.values()) <= ROUNDING, energy.verdict
        forces = equivariance_report(lambda g: forces_of(subject, g), structure(), "1o", trials=2)
        assert max(forces.errors.values()) <= 10 * ROUNDING, forces.verdict


def check_a_batch_of_different_structures_equals_one_by_one(subject):
    graphs = [water(), isolated_atom(), silicon_carbide(), ethanol(), lone_silicon()]
    together = batch(graphs)
    assert_same(features_of(subject, together)[0], torch.cat([features_of(subject, g)[0] for g in graphs]))
    assert_same(energy_of(subject)(together), torch.cat([energy_of(subject)(g) for g in graphs]))
    assert_same(forces_of(subject, together), torch.cat([forces_of(subject, g) for g in graphs]))


def check_far_apart_parts_add_up(subject):
    near, far = ethanol(), water()
    both = AtomicGraph.from_arrays(
        torch.cat([near.positions, far.positions + 40.0]),
        torch.cat([near.atomic_numbers, far.atomic_numbers]),
        cutoff=CUTOFF,
    )
    assert_same(features_of(subject, both)[0], torch.cat([features_of(subject, g)[0] for g in (near, far)]))
    assert_same(energy_of(subject)(both), sum(energy_of(subject)(g) for g in (near, far)))


def check_forces_are_minus_the_gradient(subject):
    for structure in STRUCTURES:
        graph = structure()
        error = forces_against_energy(
            energy_of(subject), graph, forces=lambda g: forces_of(subject, g), directions=2
        )
        assert error < 1e-7, f"forces are not minus the gradient: relative error {error:.1e}"


def check_forces_push_nothing_away_and_turn_nothing(subject):
    graph = ethanol()
    forces = forces_of(subject, graph).detach()
    scale = float(forces.abs().max())
    assert scale > 0, "no force at all"
    assert float(forces.sum(0).abs().max()) < 1e-9 * scale, "the sum of the forces is not zero"
    torque = torch.linalg.cross(graph.positions, forces).sum(0)
    assert float(torque.abs().max()) < 1e-9 * scale, "the torque is not zero"


def check_energy_and_forces_are_smooth_at_the_cutoff(subject):
    def energy(graph):
        return energy_of(subject)(graph).detach()

    def pair(distance):
        positions = [[0.0, 0, 0], [0.55 * CUTOFF, 0.3 * CUTOFF, 0], [distance * CUTOFF, 0, 0]]
        return float(energy(AtomicGraph.from_arrays(positions, [8, 1, 1], cutoff=CUTOFF)))

    scale = max(abs(pair(distance) - pair(1.2)) for distance in (0.5, 0.6, 0.7, 0.8, 0.9))
    found = smoothness_at_cutoff(energy, cutoff=CUTOFF, step=2e-5)
    assert found.energy_jump < 1e-7 * scale, f"the energy jumps by {found.energy_jump:.1e} at the cutoff"
    assert found.force_jump < 1e-4 * scale / CUTOFF, (
        f"the force jumps by {found.force_jump:.1e} at the cutoff"
    )


def check_a_longer_neighbour_list_changes_nothing(subject):
    """Edges beyond the cutoff count for nothing, so that a list may be kept while the atoms move."""
    for structure in STRUCTURES:
        graph = structure()
        longer = graph.rebuild(cutoff=CUTOFF + 0.8)
        assert longer.num_edges > graph.num_edges
        assert_same(features_of(subject, longer)[0], features_of(subject, graph)[0])


def check_an_isolated_atom_has_an_energy_and_no_force(subject):
    for number in ELEMENTS:
        graph = isolated_atom(number)
        assert graph.num_edges == 0
        features, _ = features_of(subject, graph)
        assert bool(torch.isfinite(features).all()), "an isolated atom has no finite features"
        assert bool(torch.isfinite(energy_of(subject)(graph)).all())
        assert_same(forces_of(subject, graph), torch.zeros(1, 3, dtype=torch.float64))


def check_elements_are_told_apart_and_unknown_ones_refused(subject):
    graph = water()
    oxygen, silicon = graph.atomic_numbers, torch.where(graph.atomic_numbers == 8, 14, graph.atomic_numbers)
    moved = features_of(subject, graph)[0] - features_of(subject, graph.replace(atomic_numbers=silicon))[0]
    # The hydrogens must feel it too: what a message says depends on who sends it.
    assert (moved.abs().amax(1) > 1e-6).all(), "an atom does not feel which element it or its neighbour is"
    with pytest.raises(ValueError, match="element"):
        trunk_of(subject)(graph.replace(atomic_numbers=torch.where(oxygen == 8, 79, oxygen)))


def check_a_supercell_is_so_many_cells(subject):
    for structure in (silicon_carbide, lone_silicon):
        cell = structure()
        supercell = AtomicGraph.from_ase(cell.to_ase().repeat((2, 1, 3)), cutoff=CUTOFF)
        assert_same(energy_of(subject)(supercell), 6 * energy_of(subject)(cell))
        assert_same(features_of(subject, supercell)[0], features_of(subject, cell)[0].repeat(6, 1))


def check_a_crystal_is_the_same_in_every_lattice_basis(subject):
    cell = silicon_carbide()
    basis = torch.tensor([[1, 0, 1], [2, 1, 2], [0, -1, 1]])
    assert_same(
        features_of(subject, change_lattice_basis(cell, basis, cutoff=CUTOFF))[0],
        features_of(subject, cell)[0],
    )


def check_forces_can_be_trained_on(subject):
    """The slope of a force loss along a direction of the weights, against central differences (double backward)."""
    graph, weights = water(), [p for p in subject.parameters() if p.requires_grad]

    def loss(create_graph):
        positions = graph.positions.clone().requires_grad_()
        energy = energy_of(subject)(graph.replace(positions=positions)).sum()
        return torch.autograd.grad(energy, positions, create_graph=create_graph)[0].square().sum()

    gradients = torch.autograd.grad(loss(True), weights, allow_unused=True, materialize_grads=True)
    chance, step = torch.Generator().manual_seed(2), 1e-4
    along = [torch.randn(w.shape, generator=chance, dtype=w.dtype) for w in weights]
    claimed = sum(float((g * u).sum()) for g, u in zip(gradients, along, strict=True))
    kept = [w.detach().clone() for w in weights]

    def at(n):
        for weight, start, u in zip(weights, kept, along, strict=True):
            weight.data.copy_(start + n * step * u)
        return float(loss(False))

    slope = (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * step)
    at(0)
    assert abs(claimed) > 0
    assert claimed == pytest.approx(slope, rel=1e-5), "the gradient of a force loss is wrong"


def check_every_weight_reaches_the_output(subject):
    trunk = trunk_of(subject)
    output, _ = features_of(subject, batch([ethanol(), silicon_carbide()]))
    chance = torch.Generator().manual_seed(7)
    total = (output * torch.randn(output.shape, generator=chance, dtype=output.dtype)).sum()
    named = {name: p for name, p in trunk.named_parameters() if p.requires_grad and p.numel()}
    gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    dead = [
        name for name, g in zip(named, gradients, strict=True) if g is None or not bool(g.abs().max() > 0)
    ]
    assert dead == [], f"weights that nothing depends on: {dead}"


def check_single_precision_gives_the_same(subject):
    graph = silicon_carbide()
    double = features_of(subject, graph)[0].detach()
    twin = copy.deepcopy(subject).float()
    single = features_of(twin, graph.to(dtype=torch.float32))[0].detach()
    assert single.dtype == torch.float32, f"float32 in, {single.dtype} out"
    assert_same(single.double(), double, tolerance=1e-4)


def check_another_device_gives_the_same(subject):
    graph = silicon_carbide()
    energy, forces = energy_of(subject)(graph), forces_of(subject, graph)
    with second_device() as device:
        twin, there = copy.deepcopy(subject).to(device), graph.to(device=device)
        moved = energy_of(twin)(there)
        moved.sum().backward()
        places = {str(weight.grad.device) for weight in twin.parameters() if weight.grad is not None}
        assert places == {device}, f"weights on {device}, gradients on {places}"
        assert_same(moved.cpu(), energy)
        assert_same(forces_of(twin, there).cpu(), forces)


def check_settings_and_weights_rebuild_the_trunk(subject):
    trunk = trunk_of(subject)
    assert trunk.cutoff == CUTOFF
    assert tuple(trunk.elements) == ELEMENTS
    twin = type(trunk)(**json.loads(json.dumps(trunk.settings))).double().eval()
    twin.load_state_dict(trunk.state_dict())
    assert torch.equal(twin(ethanol()), trunk(ethanol()))


def check_the_callers_graph_is_left_alone(subject):
    graph = silicon_carbide()
    kept = {field: value.clone() for field, value in vars(graph).items()}
    energy_of(subject)(graph)
    forces_of(subject, graph)
    assert all(torch.equal(value, kept[field]) for field, value in vars(graph).items())
    assert not graph.positions.requires_grad


CHECKS = [value for key, value in list(globals().items()) if key.startswith("check_")]
