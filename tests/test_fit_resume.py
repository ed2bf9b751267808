"""`equitour fit --resume` and `--overwrite`: what goes on, what is refused, and what a stop may promise."""

import re

import pytest
from ase.io import read, write
from test_fit_command import TINY, fit, refusal, water
from toy_response import labelled

from equitour.cli import compiling
from equitour.cli.training_resume import state_of
from equitour.train import load_state, save_state

BEGUN = [*("--steps", 3, "--seed", 4, "--learning-rate", 0.01, "--stop-after", 20), *TINY]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A training that can be gone on with: a share of the data validates."""
    folder = tmp_path_factory.mktemp("begun")
    out = folder / "model.safetensors"
    fit("--data", water(folder / "water.extxyz", 4), "--out", out, *BEGUN)
    return folder / "water.extxyz", out


@pytest.mark.parametrize(
    ("words", "before"),
    [
        (("--model", "mace"), "with --model nequip"),
        (("--seed", 0), "with --seed 4"),
        (("--optimizer", "adamw"), "with --optimizer muon"),
        (("--learning-rate", 0.5), "with --learning-rate 0.01"),
        (("--batch-size", 3), "with --batch-size 5"),
        (("--decay", 0.5), "with --decay 0.99"),
        (("--weight-decay", 0.5), "with --weight-decay 0.1"),
        (("--energy-weight", 1), "with --energy-weight 10.0"),
        (("--forces-weight", 1), "with --forces-weight 100.0"),
        (("--stress-weight", 1), "with --stress-weight 0.0"),
        (("--measure", "huber"), "with --measure length"),
        (("--dtype", "float64"), "with --dtype float32"),
        (("--cutoff", 4), "with --cutoff 3.0"),
        (("--set", "num_channels=8"), "with --set num_channels 4"),
        (("--set", "radius=8"), "without --set radius"),
        (("--members", 2), "with --members 1"),
        (("--valid-fraction", 0.5), "with --valid-fraction 0.05"),
        (("--patience", 2), "without --patience"),
        (("--stop-after", 2), "with --stop-after 20"),
    ],
)
def test_an_option_that_differs_from_the_plan_is_refused(begun, capsys, words, before):
    data, out = begun
    content = state_of(out).read_bytes()
    message = refusal(capsys, "fit", "--data", data, "--out", out, "--resume", "--steps", 5, *words)
    assert f"--resume goes on as training began, {before}, received {words[0]}" in message
    assert message.endswith("leave it out, or begin anew with --overwrite.")
    assert state_of(out).read_bytes() == content


def test_a_validation_file_where_a_share_was_kept_aside_is_refused(begun, capsys):
    data, out = begun
    message = refusal(capsys, "fit", "--data", data, "--valid", data, "--out", out, "--resume")
    assert (
        "--resume keeps aside the same share of --data to validate, received --valid water.extxyz" in message
    )


def test_the_same_command_goes_on_and_so_does_one_without_options(begun, tmp_path):
    data, out = begun
    here = tmp_path / "model.safetensors"
    here.write_bytes(out.read_bytes())
    state_of(here).write_bytes(state_of(out).read_bytes())
    for steps, words in ((5, BEGUN[2:]), (6, []), (7, ["--batch-size", 5, "--valid-fraction", 0.05])):
        fit("--data", data, "--out", here, "--resume", "--compile", "no", "--steps", steps, *words)
        assert load_state(state_of(here))["training"]["budget"]["steps_done"] == steps


def test_the_bar_of_a_resumed_training_begins_where_it_stands(begun, tmp_path, capsys):
    data, out = begun
    here = tmp_path / "model.safetensors"
    state_of(here).write_bytes(state_of(out).read_bytes())
    done = load_state(state_of(here))["training"]["budget"]["steps_done"]
    capsys.readouterr()
    fit("--data", data, "--out", here, "--resume", "--steps", 2 * done)
    assert re.findall(r"nequip: +(\d+)%", capsys.readouterr().err)[0] == "50"


def test_a_state_of_the_first_version_still_goes_on(begun, tmp_path):
    data, out = begun
    here = tmp_path / "model.safetensors"
    state = load_state(state_of(out))
    del state["plan"]["valid_fraction"], state["training"]["budget"]["seconds_lost"]
    save_state(state, state_of(here))
    fit("--data", data, "--out", here, "--resume", "--steps", 5, "--valid-fraction", 0.05)
    assert load_state(state_of(here))["training"]["budget"]["steps_done"] == 5


def test_a_state_from_before_there_was_a_choice_goes_on_with_adamw(tmp_path, capsys):
    data, out = water(tmp_path / "water.extxyz", 4), tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 2, "--optimizer", "adamw", *TINY)
    state = load_state(state_of(out))
    del state["plan"]["recipe"]["optimizer"]
    save_state(state, state_of(out))
    capsys.readouterr()
    again = ("fit", "--data", data, "--out", out, "--resume", "--steps", 4)
    assert "with --optimizer adamw, received --optimizer muon" in refusal(
        capsys, *again, "--optimizer", "muon"
    )
    fit(*again[1:])
    groups = load_state(state_of(out))["training"]["optimizer"]["param_groups"]
    assert all("orthogonal" not in group for group in groups)


def test_another_validation_file_is_refused(tmp_path, capsys):
    data, valid = water(tmp_path / "water.extxyz", 4), water(tmp_path / "valid.extxyz", 3, seed=9)
    other, out = water(tmp_path / "other.extxyz", 3, seed=10), tmp_path / "model.safetensors"
    fit("--data", data, "--valid", valid, "--out", out, "--steps", 2, *TINY)
    capsys.readouterr()
    message = refusal(capsys, "fit", "--data", data, "--valid", other, "--out", out, "--resume", "--steps", 4)
    assert "received other.extxyz, which differs from valid.extxyz: give the same file" in message
    fit("--data", data, "--valid", valid, "--out", out, "--resume", "--steps", 4)


def test_stress_is_asked_of_the_file_again_when_it_is_learnt_on(tmp_path):
    from test_fit_command import strained_copper

    data, out = strained_copper(tmp_path / "cu.extxyz", 4), tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 1, "--stress-weight", 10, *TINY)
    fit("--data", data, "--out", out, "--resume", "--steps", 2)
    plan = load_state(state_of(out))["plan"]
    assert [target["name"] for target in plan["targets"]] == ["energy", "forces", "stress"]


def test_options_of_tensors_that_differ_are_refused(tmp_path, capsys):
    data, out = tmp_path / "water.extxyz", tmp_path / "model.safetensors"
    write(data, [labelled("H2O", seed=seed) for seed in range(4)])
    begun = ["--target", "born_effective_charges", "--data", data, "--out", out]
    small = ["--set", "num_channels=4", "--set", "num_layers=2", "--cutoff", 3]
    own = ["--only", "O", "--target-weight", "born_effective_charges=2"]
    fit(*begun, *own, *small, "--steps", 1)
    capsys.readouterr()
    for words, before in (
        (("--only", "H"), "with --only (for born_effective_charges) [8], received"),
        (
            ("--target-weight", "born_effective_charges=3"),
            "--target-weight born_effective_charges 2.0, received",
        ),
        (("--tensor-measure", "squared"), "with --tensor-measure length, received"),
    ):
        assert before in refusal(capsys, "fit", *begun, "--resume", "--steps", 2, *words)
    fit(*begun, *own, *small, "--resume", "--steps", 2)


def interrupted_compiling(monkeypatch):
    """Ctrl-C, pressed while the model is compiled."""

    def press(training, *, choice):
        # Not the signal itself: a process that was begun in the background ignores it.
        raise KeyboardInterrupt

    monkeypatch.setenv("CXX", "a-compiler")
    monkeypatch.setattr(compiling, "compile_model", press)


def test_a_stop_while_compiling_promises_nothing_and_the_old_training_is_not_gone_on_with(
    begun, tmp_path, monkeypatch, capsys
):
    data, out = begun
    here = tmp_path / "model.safetensors"
    here.write_bytes(out.read_bytes())
    state_of(here).write_bytes(state_of(out).read_bytes())
    interrupted_compiling(monkeypatch)
    anew = ["--data", data, "--out", here, "--model", "schnet", "--seed", 7, "--compile", "yes"]
    message = refusal(capsys, "fit", *anew, "--overwrite")
    assert "stopped before there was anything to keep; the same command begins anew" in message
    assert here.read_bytes() == out.read_bytes()
    monkeypatch.undo()
    message = refusal(capsys, "fit", *anew, "--resume")
    assert "--resume needs the file" in message


def test_a_stop_while_compiling_of_a_training_that_goes_on_keeps_its_promise(
    begun, tmp_path, monkeypatch, capsys
):
    data, out = begun
    here = tmp_path / "model.safetensors"
    state_of(here).write_bytes(state_of(out).read_bytes())
    interrupted_compiling(monkeypatch)
    words = ["--data", data, "--out", here, "--resume", "--steps", 5, "--compile", "yes"]
    assert "the same command with --resume goes on from there" in refusal(capsys, "fit", *words)
    assert load_state(state_of(here))["training"]["budget"]["steps_done"] == 3


def test_a_wrong_option_leaves_the_old_training_alone(begun, tmp_path, capsys):
    data, out = begun
    here = tmp_path / "model.safetensors"
    here.write_bytes(out.read_bytes())
    state_of(here).write_bytes(state_of(out).read_bytes())
    refusal(capsys, "fit", "--data", data, "--out", here, "--overwrite", "--set", "wheels=4")
    assert state_of(here).read_bytes() == state_of(out).read_bytes()
    assert len(read(data, ":")) == 4


def test_the_best_models_errors_are_told_after_a_resume_that_found_no_better(tmp_path, capsys):
    data, out = water(tmp_path / "water.extxyz", 6), tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 20, *TINY)
    told = capsys.readouterr().out.split(", 20 steps")[0]
    state = load_state(state_of(out))
    # Nothing will ever be better than this.
    state["training"]["plateau"]["best"] = 0.0
    save_state(state, state_of(out))
    fit("--data", data, "--out", out, "--resume", "--steps", 22)
    assert capsys.readouterr().out.split(", 22 steps")[0] == told
