"""What `equitour fit` takes from the data: elements, their energies, sizes, labels, and what validates."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.io import write
from test_fit_command import TINY, fit, labelled, refusal, water

from equitour import models
from equitour.cli import structure_files, training_data, training_plan
from equitour.cli.trouble import Trouble
from equitour.train import load_state

ELEMENTS = [1, 6, 8]
# Energies of free atoms and what each brings bound: invented, so that sums are known exactly.
FREE = {1: -13.0, 6: -1000.0, 8: -2000.0}
BOUND = {1: -15.0, 6: -1007.0, 8: -2004.0}


def molecules(path, names, *, free=()):
    """Molecules whose energies are sums over bound atoms, with some free atoms before them."""
    random = np.random.default_rng(1)
    frames = [labelled(Atoms([z]), energy=FREE[z], forces=np.zeros((1, 3))) for z in free]
    for name in names:
        atoms = molecule(name)
        energy = sum(BOUND[int(z)] for z in atoms.numbers)
        frames.append(labelled(atoms, energy=energy, forces=random.normal(size=(len(atoms), 3))))
    write(path, frames)
    return structure_files.read_structures(path)


def test_shifts_hold_what_bonds_bring_with_free_atoms_and_without(tmp_path):
    mixed = ("H2O", "H2O", "CH4", "CO2", "CO2")
    expected = [BOUND[z] for z in ELEMENTS]
    for free in ((), ELEMENTS, [1, 8]):
        file = molecules(tmp_path / "mixed.extxyz", mixed, free=free)
        assert len(file.frames) == 5
        assert training_data.elements_of(file) == ELEMENTS
        assert training_data.shifts_of(file, ELEMENTS) == pytest.approx(expected)


def test_where_all_compositions_are_alike_shifts_are_the_nearest_to_the_free_atoms(tmp_path):
    file = molecules(tmp_path / "alike.extxyz", ["CH3CH2OH"] * 3, free=ELEMENTS)
    counts = np.array([6.0, 2.0, 1.0])
    free, bound = (np.array([table[z] for z in ELEMENTS]) for table in (FREE, BOUND))
    shifts = np.array(training_data.shifts_of(file, ELEMENTS))
    # The energy of the molecule is met, so that the network has no constant to learn, and of all shifts that meet it
    # these change those of the free atoms least: along the composition.
    assert counts @ shifts == pytest.approx(counts @ bound)
    assert shifts - free == pytest.approx(counts * (counts @ (bound - free)) / (counts @ counts))
    alone = np.array(training_data.shifts_of(molecules(tmp_path / "a.extxyz", ["CH3CH2OH"] * 3), ELEMENTS))
    assert alone == pytest.approx(counts * (counts @ bound) / (counts @ counts))


def test_free_atoms_of_some_elements_alone_are_not_used_and_that_is_said(tmp_path, capsys):
    data = tmp_path / "water.extxyz"
    molecules(data, ["H2O"] * 3, free=[8])
    fit("--data", data, "--out", tmp_path / "m.safetensors", "--steps", 1, *TINY)
    told = capsys.readouterr().err
    assert "shifts from least squares (free atoms are not used, since the file has none of H), scale" in told
    molecules(data, ["H2O"] * 3, free=[1, 8])
    fit("--data", data, "--out", tmp_path / "n.safetensors", "--steps", 1, *TINY)
    assert "shifts from free atoms and least squares of the rest, scale" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("free", "about"),
    [
        (True, {}),
        (True, {"cell": 8.5 * np.eye(3), "pbc": True}),
        (False, {"cell": 7.5 * np.eye(3), "pbc": True}),
        (True, {"cell": np.diag([9.0, 10.0, 2.0]), "pbc": [True, True, False]}),
        # Rows of 10 Å whose difference is a lattice vector of 3 Å.
        (False, {"cell": [[10, 0, 0], [10, 3, 0], [0, 0, 20]], "pbc": True}),
        (True, {"cell": 4 * np.eye(3), "pbc": True, "info": {"config_type": "IsolatedAtom"}}),
        (True, {"cell": 4 * np.eye(3), "pbc": True, "info": {"config_type": "isolated_atom"}}),
        (True, {"cell": 4 * np.eye(3), "pbc": True, "info": {"config_type": "ISOLATED"}}),
        (False, {"cell": 4 * np.eye(3), "pbc": True, "info": {"config_type": "bulk"}}),
    ],
)
def test_an_atom_is_free_by_its_name_or_far_from_its_own_images(free, about):
    assert structure_files.is_free_atom(Atoms("H", **about)) is free
    assert not structure_files.is_free_atom(Atoms("H2", [[0, 0, 0], [0, 0, 1]], **about))


def test_scale_batch_and_neighbours_come_from_the_data(tmp_path):
    crystal = bulk("Cu", cubic=True).repeat(2)
    crystal.rattle(0.05, seed=1)
    crystal.calc = EMT()
    write(tmp_path / "cu.extxyz", [labelled(crystal.copy(), energy=0.0, forces=crystal.get_forces())])
    file = structure_files.read_structures(tmp_path / "cu.extxyz")
    assert training_data.scale_of(file) == pytest.approx(float(np.sqrt((crystal.get_forces() ** 2).mean())))
    assert training_data.neighbors_of(file, 3.0) == pytest.approx(12)
    assert training_data.components_of(file) == 3 * 32
    assert training_data.batch_size_of(file) < training_data.batch_size_of(
        structure_files.read_structures(water(tmp_path / "water.extxyz", 3))
    )


def test_few_forces_and_time_enough_make_a_committee():
    def members(*, model="mace", components=1350, minutes=20.0):
        return training_plan.members_of(model, components=components, minutes=minutes)

    # Measured: good for 1,350 and 3,024 components, bad for the 19,008 of 99 structures of Si64.
    assert members() == members(components=3024) == 3
    assert members(components=99 * 64 * 3) == members(minutes=2.0) == members(minutes=None) == 1
    assert members(model="egnn") == 1
    few, many = (training_plan.weight_decay_of("mace", components=count) for count in (3024, 19008))
    assert few == pytest.approx(6 * many)
    assert many > 0


def test_few_molecules_are_seen_within_a_shorter_cutoff(tmp_path):
    def cutoff(atoms, *, components, model="mace"):
        write(tmp_path / "one.extxyz", labelled(atoms, energy=0.0, forces=np.zeros((len(atoms), 3))))
        file = structure_files.read_structures(tmp_path / "one.extxyz")
        return training_plan.cutoff_of(model, file, components=components)

    # Measured: 4 Å is better for 50 structures of aspirin, worse for 450 of acetylacetone and for silicon.
    assert cutoff(molecule("CH3CH2OH"), components=50 * 21 * 3) == 4.0
    assert cutoff(molecule("CH3CH2OH"), components=450 * 15 * 3) == 5.0
    assert cutoff(bulk("Si"), components=300) == 5.0
    assert cutoff(molecule("CH3CH2OH"), components=300, model="egnn") == 5.0


def test_the_number_of_components_decides_in_the_command_and_not_that_of_structures(tmp_path, monkeypatch):
    monkeypatch.setattr(training_plan, "FEW_COMPONENTS", 50)
    small = ("--model", "mace", "--set", "num_channels=4", "--set", "correlation=2", "--cutoff", 3)
    decays = []
    for count in (6, 8):
        data, out = water(tmp_path / f"{count}.extxyz", count), tmp_path / f"{count}.safetensors"
        fit("--data", data, "--out", out, "--steps", 1, *small)
        decays.append(load_state(tmp_path / f"{count}.safetensors.state")["plan"]["recipe"]["weight_decay"])
    # One structure validates: 5 · 9 and 7 · 9 components are learnt.
    assert decays[0] == pytest.approx(6 * decays[1])


def test_one_structure_of_each_element_is_always_learnt_from(tmp_path):
    file = molecules(tmp_path / "mixed.extxyz", ["H2O", "CO2", "H2O", "CH4", "H2O", "H2O"])
    for seed in range(20):
        aside = training_data.validation_of(file, 0.5, seed=seed)
        assert aside == training_data.validation_of(file, 0.5, seed=seed)
        assert len(aside) == 3
        assert training_data.elements_of(file.without(aside)) == ELEMENTS
        assert file.only(aside).frames == [file.frames[place] for place in aside]
    assert len({tuple(training_data.validation_of(file, 0.5, seed=seed)) for seed in range(20)}) > 3
    alone = molecules(tmp_path / "alone.extxyz", ["H2O", "CH4"])
    with pytest.raises(Trouble, match=r"each element in two structures, .* received alone\.extxyz"):
        training_data.validation_of(alone, 0.05, seed=0)


def test_where_no_element_is_rare_the_split_is_the_first_of_a_permutation(tmp_path):
    file = structure_files.read_structures(water(tmp_path / "water.extxyz", 30))
    expected = sorted(np.random.default_rng(3).permutation(30)[:6].tolist())
    assert training_data.validation_of(file, 0.2, seed=3) == expected


def test_elements_shifts_and_scale_do_not_see_what_validates(tmp_path):
    data, out = water(tmp_path / "water.extxyz", 8), tmp_path / "m.safetensors"
    fit("--data", data, "--out", out, "--valid-fraction", 0.4, "--steps", 1, *TINY)
    plan = load_state(tmp_path / "m.safetensors.state")["plan"]
    learnt = structure_files.read_structures(data).without(plan["valid"])
    assert len(learnt.frames) == 5
    assert plan["scale"] == training_data.scale_of(learnt)
    assert plan["shifts"] == training_data.shifts_of(learnt, [1, 8])
    assert plan["scale"] != training_data.scale_of(structure_files.read_structures(data))


@pytest.mark.parametrize("target", [[], ["--target", "dipole"]])
def test_elements_that_are_not_learnt_may_not_validate(tmp_path, capsys, target):
    for name, kinds in (("water", ["H2O"] * 2), ("valid", ["H2O", "CH4"])):
        frames = [labelled(molecule(k), energy=-1.0, forces=np.ones((len(molecule(k)), 3))) for k in kinds]
        for atoms in frames:
            atoms.info["dipole"] = np.ones(3)
        write(tmp_path / f"{name}.extxyz", frames)
    files = ["--data", tmp_path / "water.extxyz", "--valid", tmp_path / "valid.extxyz"]
    message = refusal(capsys, "fit", *files, "--out", tmp_path / "m.safetensors", "--steps", 1, *target)
    assert (
        "elements must be among those that the model has learnt, H O, received C in structure 1 of valid.extxyz"
        in message
    )
    assert not (tmp_path / "m.safetensors").exists()


def test_no_element_of_the_model_is_without_a_structure_to_learn_from(tmp_path):
    file = molecules(tmp_path / "mixed.extxyz", ["H2O"] * 19 + ["CH4"])
    out = tmp_path / "m.safetensors"
    fit("--data", file.path, "--out", out, "--valid-fraction", 0.5, "--steps", 1, *TINY)
    assert models.load(out).elements == ELEMENTS
    plan = load_state(tmp_path / "m.safetensors.state")["plan"]
    assert 19 not in plan["valid"]
    assert torch.isfinite(torch.tensor(plan["shifts"])).all()
