"""`equitour fit` and `equitour evaluate`: what they take from the data, what they keep, what they refuse."""

import json
import os
import signal

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from equitour import cli, models
from equitour.cli import structure_files
from equitour.train import load_state

TINY = [
    "--model",
    "nequip",
    "--set",
    "num_channels=4",
    "--set",
    "lmax=1",
    "--set",
    "num_layers=2",
    "--cutoff",
    3,
]


def labelled(atoms, **results):
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def water(path, count, *, seed=0):
    """Shaken water held by three springs, with the labels as ASE writes them."""
    random = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        atoms = molecule("H2O")
        rest = atoms.get_all_distances()
        atoms.positions += 0.08 * random.normal(size=(3, 3))
        vectors = atoms.positions[:, None] - atoms.positions
        lengths = np.linalg.norm(vectors, axis=2) + np.eye(3)
        stretch = (lengths - rest) * (1 - np.eye(3))
        forces = -10.0 * (stretch[..., None] * vectors / lengths[..., None]).sum(1)
        frames.append(labelled(atoms, energy=-30.0 + 2.5 * float((stretch**2).sum()), forces=forces))
    write(path, frames)
    return path


def fit(*words):
    assert cli.main(["fit", *map(str, words)]) == 0


def evaluated(model, data):
    """The report of `equitour evaluate --json`."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert cli.main(["evaluate", "--model", str(model), "--data", str(data), "--json"]) == 0
    return json.loads(out.getvalue())


def refusal(capsys, *words):
    """The one sentence with which the command refuses."""
    assert cli.main([*map(str, words)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("equitour: ")
    return last


def test_a_file_becomes_a_model_that_evaluate_can_read(tmp_path, capsys):
    data = water(tmp_path / "water.extxyz", 8)
    out = tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 150, "--learning-rate", 0.01, "--batch-size", 2, *TINY)
    told = capsys.readouterr()
    assert "7 structures of H O, 1 to validate; nequip" in told.err
    assert "best validation MAE: forces" in told.out
    report = evaluated(out, data)
    assert list(report) == ["energy_mae", "energy_rmse", "forces_mae", "forces_rmse", "structures", "seconds"]
    assert report["structures"] == 8
    zero = float(np.mean([np.abs(atoms.get_forces()).mean() for atoms in read(data, ":")]))
    assert report["forces_mae"] < 0.7 * zero
    assert report["energy_mae"] < 0.1
    assert cli.main(["evaluate", "--model", str(out), "--data", str(data)]) == 0
    table = capsys.readouterr().out
    assert f"{1e3 * report['forces_mae']:.2f}" in table
    assert "meV/Å" in table
    assert "8 structures" in table


def test_evaluate_reports_mean_absolute_and_root_mean_square_errors(tmp_path):
    data = water(tmp_path / "water.extxyz", 3)
    out = tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 2, *TINY)
    potential = models.load(out)
    file = structure_files.read_structures(data)
    deviations, energies = [], []
    for example in file.examples(["energy", "forces"], cutoff=3.0, dtype=torch.float32):
        prediction = potential.evaluate(example.graph)
        deviations.append((prediction.forces - example.labels["forces"]).flatten())
        energies.append((prediction.energy - example.labels["energy"]) / 3)
    deviations, energies = torch.cat(deviations), torch.cat(energies)
    report = evaluated(out, data)
    assert report["forces_mae"] == pytest.approx(float(deviations.abs().mean()), rel=1e-5)
    assert report["forces_rmse"] == pytest.approx(float(deviations.square().mean().sqrt()), rel=1e-5)
    assert report["energy_mae"] == pytest.approx(float(energies.abs().mean()), rel=1e-5)
    assert report["energy_rmse"] == pytest.approx(float(energies.square().mean().sqrt()), rel=1e-5)


@pytest.mark.parametrize("members", [1, 2])
def test_a_stopped_command_goes_on_with_resume_to_the_last_bit(members, tmp_path, monkeypatch, capsys):
    data = water(tmp_path / "water.extxyz", 7)
    options = ["--data", data, "--steps", 12, "--batch-size", 2, "--members", members, *TINY]
    fit(*options, "--out", tmp_path / "whole.safetensors")
    from equitour.cli import training_run

    original = training_run.Run.look

    def interrupted(self):
        """Ctrl-C, pressed while the validation set is looked at."""
        if self.training.budget.steps_done == 5:
            os.kill(os.getpid(), signal.SIGINT)
        original(self)

    monkeypatch.setattr(training_run.Run, "look", interrupted)
    capsys.readouterr()
    cut = tmp_path / "cut.safetensors"
    assert "stopped; what was reached is kept" in refusal(capsys, "fit", *options, "--out", cut)
    assert load_state(tmp_path / "cut.safetensors.state")["training"]["budget"]["steps_done"] == 5
    monkeypatch.undo()
    fit(*options, "--out", cut, "--resume")
    states = [load_state(tmp_path / f"{name}.safetensors.state")["training"] for name in ("whole", "cut")]
    for name, value in states[0]["average"].items():
        assert torch.equal(value, states[1]["average"][name])
    assert evaluated(cut, data)["forces_mae"] == evaluated(tmp_path / "whole.safetensors", data)["forces_mae"]


def test_nothing_is_overwritten_unasked(tmp_path, capsys):
    data = water(tmp_path / "water.extxyz", 4)
    out = tmp_path / "model.safetensors"
    out.write_bytes(b"precious")
    assert "--out must be a new file, received" in refusal(capsys, "fit", "--data", data, "--out", out)
    assert "--resume needs the file" in refusal(capsys, "fit", "--data", data, "--out", out, "--resume")
    assert out.read_bytes() == b"precious"
    fit("--data", data, "--out", out, "--overwrite", "--steps", 2, *TINY)
    assert models.load(out).cutoff == 3.0
    capsys.readouterr()
    other = water(tmp_path / "other.extxyz", 4, seed=5)
    message = refusal(capsys, "fit", "--data", other, "--out", out, "--resume", "--steps", 4)
    assert "--resume needs the data that training began with, received other.extxyz" in message


def test_a_validation_file_is_used_and_asked_for_again_when_resuming(tmp_path, capsys):
    data, valid = water(tmp_path / "water.extxyz", 4), water(tmp_path / "valid.extxyz", 3, seed=9)
    out = tmp_path / "model.safetensors"
    fit("--data", data, "--valid", valid, "--out", out, "--steps", 3, *TINY)
    told = capsys.readouterr()
    assert "4 structures of H O, 3 to validate" in told.err
    shown = float(told.out.split("forces ")[1].split(" meV")[0])
    assert shown == pytest.approx(1e3 * evaluated(out, valid)["forces_mae"], abs=0.06)
    message = refusal(capsys, "fit", "--data", data, "--out", out, "--resume", "--steps", 5)
    assert "--resume needs --valid FILE as before" in message
    fit("--data", data, "--valid", valid, "--out", out, "--resume", "--steps", 5)
    assert load_state(tmp_path / "model.safetensors.state")["training"]["budget"]["steps_done"] == 5


def test_crystals_and_molecules_of_several_sizes_train_together(tmp_path):
    random = np.random.default_rng(2)
    frames = []
    for size in (1, 2):
        atoms = bulk("Ar", "fcc", a=5.0).repeat((size, 1, 2))
        atoms.rattle(0.1, seed=size)
        atoms.calc = LennardJones(sigma=3.4, epsilon=0.01, rc=6.0)
        frames.append(labelled(atoms.copy(), energy=atoms.get_potential_energy(), forces=atoms.get_forces()))
    frames.append(
        labelled(Atoms("Ar2", [[0, 0, 0], [0, 0, 3.6]]), energy=-0.01, forces=random.normal(size=(2, 3)))
    )
    write(tmp_path / "mixed.extxyz", frames)
    out = tmp_path / "model.safetensors"
    fit("--data", tmp_path / "mixed.extxyz", "--out", out, "--steps", 3, "--batch-size", 3, *TINY)
    assert evaluated(out, tmp_path / "mixed.extxyz")["structures"] == 3


def strained_copper(path, count):
    """Copper, strained at random and shaken, with the labels of effective medium theory."""
    frames = []
    for seed in range(count):
        atoms = bulk("Cu", cubic=True)
        strain = np.random.default_rng(seed).uniform(-0.04, 0.04, size=(3, 3))
        atoms.set_cell(atoms.cell @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        frames.append(labelled(atoms.copy(), stress=atoms.get_stress(), **results))
    write(path, frames)
    return path


def test_stress_is_learnt_when_asked_for(tmp_path):
    data = strained_copper(tmp_path / "cu.extxyz", 8)
    options = ["--data", data, "--valid-fraction", 0, "--learning-rate", 0.02, *TINY]
    errors = {}
    for steps, weight in ((1, 0), (60, 0), (60, 3000)):
        out = tmp_path / f"{steps}_{weight}.safetensors"
        fit(*options, "--out", out, "--steps", steps, "--stress-weight", weight)
        errors[steps, weight] = evaluated(out, data)["stress_rmse"]
    assert errors[60, 3000] < 0.3 * errors[1, 0]
    assert errors[60, 3000] < 0.3 * errors[60, 0]


def test_a_model_brings_its_own_rate_and_decay_unless_told_otherwise(tmp_path):
    data = water(tmp_path / "water.extxyz", 3)

    def recipe(name, *words):
        small = ("--set", "num_channels=4", "--set", "correlation=2", "--cutoff", 3)
        fit("--data", data, "--out", tmp_path / name, "--steps", 1, "--model", "mace", *small, *words)
        return load_state(tmp_path / f"{name}.state")["plan"]["recipe"]

    own = recipe("own.safetensors")
    told = recipe("told.safetensors", "--optimizer", "adamw", "--weight-decay", 0, "--learning-rate", 0.001)
    assert (own["optimizer"], told["optimizer"]) == ("muon", "adamw")
    assert own["weight_decay"] > 0
    assert own["learning_rate"] > told["learning_rate"] == 0.001
    assert told["weight_decay"] == 0


def test_double_precision_survives_the_file(tmp_path):
    data = water(tmp_path / "water.extxyz", 3)
    out = tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 2, "--dtype", "float64", *TINY)
    assert {parameter.dtype for parameter in models.load(out).parameters()} == {torch.float64}
