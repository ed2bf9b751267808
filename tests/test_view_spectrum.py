"""Spectra and moving modes as plain data: what is drawn is what was given, and what does not fit is refused."""

import json
import re

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule

from equitour import view
from equitour.graph import AtomicGraph
from equitour.view import page
from equitour.view.bearing import _quaternion

GRID = np.linspace(1000.0, 4000.0, 50)


@pytest.fixture
def water():
    return AtomicGraph.from_ase(molecule("H2O"), cutoff=2.0)


def modes(atoms=3, count=3):
    return np.random.default_rng(3).normal(size=(count, atoms, 3))


def figure(structure, *, frequencies=(1595.0, 3657.0, 3756.0), **changed):
    options = {"intensities": {"infrared (km/mol)": [80.0, 3.0, 50.0]}, "displacements": modes()}
    return view.spectrum(structure, frequencies, **(options | changed))


def test_the_numbers_of_a_spectrum_reach_the_page(water):
    curves = (GRID, {"computed": np.exp(-(((GRID - 1595) / 30) ** 2)), "predicted": 0 * GRID})
    spectrum, motion = figure(water, curves=curves).spec["panels"]
    assert spectrum["x"].tolist() == [1595, 3657, 3756]
    assert spectrum["rows"][0]["heights"].tolist() == [80, 3, 50]
    assert (spectrum["rows"][0]["name"], spectrum["rows"][0]["unit"]) == ("infrared", "km/mol")
    assert spectrum["legend"] == ["computed", "predicted"]
    np.testing.assert_allclose(spectrum["rows"][0]["curves"][0]["values"], curves[1]["computed"], atol=1e-7)
    assert (motion["kind"], motion["frames"]) == ("motion", 3)
    json.dumps(page.encode(figure(water, curves=curves).spec))


def test_what_rounding_leaves_of_a_forbidden_peak_is_silent(water):
    spectrum = figure(water, intensities=[716.0, 1.6e-5, 1e-3]).spec["panels"][0]
    assert spectrum["rows"][0]["heights"].tolist() == pytest.approx([716.0, 0.0, 1e-3], rel=1e-6, abs=0)


