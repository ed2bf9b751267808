"""The commands fit-crystals and generate: from a file to a model to crystals, stopped and resumed, and what they refuse."""

import json
import signal

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.io import read, write

from equitour.cli import fit_crystals, generate, main
from equitour.cli.training_resume import state_of
from equitour.generative import (
    ActionDenoiser,
    Crystals,
    PairDenoiser,
    load_crystal_model,
    sample_crystals,
    save_crystal_model,
)


def perovskites(count: int = 12) -> list[Atoms]:
    """Cubic cells of alkaline earth titanates, each a little larger than the one before."""
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return [
        Atoms(
            ["Ca", "Sr", "Ba"][number % 3] + "TiO3",
            scaled_positions=sites,
            cell=np.eye(3) * (3.9 + 0.01 * number),
            pbc=True,
        )
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("crystals") / "data.extxyz"
    write(path, perovskites())
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    assert main(fitting(data, path)) == 0
    return path


def fitting(data, out, *more) -> list[str]:
    return ["fit-crystals", "--data", str(data), "--out", str(out), "--steps", "6", "--channels", "8", *more]


def generating(model, out, *more) -> list[str]:
    return [
        "generate",
        "--model",
        str(model),
        "--out",
        str(out),
        "--steps",
        "3",
        "--batch-size",
        "2",
        *more,
    ]


def words(capsys, arguments) -> str:
    assert main(arguments) == 1
    return capsys.readouterr().err


def stop_at(monkeypatch, where, name, times) -> None:
    """Ctrl-C while a function is at work for the n-th time."""
    original, count = getattr(where, name), [0]

    def stopping(*arguments, **options):
        count[0] += 1
        if count[0] == times:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(where, name, stopping)


def test_training_that_was_stopped_ends_with_the_same_weights(data, model, tmp_path, monkeypatch, capsys):
    out = tmp_path / "model.safetensors"
    with monkeypatch.context() as patch:
        stop_at(patch, PairDenoiser, "forward", 3)
        assert "stopped; what was reached is kept" in words(capsys, fitting(data, out))
    assert main(fitting(data, out, "--resume")) == 0
    whole, resumed = load_crystal_model(model).state_dict(), load_crystal_model(out).state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_stop_before_the_first_step_promises_nothing(data, model, tmp_path, monkeypatch, capsys):
    def press(*_):
        raise KeyboardInterrupt

    out = tmp_path / "model.safetensors"
    for here in (out, state_of(out)):
        here.write_bytes(model.with_name(here.name.replace(out.name, model.name)).read_bytes())
    before = out.read_bytes()
    monkeypatch.setattr(fit_crystals, "watched", press)
    message = words(capsys, fitting(data, out, "--overwrite"))
    assert "stopped before there was anything to keep; the same command begins anew" in message
    # The old model stands, but its training can no longer be taken for this one.
    assert out.read_bytes() == before
    assert not state_of(out).exists()


def test_training_brings_the_loss_down(data):
    from equitour.generative import NoisyBatches, crystal_loss
    from equitour.train import Budget, Recipe, Training

    torch.manual_seed(0)
    crystals = Crystals.of(perovskites())
    model = PairDenoiser.of(crystals, channels=32, num_layers=2)
    batches = NoisyBatches(crystals, scale=model.scale, generator=torch.Generator().manual_seed(0))
    training = Training(
        model, crystal_loss, batches=batches, budget=Budget(steps=300), recipe=Recipe(learning_rate=5e-3)
    )
    losses = [step.loss for step in training]
    # What is left is the noise that nobody can know, half of it or more at times near 1.
    assert np.mean(losses[-30:]) < 0.65 * np.mean(losses[:10])


@pytest.mark.parametrize("kind", [PairDenoiser, ActionDenoiser])
def test_a_model_comes_back_from_its_file(tmp_path, kind):
    torch.manual_seed(0)
    model = kind.of(Crystals.of(perovskites()), channels=8)
    save_crystal_model(model, tmp_path / "a.safetensors")
    again = load_crystal_model(tmp_path / "a.safetensors")
    assert type(again) is kind
    assert again.settings == model.settings
    drawn = [
        sample_crystals(m, 2, steps=2, generator=torch.Generator().manual_seed(1)) for m in (model, again)
    ]
    assert torch.equal(drawn[0].fractional, drawn[1].fractional)
    assert drawn[0].counts.tolist() == [5, 5]


def test_generation_that_was_stopped_makes_the_same_crystals(model, tmp_path, monkeypatch, capsys):
    whole, cut = tmp_path / "whole.extxyz", tmp_path / "cut.extxyz"
    assert main(generating(model, whole, "--n", "5")) == 0
    with monkeypatch.context() as patch:
        stop_at(patch, generate, "made", 2)
        assert "what was made is kept" in words(capsys, generating(model, cut, "--n", "5"))
    part = tmp_path / "cut.extxyz.part"
    # A batch that a power cut has left half written.
    part.write_text(part.read_text() + "5\nLattice=")
    assert main(generating(model, cut, "--n", "5", "--resume")) == 0
    assert cut.read_text() == whole.read_text()
    assert not part.exists()
    assert len(read(whole, ":")) == 5


def test_a_finished_run_has_nothing_to_resume(model, tmp_path):
    out = tmp_path / "a.extxyz"
    assert main(generating(model, out, "--n", "2")) == 0
    before = out.read_text()
    assert main(generating(model, out, "--n", "2", "--resume")) == 0
    assert out.read_text() == before


def test_resume_begins_where_nothing_was_made_so_that_one_command_can_be_given_again_and_again(
    model, tmp_path
):
    fresh, resumed = tmp_path / "a.extxyz", tmp_path / "b.extxyz"
    assert main(generating(model, fresh, "--n", "3")) == 0
    assert main(generating(model, resumed, "--n", "3", "--resume")) == 0
    assert fresh.read_text() == resumed.read_text()


def test_resuming_with_another_seed_is_refused(model, tmp_path, monkeypatch, capsys):
    out = tmp_path / "a.extxyz"
    stop_at(monkeypatch, generate, "made", 1)
    words(capsys, generating(model, out, "--n", "5"))
    said = words(capsys, generating(model, out, "--n", "5", "--seed", "1", "--resume"))
    assert "--resume must ask for the same, received another seed" in said


def test_composition_is_kept(model, tmp_path):
    out = tmp_path / "a.extxyz"
    assert main(generating(model, out, "--n", "3", "--composition", "SrTiO3")) == 0
    assert [sorted(a.get_chemical_symbols()) for a in read(out, ":")] == [["O", "O", "O", "Sr", "Ti"]] * 3


def test_one_crystal_a_row_in_the_order_of_the_file(model, data, tmp_path):
    out = tmp_path / "a.extxyz"
    assert main(generating(model, out, "--composition-from", str(data))) == 0
    made, wanted = read(out, ":"), read(data, ":")
    assert [a.get_chemical_formula() for a in made] == [a.get_chemical_formula() for a in wanted]


def test_what_cannot_be_generated_is_refused_in_a_sentence(model, data, tmp_path, capsys):
    out = tmp_path / "a.extxyz"
    assert "--n must be at least 1, received 0" in words(capsys, generating(model, out, "--n", "0"))
    assert "among those learnt" in words(capsys, generating(model, out, "--composition", "PbTiO3"))
    assert "such as BaTiO3, received 'Xx3'" in words(capsys, generating(model, out, "--composition", "Xx3"))
    both = generating(model, out, "--composition-from", str(data), "--n", "3")
    assert "received --n too" in words(capsys, both)
    assert "must be a file" in words(capsys, generating(tmp_path / "none", out))
    other = tmp_path / "other.safetensors"
    from equitour.train import save_weights

    save_weights(torch.nn.Linear(1, 1), other)
    assert "must be written by save_crystal_model" in words(capsys, generating(other, out))
    assert not out.exists()


def test_what_cannot_be_learnt_is_refused_in_a_sentence(tmp_path, capsys):
    left = bulk("Si")
    left.set_cell(-left.cell.array, scale_atoms=False)
    write(tmp_path / "left.extxyz", [left])
    said = words(capsys, fitting(tmp_path / "left.extxyz", tmp_path / "m.safetensors"))
    assert "right-handed" in said
    (tmp_path / "shared.cif").write_text(
        "data_a\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
        "_cell_angle_gamma 90\n_symmetry_space_group_name_H-M 'P 1'\nloop_\n_atom_site_type_symbol\n_atom_site_fract_x\n"
        "_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\nCu 0 0 0 0.5\nAu 0 0 0 0.5\n"
    )
    said = words(capsys, fitting(tmp_path / "shared.cif", tmp_path / "m.safetensors"))
    assert "partial" in said
    assert "must be positive, received -1" in words(
        capsys,
        ["fit-crystals", "--data", "x.csv", "--minutes", "-1", "--out", str(tmp_path / "m.safetensors")],
    )
    assert "which exists" in words(capsys, fitting(tmp_path / "left.extxyz", tmp_path / "left.extxyz"))


def test_the_note_of_an_unfinished_file_says_what_made_it(model, tmp_path, monkeypatch, capsys):
    out = tmp_path / "a.extxyz"
    stop_at(monkeypatch, generate, "made", 2)
    words(capsys, generating(model, out, "--n", "5"))
    note = json.loads((tmp_path / "a.extxyz.part.json").read_text())
    assert note["count"] == 4
    assert note["plan"]["steps"] == 3
