"""A training that is killed and resumed is the one that was never stopped, to the last bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from toy_potential import ToyPotential, toy_examples

from equitour.train import (
    Budget,
    Minibatches,
    Plateau,
    Recipe,
    Training,
    WeightedLoss,
    energy_and_forces,
    load_state,
    save_state,
    save_weights,
)


def training(*, steps=23, seed=1, batch_size=3):
    """Eleven examples in threes: one batch of an epoch holds two, and a stop falls into the middle of one."""
    examples = toy_examples(11, generator=torch.Generator().manual_seed(7))
    return Training(
        ToyPotential(),
        WeightedLoss(energy_and_forces(scale=0.5, measure="length")),
        batches=Minibatches(examples, batch_size=batch_size, generator=torch.Generator().manual_seed(seed)),
        budget=Budget(steps=steps),
        recipe=Recipe(weight_decay=0.01, max_norm=10.0),
        plateau=Plateau(patience=2, stop_after=100),
    )


def run(one, *, until=None, path=None):
    """Steps, each third told to the plateau, each written; the losses."""
    losses = []
    for step in one:
        losses.append(step.loss)
        if step.number % 3 == 0:
            one.plateau.look(step.loss)
        if path is not None:
            one.save(path)
        if step.number == until:
            break
    return losses


def same(first, second):
    """Whether two nested states are equal to the last bit."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return type(first) is type(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    return first == second


def without_clock(state):
    return {**state, "budget": {"steps_done": state["budget"]["steps_done"]}}


@pytest.mark.parametrize("stop", [1, 6, 10, 22])
def test_a_stopped_and_resumed_training_equals_one_without_a_stop(stop, tmp_path):
    whole = training()
    expected = run(whole)
    first = training()
    losses = run(first, until=stop)
    first.save(tmp_path / "run.state")
    second = training(seed=99)
    second.load(tmp_path / "run.state")
    losses += run(second)
    assert losses == expected
    assert len(losses) == 23
    assert same(without_clock(second.state_dict()), without_clock(whole.state_dict()))
    assert torch.equal(second.average.weights, whole.average.weights)
    assert not torch.equal(second.average.weights, second.model.weights)


CHILD = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_train_resume import training
from equitour.train import save_weights
path, out = Path(sys.argv[1]), Path(sys.argv[2])
one = training(steps=60)
if path.exists():
    one.load(path)
for step in one:
    one.save(path)
    time.sleep(float(sys.argv[3]))
save_weights(one.average, out)
"""


def child(folder, name, pause):
    code = CHILD.format(tests=str(Path(__file__).parent))
    words = [sys.executable, "-c", code, folder / f"{name}.state", folder / f"{name}.safetensors", str(pause)]
    return subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_a_process_killed_without_warning_leaves_a_state_that_goes_on_to_the_last_bit(tmp_path):
    state = tmp_path / "killed.state"
    first = child(tmp_path, "killed", 0.05)
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and not (
        state.exists() and load_state(state)["budget"]["steps_done"] >= 5
    ):
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    reached = load_state(state)["budget"]["steps_done"]
    assert 5 <= reached < 60
    assert child(tmp_path, "killed", 0.0).wait() == 0
    assert load_state(state)["budget"]["steps_done"] == 60
    whole = training(steps=60)
    for _ in whole:
        pass
    save_weights(whole.average, tmp_path / "whole.safetensors")
    assert (tmp_path / "killed.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_state_holds_nested_numbers_text_and_tensors_to_the_last_bit(tmp_path):
    state = {
        "tensors": [torch.randn(2, 3, dtype=torch.float64), torch.tensor(3), torch.empty(0)],
        "whole keys": {0: {"step": torch.tensor(1.0)}, 1: None},
        "tuple": (0.9, 0.999),
        "floats": [0.1 + 0.2, 1e-310, float("inf")],
        "truth": True,
        "text": "Å",
    }
    save_state(state, tmp_path / "a.state")
    back = load_state(tmp_path / "a.state")
    assert same(back, state)
    assert back["truth"] is True


def test_a_state_is_no_pickle_and_nothing_is_left_beside_it(tmp_path):
    one = training(steps=2)
    run(one, path=tmp_path / "run.state")
    assert [path.name for path in tmp_path.iterdir()] == ["run.state"]
    content = (tmp_path / "run.state").read_bytes()
    assert int.from_bytes(content[:8], "little") < len(
        content
    )  # safetensors: length of the header, then JSON.
    assert content[8:9] == b"{"


def test_what_cannot_be_written_or_does_not_belong_is_refused(tmp_path):
    with pytest.raises(TypeError, match="a state must hold tensors, numbers and text, received set at /a"):
        save_state({"a": {1, 2}}, tmp_path / "a.state")
    save_weights(ToyPotential(), tmp_path / "weights.safetensors")
    with pytest.raises(
        ValueError, match=r"a state must be written by save_state, received weights\.safetensors"
    ):
        load_state(tmp_path / "weights.safetensors")
    one = training()
    with pytest.raises(FileNotFoundError, match="weights must exist"):
        one.load(tmp_path / "none.state")
    save_state({**one.state_dict(), "model": {"other": torch.zeros(1)}}, tmp_path / "other.state")
    with pytest.raises(ValueError, match=r"a state must belong to this training, received other\.state"):
        one.load(tmp_path / "other.state")
    fewer = one.state_dict()
    fewer["batches"]["order"] = torch.arange(5)
    save_state(fewer, tmp_path / "fewer.state")
    with pytest.raises(
        ValueError, match="training must go on with the same data, received 11 examples where"
    ):
        one.load(tmp_path / "fewer.state")


def test_a_larger_budget_prolongs_a_finished_training(tmp_path):
    one = training(steps=4)
    assert len(run(one, path=tmp_path / "run.state")) == 4
    longer = training(steps=6)
    longer.load(tmp_path / "run.state")
    assert len(run(longer)) == 2
