"""What `equitour fit` and `equitour evaluate` read from files, and what they refuse, in which words."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.io import write
from test_fit_command import labelled, refusal, water

from equitour.cli import structure_files


@pytest.mark.parametrize(("energy", "forces"), [("REF_energy", "REF_forces"), ("energy", "forces")])
def test_labels_are_found_under_their_usual_names(tmp_path, energy, forces):
    atoms = molecule("H2O")
    values = np.arange(9.0).reshape(3, 3)
    if energy == "energy":
        atoms = labelled(atoms, energy=-1.5, forces=values)
    else:
        atoms.info[energy], atoms.arrays[forces] = -1.5, values
    write(tmp_path / "a.extxyz", atoms)
    file = structure_files.read_structures(tmp_path / "a.extxyz")
    assert float(file.labels[0]["energy"]) == -1.5
    assert np.array_equal(file.labels[0]["forces"], values)


def test_bad_data_is_refused_in_one_sentence(tmp_path, capsys):
    def told(path):
        return refusal(capsys, "fit", "--data", path, "--out", tmp_path / "m.safetensors")

    assert "a data file must exist, received" in told(tmp_path / "none.extxyz")
    (tmp_path / "a.cif").write_text("data_")
    assert "a data file must be xyz or extxyz, received a.cif" in told(tmp_path / "a.cif")
    (tmp_path / "broken.extxyz").write_text("3\nProperties=species:S:1:pos:R:3\nH 0 0\n")
    assert "a data file must be readable as extxyz, received broken.extxyz" in told(
        tmp_path / "broken.extxyz"
    )
    atoms = molecule("H2O")
    atoms.info["dipole_moment"] = 1.0
    write(tmp_path / "bare.extxyz", atoms)
    message = told(tmp_path / "bare.extxyz")
    assert (
        "every structure must carry energy and forces, received structure 0 of bare.extxyz without" in message
    )
    assert "(it has dipole_moment)" in message
    write(tmp_path / "nan.extxyz", labelled(molecule("H2O"), energy=np.nan, forces=np.zeros((3, 3))))
    assert "energy must be finite numbers of the right shape" in told(tmp_path / "nan.extxyz")
    write(tmp_path / "free.extxyz", labelled(Atoms("H"), energy=-13.0, forces=np.zeros((1, 3))))
    assert "must hold structures of more than a free atom" in told(tmp_path / "free.extxyz")
    clash = Atoms("H2", [[0, 0, 0], [0, 0, 0.01]])
    write(tmp_path / "clash.extxyz", [labelled(clash.copy(), energy=0.0, forces=np.zeros((2, 3)))] * 3)
    assert "structure 0 of clash.extxyz cannot be used: atoms must be at least" in told(
        tmp_path / "clash.extxyz"
    )
    assert "training needs at least two structures" in told(water(tmp_path / "one.extxyz", 1))


def test_bad_words_are_refused_in_one_sentence(tmp_path, capsys):
    data = water(tmp_path / "water.extxyz", 3)

    def told(*words):
        return refusal(capsys, "fit", "--data", data, "--out", tmp_path / "m.safetensors", *words)

    assert "give either --steps or --minutes" in told("--steps", 3, "--minutes", 1)
    assert "--minutes must be positive, received -1" in told("--minutes", -1)
    assert "--valid-fraction must lie in [0, 1), received 1" in told("--valid-fraction", 1)
    assert "--weight-decay must not be negative, received -0.1" in told("--weight-decay", -0.1)
    assert "--members must be positive, received 0" in told("--members", 0)
    assert "--members is for energies and forces" in told("--members", 2, "--target", "dipole")
    assert "--model must be one of" in told("--model", "nequp")
    if not torch.cuda.is_available():
        assert "--device must be one that torch finds" in told("--device", "cuda")
    assert "--set must name a setting of nequip" in told("--model", "nequip", "--set", "channels=3")
    assert "--set must be written NAME=VALUE, received lmax" in told("--set", "lmax")
    message = refusal(capsys, "fit", "--data", data, "--out", tmp_path / "no" / "m.safetensors")
    assert "the folder of --out must exist" in message
    message = refusal(capsys, "evaluate", "--model", tmp_path / "none.safetensors", "--data", data)
    assert "weights must exist" in message
    (tmp_path / "w.safetensors").write_bytes(b"")
    message = refusal(capsys, "evaluate", "--model", tmp_path / "w.safetensors", "--data", data)
    assert "weights must be a safetensors file" in message
    assert "--batch-size must be positive" in refusal(
        capsys, "evaluate", "--model", data, "--data", data, "--batch-size", 0
    )
