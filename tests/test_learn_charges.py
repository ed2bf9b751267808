"""Guesses for Born charges, and the training of lesson 302."""

import math

import pytest
import torch

from equitour import datasets
from equitour.learn.charges import (
    BORN,
    by_element,
    carried_along,
    draw_curve,
    head_of,
    mean_curve,
    number_an_element,
    overlay,
    process_seconds,
    relative,
    rmse,
    trained,
    waters_in_one_frame,
)
from equitour.models import build, standardised_response
from equitour.symmetry import CartesianTensor, random_rotation, rotate
from equitour.train import Example

DATA = datasets.load("molecules_response", cutoff=4.0)
WATER = [
    Example(sample.graph, {BORN: sample.atom_labels[BORN]})
    for sample in DATA
    if sample.labels["molecule"] == "H2O"
]


def _turned(example, R):
    return Example(rotate(example.graph, R), {BORN: R @ example.labels[BORN] @ R.T})


def _head(examples, seed=0):
    torch.manual_seed(seed)
    trunk = build("nequip", elements=[1, 8], cutoff=4.0, num_layers=2, num_channels=4, lmax=2, num_neighbors=2.0,
                  irreps_out="0e + 1e + 2e")  # fmt: skip
    return standardised_response(trunk, [BORN], examples).double()


def test_rmse_counts_every_component():
    assert rmse(torch.tensor([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx(2.5)


def test_a_guess_of_zeros_has_the_relative_error_one():
    truth = torch.tensor([3.0, -4.0])
    assert relative(torch.zeros(2), truth) == pytest.approx(1)
    assert relative(1.1 * truth, truth) == pytest.approx(0.1)


def test_errors_by_element_are_those_of_its_atoms_alone():
    error = torch.tensor([2.0, 0.5, 0.5])[:, None, None].expand(3, 3, 3)
    assert by_element(error, torch.tensor([8, 1, 1])) == pytest.approx({"H": 0.5, "O": 2.0})


def test_what_a_head_holds_gives_its_tensors_again():
    model, graph, T = _head(WATER), WATER[0].graph, CartesianTensor("ij")
    weights, mean, scales = head_of(model, graph.atomic_numbers)
    x = model.trunk(graph).split([1, 3, 5], dim=1)
    blocks = [s * rows @ w for s, rows, w in zip(scales, x, weights, strict=True)]
    found = torch.cat([blocks[0] + mean, *blocks[1:]], 1)
    assert torch.allclose(T.from_irreps(found), model(graph)[BORN], rtol=0, atol=1e-13)


def test_an_element_s_number_is_the_mean_of_a_third_of_the_traces():
    guess = number_an_element(WATER, WATER[0].graph.atomic_numbers, BORN)
    oxygens = torch.stack([torch.trace(example.labels[BORN][0]) / 3 for example in WATER])
    assert torch.allclose(guess[0], oxygens.mean() * torch.eye(3).double())
    # The sum rule of each molecule leaves the hydrogens half of the oxygen's opposite.
    assert torch.allclose(guess[1], -guess[0] / 2, atol=1e-4)
    assert torch.equal(guess[1], guess[2])


def test_a_molecule_is_laid_onto_its_turned_self_by_the_turn_undone():
    R = random_rotation(generator=torch.Generator().manual_seed(1))
    places = WATER[0].graph.positions
    found = overlay(places @ R.T + 5.0, places)
    assert torch.allclose(found, R.T)


def test_laying_a_molecule_onto_its_mirror_image_is_still_a_rotation():
    places = torch.randn(6, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = overlay(places * torch.tensor([1.0, 1, -1]).double(), places)
    assert torch.allclose(found @ found.T, torch.eye(3).double())
    assert float(torch.linalg.det(found)) == pytest.approx(1)


def test_a_carried_tensor_turns_with_its_molecule():
    generator = torch.Generator().manual_seed(3)
    turns = [random_rotation(generator=generator) for _ in range(4)]
    copies = [_turned(WATER[0], R) for R in turns]
    # The same rigid molecule in four positions: what is known of three gives the fourth exactly.
    guess = carried_along(copies[:3], copies[3:], BORN)
    assert torch.allclose(guess, copies[3].labels[BORN])


def test_a_carried_tensor_knows_nothing_of_other_kinds():
    other = next(sample for sample in DATA if sample.labels["molecule"] == "H2CO")
    strange = Example(other.graph, {BORN: 100 + other.atom_labels[BORN]})
    alone = carried_along(WATER[:1], WATER[2:3], BORN)
    beside = carried_along([strange, WATER[0]], WATER[2:3], BORN)
    assert torch.equal(alone, beside)


def test_waters_in_one_frame_keep_what_does_not_turn():
    r, angle, mu, Z = waters_in_one_frame(list(DATA))
    assert bool((angle.diff() >= 0).all())
    assert float(mu[:, 2].abs().max()) < 1e-4  # The plane of the molecule is a mirror.
    lengths = torch.stack([s.labels["dipole"].norm() for s in DATA if s.labels["molecule"] == "H2O"])
    assert torch.allclose(mu.norm(dim=1).sort().values, lengths.sort().values)
    forbidden = torch.stack([Z[..., 2, :2], Z[..., :2, 2]])
    assert float(forbidden.abs().max()) < 1e-3
    assert float(r[:, 0].abs().max()) == 0


def test_training_makes_the_error_of_born_charges_smaller_and_leaves_the_weights_at_rest():
    model = _head(WATER)
    graph, Z = WATER[0].graph, WATER[0].labels[BORN]
    with torch.no_grad():
        before = rmse(model(graph)[BORN] - Z)
    after = trained(model, WATER, steps=60)
    assert rmse(after(graph)[BORN] - Z) < before / 2
    assert not any(weight.requires_grad for weight in after.parameters())


def test_a_mean_curve_has_an_error_for_each_size_and_depends_on_its_seeds():
    first, second, both = (
        mean_curve(_head, WATER[:4], WATER[4:6], sizes=[2, 4], steps=2, seeds=seeds)
        for seeds in ([1], [2], [1, 2])
    )
    assert first != second
    assert both == pytest.approx([(a + b) / 2 for a, b in zip(first, second, strict=True)], rel=1e-5)


def test_a_drawn_curve_says_what_its_lines_are():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    draw_curve(ax, [6, 24], [0.2, 0.1], {"a number": 0.3}, label="network")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["network", "a number"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["10 %", "15 %", "20 %", "30 %"]
    low, high = ax.get_ylim()
    assert low < 0.1 < 0.3 < high


def test_processor_time_is_that_of_one_call():
    calls = []
    seconds = process_seconds(calls.append, WATER[0].graph, repeats=3)
    assert len(calls) == 3
    assert math.isfinite(seconds)
    assert seconds >= 0
