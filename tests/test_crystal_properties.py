"""Crystals that are asked to have a property: what a model is told of it, what it makes of it, and what the commands refuse."""

import math

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from equitour.cli import main
from equitour.generative import (
    ActionDenoiser,
    Crystals,
    LatticeScale,
    NoisyBatches,
    PairDenoiser,
    crystal_loss,
    load_crystal_model,
    sample_crystals,
)
from equitour.train import Budget, Recipe, Training

SMALL, LARGE = 3.6, 4.4


def rock_salt(length: float, **info: object) -> Atoms:
    atoms = Atoms("NaCl", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=np.eye(3) * length, pbc=True)
    atoms.info.update(info)
    return atoms


def two_sizes(count: int = 32) -> list[Atoms]:
    """Half of them small, half large; `edge` says which, and so does `word`, which is no number."""
    edges = [SMALL if number % 2 else LARGE for number in range(count)]
    return [rock_salt(edge, edge=edge, word="large") for edge in edges]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("sizes") / "data.extxyz"
    write(path, two_sizes())
    return path


@pytest.fixture(scope="module")
def told(data, tmp_path_factory):
    """A model that was told the edges."""
    out = tmp_path_factory.mktemp("told") / "model.safetensors"
    options = ["--steps", "500", "--channels", "32", "--layers", "1", "--properties", "edge"]
    assert main(["fit-crystals", "--data", str(data), "--out", str(out), *options]) == 0
    return out


def edges_of(crystals: Crystals) -> torch.Tensor:
    return torch.linalg.det(crystals.lattices) ** (1 / 3)


def words(capsys, arguments) -> str:
    assert main(arguments) == 1
    return capsys.readouterr().err


def generating(model, out, *more) -> list[str]:
    return ["generate", "--model", str(model), "--out", str(out), "--n", "16", "--steps", "20", *more]


def test_crystals_have_the_size_that_is_asked_for_and_either_where_none_is(told):
    model = load_crystal_model(told)
    asked = [sample(model, torch.full((32, 1), edge)) for edge in (SMALL, LARGE)]
    for edge, wanted in zip(asked, (SMALL, LARGE), strict=True):
        # A network this small draws edges that spread by 0.2 Å; the two sizes are 0.8 Å apart.
        assert (edge - wanted).abs().median() < 0.2
        assert not edge.requires_grad
    for free in (sample(model, None), sample(model, torch.full((32, 1), math.nan))):
        small = (free < 4.0).float().mean()
        assert 0.2 < small < 0.8


def sample(model, condition) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return edges_of(sample_crystals(model, [2] * 32, condition=condition, generator=generator))


@pytest.mark.parametrize("kind", [PairDenoiser, ActionDenoiser])
def test_every_denoiser_hears_a_property_that_is_told_and_only_then(kind):
    torch.manual_seed(0)
    crystals = Crystals.of(two_sizes(4))
    model = kind.of(crystals, properties={"gap": torch.tensor([1.0, 2.0, 3.0, math.nan])}, channels=16)
    t = torch.full((4,), 0.5)
    silent, nan, asked = (
        model(crystals, t, condition).logits
        for condition in (None, torch.full((4, 1), math.nan), torch.full((4, 1), 3.0))
    )
    assert torch.equal(silent, nan)
    assert (silent - asked).abs().max() > 1e-3
    # The mean of what is known, in the units of the data, is zero to the network; it is not the same as silence.
    assert model.settings["properties"]["gap"] == pytest.approx([2.0, 1.0])
    assert not torch.equal(model(crystals, t, torch.full((4, 1), 2.0)).logits, silent)


def test_a_fifth_is_told_nothing_and_the_rest_each_property_in_four_of_five():
    count = 20000
    condition = torch.ones(count, 2)
    condition[:, 1] = math.nan
    crystals = Crystals.of([rock_salt(4.0)] * 4).select(torch.arange(count) % 4)
    batches = NoisyBatches(
        crystals,
        scale=LatticeScale(),
        batch_size=count,
        condition=condition,
        generator=torch.Generator().manual_seed(0),
    )
    heard = next(iter(batches)).condition.isfinite().float().mean(0)
    # Four deviations of a share of 20,000.
    assert heard[0] == pytest.approx(0.8 * 0.8, abs=0.014)
    assert heard[1] == 0


