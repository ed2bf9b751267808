"""What lesson 506 needs besides its ideas: sites told apart, electrons counted, masks, and the files that it brings along."""

from pathlib import Path

import numpy as np
import pytest
import torch

from equitour.generative.crystal import Crystals
from equitour.learn import screening
from equitour.learn.checkpoints import lesson_506

FOLDER = Path(lesson_506.__file__).parent


@pytest.fixture(scope="module")
def screener():
    return lesson_506.load_screener()


def test_the_metal_among_six_anions_is_b_in_whatever_order_atoms_are_listed():
    atoms = screening.perovskite("BaTiO3")
    for order in ([0, 1, 2, 3, 4], [4, 1, 3, 0, 2], [1, 0, 2, 3, 4]):
        assert screening.sites_of(atoms[order]) == (56, 22, [8, 8, 8])
    swapped = screening.perovskite("TiBaO3")
    assert screening.sites_of(swapped) == (22, 56, [8, 8, 8])
    assert screening.sites_of(screening.perovskite("BaO4")) is None


def test_formulas_go_there_and_back():
    for name in screening.KNOWN:
        assert screening.formula_of(screening.parse(name)) == name
    assert screening.formula_of((57, 22, [7, 8, 8])) == "LaTiNO2"


@pytest.mark.parametrize(
    ("formula", "left"),
    [("BaTiO3", 0), ("BaSnO3", 0), ("LaAlO3", 0), ("CsTaO3", 0), ("SnTiO3", 2), ("PbHfO3", 2), ("AgNbO3", 10), ("CdTiO3", 10),
     ("SrVO3", 1), ("KMoO3", 1)],
)  # fmt: skip
def test_electrons_left_over_fill_whole_shells_in_insulators_only(formula, left):
    assert screening.electrons_left(screening.parse(formula)) == left
    insulating = {"SrVO3": False, "KMoO3": False}.get(formula, True)
    assert (left in screening.CLOSED) == insulating


def test_valence_is_the_number_of_the_group():
    from pymatgen.core import Element

    for z in screening.METALS:
        group = Element.from_Z(z).group
        assert screening.valence(z) == (group if group <= 12 else group - 10), z


def test_misfit_is_zero_on_the_sites_and_grows_with_distance():
    cell = screening.perovskite("BaTiO3", 4.0)
    moved = cell.copy()
    moved.positions[0] += [0, 0, 0.5]
    other = cell[[1, 0, 2, 3, 4]]  # which of the two free sites an atom takes does not matter
    found = screening.misfit(Crystals.of([cell, moved, other]), (0, 1))
    assert torch.allclose(found, torch.tensor([0.0, 0.5, 0.0]), atol=1e-5)


def test_known_sites_repeat_for_every_cell():
    known = screening.known_sites((1, 2), 3, elements=(2,))
    assert known.positions.view(3, 5).tolist() == [[False, True, True, False, False]] * 3
    assert known.elements.view(3, 5).tolist() == [[False, False, True, False, False]] * 3
    assert not known.lattices.any()


def test_template_frames_are_the_crystal_the_lieb_layer_and_the_kagome_net():
    whole, lieb, net = screening.template_frames()
    assert (len(whole), len(lieb), len(net)) == (40, 24, 24)
    assert set(lieb.get_chemical_symbols()) == {"Ti", "O"}
    assert set(net.get_chemical_symbols()) == {"O"}
    # In a Lieb layer titanium has four neighbours at half an edge, in the plane.
    apart = lieb.get_all_distances(mic=True)[lieb.numbers == 22]
    assert (np.isclose(apart, 2.0).sum(1) == 4).all()
    # In a kagome net each site has four neighbours in its (111) plane.
    place = net.get_scaled_positions() * 2
    level = place.sum(1)
    vectors = net.get_all_distances(mic=True, vector=True)
    flat = np.isclose(vectors.sum(-1), 0) & np.isclose(np.linalg.norm(vectors, axis=-1), 8**0.5)
    assert (flat.sum(1) == 4).all()
    assert np.allclose(level, level.round())


def test_shipped_files_are_small_and_say_how_they_were_made():
    assert (FOLDER / "lesson_506_perov_5.safetensors").stat().st_size < 2e6
    assert (FOLDER / "lesson_506_screener.safetensors").stat().st_size < 3e5
    assert "fit-crystals" in lesson_506.__doc__


def test_the_screener_carries_what_was_measured_and_no_public_data(screener):
    told = screener.held_out
    assert told["energy_error"] < 0.6 * told["energy_spread"]
    assert told["closed_with_gap"] > 5 * told["open_with_gap"]
    # Weights of layers, two scales and a linear model: nothing has a row for each crystal.
    assert max(len(tensor) for tensor in screener.state_dict().values()) < 200


def test_errors_are_measured_against_the_truth(screener):
    sites = [screening.parse(name) for name in screening.KNOWN]
    heat, _, gap = screener.judge(sites)
    told = lesson_506.measured(screener, sites, torch.stack([heat + 0.3, gap.abs() + 1], 1))
    assert told["energy_error"] == pytest.approx(0.3, abs=1e-5)
    assert told["with_gap"] == told["crystals"] == len(screening.KNOWN)


def test_the_screener_tells_which_metal_belongs_into_the_cage(screener):
    for a, b in ((56, 22), (38, 22), (19, 41), (57, 13)):
        heat, _, _ = screener.judge([(a, b, [8, 8, 8]), (b, a, [8, 8, 8])])
        assert heat[0] < heat[1] - 0.5


def test_the_denoiser_knows_every_metal_and_anion_of_the_screener():
    model = lesson_506.load()
    assert set(model.numbers.tolist()) == set(screening.METALS) | set(screening.ANIONS)
