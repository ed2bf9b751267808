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
from equitour.cli import structure_files, training_plan
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
    assert "best validation forces MAE" in told.out
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
    shown = float(told.out.split("MAE ")[1].split(" meV")[0])
    assert shown == pytest.approx(1e3 * evaluated(out, valid)["forces_mae"], abs=0.06)
    message = refusal(capsys, "fit", "--data", data, "--out", out, "--resume", "--steps", 5)
    assert "--resume needs --valid FILE as before" in message
    fit("--data", data, "--valid", valid, "--out", out, "--resume", "--steps", 5)
    assert load_state(tmp_path / "model.safetensors.state")["training"]["budget"]["steps_done"] == 5


def test_shifts_are_the_free_atoms_where_they_stand_and_least_squares_otherwise(tmp_path):
    random = np.random.default_rng(1)
    frames = []
    for name, count in (("H2O", 3), ("CH4", 2), ("CO2", 2)):
        for _ in range(count):
            atoms = molecule(name)
            energy = sum({1: -13.0, 6: -1000.0, 8: -2000.0}[int(z)] for z in atoms.numbers)
            frames.append(labelled(atoms, energy=energy, forces=random.normal(size=(len(atoms), 3))))
    path = tmp_path / "mixed.extxyz"
    write(path, frames)
    file = structure_files.read_structures(path)
    assert training_plan.elements_of(file) == [1, 6, 8]
    assert training_plan.shifts_of(file, [1, 6, 8]) == pytest.approx([-13.0, -1000.0, -2000.0])
    free = [labelled(Atoms([z]), energy=-float(z), forces=np.zeros((1, 3))) for z in (1, 6, 8)]
    free[0].info["config_type"] = "IsolatedAtom"
    write(path, [*free, *frames])
    file = structure_files.read_structures(path)
    assert len(file.frames) == 7
    assert training_plan.shifts_of(file, [1, 6, 8]) == [-1.0, -6.0, -8.0]


def test_scale_batch_and_neighbours_come_from_the_data(tmp_path):
    crystal = bulk("Cu", cubic=True).repeat(2)
    crystal.rattle(0.05, seed=1)
    crystal.calc = EMT()
    write(tmp_path / "cu.extxyz", [labelled(crystal.copy(), energy=0.0, forces=crystal.get_forces())])
    file = structure_files.read_structures(tmp_path / "cu.extxyz")
    assert training_plan.scale_of(file) == pytest.approx(float(np.sqrt((crystal.get_forces() ** 2).mean())))
    assert training_plan.neighbors_of(file, 3.0) == pytest.approx(12)
    assert training_plan.batch_size_of(file) < training_plan.batch_size_of(
        structure_files.read_structures(water(tmp_path / "water.extxyz", 3))
    )


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


def test_stress_is_learnt_when_asked_for(tmp_path):
    frames = []
    for seed in range(3):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        frames.append(labelled(atoms.copy(), stress=atoms.get_stress(), **results))
    data = tmp_path / "cu.extxyz"
    write(data, frames)
    out = tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 3, "--stress-weight", 10, *TINY)
    names = [target["name"] for target in load_state(tmp_path / "model.safetensors.state")["plan"]["targets"]]
    assert names == ["energy", "forces", "stress"]


def test_a_model_brings_its_own_rate_and_decay_unless_told_otherwise(tmp_path):
    data = water(tmp_path / "water.extxyz", 3)

    def recipe(name, *words):
        small = ("--set", "num_channels=4", "--set", "correlation=2", "--cutoff", 3)
        fit("--data", data, "--out", tmp_path / name, "--steps", 1, "--model", "mace", *small, *words)
        return load_state(tmp_path / f"{name}.state")["plan"]["recipe"]

    own = recipe("own.safetensors")
    told = recipe("told.safetensors", "--weight-decay", 0, "--learning-rate", 0.001)
    assert own["weight_decay"] > 0
    assert own["learning_rate"] > told["learning_rate"] == 0.001
    assert told["weight_decay"] == 0


def test_few_structures_and_time_enough_make_a_committee():
    def members(*, model="mace", structures=50, minutes=20.0):
        return training_plan.members_of(model, structures=structures, minutes=minutes)

    assert members() > 1
    assert members(structures=500) == members(minutes=2.0) == members(minutes=None) == 1
    assert members(model="egnn") == 1
    decays = [training_plan.weight_decay_of("mace", structures=count) for count in (50, 500)]
    assert decays[0] > decays[1] > 0


def test_double_precision_survives_the_file(tmp_path):
    data = water(tmp_path / "water.extxyz", 3)
    out = tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 2, "--dtype", "float64", *TINY)
    assert {parameter.dtype for parameter in models.load(out).parameters()} == {torch.float64}
