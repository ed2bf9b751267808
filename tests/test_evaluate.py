"""`equitour evaluate`: what it reports, of which structures, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.io import read, write
from test_fit_command import TINY, evaluated, fit, labelled, refusal, strained_copper, water

from equitour import cli, models
from equitour.graph import AtomicGraph


@pytest.fixture(scope="module")
def copper(tmp_path_factory):
    """Strained crystals with stress, and a model that has hardly learnt them."""
    folder = tmp_path_factory.mktemp("copper")
    data, out = strained_copper(folder / "cu.extxyz", 5), folder / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 2, "--dtype", "float64", *TINY)
    return data, out


def errors(found):
    """Mean absolute and root mean square of all components."""
    found = torch.cat([one.flatten() for one in found])
    return [float(found.abs().mean()), float(found.square().mean().sqrt())]


def test_stress_is_reported_where_the_file_has_it(copper, capsys):
    data, out = copper
    model, differences = models.load(out), []
    for atoms in read(data, ":"):
        found = model.evaluate(AtomicGraph.from_ase(atoms, cutoff=3.0), stress=True).stress[0]
        differences.append(found - torch.from_numpy(atoms.get_stress(voigt=False)))
    report = evaluated(out, data)
    assert [report["stress_mae"], report["stress_rmse"]] == pytest.approx(errors(differences), rel=1e-9)
    assert report["stress_rmse"] > 1e-3
    assert cli.main(["evaluate", "--model", str(out), "--data", str(data)]) == 0
    assert f"stress{1e3 * report['stress_mae']:22.2f}" in (table := capsys.readouterr().out)
    assert "meV/Å³" in table


def test_labels_count_where_they_stand_and_what_is_missing_is_said(copper, tmp_path, capsys):
    data, out = copper
    frames = read(data, ":")
    model, energies, forces, stresses = models.load(out), [], [], []
    for place, atoms in enumerate(frames):
        results = dict(atoms.calc.results)
        predicted = model.evaluate(AtomicGraph.from_ase(atoms, cutoff=3.0), stress=True)
        if place == 1:
            del results["energy"]
        else:
            energies.append((predicted.energy - results["energy"]) / len(atoms))
        if place > 2:
            del results["stress"]
        else:
            stresses.append(predicted.stress[0] - torch.from_numpy(atoms.get_stress(voigt=False)))
        forces.append(predicted.forces - torch.from_numpy(results["forces"]))
        frames[place] = labelled(atoms, **results)
    path = tmp_path / "gaps.extxyz"
    write(path, frames)
    capsys.readouterr()
    assert cli.main(["evaluate", "--model", str(out), "--data", str(path), "--json"]) == 0
    told = capsys.readouterr()
    assert "gaps.extxyz: 4 of 5 structures have energy, the others do not count in its errors" in told.err
    assert "gaps.extxyz: 3 of 5 structures have stress" in told.err
    assert "have forces" not in told.err
    report = json.loads(told.out)
    for name, found in (("energy", energies), ("forces", forces), ("stress", stresses)):
        assert [report[f"{name}_mae"], report[f"{name}_rmse"]] == pytest.approx(errors(found), rel=1e-6)
    assert report["structures"] == 5


def test_a_file_without_energies_has_errors_of_forces_alone(copper, tmp_path, capsys):
    data, out = copper
    atoms = read(data, "0")
    write(tmp_path / "forces.extxyz", labelled(atoms, forces=atoms.get_forces()))
    capsys.readouterr()
    report = evaluated(out, tmp_path / "forces.extxyz")
    assert list(report) == ["forces_mae", "forces_rmse", "structures", "seconds"]
    assert capsys.readouterr().err == ""


def test_crystals_and_molecules_stand_in_one_file(copper, tmp_path):
    data, out = copper
    pair = Atoms("Cu2", [[0, 0, 0], [0, 0, 2.3]])
    pair = labelled(pair, energy=0.0, forces=np.zeros((2, 3)), stress=np.zeros(6))
    write(tmp_path / "both.extxyz", [*read(data, ":"), pair])
    report = evaluated(out, tmp_path / "both.extxyz")
    assert report["stress_mae"] == pytest.approx(evaluated(out, data)["stress_mae"])
    assert report["structures"] == 6


def test_elements_that_the_model_has_never_seen_are_named(tmp_path, capsys):
    data, out = water(tmp_path / "water.extxyz", 3), tmp_path / "model.safetensors"
    fit("--data", data, "--out", out, "--steps", 1, *TINY)
    strange = labelled(molecule("CH4"), energy=0.0, forces=np.zeros((5, 3)))
    write(tmp_path / "methane.extxyz", [read(data, "0"), strange])
    capsys.readouterr()
    message = refusal(capsys, "evaluate", "--model", out, "--data", tmp_path / "methane.extxyz")
    assert (
        "elements must be among those that the model has learnt, H O, received C in structure 1 of methane.extxyz: "
        "leave it out, or train with structures that hold C" in message
    )
