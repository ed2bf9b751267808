"""Potentials in the box: each is the one that the manifest vouches for, and does what it was trained for."""

import pytest
import torch
from checkpoints.nequip_ethanol import CHANNELS, SIZES, STEPS, names, training_frames

from equitour import datasets
from equitour.graph import batch
from equitour.models import Potential, build, shipped

SET = "nequip_ethanol/"


def small():
    torch.manual_seed(3)
    return Potential(build("nequip", elements=[1, 6, 8], cutoff=3.0, num_layers=1, num_channels=2))


def forces_error(name, walkers="89"):
    """Mean absolute error in meV/Å on every tenth frame of some walkers."""
    ethanol = datasets.load("molecules_md/ethanol", cutoff=4.0, dtype=torch.float32)
    chosen = [i for i, key in enumerate(ethanol.keys) if key[0] in walkers and key.endswith("0")]
    found = shipped.load(SET + name).evaluate(batch([ethanol.graphs[i] for i in chosen])).forces
    return 1000 * float(
        (found - torch.cat([ethanol.atom_labels["forces_gfn2"][i] for i in chosen])).abs().mean()
    )


def test_every_potential_of_the_lesson_is_in_the_box_with_its_recipe():
    assert {SET + name for name in names()} <= set(shipped.available())
    for name in names():
        card = shipped.describe(SET + name)
        assert (card["lmax"], card["frames"]) in {(lmax, size) for lmax in CHANNELS for size in SIZES}
        assert card["steps"] == STEPS
        assert card["script"] == "tests/checkpoints/nequip_ethanol.py"
        trunk = shipped.load(SET + name).trunk
        assert trunk.settings["lmax"] == card["lmax"]
        assert sum(weight.numel() for weight in shipped.load(SET + name).parameters()) == card["weights"]


def test_networks_with_vectors_have_no_more_weights_than_the_one_without():
    weights = [shipped.describe(f"{SET}l{lmax}_n10")["weights"] for lmax in CHANNELS]
    assert weights[0] >= max(weights[1:])


def test_the_box_stays_small():
    assert sum(shipped.describe(name)["bytes"] for name in shipped.available()) < 2_000_000


def test_training_frames_come_from_all_training_walkers_and_no_other():
    keys = training_frames().keys
    assert {key[0] for key in keys[:10]} == set("01234567")
    assert len(keys) == 800
    assert not {key[0] for key in keys} & set("89")


def test_trained_potentials_still_give_the_forces_that_they_were_trained_for():
    # A change of a constant in the library would leave files and hashes as they are, and ruin the forces.
    assert forces_error("l2_n800") < 30
    assert forces_error("l2_n100") < forces_error("l0_n100")


def test_a_potential_comes_back_as_it_was_put(tmp_path, ethanol):
    potential = small()
    shipped.put(potential, "toy/one", card={"steps": 0}, folder=tmp_path)
    assert shipped.available(tmp_path) == ["toy/one"]
    assert shipped.describe("toy/one", tmp_path)["steps"] == 0
    back = shipped.load("toy/one", tmp_path)
    graph = ethanol.to(dtype=torch.float32)
    assert torch.equal(back.evaluate(graph).forces, potential.evaluate(graph).forces)


def test_a_damaged_file_is_refused(tmp_path):
    shipped.put(small(), "toy/one", card={}, folder=tmp_path)
    path = tmp_path / "toy_one.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(
        ValueError, match=r"toy/one must have the sha256 of the manifest, .* reinstall equitour"
    ):
        shipped.load("toy/one", tmp_path)


def test_an_unknown_name_is_told_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"must be one of none, received 'toy/two'"):
        shipped.load("toy/two", tmp_path)
    with pytest.raises(ValueError, match=r"nequip_ethanol/l0_n10, .* received 'nequip'"):
        shipped.describe("nequip")
