"""`equitour fit --compile`: when it is worth while, and what happens where it cannot be done."""

import json
import subprocess
import sys
from pathlib import Path
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


def wanted(choice="auto", *, minutes=20.0, spent=0.0, tensors=False, device="cpu", world=1, stopped=False):
    budget = Budget(minutes=minutes) if minutes else Budget(steps=100)
    budget.seconds_done = 60 * spent
    finished = budget.progress >= 1 or stopped
    training = SimpleNamespace(budget=budget, finished=finished)
    return compiling.worthwhile(choice, training, tensors=tensors, device=device, world=world)


def test_a_long_training_on_one_cpu_is_compiled_where_there_is_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "a-compiler")
    assert wanted()
    assert not wanted(minutes=5.0)
    assert not wanted(minutes=None), "counted in steps: repeatable to the last bit, so never compiled unasked"
    assert not wanted(device="cuda")
    assert not wanted(world=2)
    assert not wanted(tensors=True)
    assert not wanted("no")
    assert wanted("yes", minutes=None)
    assert wanted("yes", minutes=5.0)


def test_what_is_over_or_nearly_so_is_not_compiled_again(monkeypatch):
    monkeypatch.setenv("CXX", "a-compiler")
    assert wanted(spent=9.9)
    assert not wanted(spent=10.1)
    assert wanted("yes", spent=19.0)
    assert not wanted("yes", spent=20.0)
    assert not wanted("yes", stopped=True)


def test_without_a_compiler_nothing_is_compiled_unasked(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    assert not wanted()


def test_tensors_are_not_compiled():
    with pytest.raises(Trouble, match=r"--compile yes is for energies and forces, received --target"):
        wanted("yes", tensors=True)


def test_compiling_changes_no_weight_and_its_time_counts_in_the_budget_alone(training, monkeypatch):
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
    assert training.budget.seconds_done == training.budget.seconds_lost > 0
    assert training.budget.progress == 0
    assert training.learning_rate == 0
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


def test_a_traced_committee_gives_the_plain_numbers_with_one_graph_for_all_sizes_of_batches():
    script = Path(__file__).with_name("compiled_committee.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert [row["structures"] for row in report] == [2, 3, 7]
    assert max(row["difference"] for row in report) < 1e-10
    # Both members and every size share it: another one would stop a training for a minute in its midst.
    assert [row["graphs"] for row in report] == [1, 1, 1]
