"""Tensors on atoms: which mark they get, what of them the mark shows, and at which scale."""

import numpy as np
import pytest
from ase.build import molecule

from equitour import view
from equitour.symmetry import random_orthogonal
from equitour.view.glyphs import _CUBIC, axial_vectors, cubic_form, ellipsoid_axes, longest_radius


@pytest.fixture
def water():
    return molecule("H2O")


@pytest.fixture
def tensors():
    return np.random.default_rng(11).normal(size=(3, 3, 3))


def drawn(atoms, tensors, **options):
    return view.scene(atoms, tensors=view.field("Z* (e)", tensors, **options))["tensors"][0]


def test_symmetric_tensors_are_ellipsoids_and_others_glyphs_with_an_axial_arrow(water, tensors):
    symmetric = tensors + tensors.swapaxes(1, 2)
    assert drawn(water, symmetric)["shape"] == "ellipsoid"
    assert drawn(water, symmetric)["axial"] is None
    assert drawn(water, symmetric + 1e-9 * tensors)["shape"] == "ellipsoid"
    one = drawn(water, tensors)
    assert one["shape"] == "glyph"
    np.testing.assert_allclose(one["axes"], symmetric / 2, atol=1e-6)
    assert drawn(water, tensors, shape="ellipsoid")["axial"] is None
    np.testing.assert_allclose(
        drawn(water, tensors, shape="ellipsoid")["axes"], ellipsoid_axes(tensors), atol=1e-6
    )


def test_the_axial_vector_turns_as_the_antisymmetric_part_does(tensors):
    v = np.random.default_rng(12).normal(size=3)
    skew = (tensors - tensors.swapaxes(1, 2)) / 2
    np.testing.assert_allclose(np.cross(axial_vectors(tensors), v), skew @ v, atol=1e-12)


def test_the_arrow_of_the_antisymmetric_part_is_axial_a_mirror_turns_it_the_other_way(tensors, generator):
    for _ in range(6):
        matrix = random_orthogonal(generator=generator).numpy()
        turned = axial_vectors(matrix @ tensors @ matrix.T)
        np.testing.assert_allclose(
            turned, np.linalg.det(matrix) * axial_vectors(tensors) @ matrix.T, atol=1e-12
        )


def test_ten_numbers_give_the_form_of_a_tensor_of_three_indices_in_every_direction():
    raman = np.random.default_rng(13).normal(size=(4, 3, 3, 3))
    n = np.random.default_rng(14).normal(size=(50, 3))
    whole = np.einsum("aijk,vi,vj,vk->av", raman, n, n, n)
    times = [{1: 1, 2: 3, 3: 6}[len(set(name))] for name in _CUBIC]
    parts = [
        count * np.prod([n[:, "xyz".index(letter)] for letter in name], axis=0)
        for count, name in zip(times, _CUBIC, strict=True)
    ]
    np.testing.assert_allclose(cubic_form(raman) @ np.stack(parts), whole, atol=1e-12)
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    assert longest_radius(raman) >= np.abs(np.einsum("aijk,vi,vj,vk->av", raman, n, n, n)).max()


def test_the_glyph_of_three_indices_does_not_depend_on_which_of_them_is_the_displacement(water):
    raman = np.random.default_rng(15).normal(size=(3, 3, 3, 3))
    raman += raman.swapaxes(2, 3)
    first = view.scene(water, tensors=raman)["tensors"][0]
    last = view.scene(water, tensors=raman.transpose(0, 2, 3, 1))["tensors"][0]
    assert first["shape"] == last["shape"] == "cubic"
    np.testing.assert_allclose(first["axes"], last["axes"], atol=1e-6)


def test_lobes_of_neighbours_stay_apart_and_the_bar_is_a_round_number_of_the_unit(water, tensors):
    panel = view.scene(water, tensors={"Z* (e)": tensors})
    one = panel["tensors"][0]
    bond = water.get_distance(0, 1)
    assert one["scale"] * longest_radius(tensors) == pytest.approx(0.7 * bond)
    number, unit = one["bar"]["text"].split()
    assert unit == "e"
    assert number[0] in "125"
    assert one["bar"]["length"] == pytest.approx(float(number) * one["scale"])
    assert 0.5 <= one["bar"]["length"] <= 1.25
    assert f"{number} e are drawn as {one['bar']['length']:.2f} Å" in panel["alt"]
    assert f"antisymmetric part, drawn {one['times']} times as large" in panel["alt"]


def test_two_panels_may_share_their_scales(water, tensors):
    one = drawn(water, tensors, scale=(0.2, 3.0))
    assert (one["scale"], one["axial_scale"]) == (0.2, 3.0)
    assert one["times"] == "15"
    assert drawn(water, tensors, scale=0.2)["scale"] == 0.2


def test_arrows_and_lobes_stay_in_the_picture(water, tensors):
    panel = view.scene(water, tensors=tensors)
    one = panel["tensors"][0]
    tips = water.positions + one["axial_scale"] * one["axial"]
    assert np.linalg.norm(tips - panel["centre"], axis=1).max() <= panel["extent"]
    lobes = np.linalg.norm(water.positions - panel["centre"], axis=1).max() + one["scale"] * longest_radius(
        tensors
    )
    assert lobes <= panel["extent"]


def test_tensors_may_turn_from_frame_to_frame(water, tensors):
    frames = np.stack([tensors, -tensors])
    panel = view.scene((water, np.stack([water.positions] * 2)), tensors={"σ (ppm)": frames})
    np.testing.assert_allclose(panel["tensors"][0]["values"], frames.reshape(6, 3, 3), atol=1e-6)
    raman = np.random.default_rng(16).normal(size=(2, 3, 3, 3, 3))
    panel = view.scene((water, np.stack([water.positions] * 2)), tensors=raman)
    assert panel["tensors"][0]["axes"].shape == (6, 10)


def test_the_words_keep_every_component(water, tensors):
    figure = view.show(water, tensors={"Z* (e)": tensors})
    row = next(line for line in figure.describe().splitlines() if line.startswith("1\tH"))
    np.testing.assert_allclose(
        [float(value) for value in row.split("\t")[-1].split(", ")], tensors[1].ravel(), rtol=1e-3
    )


def test_tensors_that_are_zero_are_drawn_as_nothing(water):
    one = view.scene(water, tensors=np.zeros((3, 3, 3)))["tensors"][0]
    assert np.isfinite(one["scale"])
    assert not one["axes"].any()


@pytest.mark.parametrize("shape", ["ellipsoid", "blob"])
def test_a_shape_that_cannot_show_the_tensor_is_refused(water, shape):
    with pytest.raises(ValueError, match=f"received shape='{shape}' for 3 indices: leave shape out"):
        drawn(water, np.zeros((3, 3, 3, 3)), shape=shape)
