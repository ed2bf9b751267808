"""`equitour fit --target`: what it takes from the data, what it keeps, and what it refuses, in which words."""

import json
import signal

import numpy as np
import pytest
import torch
from ase.io import read, write
from test_fit_command import evaluated, refusal, water
from toy_response import labelled

from equitour import cli, models
from equitour.cli.tensor_files import read_tensors
from equitour.train import load_state

BOTH = "born_effective_charges,raman_tensors"
TINY = ["--set", "num_channels=4", "--set", "num_layers=2", "--set", "radial_channels=[6,8]", "--cutoff", 3]


def frames(count=6, names=("H2O", "CH3OH", "NaCl")):
    return [labelled(names[seed % len(names)], seed=seed) for seed in range(count)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Closed-form tensors of shaken molecules and a crystal."""
    path = tmp_path_factory.mktemp("tensors") / "train.extxyz"
    write(path, frames())
    return path


def fit(*words):
    assert cli.main(["fit", *map(str, words)]) == 0


def test_a_file_of_tensors_becomes_a_model_that_evaluate_can_read(tmp_path, capsys):
    data = tmp_path / "water.extxyz"
    write(data, frames(6, ("H2O",)))
    out = tmp_path / "model.safetensors"
    fit("--target", BOTH, "--data", data, "--out", out, "--steps", 60, "--learning-rate", 0.02, *TINY)
    told = capsys.readouterr()
    assert "5 structures of H O, 1 to validate; nequip with" in told.err
    assert "born_effective_charges (1x0e+1x1e+1x2e, size" in told.err
    assert told.err.count("sum rule imposed") == 2
    assert "best validation RMSE: born_effective_charges" in told.out
    report = evaluated(out, data)
    assert list(report) == [
        "born_effective_charges_rmse",
        "born_effective_charges_mae",
        "raman_tensors_rmse",
        "raman_tensors_mae",
        "structures",
        "seconds",
    ]
    assert report["structures"] == 6
    born = np.concatenate([atoms.calc.results["born_effective_charges"] for atoms in read(data, ":")])
    assert report["born_effective_charges_rmse"] < 0.3 * np.sqrt((born**2).mean())
    assert cli.main(["evaluate", "--model", str(out), "--data", str(data)]) == 0
    assert f"{report['raman_tensors_rmse']:.4g}" in capsys.readouterr().out


def test_evaluate_reports_errors_over_all_components_of_what_the_model_gives(tmp_path, data):
    out = tmp_path / "model.safetensors"
    fit("--target", f"{BOTH},polarizability,dipole", "--data", data, "--out", out, "--steps", 2, *TINY)
    model, report = models.load(out), evaluated(out, data)
    names = ["born_effective_charges", "raman_tensors", "polarizability", "dipole"]
    file = read_tensors(data, names)
    examples = file.examples(names, cutoff=3.0, dtype=torch.float32)
    for name in names:
        with torch.no_grad():
            deviations = [(model(e.graph)[name] - e.labels[name]).flatten() for e in examples]
        deviations = torch.cat(deviations)
        assert report[f"{name}_mae"] == pytest.approx(float(deviations.abs().mean()), rel=1e-4)
        assert report[f"{name}_rmse"] == pytest.approx(float(deviations.square().mean().sqrt()), rel=1e-4)
    assert model.settings["sum_rules"] == ["born_effective_charges", "raman_tensors"]
    for example in examples:
        for name in names[:2]:
            assert float(model(example.graph)[name].detach().sum(0).abs().max()) < 1e-3


def test_means_and_scales_come_from_what_is_learnt_and_not_from_what_is_validated(tmp_path, data):
    out = tmp_path / "model.safetensors"
    fit("--target", "born_effective_charges", "--data", data, "--out", out, "--steps", 1, *TINY)
    plan = load_state(tmp_path / "model.safetensors.state")["plan"]
    learnt = [atoms for place, atoms in enumerate(read(data, ":")) if place not in plan["valid"]]
    born = np.concatenate(
        [atoms.calc.results["born_effective_charges"].reshape(-1, 3, 3) for atoms in learnt]
    )
    numbers = np.concatenate([atoms.numbers for atoms in learnt])
    for number, (mean,) in zip(
        plan["settings"]["elements"], plan["response"]["means"][BOTH.split(",")[0]], strict=True
    ):
        trace = born[numbers == number].trace(axis1=1, axis2=2)
        assert mean / 3**0.5 == pytest.approx(trace.mean() / 3, abs=1e-9)
    assert set(plan["settings"]["elements"]) == set(numbers.tolist())


def test_training_of_tensors_goes_on_with_resume_to_the_last_bit(tmp_path, data, monkeypatch, capsys):
    from equitour.cli import training_run

    options = ["--target", BOTH, "--data", data, "--steps", 6, "--batch-size", 2, *TINY]
    fit(*options, "--out", tmp_path / "whole.safetensors")
    original = training_run.Run.look

    def interrupted(self):
        """Ctrl-C, pressed while the validation set is looked at."""
        if self.training.budget.steps_done == 3:
            signal.raise_signal(signal.SIGINT)
        original(self)

    monkeypatch.setattr(training_run.Run, "look", interrupted)
    cut = tmp_path / "cut.safetensors"
    assert "stopped; what was reached is kept" in refusal_after_progress(
        capsys, "fit", *options, "--out", cut
    )
    monkeypatch.undo()
    message = refusal(capsys, "fit", "--target", "dipole", *options[2:], "--out", cut, "--resume")
    assert (
        f"--resume needs the --target that training began with, received dipole: give --target {BOTH}"
        in message
    )
    fit(*options, "--out", cut, "--resume")
    states = [load_state(tmp_path / f"{name}.safetensors.state")["training"] for name in ("whole", "cut")]
    for name, value in states[0]["average"].items():
        assert torch.equal(value, states[1]["average"][name])


def refusal_after_progress(capsys, *words):
    assert cli.main([*map(str, words)]) == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_only_one_nucleus_is_learnt_where_only_one_was_computed(tmp_path, capsys):
    made = frames(4, ("H2O",))
    for atoms in made:
        tensors = atoms.arrays.pop("born_effective_charges").copy()
        tensors[atoms.numbers == 1] = np.nan
        atoms.arrays["shielding"] = tensors
    write(tmp_path / "nmr.extxyz", made)
    out = tmp_path / "model.safetensors"
    fit("--target", "shielding", "--data", tmp_path / "nmr.extxyz", "--out", out, "--steps", 2, *TINY)
    assert "shielding (1x0e+1x1e+1x2e" in (told := capsys.readouterr().err)
    assert "only O" in told
    assert models.load(out).settings["species"] == {"shielding": [8]}
    assert np.isfinite(evaluated(out, tmp_path / "nmr.extxyz")["shielding_rmse"])
    assert models.load(out).trunk.settings["irreps_out"] == "0e + 1e + 2e"


def test_only_the_elements_that_are_asked_for_are_learnt(tmp_path):
    write(tmp_path / "whole.extxyz", frames(4, ("H2O",)))
    out = tmp_path / "only.safetensors"
    fit(
        *("--target", "born_effective_charges", "--only", "O", "--data", tmp_path / "whole.extxyz"),
        *("--out", out, "--steps", 2, *TINY),
    )
    assert models.load(out).settings["species"] == {"born_effective_charges": [8]}
    # No hydrogen has a mean, since none was looked at.
    means = models.load(out).settings["means"]["born_effective_charges"]
    assert means[0] == pytest.approx([0.0], abs=1e-12)
    assert abs(means[1][0]) > 1e-3


def test_dielectric_tensors_that_no_material_has_are_left_out_and_named(tmp_path, capsys):
    made = frames(5, ("NaCl",))
    for place, atoms in enumerate(made):
        atoms.info["dielectric"] = (2.5 + 0.1 * place) * np.eye(3)
    made[1].info["dielectric"][0, 0] = -64.0
    write(tmp_path / "eps.extxyz", made)
    file = read_tensors(tmp_path / "eps.extxyz", ["dielectric"])
    assert (
        "eps.extxyz: 1 of 5 dielectric tensors have an eigenvalue of 1 or less, which no material has, and are left "
        "out (structures 1)" in capsys.readouterr().err
    )
    assert np.isnan(file.labels[1]["dielectric"]).all()
    out = tmp_path / "model.safetensors"
    fit("--target", "dielectric", "--data", tmp_path / "eps.extxyz", "--out", out, "--steps", 2, *TINY)
    assert evaluated(out, tmp_path / "eps.extxyz")["dielectric_rmse"] < 1.0


def test_tensors_of_the_wrong_shape_are_refused_with_the_cure(tmp_path, capsys):
    made = frames(3, ("H2O",))
    made[1].arrays["born_effective_charges"] = made[1].arrays["born_effective_charges"][:, :3].copy()
    write(tmp_path / "bad.extxyz", made)

    def told(target):
        return refusal(
            capsys,
            "fit",
            "--target",
            target,
            "--data",
            tmp_path / "bad.extxyz",
            "--out",
            tmp_path / "m.safetensors",
        )

    assert (
        "born_effective_charges must hold 9 finite numbers an atom (displacement, field; row by row), received 3 as "
        "'born_effective_charges' of structure 1 of bad.extxyz: write tensors.reshape(len(atoms), 9)"
        in told(BOTH)
    )
    for atoms in made:
        atoms.info["polarizability"] = np.ones(6)
    write(tmp_path / "bad.extxyz", made)
    assert (
        "polarizability must hold 9 finite numbers a structure (field, field; row by row), received 6"
        in told("polarizability")
    )
    message = told("shielding")
    assert (
        "every structure must carry shielding, received structure 0 of bad.extxyz without (it has" in message
    )
    assert "write atoms.arrays['shielding'], with nan where there is none" in message
    made[0].arrays["raman_tensors"][0, 0] = np.inf
    write(tmp_path / "bad.extxyz", made)
    assert "raman_tensors must hold 27 finite numbers an atom" in told("raman_tensors")


@pytest.mark.parametrize(("moved", "pair", "cure"), [
    ((0, 2, 3, 1), "first and second", "transpose(0, 3, 1, 2)"),
    ((0, 2, 1, 3), "first and third", "transpose(0, 2, 1, 3)"),
])  # fmt: skip
def test_a_wrong_order_of_indices_is_found_by_the_symmetric_pair_and_the_cure_works(
    tmp_path, capsys, moved, pair, cure
):
    made = frames(3, ("H2O",))
    right = [atoms.arrays["raman_tensors"].copy() for atoms in made]
    for atoms, tensors in zip(made, right, strict=True):
        atoms.arrays["raman_tensors"] = tensors.reshape(-1, 3, 3, 3).transpose(moved).reshape(-1, 27)
    path = tmp_path / "order.extxyz"
    write(path, made)
    message = refusal(
        capsys, "fit", "--target", "raman_tensors", "--data", path, "--out", tmp_path / "m.safetensors"
    )
    assert (
        "raman_tensors must be symmetric in its second and third index (displacement, field, field), received "
        f"order.extxyz, where the {pair} are: write tensors.reshape(-1, 3, 3, 3).{cure}.reshape(-1, 27)"
        in message
    )
    order = tuple(int(word) for word in cure[10:-1].split(","))
    for atoms, tensors in zip(made, right, strict=True):
        assert np.array_equal(
            atoms.arrays["raman_tensors"].reshape(-1, 3, 3, 3).transpose(order).reshape(-1, 27), tensors
        )
    for atoms in made:
        atoms.arrays["raman_tensors"] = np.random.default_rng(1).normal(size=(3, 27))
        atoms.info["polarizability"] = np.arange(9.0).reshape(3, 3)
    write(path, made)
    for name in ("raman_tensors", "polarizability"):
        message = refusal(
            capsys, "fit", "--target", name, "--data", path, "--out", tmp_path / "m.safetensors"
        )
        assert f"{name} must be symmetric in its" in message
        assert "no other pair is symmetric: check the file's order of atoms, indices and columns" in message


def test_elements_that_the_model_has_never_seen_are_named(tmp_path, data, capsys):
    write(tmp_path / "water.extxyz", frames(3, ("H2O",)))
    out = tmp_path / "model.safetensors"
    fit("--target", BOTH, "--data", tmp_path / "water.extxyz", "--out", out, "--steps", 1, *TINY)
    capsys.readouterr()
    message = refusal(capsys, "evaluate", "--model", out, "--data", data)
    assert (
        "elements must be among those that the model has learnt, H O, received C in structure 1 of train.extxyz: "
        "leave it out, or train with structures that hold C" in message
    )


def test_bad_words_are_refused_in_one_sentence(tmp_path, data, capsys):
    def told(target, *words):
        return refusal(
            capsys, "fit", "--target", target, "--data", data, "--out", tmp_path / "m.safetensors", *words
        )

    assert "--target must name tensors among born_effective_charges" in told("charm")
    assert "received dipole,dipole: separate them with commas" in told("dipole,dipole")
    assert "--only must name elements, received Xy" in told("raman_tensors", "--only", "Xy")
    assert "--target-weight must be NAME=NUMBER with a name of --target (dipole), received forces=2" in told(
        "dipole", "--target-weight", "forces=2"
    )
    assert (
        "--target-weight must be written NAME=VALUE, received 3: for example --target-weight dipole=2"
        in told("dipole", "--target-weight", "3")
    )
    assert "--model must be one whose features turn as tensors do (nequip" in told(
        "dipole", "--model", "schnet"
    )
    message = told(BOTH, *TINY, "--set", "irreps_out=0e + 1o + 2e + 3o")
    assert (
        "born_effective_charges ('ij') with axial indices '' needs 1x0e+1x1e+1x2e from its trunk" in message
    )
    assert "whose 1o turn alike but change sign otherwise in a mirror" in message


def test_energies_and_forces_do_not_mind_tensors_beside_them(tmp_path):
    path = water(tmp_path / "water.extxyz", 3)
    made = read(path, ":")
    for atoms in made:
        atoms.arrays["raman_tensors"] = np.zeros((3, 5))
    write(path, made)
    out = tmp_path / "m.safetensors"
    fit("--data", path, "--out", out, "--steps", 1, "--model", "nequip", *TINY)
    assert set(evaluated(out, path)) >= {"energy_rmse", "forces_rmse"}
    assert isinstance(models.load(out), models.Potential)
    assert json.loads(json.dumps(models.load(out).settings)) == models.load(out).settings
