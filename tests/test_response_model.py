"""Several tensors over one trunk: they turn as their indices say, standardised or not, and add up as laws demand."""

import json

import pytest
import torch
from ase import Atoms
from ase.build import molecule
from toy_response import CUTOFF, derivatives, shaken

from equitour import models
from equitour.graph import AtomicGraph, batch
from equitour.models import TENSORS, Response, TensorKind, irreps_for, standardised_response
from equitour.symmetry import CartesianTensor, permute, random_orthogonal, random_rotation, rotate
from equitour.train import (
    Budget,
    Example,
    Minibatches,
    Recipe,
    TensorTarget,
    Training,
    WeightedLoss,
    block_errors,
    collate,
    predict_tensors,
    prediction_errors,
    standardisation,
)

ALL = list(TENSORS)
DOUBLE = ["born_effective_charges", "raman_tensors"]


def response(names=DOUBLE, *, model="nequip", **options) -> Response:
    torch.manual_seed(5)
    settings = {"num_layers": 2, "num_channels": 8, "lmax": 2, "radial_channels": (6, 8)}
    if "elasticity" in names:
        settings["lmax"] = 4
    trunk = models.build(model, elements=[1, 6, 8], cutoff=CUTOFF, irreps_out=irreps_for(names), **settings)
    return Response(trunk, names, **options).double()


def examples(count=6, names=(*DOUBLE, "polarizability", "dipole")):
    """Closed-form tensors of shaken water and methanol."""
    made = []
    for seed in range(count):
        graph = AtomicGraph.from_ase(shaken(("H2O", "CH3OH")[seed % 2], seed=seed), cutoff=CUTOFF)
        found = {name: torch.from_numpy(value) for name, value in derivatives(graph).items() if name in names}
        of_atoms = {name: value if name in DOUBLE else value[None] for name, value in found.items()}
        made.append(Example(graph, of_atoms))
    return made


@pytest.fixture(scope="module")
def methanol():
    return AtomicGraph.from_ase(shaken("CH3OH", seed=3), cutoff=CUTOFF)


def test_irreps_follow_from_the_indices_alone():
    expected = {
        "born_effective_charges": "0e + 1e + 2e",
        "shielding": "0e + 1e + 2e",
        "raman_tensors": "2x1o + 2o + 3o",
        "polarizability": "0e + 2e",
        "dielectric": "0e + 2e",
        "dipole": "1o",
        "piezoelectric": "2x1o + 2o + 3o",
        "elasticity": "2x0e + 2x2e + 4e",
    }
    for name, irreps in expected.items():
        found = " + ".join(f"{n}x{ir}" if n > 1 else str(ir) for n, ir in TENSORS[name].tensor.irreps)
        assert found == irreps, name
    assert irreps_for(DOUBLE) == "0e + 1e + 1o + 2e + 2o + 3o"


def test_elasticity_has_twenty_one_numbers_and_the_two_of_an_isotropic_solid():
    tensor = CartesianTensor("ijkl=jikl=klij")
    assert tensor.irreps.dim == 21
    eye = torch.eye(3, dtype=torch.float64)
    lame = 60.0 * torch.einsum("ij,kl->ijkl", eye, eye)
    shear = 26.0 * (torch.einsum("ik,jl->ijkl", eye, eye) + torch.einsum("il,jk->ijkl", eye, eye))
    components = tensor.to_irreps(lame + shear)
    assert torch.allclose(tensor.from_irreps(components), lame + shear, atol=1e-12)
    assert components[2:].abs().max() < 1e-12
    assert CartesianTensor("ijkl=jikl=ijlk=klij").irreps == tensor.irreps


@pytest.mark.parametrize("model", ["nequip", "attention"])
def test_all_tensors_of_one_trunk_turn_as_their_indices_do_in_mirrors_too(model, methanol):
    names = [name for name in ALL if name != "elasticity"]
    options = {"means": {}, "scales": {}}
    for name in names:
        irreps = TENSORS[name].tensor.irreps
        scalars = sum(copies for copies, ir in irreps if str(ir) == "0e")
        options["means"][name] = [[1.0 + k] * scalars for k in range(3)]
        options["scales"][name] = [0.5 + 3.0 * k for k in range(len(irreps))]
    network = response(names, model=model, sum_rules=["born_effective_charges"], **options)
    tensors = network(methanol)
    for matrix in random_orthogonal(4, generator=torch.Generator().manual_seed(1)):
        turned = network(rotate(methanol, matrix))
        for name in names:
            assert tensors[name].abs().max() > 1e-3, name
            assert torch.allclose(
                turned[name], TENSORS[name].tensor.rotate(tensors[name], matrix), atol=1e-11
            ), name


