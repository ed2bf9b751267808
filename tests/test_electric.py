"""An electric enthalpy and its derivatives: each against differences of the one below, and against symmetry."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from battery_structures import ethanol, isolated_atom, silicon_carbide, water

from equitour.checks import equivariance_report
from equitour.graph import AtomicGraph, batch
from equitour.models import Potential, build, load, save
from equitour.models.electric import COULOMB, ElectricPotential, respond
from equitour.models.nequip import NequIP
from equitour.models.schnet import SchNet
from equitour.symmetry import CartesianTensor, random_orthogonal, rotate
from equitour.train import Example, Target, WeightedLoss

CUTOFF = 3.5
TENSORS = {
    "dipole": ("i", "graph"),
    "forces": ("i", "node"),
    "born_effective_charges": ("ij", "node"),
    "polarizability": ("ij=ji", "graph"),
    "raman_tensors": ("ijk=ikj", "node"),
}
EVERYTHING = ("energy", *TENSORS)


def electric(*, num_layers=3, lmax=2, elements=(1, 6, 8, 14), seed=0, **settings):
    """A potential in a field, in float64, its weights drawn from the seed."""
    torch.manual_seed(seed)
    trunk = NequIP(
        elements=elements,
        cutoff=CUTOFF,
        num_layers=num_layers,
        num_channels=6,
        lmax=lmax,
        num_neighbors=6.0,
    )
    return ElectricPotential(trunk, **settings).double().eval()


@pytest.fixture(scope="module")
def model():
    return electric(scale=2.0)


def some_field(graphs=1, *, seed=4, size=0.8):
    return size * torch.randn(graphs, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moved(graph, step):
    return graph.replace(positions=graph.positions + step)


def slope(function, step=5e-4):
    """d function/dt at t = 0, from four points."""
    return (function(-2 * step) - 8 * function(-step) + 8 * function(step) - function(2 * step)) / (12 * step)


def assert_close(left, right, tolerance=1e-10):
    scale = max(float(right.detach().abs().max()), 1e-3)
    assert float((left - right).detach().abs().max()) <= tolerance * scale


# Without a field.


def test_without_a_field_it_is_the_potential_of_its_trunk(model):
    plain = Potential(model.trunk, shifts=model.settings["shifts"], scale=2.0).double()
    plain.readout = model.readout
    graph = batch([ethanol(), silicon_carbide()])
    assert torch.equal(model(graph), plain(graph))
    assert torch.equal(model.evaluate(graph, stress=False).forces, plain.evaluate(graph).forces)
    assert_close(model(graph, torch.zeros(2, 3).double()), plain(graph), 1e-14)


# Derivatives.


def answer_along(model, graph, name, field, *, push=0.0, pull=0.0):
    """An answer as a function of how far atoms went along `push` and the field along `pull`."""
    return lambda t: model.response(moved(graph, t * push), [name], field=field + t * pull)[name].detach()


@pytest.fixture(params=["at zero field", "in a field"])
def field(request):
    return some_field() if request.param == "in a field" else torch.zeros(1, 3).double()


def test_the_dipole_is_minus_the_slope_of_the_energy_with_the_field(model, field):
    dipole = model.response(ethanol(), ["dipole"], field=field).dipole
    for axis in torch.eye(3).double():
        energy = answer_along(model, ethanol(), "energy", field, pull=axis)
        assert_close(-slope(energy), dipole @ axis, 1e-7)


def test_born_charges_are_slopes_of_the_dipole_and_of_the_forces(model, field):
    graph = ethanol()
    born = model.response(graph, ["born_effective_charges"], field=field).born_effective_charges
    push = torch.randn(9, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    dipole = answer_along(model, graph, "dipole", field, push=push)
    assert_close(slope(dipole)[0], torch.einsum("nu,nua->a", push, born), 1e-6)
    for a, axis in enumerate(torch.eye(3).double()):
        forces = answer_along(model, graph, "forces", field, pull=axis)
        assert_close(slope(forces), born[:, :, a], 1e-7)


def test_polarizabilities_and_raman_tensors_are_slopes_of_the_answers_below_them(model, field):
    graph = ethanol()
    found = model.response(graph, EVERYTHING, field=field)
    for a, axis in enumerate(torch.eye(3).double()):
        dipole = answer_along(model, graph, "dipole", field, pull=axis)
        assert_close(COULOMB * slope(dipole), found.polarizability[:, a], 1e-7)
    push = torch.randn(9, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    alpha = answer_along(model, graph, "polarizability", field, push=push)
    assert_close(slope(alpha)[0], torch.einsum("nu,nuab->ab", push, found.raman_tensors), 1e-7)


def test_tensors_are_symmetric_in_their_fields_and_a_born_charge_is_not_symmetric(model):
    found = model.response(ethanol(), EVERYTHING)
    assert torch.equal(found.polarizability, found.polarizability.mT)
    assert torch.equal(found.raman_tensors, found.raman_tensors.mT)
    born = found.born_effective_charges
    assert (born - born.mT).abs().max() > 0.01 * born.abs().max()


# Symmetry.


@pytest.mark.parametrize("lmax", [1, 2])
@pytest.mark.parametrize("name", TENSORS)
def test_every_answer_turns_and_mirrors_as_its_indices_say(name, lmax):
    subject, (formula, per) = electric(lmax=lmax), TENSORS[name]
    tensor = CartesianTensor(formula)

    def components(graph):
        return tensor.to_irreps(subject.response(graph, [name])[name])

    report = equivariance_report(components, ethanol(), tensor.irreps, per=per, trials=2)
    assert max(report.errors.values()) < 1e-10, report.verdict
    assert not report.silent


def test_an_energy_in_a_field_does_not_change_when_atoms_and_field_turn_together(model):
    graph, field = ethanol(), some_field()
    for matrix in random_orthogonal(3, generator=torch.Generator().manual_seed(1)):
        assert_close(model(rotate(graph, matrix), field @ matrix.T), model(graph, field), 1e-12)
        turned = model.response(rotate(graph, matrix), EVERYTHING, field=field @ matrix.T)
        for name, (formula, _) in TENSORS.items():
            before = model.response(graph, [name], field=field)[name]
            assert_close(turned[name], CartesianTensor(formula).rotate(before, matrix))
    assert abs(float((model(graph, field) - model(graph, -field)).detach())) > 1e-3


def test_sum_rules_hold_by_construction_in_molecules_and_crystals(model):
    for graph in (ethanol(), silicon_carbide()):
        for field in (None, some_field(size=2.0)):
            found = model.response(graph, EVERYTHING, field=field)
            for tensor in (found.born_effective_charges, found.raman_tensors, found.forces):
                assert tensor.abs().max() > 1e-3
                assert tensor.sum(0).abs().max() < 1e-12 * tensor.abs().max()


def test_born_charges_turn_the_dipole_when_the_molecule_turns(model):
    # A rotation by a small angle about n moves atoms by n × r, and must change the dipole by n × μ.
    graph = ethanol()
    found = model.response(graph, ["dipole", "born_effective_charges"])
    for axis in torch.eye(3).double():
        turn = torch.linalg.cross(axis.expand_as(graph.positions), graph.positions)
        change = torch.einsum("nu,nua->a", turn, found.born_effective_charges)
        assert_close(change, torch.linalg.cross(axis, found.dipole[0]))


def test_a_batch_with_its_fields_equals_one_structure_after_the_other(model):
    graphs, fields = [water(), isolated_atom(), silicon_carbide(), ethanol()], some_field(4)
    together = model.response(batch(graphs), EVERYTHING, field=fields)
    alone = [model.response(g, EVERYTHING, field=f[None]) for g, f in zip(graphs, fields, strict=True)]
    for name in EVERYTHING:
        assert_close(together[name], torch.cat([answer[name] for answer in alone]))


def test_far_apart_molecules_add_their_dipoles_and_polarizabilities(model):
    near, far = ethanol(), water()
    numbers = torch.cat([near.atomic_numbers, far.atomic_numbers])
    both = AtomicGraph.from_arrays(torch.cat([near.positions, far.positions + 40.0]), numbers, cutoff=CUTOFF)
    found, parts = model.response(both), [model.response(near), model.response(far)]
    for name in ("dipole", "polarizability"):
        assert_close(found[name], parts[0][name] + parts[1][name])


def test_a_supercell_has_the_same_charges_polarization_and_dielectric_tensor(model):
    names = ("born_effective_charges", "raman_tensors", "polarization", "dielectric", "polarizability")
    cell = silicon_carbide()
    supercell = AtomicGraph.from_ase(cell.to_ase().repeat((2, 1, 3)), cutoff=CUTOFF)
    small, large = model.response(cell, names), model.response(supercell, names)
    assert_close(large.polarizability, 6 * small.polarizability)
    assert_close(large.polarization, small.polarization)
    assert_close(large.dielectric, small.dielectric)
    for name in ("born_effective_charges", "raman_tensors"):
        assert_close(large[name], small[name].repeat(6, *[1] * (small[name].ndim - 1)))
    volume = float(torch.linalg.det(cell.cell[0]).abs())
    expected = torch.eye(3).double() + 4 * np.pi * small.polarizability / volume
    assert_close(small.dielectric, expected)


@pytest.mark.parametrize("num_layers", [2, 3])
def test_an_isolated_atom_is_polarizable_alike_in_all_directions_and_nothing_else(num_layers):
    found = electric(num_layers=num_layers).response(isolated_atom(), EVERYTHING)
    alpha = found.polarizability[0]
    assert abs(float(alpha[0, 0])) > 1e-3
    assert_close(alpha, alpha[0, 0] * torch.eye(3).double())
    for name in ("dipole", "forces", "born_effective_charges", "raman_tensors"):
        assert found[name].abs().max() < 1e-12


def test_a_molecule_with_a_centre_of_inversion_has_no_dipole_but_moves_charge(model):
    graph = AtomicGraph.from_ase(molecule("CO2"), cutoff=CUTOFF)
    found = model.response(graph, EVERYTHING)
    assert found.dipole.abs().max() < 1e-12
    assert found.born_effective_charges.abs().max() > 1e-3
    # Mutual exclusion: the symmetric stretch is silent in the infrared, the antisymmetric one in Raman.
    symmetric = torch.zeros(3, 3).double()
    symmetric[1, 2], symmetric[2, 2] = 1, -1
    along = graph.positions[1] - graph.positions[2]
    assert along[2].abs() > 2  # The molecule lies along z.
    antisymmetric = symmetric.abs()
    antisymmetric[0, 2] = -2
    for push, visible in ((symmetric, False), (antisymmetric, True)):
        infrared = torch.einsum("nu,nua->a", push, found.born_effective_charges).abs().max()
        raman = torch.einsum("nu,nuab->ab", push, found.raman_tensors).abs().max()
        assert (infrared > 1e-4) == visible
        assert (raman > 1e-4) != visible


# The trap: a field that is taken for axial.


def rock_salt():
    return AtomicGraph.from_ase(bulk("SiC", "rocksalt", a=4.1), cutoff=CUTOFF)


def test_an_axial_field_takes_the_dipole_of_water_and_the_charges_of_rock_salt_away():
    polar, axial = (electric(parity=parity) for parity in ("polar", "axial"))
    still = AtomicGraph.from_ase(molecule("H2O"), cutoff=CUTOFF)
    assert polar.response(still).dipole.norm() > 1e-3
    assert axial.response(still).dipole.norm() < 1e-12
    charges = {m: m.response(rock_salt()).born_effective_charges for m in (polar, axial)}
    first = charges[polar][0]
    assert abs(float(first[0, 0])) > 1e-3
    assert_close(first, first[0, 0] * torch.eye(3).double())
    assert charges[axial].abs().max() < 1e-12


def test_the_equivariance_report_names_the_parity_of_an_axial_field():
    axial = electric(parity="axial")
    report = equivariance_report(lambda g: axial.response(g).dipole, ethanol(), "1o", per="graph")
    assert report.rotation < 1e-10
    assert report.reflection > 0.1
    assert "1e" in report.verdict


def test_polarizabilities_do_not_betray_an_axial_field():
    axial = electric(parity="axial")
    for name in ("polarizability", "raman_tensors"):
        tensor = CartesianTensor(TENSORS[name][0])
        per = TENSORS[name][1]

        def components(graph, name=name, tensor=tensor):
            return tensor.to_irreps(axial.response(graph, [name])[name])

        report = equivariance_report(components, ethanol(), tensor.irreps, per=per, trials=2)
        assert max(report.errors.values()) < 1e-10


# Smoothness.


def test_the_energy_is_smooth_where_the_field_vanishes(model):
    graph, axis = ethanol(), torch.tensor([[0.3, -0.8, 0.5]]).double()
    found = model.response(graph)
    alpha = float(axis @ found.polarizability[0] @ axis.T) / COULOMB
    for step in (1e-2, 1e-3):
        up, here, down = (float(model(graph, s * step * axis).detach()) for s in (1, 0, -1))
        assert (up + down - 2 * here) / step**2 == pytest.approx(-alpha, rel=30 * step)


def test_answers_are_continuous_where_an_atom_crosses_the_cutoff(model):
    def at(distance):
        positions = [[0.0, 0, 0], [0.9, 0.4, 0], [distance, 0, 0]]
        graph = AtomicGraph.from_arrays(positions, [8, 1, 1], cutoff=CUTOFF)
        return model.response(graph, ["dipole", "polarizability", "born_effective_charges"])

    inside, outside, near = at(CUTOFF - 1e-4), at(CUTOFF + 1e-4), at(0.6 * CUTOFF)
    for name in ("dipole", "polarizability", "born_effective_charges"):
        assert (near[name] - outside[name]).abs().max() > 1e-4
        assert (inside[name] - outside[name]).abs().max() < 1e-4 * (near[name] - outside[name]).abs().max()


# Charge.


def test_an_ion_has_charges_that_add_up_to_its_charge_and_a_dipole_that_knows_the_origin(model):
    graph = batch([water(), ethanol()])
    charge = torch.tensor([-1.0, 0.0]).double()
    found = model.response(graph, EVERYTHING, charge=charge)
    neutral = model.response(graph, EVERYTHING)
    sums = torch.zeros(2, 3, 3).double().index_add(0, graph.batch, found.born_effective_charges)
    assert_close(sums, charge[:, None, None] * torch.eye(3).double(), 1e-12)
    shift = torch.tensor([1.0, -2.0, 0.5]).double()
    shifted = model.response(moved(graph, shift), ["dipole"], charge=charge).dipole
    assert_close(shifted - found.dipole, charge[:, None] * shift)
    assert_close(found.dipole[1], neutral.dipole[1])
    assert_close(found.polarizability, neutral.polarizability)
    assert_close(found.raman_tensors, neutral.raman_tensors)
    assert torch.equal(found.forces, neutral.forces)


# Training.


def example():
    graph = batch([water(), ethanol()])
    chance = torch.Generator().manual_seed(8)
    rows = {"graph": graph.num_graphs, "node": graph.num_nodes}
    labels = {"energy": torch.randn(2, generator=chance, dtype=torch.float64)}
    for name, (formula, per) in TENSORS.items():
        shape = (rows[per], *[3] * len(formula.split("=")[0]))
        labels[name] = torch.randn(shape, generator=chance, dtype=torch.float64)
    return Example(graph, labels)


def test_all_answers_can_be_trained_on_at_once_and_every_weight_has_a_part():
    subject, labelled = electric(lmax=1, num_layers=2), example()
    loss = WeightedLoss([Target(name=name) for name in EVERYTHING], predict=respond)
    weights = [p for p in subject.parameters() if p.numel()]
    gradients = torch.autograd.grad(sum(loss(subject, labelled).values()), weights)
    assert all(float(g.abs().max()) > 0 for g in gradients)
    chance, step = torch.Generator().manual_seed(2), 1e-4
    along = [torch.randn(w.shape, generator=chance, dtype=w.dtype) for w in weights]
    kept = [w.detach().clone() for w in weights]

    def at(n):
        for weight, start, u in zip(weights, kept, along, strict=True):
            weight.data.copy_(start + n * step * u)
        return float(sum(loss(subject, labelled).values()).detach())

    slope = (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * step)
    claimed = sum(float((g * u).sum()) for g, u in zip(gradients, along, strict=True))
    assert claimed == pytest.approx(slope, rel=1e-6)


def test_what_nobody_trains_on_keeps_no_graph(model):
    assert not any(model.response(water(), EVERYTHING)[name].requires_grad for name in EVERYTHING)
    with torch.no_grad():
        assert model.response(water()).dipole.abs().max() > 1e-6


def test_single_precision_gives_the_same(model):
    graph = ethanol()
    single = electric(scale=2.0).float()
    found = single.response(graph.to(dtype=torch.float32), EVERYTHING, field=some_field().float())
    exact = model.response(graph, EVERYTHING, field=some_field())
    assert found.dipole.dtype == torch.float32
    for name in EVERYTHING:
        assert_close(found[name].double(), exact[name], 1e-4)


def test_the_callers_graph_is_left_alone(model):
    graph, field = silicon_carbide(), some_field()
    kept = {name: value.clone() for name, value in vars(graph).items()}
    model.response(graph, EVERYTHING, field=field)
    assert all(torch.equal(value, kept[name]) for name, value in vars(graph).items())
    assert not graph.positions.requires_grad
    assert not field.requires_grad


def test_a_file_gives_the_same_answers(model, tmp_path):
    other = electric(shifts=[1.0, 2.0, 3.0, 4.0], field_unit=2.0, parity="axial")
    for subject in (model, other):
        save(subject, tmp_path / "model.safetensors")
        twin = load(tmp_path / "model.safetensors")
        assert isinstance(twin, ElectricPotential)
        assert twin.settings == subject.settings
        found = twin.response(ethanol(), ["raman_tensors"]).raman_tensors
        assert torch.equal(found, subject.response(ethanol(), ["raman_tensors"]).raman_tensors)


# Refusals.


def test_a_field_of_another_shape_is_refused(model):
    both = batch([water(), ethanol()])
    with pytest.raises(
        ValueError, match=r"one vector a structure, \(2, 3\), received shape \(3,\): field.exp"
    ):
        model(both, torch.zeros(3).double())
    with pytest.raises(ValueError, match=r"received shape \(1, 3\)"):
        model.response(both, field=torch.zeros(1, 3).double())


def test_a_charged_crystal_is_refused(model):
    with pytest.raises(ValueError, match="must not repeat, received a charge for one that does"):
        model.response(silicon_carbide(), charge=torch.ones(1).double())


def test_an_unknown_answer_is_refused(model):
    with pytest.raises(ValueError, match=r"must be one of energy, .*, received shielding"):
        model.response(water(), ["dipole", "shielding"])


def test_a_molecule_has_no_polarization(model):
    for name in ("polarization", "dielectric"):
        with pytest.raises(ValueError, match=f"{name} needs structures that repeat in three directions"):
            model.response(water(), [name])


def test_a_trunk_without_room_for_a_field_is_refused():
    with pytest.raises(ValueError, match=r"NequIP trunk of two layers or more, .* received 1"):
        electric(num_layers=1)
    with pytest.raises(ValueError, match="received SchNet: build NequIP"):
        ElectricPotential(SchNet(elements=[8], cutoff=CUTOFF))


def test_an_unknown_parity_and_a_field_without_unit_are_refused():
    trunk = build("nequip", elements=[8], cutoff=CUTOFF)
    with pytest.raises(ValueError, match=r"parity must be 'polar' or 'axial', received '1e'"):
        ElectricPotential(trunk, parity="1e")
    with pytest.raises(ValueError, match="field_unit must be positive, received 0"):
        ElectricPotential(trunk, field_unit=0)


def test_one_atom_in_a_cell_moves_no_charge_because_the_sum_rule_leaves_none(model):
    graph = AtomicGraph.from_ase(
        Atoms("Si", cell=[[2.6, 0.3, 0], [0, 2.7, 0.5], [0.4, 0, 2.9]], pbc=True), cutoff=3.5
    )
    found = model.response(graph, ["born_effective_charges", "polarizability"])
    assert found.born_effective_charges.abs().max() < 1e-12
    assert found.polarizability.abs().max() > 1e-3
