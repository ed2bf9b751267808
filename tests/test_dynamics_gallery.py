"""The six force fields that lesson 205 brings along belong to the models that its cells define."""

from pathlib import Path

import pytest
import torch
from ase.build import molecule
from e3nn import o3

from equitour import datasets
from equitour.graph import AtomicGraph
from equitour.learn import failures
from equitour.learn.checkpoints import lesson_205 as trained
from equitour.models import Potential
from equitour.models.nequip import NequIP
from equitour.tensor_product import Gate
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


METHANE = AtomicGraph.from_ase(molecule("CH4"), cutoff=failures.CUTOFF)
ETHANOL = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=failures.CUTOFF)


def test_a_sound_force_field_reads_rounding_on_every_instrument():
    torch.manual_seed(0)
    readings = failures.examine(Potential(NequIP(**failures.SETTINGS)).double(), ETHANOL)
    assert len(readings) == 6
    assert max(readings.values()) < 1e-8


def test_a_constant_force_on_every_atom_is_read_as_a_net_force_and_not_as_work_on_a_loop():
    """A constant force is the gradient of a tilted plane: no work on a closed way, but a net force and no equivariance."""
    tilted = Potential(NequIP(**failures.SETTINGS)).double()
    push = torch.tensor([0.0, 0.0, 0.1], dtype=torch.float64)
    plain = tilted.evaluate

    def pushed(graph):
        prediction = plain(graph)
        return prediction._replace(forces=prediction.forces + push)

    tilted.evaluate = pushed
    readings = failures.examine(tilted, ETHANOL)
    assert readings["net force"] == pytest.approx(0.9)
    assert readings["rotation"] > 1e-3
    assert readings["work on a loop"] < 1e-10


def test_a_way_around_comes_back_and_stays_small():
    places, around = failures.loop_around(METHANE, size=0.02, points=40)
    assert around.num_graphs == len(places) == 40
    steps = (places.roll(-1, 0) - places).norm(dim=2)
    assert float(steps.max()) < 0.03  # The last place is as near to the first as any to its next.
    assert torch.allclose(places.mean(0), METHANE.positions)


def test_new_irreps_and_gates_reach_every_layer():
    trunk = failures.with_irreps(
        NequIP(**failures.SETTINGS), lambda irreps: o3.Irreps(str(irreps).replace("o", "e"))
    )
    assert all("o" not in f"{layer.irreps_in} {layer.convolution.irreps_out}" for layer in trunk.layers)

    class Own(Gate):
        pass

    assert all(
        isinstance(layer.gate, Own) for layer in failures.with_gates(NequIP(**failures.SETTINGS), Own).layers
    )
