"""Parity plots measure what they print, block by block, and their scores do not depend on the frame."""

import re

import numpy as np
import pytest
import torch

from equitour import view
from equitour.symmetry import CartesianTensor, random_rotation


@pytest.fixture
def pair(generator):
    reference = torch.randn(40, 3, 3, dtype=torch.float64, generator=generator)
    predicted = reference + 0.1 * torch.randn(40, 3, 3, dtype=torch.float64, generator=generator)
    return predicted, reference


def test_the_squared_errors_of_the_blocks_add_up_to_that_of_the_tensors(pair):
    drawn = view.parity(*pair, formula="ij")
    assert list(drawn.rmse) == ["0e", "1e", "2e"]
    assert drawn.count == {"0e": 40, "1e": 120, "2e": 200}
    total = sum(drawn.rmse[name] ** 2 * drawn.count[name] for name in drawn.rmse)
    assert total == pytest.approx(float(((pair[0] - pair[1]) ** 2).sum()), rel=1e-12)


def test_scores_do_not_change_when_every_tensor_is_turned(pair, generator):
    turn = random_rotation(generator=generator)
    before, after = (
        view.parity(*pair, formula="ij"),
        view.parity(*(turn @ t @ turn.mT for t in pair), formula="ij"),
    )
    for name in before.rmse:
        assert after.rmse[name] == pytest.approx(before.rmse[name], rel=1e-12)
        assert after.r2[name] == pytest.approx(before.r2[name], rel=1e-12)


def test_components_and_cartesian_tensors_give_the_same_scores(pair):
    tensor = CartesianTensor("ij", axial="ij")
    parts = view.parity(*(tensor.to_irreps(t) for t in pair), irreps=tensor.irreps)
    assert parts.rmse == view.parity(*pair, formula=tensor).rmse


def test_r2_is_zero_for_the_best_guess_without_environment_and_one_for_the_truth(pair):
    reference = CartesianTensor("ij").to_irreps(pair[1]).numpy()
    guess = np.zeros_like(reference)
    guess[:, 0] = reference[:, 0].mean()
    assert list(view.parity(guess, reference, irreps="0e+1e+2e").r2.values()) == pytest.approx(
        [0, 0, 0], abs=1e-12
    )
    assert list(view.parity(reference, reference, irreps="0e+1e+2e").r2.values()) == [1, 1, 1]


def test_knowing_only_the_element_explains_nothing_where_groups_are_given():
    names, reference = ["O", "H"] * 10, np.tile([-2.0, 1.0], 10) + np.linspace(0, 0.1, 20)
    guess = np.array([reference[index % 2 :: 2].mean() for index in range(20)])
    assert view.parity(guess, reference, groups=names).r2["all"] == pytest.approx(0, abs=1e-12)
    assert view.parity(guess, reference).r2["all"] > 0.99


def test_a_block_that_symmetry_forbids_says_that_nothing_is_left_to_explain(pair):
    symmetric = pair[1] + pair[1].mT
    drawn = view.parity(symmetric, symmetric, formula="ij")
    assert np.isnan(drawn.r2["1e"])
    assert "1e: RMSE" in drawn.alt
    assert "R²: reference constant" in drawn.alt


def test_irreps_that_occur_twice_share_a_panel_and_columns_may_be_named(pair):
    flat = [t.flatten(1) for t in pair]
    drawn = view.parity(*flat, irreps="1o + 2x0e + 1o + 0e")
    assert drawn.count == {"2x1o": 240, "3x0e": 120}
    assert view.parity(*flat, blocks={"diagonal": [0, 4, 8]}).count == {"diagonal": 120}


def test_the_picture_prints_what_it_measured_and_escapes_names_from_files(pair):
    evil = "<script>alert(1)</script>"
    drawn = view.parity(*pair, formula="ij", unit="e", groups=[evil] * 40, title=evil)
    assert "<script" not in drawn.html
    for name, value in drawn.rmse.items():
        assert (
            f"{name}: RMSE {value:.3g} e, R² {drawn.r2[name]:.3f} ({drawn.count[name]} numbers)" in drawn.alt
        )
        assert f"RMSE {value:.3g} e" in drawn.html
    assert drawn.html.count("currentColor") > 10
    assert not re.search("#000000|#ffffff", drawn.html)


def test_tens_of_thousands_of_points_stay_a_small_picture(generator):
    reference = torch.randn(5000, 9, dtype=torch.float64, generator=generator)
    assert len(view.parity(reference, reference, irreps="0e+1e+2e").html) < 400_000


_REFUSALS = {
    "shapes": (lambda: view.parity([1.0, 2.0], [1.0]), r"must have one shape, received \(2,\) and \(1,\)"),
    "nothing": (lambda: view.parity([], []), "must have one shape"),
    "not finite": (lambda: view.parity([1.0], [np.nan]), "reference must be finite, received 1 values .* leave out"),
    "both": (lambda: view.parity([1.0], [1.0], irreps="0e", formula="ij"), "one of irreps, formula and blocks"),
    "irreps": (lambda: view.parity(np.ones((4, 6)), np.ones((4, 6)), irreps="0e+1e+2e"), r"\(samples, 9\), received \(4, 6\)"),
    "formula": (lambda: view.parity(np.ones((4, 9)), np.ones((4, 9)), formula="ij"), r"\(samples, 3, 3\), received \(4, 9\)"),
    "columns": (lambda: view.parity(np.ones((4, 2)), np.ones((4, 2)), blocks={"b": [2]}), r"block 'b' must name columns 0 to 1, received \[2\]"),
    "groups": (lambda: view.parity([1.0, 2.0], [1.0, 2.0], groups=["H"]), "each of the 2 samples, received 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", _REFUSALS)
def test_every_refusal_is_one_clear_sentence(case):
    call, words = _REFUSALS[case]
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