def test_an_elasticity_tensor_is_a_lesson_away(methanol):
    network = response(["elasticity"])
    stiffness = network(methanol)["elasticity"]
    assert stiffness.shape == (1, 3, 3, 3, 3)
    assert torch.allclose(stiffness, stiffness.permute(0, 3, 4, 1, 2), atol=1e-13)
    matrix = random_rotation(generator=torch.Generator().manual_seed(2))
    turned = network(rotate(methanol, matrix))["elasticity"]
    assert torch.allclose(turned, TENSORS["elasticity"].tensor.rotate(stiffness, matrix), atol=1e-11)


def test_atoms_keep_their_tensors_when_they_are_numbered_anew_or_put_beside_others(methanol):
    network = response([*DOUBLE, "polarizability", "dielectric"])
    water = AtomicGraph.from_ase(molecule("H2O"), cutoff=CUTOFF)
    alone, both = network(methanol), network(batch([water, methanol]))
    assert torch.allclose(both["raman_tensors"][3:], alone["raman_tensors"], atol=1e-13)
    assert torch.allclose(both["polarizability"][1], alone["polarizability"][0], atol=1e-13)
    assert torch.allclose(both["dielectric"][1], alone["dielectric"][0], atol=1e-13)
    order = torch.randperm(methanol.num_nodes, generator=torch.Generator().manual_seed(1))
    mixed = network(permute(methanol, order))["raman_tensors"]
    same = [
        torch.allclose(mixed, alone["raman_tensors"][places], atol=1e-13)
        for places in (order, order.argsort())
    ]
    assert any(same)


def test_what_grows_with_the_system_doubles_and_what_does_not_stays():
    crystal = AtomicGraph.from_ase(
        Atoms("HC", [[0, 0, 0], [0, 0, 1.2]], cell=[3.1, 3.2, 3.3], pbc=True), cutoff=CUTOFF
    )
    larger = AtomicGraph.from_ase(crystal.to_ase().repeat((2, 1, 1)), cutoff=CUTOFF)
    network = response(["polarizability", "dielectric"])
    one, two = network(crystal), network(larger)
    assert torch.allclose(two["polarizability"], 2 * one["polarizability"], atol=1e-12)
    assert torch.allclose(two["dielectric"], one["dielectric"], atol=1e-12)


def test_the_sum_rule_holds_in_every_structure_once_it_is_imposed(methanol):
    both = batch([methanol, AtomicGraph.from_ase(molecule("H2O"), cutoff=CUTOFF)])
    free, bound = response(), response(sum_rules=DOUBLE)
    for name in DOUBLE:
        sums = torch.stack([free(both)[name][:6].sum(0), free(both)[name][6:].sum(0)])
        assert sums.abs().max() > 1e-2
        sums = torch.stack([bound(both)[name][:6].sum(0), bound(both)[name][6:].sum(0)])
        assert sums.abs().max() < 1e-12
        # The nearest tensors that obey it: all atoms move alike.
        moved = (bound(both)[name] - free(both)[name])[:6]
        assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-12)


def test_the_mean_of_a_species_is_a_third_of_the_trace_and_no_other_component():
    data = examples()
    means, scales = standardisation(data, DOUBLE[0], formula="ij", elements=[1, 6, 8])
    whole = collate(data)
    network = response([DOUBLE[0]], means={DOUBLE[0]: means}, scales={DOUBLE[0]: [1e-9] * 3})
    for number, found in zip(whole.graph.atomic_numbers, network(whole.graph)[DOUBLE[0]], strict=True):
        chosen = whole.labels[DOUBLE[0]][whole.graph.atomic_numbers == number]
        third = chosen.diagonal(dim1=1, dim2=2).mean()
        assert torch.allclose(found, third * torch.eye(3, dtype=torch.float64), atol=1e-6)
    assert len(scales) == 3


