"""`equitour fit`: options and settings of models that cannot be meant, and the sentence for each."""

import numpy as np
import pytest
from ase.build import molecule
from ase.io import write
from test_fit_command import TINY, fit, labelled, refusal, strained_copper, water

from equitour.cli import structure_files
from equitour.models import build
from equitour.models.trunk import settings_of
from equitour.train import load_state


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return water(tmp_path_factory.mktemp("settings") / "water.extxyz", 3)


@pytest.fixture
def told(data, tmp_path, capsys):
    """The sentence with which these words are refused; no file is written."""

    def say(*words):
        out = tmp_path / "m.safetensors"
        message = refusal(capsys, "fit", "--data", data, "--out", out, *words)
        assert list(tmp_path.iterdir()) == []
        return message

    return say


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--stop-after", 0), "--stop-after must be positive, received 0"),
        (("--patience", -1), "--patience must be positive, received -1"),
        (("--minutes", "inf"), "--minutes must be finite, received inf"),
        (("--minutes", "nan"), "--minutes must be positive, received nan"),
        (("--learning-rate", "inf"), "--learning-rate must be finite, received inf"),
        (("--seed", -1), "--seed must be 0 or a positive number below 2⁶³, received -1"),
        (("--seed", 2**64), "--seed must be 0 or a positive number below 2⁶³"),
        (("--valid-fraction", 0, "--stop-after", 2), "--stop-after needs structures to validate on"),
        (("--valid-fraction", 0, "--patience", 2), "--patience needs structures to validate on"),
        (("--decay", 1), r"--decay must lie in [0, 1), received 1: 0.99 averages about 100 steps"),
        (("--energy-weight", -1), "--energy-weight must not be negative, received -1"),
        (("--weight-decay", "inf"), "--weight-decay must be finite, received inf"),
        (
            ("--energy-weight", 0, "--forces-weight", 0),
            "something must be learnt, received --energy-weight 0",
        ),
        (
            ("--energy-weight", 5, "--target", "dipole"),
            "--energy-weight is for energies and forces, received",
        ),
        (("--only", "O"), "--only is for tensors, received no --target: give --target, or leave it out"),
    ],
)
def test_options_out_of_their_range_are_refused(told, words, sentence):
    assert sentence in told(*words)


@pytest.mark.parametrize(
    ("model", "setting", "sentence"),
    [
        ("nequip", "num_neighbors=0", "num_neighbors must be a positive number, received 0"),
        ("mace", "num_neighbors=-1", "num_neighbors must be a positive number, received -1"),
        ("schnet", "num_channels=0", "num_channels must be a positive whole number, received 0"),
        ("attention", "num_heads=0", "num_heads must be a positive whole number, received 0"),
        (
            "mace",
            "radial_channels=[]",
            "radial_channels must be a list of positive whole numbers, received []",
        ),
        ("mace", "lmax=[1]", "lmax must be a whole number from 0 on, of MACE also two, received [1]"),
        ("nequip", "lmax=-1", "lmax must be a whole number from 0 on, of MACE also two, received -1"),
        ("mpnn", "num_layers=0", "num_layers must be positive, received 0, which sees no neighbour"),
        ("mace", "cutoff=x", "the cutoff must be a positive number of Å, received x"),
    ],
)
def test_settings_that_no_model_can_have_are_refused(told, model, setting, sentence):
    assert sentence in told("--model", model, "--set", setting, "--steps", 1)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("num_channels", 2.5, "num_channels must be a positive whole number, received 2.5"),
        ("num_layers", "x", "num_layers must be a whole number from 0 on, received 'x'"),
        ("num_layers", True, "num_layers must be a whole number from 0 on, received True"),
        ("radial_channels", 8, "radial_channels must be a list of positive whole numbers, received 8"),
        ("radial_channels", (8, 0), r"radial_channels must be a list of positive .*, received \[8, 0\]"),
        ("stretch", "x", "stretch must be a number in 1/Å, not negative, received 'x'"),
        ("num_neighbors", float("nan"), "num_neighbors must be a positive number, received nan"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_where_nobody_checks_types(name, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        settings_of({"elements": [1], "cutoff": 3.0, name: value})


def test_a_missing_or_unknown_setting_is_told_from_a_wrong_value():
    with pytest.raises(ValueError, match=r"settings must be those of nequip, received others: .*'wheels'"):
        build("nequip", elements=[1], cutoff=3.0, wheels=4)
    with pytest.raises(ValueError, match=r"settings must be those of nequip, received others: .*'cutoff'"):
        build("nequip", elements=[1])
    with pytest.raises(ValueError, match=r"cutoff must be a positive number of Å, received -1\.0"):
        build("nequip", elements=[1], cutoff=-1.0)
    with pytest.raises(ValueError, match=r"settings of nequip .* received a value of the wrong kind"):
        build("nequip", elements=[1], cutoff=3.0, lmax=[1, 1])


def test_a_decay_of_zero_is_taken_at_its_word(data, tmp_path):
    fit("--data", data, "--out", tmp_path / "m.safetensors", "--steps", 2, "--decay", 0, *TINY)
    training = load_state(tmp_path / "m.safetensors.state")["training"]
    weights = training["model"]
    assert all(np.array_equal(training["average"][f"module.{name}"], one) for name, one in weights.items())


def test_what_a_file_lacks_is_named_in_the_cure(tmp_path, capsys):
    data = strained_copper(tmp_path / "cu.extxyz", 3)
    frames = structure_files.frames_in(data)
    del frames[1].calc.results["stress"]
    write(data, frames)
    words = ["fit", "--data", data, "--out", tmp_path / "m.safetensors"]
    message = refusal(capsys, *words, "--stress-weight", 1)
    assert "received structure 1 of cu.extxyz without stress" in message
    assert message.endswith("name it stress, or REF_stress")
    del frames[1].calc.results["energy"], frames[1].calc.results["forces"]
    write(data, frames)
    assert refusal(capsys, *words).endswith("name them energy and forces, or REF_energy and REF_forces")


def test_an_energy_that_is_no_number_is_told_with_its_place(tmp_path, capsys):
    data = tmp_path / "water.extxyz"
    write(data, [labelled(molecule("H2O"), energy=-1.25, forces=np.zeros((3, 3)))] * 2)
    text = data.read_text()
    place = text.rindex("energy=-1.25")
    data.write_text(text[:place] + "energy=abc" + text[place + len("energy=-1.25") :])
    message = refusal(capsys, "fit", "--data", data, "--out", tmp_path / "m.safetensors")
    assert (
        "energy must be finite numbers of the right shape, received something else as 'energy' of" in message
    )
    assert "structure 1 in water.extxyz" in message


def test_forces_are_found_under_either_name_of_dft(tmp_path):
    for name in ("dft_force", "dft_forces"):
        atoms = molecule("H2O")
        atoms.info["dft_energy"], atoms.arrays[name] = -1.5, np.arange(9.0).reshape(3, 3)
        write(tmp_path / "a.extxyz", atoms)
        labels = structure_files.read_structures(tmp_path / "a.extxyz").labels[0]
        assert np.array_equal(labels["forces"], np.arange(9.0).reshape(3, 3))
