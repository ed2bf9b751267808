"""Learning curves of several draws: nested sets, a common end, slopes with their spread, and a picture in words."""

import pytest
import torch
from matplotlib.figure import Figure

from equitour.datasets import load
from equitour.learn import field_curves
from equitour.learn.field_answers import field_examples
from equitour.models import ElectricPotential
from equitour.models.nequip import NequIP


@pytest.fixture(scope="module")
def waters():
    return field_examples(load("molecules_response", dtype=torch.float32), "H2O")[:8]


def test_draws_take_molecules_of_their_own_in_nested_sets_and_end_in_the_whole(monkeypatch, waters):
    seen = []

    def instead(build, examples, held_out, *, sizes, steps):
        seen.append([[id(example) for example in examples[:size]] for size in sizes])
        return {"dipole": [build(examples[:size]) / size for size in sizes]}

    monkeypatch.setattr(field_curves, "learning_curve", instead)
    options = {"sizes": [2, 5, 8], "seeds": [1, 3], "whole": {"dipole": [9.0, 0.25]}, "steps": 7}
    found = field_curves.curves_of_draws(lambda few, seed: 10.0 * seed, waters, [], **options)
    torch.testing.assert_close(found["dipole"], torch.tensor([[5.0, 2.0, 0.25], [15.0, 6.0, 0.25]]))
    assert all(large[:2] == small for small, large in seen)
    assert seen[0] != seen[1]


def test_models_are_trained_for_every_draw_from_its_own_first_weights(waters):
    seeds = []

    def build(examples, seed):
        seeds.append((len(examples), seed))
        torch.manual_seed(seed)
        trunk = NequIP(elements=[1, 8], cutoff=4.0, num_layers=2, num_channels=4, lmax=1, num_neighbors=2.0)
        return ElectricPotential(trunk)

    options = {"names": ["dipole"], "steps": 2, "whole": {"dipole": [0.5]}}
    found = field_curves.curves_of_draws(
        build, waters[:4], waters[4:6], sizes=[1, 2, 4], seeds=[5, 6], **options
    )
    assert seeds == [(1, 5), (2, 5), (1, 6), (2, 6)]
    assert found["dipole"].shape == (2, 3)
    assert (found["dipole"][:, 2] == 0.5).all()
    assert found["dipole"][0, 0] != found["dipole"][1, 0]


def test_each_draw_has_its_exponent():
    table = torch.tensor([[n**-0.3 for n in (5, 15, 50)], [2 * n**-0.5 for n in (5, 15, 50)]])
    assert field_curves.exponents([5, 15, 50], {"dipole": table})["dipole"].tolist() == pytest.approx(
        [-0.3, -0.5]
    )


def test_the_picture_shows_both_ways_and_says_their_exponents():
    way = {
        "steps": [1, 2],
        "seconds": [0.1, 0.2],
        "raman_tensors": [0.5, 0.3],
        "born_effective_charges": [0.4, 0.2],
    }
    table = torch.tensor([[0.4, 0.2], [0.5, 0.2]])
    curves = {"raman_tensors": table, "born_effective_charges": table}
    axes = Figure().subplots(1, 3)
    told = field_curves.draw_ways(
        axes, {"heads": way, "one energy": way}, [10, 40], {"heads": curves, "one energy": curves}
    )
    assert "heads as N to the -0.58, one energy as N to the -0.58" in told
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["heads, Raman", "heads, Born", "one energy, Raman", "one energy, Born"]
    # A line of means, and a dot for each draw, twice for each way.
    assert [len(ax.lines) for ax in axes] == [4, 4, 4 + 4 * 2]