@pytest.mark.parametrize("name", [*DOUBLE, "polarizability", "dipole"])
def test_standardisation_does_not_know_the_axes(name):
    kind, data = TENSORS[name], examples()
    options = {"formula": kind.formula, "per": kind.per, "elements": [1, 6, 8]}
    matrix = random_orthogonal(1, generator=torch.Generator().manual_seed(3))[0]
    turned = [
        Example(rotate(e.graph, matrix), {name: kind.tensor.rotate(e.labels[name], matrix)}) for e in data
    ]
    for first, second in zip(
        standardisation(data, name, **options), standardisation(turned, name, **options), strict=True
    ):
        assert torch.allclose(torch.tensor(first), torch.tensor(second), atol=1e-12)


def test_an_isotropic_fit_to_the_composition_is_found_exactly():
    shares = torch.tensor([1.5, 7.0, 4.0], dtype=torch.float64)
    data = []
    for name in ("H2O", "CH4", "CO", "CH3OH"):
        graph = AtomicGraph.from_ase(molecule(name), cutoff=CUTOFF)
        counts = torch.stack([(graph.atomic_numbers == number).sum() for number in (1, 6, 8)]).double()
        data.append(Example(graph, {"polarizability": (counts @ shares) * torch.eye(3).double()[None]}))
    means, scales = standardisation(data, "polarizability", formula="ij=ji", per="graph", elements=[1, 6, 8])
    # A unit tensor is √3 times the orthonormal 0e component.
    assert torch.allclose(torch.tensor(means).squeeze(1), 3**0.5 * shares.float(), atol=1e-6)
    assert scales == [1.0, 1.0]


def test_a_saved_response_comes_back_with_its_settings(tmp_path, methanol):
    means = {DOUBLE[0]: [[0.1], [0.2], [-0.3]]}
    network = response(
        means=means, scales={DOUBLE[1]: [1.0, 2.0, 3.0]}, sum_rules=DOUBLE[:1], species={DOUBLE[1]: [8]}
    )
    models.save(network, tmp_path / "r.safetensors", metadata={"note": "kept"})
    again = models.load(tmp_path / "r.safetensors")
    assert again.settings == network.settings == json.loads(json.dumps(network.settings))
    for name, tensors in network(methanol).items():
        assert torch.equal(again(methanol)[name], tensors)
    assert models.load(tmp_path / "r.safetensors").elements == [1, 6, 8]


def test_a_double_head_learns_two_tensors_that_follow_from_one_law():
    data = examples(4, DOUBLE)
    network = standardised_response(response().trunk, DOUBLE, data, sum_rules=DOUBLE).double()
    scales = network.settings["scales"]
    targets = [TensorTarget(name=name, scale=scales[name][-1]) for name in DOUBLE]
    training = Training(
        network,
        WeightedLoss(targets, predict=predict_tensors),
        batches=Minibatches(data, batch_size=2, generator=torch.Generator().manual_seed(0)),
        budget=Budget(steps=60),
        recipe=Recipe(learning_rate=0.02, decay=0.9),
    )
    before = prediction_errors(network, data, targets, predict=predict_tensors)
    for _ in training:
        pass
    after = prediction_errors(training.average, data, targets, predict=predict_tensors)
    for name in DOUBLE:
        assert after[name].rmse < 0.35 * before[name].rmse, name


def test_squared_errors_of_the_blocks_add_up_to_those_of_all_components():
    data, network = examples(3, DOUBLE), response()
    for name in DOUBLE:
        kind = TENSORS[name]
        target = TensorTarget(name=name, formula=kind.formula)
        whole = prediction_errors(network, data, [target], predict=predict_tensors)[name].rmse
        blocks = block_errors(network, data, target, batch_size=2)
        sizes = {str(ir): n * ir.dim for n, ir in kind.tensor.irreps}
        total = sum(sizes[ir] * error.rmse**2 for ir, error in blocks.items())
        assert total / 3 ** len(kind.indices) == pytest.approx(whole**2)


def test_a_block_of_weight_zero_is_not_looked_at():
    (example,) = examples(1, DOUBLE[:1])
    kind = TENSORS[DOUBLE[0]]
    born = example.labels[DOUBLE[0]]
    found = {DOUBLE[0]: (born + born.mT) / 2}
    target = TensorTarget(name=DOUBLE[0], formula=kind.formula, block_weights={"1e": 0.0})
    assert target.deviations(found, example).abs().max() < 1e-14
    heavier = TensorTarget(name=DOUBLE[0], formula=kind.formula, block_weights={"1e": 9.0})
    plain = TensorTarget(name=DOUBLE[0])
    assert torch.allclose(
        heavier.deviations(found, example), 3 * plain.deviations(found, example), atol=1e-14
    )
    with pytest.raises(ValueError, match=r"block_weights of dipole must name irreps among 1o, received 2e"):
        TensorTarget(name="dipole", formula="i", block_weights={"2e": 1.0})


