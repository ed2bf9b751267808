"""What the lesson on Raman tensors learns from: indices in order, tensors that belong together, errors that fall."""

from collections import Counter

import pytest
import torch

from equitour.datasets import load
from equitour.learn.field_answers import (
    ANSWERS,
    atom_examples,
    exponent,
    field_examples,
    field_training,
    followed,
    in_words,
    learning_curve,
    relative_errors,
    size,
    slope_gap,
    split_by_kind,
    step_seconds,
)
from equitour.models import ElectricPotential, Response, irreps_for, standardised_response
from equitour.models.electric import respond
from equitour.models.nequip import NequIP
from equitour.train import predict_tensors


@pytest.fixture(scope="module")
def waters():
    return field_examples(load("molecules_response", dtype=torch.float32), "H2O")


def electric():
    torch.manual_seed(0)
    trunk = NequIP(elements=[1, 8], cutoff=4.0, num_layers=2, num_channels=8, lmax=1, num_neighbors=2.0)
    return ElectricPotential(trunk)


def test_examples_have_the_displacement_first(waters):
    # A rotation by a small angle about n moves atoms by n × r and changes the dipole by n × μ; it changes the
    # polarizability by the commutator with the generator of the rotation.
    for example in waters:
        labels, r = example.labels, example.graph.positions
        for axis in torch.eye(3):
            push = torch.linalg.cross(axis.expand_as(r), r)
            turned = torch.linalg.cross(axis, labels["dipole"][0])
            moved = torch.einsum("nu,nua->a", push, labels["born_effective_charges"])
            torch.testing.assert_close(moved, turned, atol=3e-3, rtol=0)
            generator = torch.linalg.cross(axis.expand(3, 3), torch.eye(3)).T
            alpha = labels["polarizability"][0]
            moved = torch.einsum("nu,nuab->ab", push, labels["raman_tensors"])
            torch.testing.assert_close(moved, generator @ alpha - alpha @ generator, atol=0.02, rtol=0)


def test_the_other_order_of_indices_would_contradict_the_dipoles(waters):
    worst = 0.0
    for example in waters:
        r, born = example.graph.positions, example.labels["born_effective_charges"].mT
        for axis in torch.eye(3):
            push = torch.linalg.cross(axis.expand_as(r), r)
            change = torch.linalg.cross(axis, example.labels["dipole"][0])
            worst = max(worst, float((torch.einsum("nu,nua->a", push, born) - change).abs().max()))
    assert worst > 0.03


def test_one_kind_of_molecule_can_be_chosen():
    data = load("molecules_response")
    assert len(field_examples(data)) == len(data)
    chosen = field_examples(data, "H2CO")
    assert chosen
    assert {tuple(e.graph.atomic_numbers.sort().values.tolist()) for e in chosen} == {(1, 1, 6, 8)}


def test_examples_of_any_set_hold_the_labels_of_atoms_that_were_asked_for():
    data = load("barium_titanate")
    examples = atom_examples(data, ["born_effective_charges"])
    assert len(examples) == len(data)
    assert all(list(example.labels) == ["born_effective_charges"] for example in examples)
    assert torch.equal(examples[1].graph.positions, data.graphs[1].positions)
    assert torch.equal(
        examples[1].labels["born_effective_charges"], data.atom_labels["born_effective_charges"][1]
    )


