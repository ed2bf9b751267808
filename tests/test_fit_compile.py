"""`equitour fit --compile`: when it is worth while, and what happens where it cannot be done."""

from types import SimpleNamespace

import pytest
import torch
from ase.build import molecule

from equitour.cli import compiling
from equitour.cli.trouble import Trouble
from equitour.graph import AtomicGraph
from equitour.models import Potential, build
from equitour.train import Budget, Example, Minibatches, Training, WeightedLoss, energy_and_forces


@pytest.fixture
def training():
    torch.manual_seed(0)
    graph = AtomicGraph.from_ase(molecule("H2O"), cutoff=3.0, dtype=torch.float32)
    labels = {"energy": torch.zeros(1, dtype=torch.float64), "forces": torch.ones(3, 3)}
    trunk = build("nequip", elements=[1, 8], cutoff=3.0, num_layers=2, num_channels=4)
    return Training(
        Potential(trunk),
        WeightedLoss(energy_and_forces()),
        batches=Minibatches([Example(graph, labels)] * 3, batch_size=2, generator=torch.Generator()),
        budget=Budget(minutes=20),
    )


def wanted(choice="auto", *, minutes=20.0, response=None, device="cpu", world=1):
    plan = SimpleNamespace(minutes=minutes, response=response)
    return compiling.worthwhile(choice, plan, device=device, world=world)


def test_a_long_training_on_one_cpu_is_compiled_where_there_is_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "a-compiler")
    assert wanted()
    assert not wanted(minutes=5.0)
    assert not wanted(minutes=None), "counted in steps: repeatable to the last bit, so never compiled unasked"
    assert not wanted(device="cuda")
    assert not wanted(world=2)
    assert not wanted(response={"tensors": {}})
    assert not wanted("no")
    assert wanted("yes", minutes=None)


def test_without_a_compiler_nothing_is_compiled_unasked(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    assert not wanted()


def test_tensors_are_not_compiled():
    with pytest.raises(Trouble, match=r"--compile yes is for energies and forces, received --target"):
        wanted("yes", response={"tensors": {}})


def test_compiling_changes_no_weight_and_its_time_counts(training, monkeypatch):
    calls = []

    def compiled(self, graph):
        calls.append(graph.num_graphs)
        energy = self(graph.replace(positions=graph.positions.requires_grad_()))
        return energy, torch.zeros_like(graph.positions) + energy.sum().float()

    monkeypatch.setattr(Potential, "_compiled", compiled)
    before = {name: value.clone() for name, value in training.model.state_dict().items()}
    compiling.compile_model(training, choice="auto")
    assert calls == [2]
    assert training.model.compile_forces
    assert not training.average.compile_forces
    assert all(torch.equal(value, before[name]) for name, value in training.model.state_dict().items())
    assert all(parameter.grad is None for parameter in training.model.parameters())
    assert training.budget.seconds_done > 0
    assert training.budget.steps_done == 0


def test_where_compiling_fails_training_goes_on_without(training, monkeypatch, capsys):
    def broken(self, graph):
        raise RuntimeError("no header\nand many lines more")

    monkeypatch.setattr(Potential, "_compiled", broken)
    compiling.compile_model(training, choice="auto")
    assert not training.model.compile_forces
    assert "goes on without compiling (no header)" in capsys.readouterr().err
    assert next(iter(training)).number == 1
    with pytest.raises(
        Trouble, match=r"--compile yes needs a C\+\+ compiler .* received the error 'no header'"
    ):
        compiling.compile_model(training, choice="yes")