def test_only_labelled_atoms_count():
    (example,) = examples(1, DOUBLE[:1])
    labels = example.labels[DOUBLE[0]].clone()
    oxygen = example.graph.atomic_numbers == 8
    labels[~oxygen] = torch.nan
    network, marked = response([DOUBLE[0]]), Example(example.graph, {DOUBLE[0]: labels})
    by_nan = WeightedLoss([TensorTarget(name=DOUBLE[0])], predict=predict_tensors)
    by_species = WeightedLoss([TensorTarget(name=DOUBLE[0], species=[8])], predict=predict_tensors)
    value = by_nan(network, marked)[DOUBLE[0]]
    assert torch.equal(value, by_species(network, example)[DOUBLE[0]])
    deviation = network(example.graph)[DOUBLE[0]][oxygen] - labels[oxygen]
    assert float(value.detach()) == pytest.approx(float(deviation.square().mean().detach()))
    nothing = Example(example.graph, {DOUBLE[0]: torch.full_like(labels, torch.nan)})
    assert float(by_nan(network, nothing)[DOUBLE[0]].detach()) == 0.0
    means, _ = standardisation([marked], DOUBLE[0], formula="ij", elements=[1, 6, 8])
    assert means[0] == pytest.approx([0.0])
    assert means[2] == pytest.approx([float(labels[oxygen].diagonal(dim1=1, dim2=2).sum() / 3**0.5)])
    with pytest.raises(
        ValueError, match="born_effective_charges must have labels, received none in 1 structures"
    ):
        standardisation([nothing], DOUBLE[0], formula="ij", elements=[1, 6, 8])


def test_a_polar_head_asked_for_an_axial_tensor_is_refused_and_the_reverse():
    polar = models.build("nequip", elements=[8], cutoff=3.0, lmax=2, irreps_out="0e + 1o + 2e")
    with pytest.raises(
        ValueError,
        match=r"shielding \('ij'\) with axial indices 'ij' needs 1x0e\+1x1e\+1x2e from its trunk, received "
        r".*1x1o.*, whose 1o turn alike but change sign otherwise in a mirror: .* irreps_out that hold 1e",
    ):
        Response(polar, ["shielding"])
    axial = models.build("nequip", elements=[8], cutoff=3.0, lmax=2, irreps_out="0e + 1e")
    with pytest.raises(
        ValueError, match=r"dipole \('i'\) .* needs 1x1o .*whose 1e turn alike .* that hold 1o"
    ):
        Response(axial, ["dipole"])


def test_what_cannot_be_meant_is_refused():
    trunk = models.build("nequip", elements=[1, 8], cutoff=3.0, lmax=2, irreps_out="0e + 1e + 1o + 2e")
    with pytest.raises(
        ValueError, match=r"tensors must be among born_effective_charges.*received charm: choose"
    ):
        Response(trunk, ["charm"])
    with pytest.raises(ValueError, match=r"tensors must be among .* received none"):
        Response(trunk, [])
    with pytest.raises(ValueError, match="per must be 'node', 'graph' or 'mean', received 'edge'"):
        TensorKind(formula="i", per="edge")
    with pytest.raises(ValueError, match="a sum rule must belong to a tensor of atoms, received 'dipole'"):
        Response(trunk, ["dipole"], sum_rules=["dipole"])
    with pytest.raises(
        ValueError, match=r"means of dipole must have the shape \(2, 0\) .* only what is invariant has a mean"
    ):
        Response(trunk, ["dipole"], means={"dipole": [[0.1, 0.0, 0.0], [0.0, 0.0, 0.2]]})
    with pytest.raises(
        ValueError, match=r"scales of dipole must hold one number for each block of 1x1o, received 3"
    ):
        Response(trunk, ["dipole"], scales={"dipole": [1.0, 2.0, 3.0]})
    spin = Response(trunk, {"moment": TensorKind(formula="i", axial="i")})
    assert list(spin(AtomicGraph.from_ase(molecule("H2O"), cutoff=3.0, dtype=torch.float32))) == ["moment"]
