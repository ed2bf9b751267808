"""The six force fields that lesson 205 brings along belong to the models that its cells define."""

from pathlib import Path

import pytest
import torch

from equitour import datasets
from equitour.learn.checkpoints import lesson_205 as trained
from equitour.train import energy_and_forces, prediction_errors

NOTEBOOK = Path(__file__).parents[1] / "tutorials" / "205_planned_failures.ipynb"


@pytest.fixture(scope="module")
def sets():
    return trained.split(datasets.load("molecules_md/ethanol", cutoff=3.0))


def test_no_walker_is_both_learnt_from_and_tested_on(sets):
    train, test = sets
    assert (len(train), len(test)) == (400, 100)
    learnt = {tuple(example.graph.positions.flatten().tolist()) for example in train}
    assert not learnt & {tuple(example.graph.positions.flatten().tolist()) for example in test}


def test_all_six_have_learnt_forces_equally_well(sets):
    errors = {}
    for name, model in trained.gallery(NOTEBOOK).items():
        model = trained.load(name, model)
        errors[name] = prediction_errors(model, sets[1][:40], energy_and_forces())["forces"].mae
    assert len(errors) == 6
    assert max(errors.values()) < 0.08
    assert max(errors.values()) < 1.5 * min(errors.values())


def test_training_starts_from_the_lesson_s_cells_and_ends_in_double_precision(sets):
    model = trained.gallery(NOTEBOOK)["direct"]
    before = model.vector.weight.clone().double()
    after = trained.train("direct", model, sets[0][:10], steps=2)
    assert after.vector.weight.dtype == torch.float64
    assert float((after.vector.weight - before).detach().abs().max()) > 1e-6