def test_every_mode_is_scaled_to_its_most_mobile_atom_and_keeps_its_directions(water):
    given = modes()
    panel = view.motion(water, 7.0 * given, amplitude=0.25)
    assert panel["amplitude"] == 0.25
    np.testing.assert_allclose(np.linalg.norm(panel["motion"], axis=-1).max(axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(panel["motion"], view.motion(water, given)["motion"], atol=1e-6)
    cosines = (panel["motion"] * given).sum((1, 2)) / np.linalg.norm(panel["motion"], axis=(1, 2))
    np.testing.assert_allclose(cosines, np.linalg.norm(given, axis=(1, 2)), rtol=1e-6)


def test_no_atom_leaves_the_picture_while_it_swings():
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    panel = view.motion(view.scene(atoms, images=(2, 2, 1)), modes(2, 5), amplitude=2.0)
    places = atoms.positions + 2.0 * panel["motion"]
    assert np.linalg.norm(places - panel["centre"], axis=-1).max() <= panel["extent"]
    assert panel["images"] == [2, 2, 1]


def test_a_figure_begins_with_the_strongest_mode_or_the_one_asked_for(water):
    assert figure(water).spec["index"] == 0
    assert figure(water, intensities=[1.0, 2.0, 9.0]).spec["index"] == 2
    assert figure(water, index=1).spec["index"] == 1


def test_labels_tell_the_species_and_mark_imaginary_frequencies(water):
    told = figure(water, frequencies=[-120.0, 0.2, 3756.0], labels=["B₂", "", "A₁"])
    assert told.spec["labels"] == ["B₂ 120i cm⁻¹", "0 cm⁻¹", "A₁ 3756 cm⁻¹"]


def test_spectra_above_each_other_have_curves_of_their_own(water):
    rows = {"infrared": [1.0, 2.0, 0.0], "Raman": [0.0, 1.0, 5.0]}
    curves = (GRID, {"Raman": {"computed": GRID, "predicted": GRID}, "infrared": GRID})
    panel = figure(water, intensities=rows, curves=curves).spec["panels"][0]
    assert [(row["name"], len(row["curves"])) for row in panel["rows"]] == [("infrared", 1), ("Raman", 2)]
    assert set(panel["legend"]) == {"computed", "predicted", "spectrum"}


def test_tensors_with_gradients_are_taken_as_they_come(water):
    frequencies = torch.tensor([1595.0, 3657.0, 3756.0], requires_grad=True)
    told = figure(water, frequencies=frequencies, displacements=torch.tensor(modes(), requires_grad=True))
    assert told.spec["panels"][0]["x"].tolist() == [1595, 3657, 3756]


def test_the_words_name_the_strongest_peak_and_the_motion_of_each_atom(water):
    told = figure(water).describe(1)
    assert "infrared (km/mol): strongest 1595 cm⁻¹ with 80" in told
    assert "1\t3657 cm⁻¹\t3" in told
    assert "displacement (longest = 1)" in told
    row = next(line for line in told.splitlines() if line.startswith("0\tO"))
    moved = np.array([float(value) for value in row.split("\t")[-1].split(", ")])
    expected = modes()[1, 0] / np.linalg.norm(modes()[1], axis=-1).max()
    np.testing.assert_allclose(moved, expected, atol=1e-3)


def test_names_from_files_stay_text_in_a_spectrum(water):
    evil = "</script><script>alert(1)</script>"
    html = figure(water, intensities={evil: [1.0, 2.0, 3.0]}, labels=[evil] * 3, title=evil).to_html()
    assert html.count("<script") == html.count("</script>") == 1


def test_a_page_carries_the_parts_for_spectra_only_where_one_stands(water):
    assert "KINDS.spectrum" in figure(water).to_html()
    assert "KINDS.spectrum" not in view.show(water).to_html()
    assert "KINDS.motion" in view.linked([view.motion(water, modes())]).to_html()
    assert "KINDS.motion" in page.widget_module()
    for html in (figure(water).to_html(), page.widget_module()):
        assert set(re.findall(r"(?:https?|wss?)://[^\"'\s<)]+", html)) <= {"http://www.w3.org/2000/svg"}
        assert "import " not in html


def test_quaternions_turn_as_their_matrix(generator):
    from scipy.spatial.transform import Rotation

    from equitour.symmetry import random_rotation

    for _ in range(5):
        matrix = random_rotation(generator=generator).numpy()
        w, x, y, z = _quaternion(matrix)
        np.testing.assert_allclose(Rotation.from_quat([x, y, z, w]).as_matrix(), matrix, atol=1e-5)


def test_a_flat_molecule_shows_its_flat_side():
    panel = view.motion(molecule("C6H6"), modes(12))
    w, x, y, z = panel["look"]
    normal = np.linalg.svd(panel["positions"] - panel["positions"].mean(axis=0))[2][2]
    sight = np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
    assert abs(normal @ sight) > 0.9


def test_a_linear_molecule_lies_from_left_to_right():
    panel = view.motion(molecule("CO2"), modes(3))
    w, x, y, z = panel["look"]
    sight = np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
    bond = panel["positions"][1] - panel["positions"][0]
    assert abs(bond @ sight) < 0.35 * np.linalg.norm(bond)


_REFUSALS = {
    "frequencies": (lambda w: figure(w, frequencies=[[1.0]]), r"frequencies must be finite with the shape \(modes\), received \(1, 1\)"),
    "not finite": (lambda w: figure(w, frequencies=[1.0, np.nan, 2.0]), "frequencies .* received 1 values that are not finite"),
    "intensities": (lambda w: figure(w, intensities={"IR": [1.0]}), r"intensities 'IR' must be finite with the shape \(3\), received \(1,\)"),
    "negative": (lambda w: figure(w, intensities=[1.0, -2.0, 1.0]), "'intensity' must not be negative, received -2"),
    "none": (lambda w: figure(w, intensities={}), "needs intensities, received none"),
    "labels": (lambda w: figure(w, labels=["A"]), "name each of the 3 modes, received 1"),
    "modes": (lambda w: figure(w, displacements=modes(count=9)), "received 3 frequencies and 9 modes"),
    "displacements": (lambda w: figure(w, displacements=modes(4)), r"shape \(modes, 3, 3\), received \(3, 4, 3\)"),
    "still": (lambda w: figure(w, displacements=0 * modes()), "move an atom, received mode 0 that does not"),
    "amplitude": (lambda w: view.motion(w, modes(), amplitude=0), "amplitude must be positive, received 0"),
    "frames": (lambda w: view.motion(view.scene([w, w]), modes()), "one structure at rest, received a structure panel of 2 frames"),
    "pair": (lambda w: figure(w, curves=GRID), r"curves must be a pair \(grid, values\), received ndarray"),
    "grid": (lambda w: figure(w, curves=(GRID[::-1], GRID)), r"grid of curves must rise, with the shape \(points\), received \(50,\)"),
    "curve": (lambda w: figure(w, curves=(GRID, {"computed": GRID[:9]})), r"curve 'computed' must .* \(50,\) of its grid, received \(9,\)"),
    "row": (lambda w: figure(w, curves=(GRID, {"Raman": {"a": GRID}})), r"belong to the spectra \['infrared \(km/mol\)'\], received curves of 'Raman'"),
    "index": (lambda w: figure(w, index=7), "index must be between 0 and 2, received 7"),
}  # fmt: skip


@pytest.mark.parametrize("case", _REFUSALS)
def test_every_refusal_is_one_clear_sentence(case, water):
    call, words = _REFUSALS[case]
    with pytest.raises(ValueError, match=words) as caught:
        call(water)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