def test_every_fourth_molecule_of_each_kind_is_new_and_none_is_both():
    data = load("molecules_response")
    learnt, new = split_by_kind(data, at_most=len(data))
    assert len(learnt) + len(new) == len(data)
    seen = {tuple(example.graph.positions.flatten().tolist()) for example in learnt}
    assert not seen & {tuple(example.graph.positions.flatten().tolist()) for example in new}

    def counts(examples):
        return Counter(example.graph.to_ase().get_chemical_formula() for example in examples)

    total = counts(field_examples(data))
    assert counts(new) == {kind: number // 4 for kind, number in total.items() if number >= 4}
    assert len(split_by_kind(data, at_most=5)[1]) == 5


def test_a_power_law_gives_back_its_exponent():
    assert exponent([5, 10, 20, 55], [3 * n**-0.4 for n in (5, 10, 20, 55)]) == pytest.approx(-0.4)


def test_errors_are_told_by_the_first_word_of_their_label():
    assert in_words({"dipole": 0.1, "raman_tensors": 0.04567}) == "dipole 0.100, raman 0.046"


def test_a_model_of_zeros_has_a_relative_error_of_one(waters):
    subject = electric()
    with torch.no_grad():
        subject.readout[-1].weight.zero_()
    assert relative_errors(subject, waters) == pytest.approx(dict.fromkeys(ANSWERS, 1.0), rel=1e-5)


def test_all_answers_come_out_of_one_energy_within_a_few_steps(waters):
    subject = electric()
    before = relative_errors(subject, waters[-6:])
    training = field_training(subject, waters[:8], steps=25, learning_rate=0.02)
    for _ in training:
        pass
    after = relative_errors(training.average, waters[-6:])
    assert all(after[name] < min(0.8 * before[name], 0.8) for name in ANSWERS)


def test_direct_heads_learn_through_the_same_functions(waters):
    names, built = ("dipole", "born_effective_charges"), []

    def direct(examples):
        torch.manual_seed(0)
        settings = {"elements": [1, 8], "cutoff": 4.0, "num_layers": 2, "num_channels": 8, "lmax": 2}
        trunk = NequIP(**settings, num_neighbors=2.0, irreps_out=irreps_for(names))
        built.append((standardised_response(trunk, names, examples), len(examples)))
        return built[-1][0]

    before = relative_errors(direct(waters[:8]), waters[-6:], names, predict=predict_tensors)
    options = {"sizes": [2, 8], "steps": 40, "names": names, "predict": predict_tensors}
    curve = learning_curve(direct, waters[:8], waters[-6:], **options)
    assert [count for _, count in built] == [8, 2, 8]
    assert built[1][0].settings["means"] != built[2][0].settings["means"]
    assert set(curve) == set(names)
    # Born charges begin at the mean of each element, which is already better than zeros.
    assert 0.3 < before["born_effective_charges"] < 0.6
    assert all(len(errors) == 2 and errors[1] < 0.25 for errors in curve.values())


def test_the_size_of_a_label_is_its_root_mean_square(waters):
    values = torch.cat([example.labels["dipole"] for example in waters])
    assert size(waters, "dipole") == pytest.approx(float(values.square().mean()) ** 0.5)


def test_a_training_is_followed_to_its_last_step(waters):
    training = field_training(electric(), waters[:4], ("dipole", "polarizability"), steps=8, batch_size=2)
    way = followed(training, waters[-2:], ("dipole", "polarizability"))
    assert way["steps"] == [1, 2, 4, 8]
    assert way["seconds"] == sorted(way["seconds"])
    assert way["seconds"][0] > 0
    last = relative_errors(training.average, waters[-2:], ("dipole", "polarizability"))
    assert {name: way[name][-1] for name in last} == last


def test_three_derivatives_cost_more_than_none(waters):
    trunk = NequIP(elements=[1, 8], cutoff=4.0, num_layers=2, lmax=3, irreps_out=irreps_for(ANSWERS))
    direct = standardised_response(trunk, ANSWERS, waters[:4])
    sides = {"heads": (direct, predict_tensors), "one energy": (electric(), respond)}
    seconds = step_seconds(sides, waters[:4], rounds=3)
    assert seconds["one energy"] > seconds["heads"] > 0


def test_only_derivatives_of_one_energy_fit_the_slope_of_their_own_dipole(waters):
    graph = waters[0].graph.to(dtype=torch.float64)
    trunk = NequIP(elements=[1, 8], cutoff=4.0, num_layers=2, lmax=3, irreps_out=irreps_for(ANSWERS))
    heads, energy = Response(trunk, ANSWERS).double(), electric().double()
    # The difference has an error of the step squared, and what the heads leave has not.
    gaps = [slope_gap(lambda g: energy.response(g, ANSWERS), graph, step=step) for step in (1e-2, 1e-3)]
    assert gaps[1] < 0.02 * gaps[0]
    gaps = [slope_gap(heads, graph, step=step) for step in (1e-2, 1e-3)]
    assert min(gaps) > 1e-2
    assert gaps[1] == pytest.approx(gaps[0], rel=0.1)