def test_training_with_unknown_values_stays_finite():
    torch.manual_seed(0)
    crystals = Crystals.of(two_sizes(8))
    values = torch.tensor([1.0, math.nan] * 4) + torch.arange(8)
    model = PairDenoiser.of(crystals, properties={"gap": values}, channels=8, num_layers=1)
    batches = NoisyBatches(
        crystals,
        scale=model.scale,
        condition=values[:, None],
        generator=torch.Generator().manual_seed(0),
    )
    training = Training(model, crystal_loss, batches=batches, budget=Budget(steps=5), recipe=Recipe())
    assert all(math.isfinite(step.loss) for step in training)


def test_a_condition_of_another_width_is_refused():
    crystals = Crystals.of(two_sizes(4))
    model = PairDenoiser.of(crystals, properties={"gap": torch.arange(4.0)}, channels=8)
    with pytest.raises(
        ValueError, match=r"column for each of \['gap'\], received shape \(4, 2\) for 4 crystals"
    ):
        model(crystals, torch.ones(4), torch.ones(4, 2))


@pytest.mark.parametrize(
    ("values", "count"), [([1.0, 1, 1, 1], "4 known values, all alike"), ([math.nan] * 4, "0 known")]
)
def test_a_property_that_says_nothing_is_refused(values, count):
    with pytest.raises(
        ValueError, match=f"must differ among the crystals to be learnt, received gap with {count}"
    ):
        PairDenoiser.of(Crystals.of(two_sizes(4)), properties={"gap": torch.tensor(values)}, channels=8)


def test_the_commands_make_what_is_asked_for(told, tmp_path):
    out = tmp_path / "a.extxyz"
    assert main(generating(told, out, "--ask", f"edge={SMALL}", "--guidance", "1.5")) == 0
    edges = [atoms.get_volume() ** (1 / 3) for atoms in read(out, ":")]
    assert abs(np.median(edges) - SMALL) < 0.2


def test_what_cannot_be_asked_is_refused_in_a_sentence(told, data, tmp_path, capsys):
    out = tmp_path / "a.extxyz"
    assert "received gap: it knows edge" in words(capsys, generating(told, out, "--ask", "gap=2"))
    assert "such as gap=2, received 'edge=wide'" in words(capsys, generating(told, out, "--ask", "edge=wide"))
    assert "received without --ask" in words(capsys, generating(told, out, "--guidance", "2"))
    deaf = tmp_path / "deaf.safetensors"
    fitting = ["fit-crystals", "--data", str(data), "--out", str(deaf), "--steps", "1", "--channels", "8"]
    said = words(capsys, [*fitting, "--properties", "gap"])
    assert "received gap: choose among edge." in said
    assert main(fitting) == 0
    assert "trained without --properties" in words(capsys, generating(deaf, out, "--ask", "edge=4"))
    assert not out.exists()


def test_training_goes_on_with_the_same_properties_only(tmp_path, capsys):
    """Another property of the same number of columns would fit the weights, and mean something else."""
    data, out = tmp_path / "data.extxyz", tmp_path / "model.safetensors"
    write(data, [rock_salt(edge, one=edge, other=-edge) for edge in (SMALL, LARGE)])
    fitting = ["fit-crystals", "--data", str(data), "--out", str(out), "--steps", "2", "--channels", "8"]
    assert main([*fitting, "--properties", "one"]) == 0
    said = words(capsys, [*fitting, "--properties", "other", "--resume"])
    assert "--resume must go on with the same, received other properties" in said
    assert main([*fitting, "--properties", "one", "--resume"]) == 0


def test_properties_stand_in_columns_of_a_table_and_in_energies_of_an_extxyz(tmp_path):
    from equitour.cli.crystal_files import read_crystals
    from equitour.cli.crystal_properties import properties_of
    from equitour.cli.trouble import Trouble

    cif = tmp_path / "a.cif"
    rock_salt(4.0).write(cif)
    text = cif.read_text().replace('"', '""')
    table = tmp_path / "data.csv"
    table.write_text(f'cif,gap,note\n"{text}",1.5,good\n"{text}",,bad\n')
    found = properties_of(read_crystals(table), ["gap"])["gap"]
    assert found[0] == 1.5
    assert found[1].isnan()
    with pytest.raises(Trouble, match="received note: choose among gap"):
        properties_of(read_crystals(table), ["note"])
    with_energy = rock_salt(4.0)
    with_energy.calc = SinglePointCalculator(with_energy, energy=-3.0)
    assert properties_of([with_energy], ["energy"])["energy"].tolist() == [-3.0]
