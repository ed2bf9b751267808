"""Scenes and panels are plain data, and the data are right: bonds, fields, ellipsoids, harmonics."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.spacegroup import crystal
from e3nn import o3

from equitour import view
from equitour.graph import AtomicGraph
from equitour.view import style
from equitour.view.glyphs import ellipsoid_axes


@pytest.fixture
def ethanol():
    return molecule("CH3CH2OH")


@pytest.fixture
def perovskite():
    return crystal(
        ["Sr", "Ti", "O"],
        [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)],
        spacegroup=221,
        cellpar=[3.905] * 3 + [90] * 3,
    )


def test_a_scene_keeps_positions_and_elements_of_a_graph_and_of_ase_alike(ethanol):
    graph = AtomicGraph.from_ase(ethanol, cutoff=3.0)
    one, other = view.scene(graph), view.scene(ethanol)
    np.testing.assert_allclose(one["positions"], ethanol.positions, atol=1e-6)
    np.testing.assert_array_equal(one["numbers"], ethanol.numbers)
    assert {entry["symbol"] for entry in one["elements"].values()} == {"C", "H", "O"}
    np.testing.assert_array_equal(one["bonds"], other["bonds"])
    assert one["alt"] == "C2H6O: 9 atoms."


@pytest.mark.parametrize(
    ("atoms", "bonds"),
    [
        (molecule("CH3CH2OH"), 8),
        (molecule("C6H6"), 12),
        (molecule("H2O"), 2),
        (bulk("Si"), 4),
        (bulk("Si", cubic=True), 16),
        (bulk("NaCl", "rocksalt", 5.64, cubic=True), 24),
        (bulk("Cu", cubic=True), 24),
    ],
    ids=lambda value: value.get_chemical_formula() if isinstance(value, Atoms) else str(value),
)
def test_bonds_are_those_of_the_chemistry_book_also_across_cell_faces(atoms, bonds):
    assert len(view.scene(atoms)["bonds"]) == bonds


def test_in_a_perovskite_titanium_holds_its_octahedron_and_strontium_no_bond(perovskite):
    bonds = view.scene(perovskite)["bonds"]
    assert len(bonds) == 6
    assert all({perovskite.numbers[i], perovskite.numbers[j]} == {22, 8} for i, j in bonds[:, :2])


def test_every_bond_has_the_length_of_a_neighbour_distance(perovskite):
    panel = view.scene(perovskite)
    i, j, shift = panel["bonds"][:, 0], panel["bonds"][:, 1], panel["bonds"][:, 2:]
    vectors = perovskite.positions[j] + shift @ perovskite.cell[:] - perovskite.positions[i]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 3.905 / 2, atol=1e-9)


def test_the_edges_of_a_graph_are_drawn_once_per_pair():
    graph = AtomicGraph.from_ase(bulk("Si"), cutoff=4.0)
    assert 2 * len(view.scene(graph, bonds="edges")["bonds"]) == graph.num_edges


def test_an_atom_alone_in_its_cell_is_joined_to_its_images():
    assert len(view.scene(bulk("Cu"))["bonds"]) == 6


def test_frames_may_differ_in_their_atoms():
    panel = view.scene([molecule("H2O"), molecule("CH4")], vectors=[np.ones((3, 3)), np.ones((5, 3))])
    assert panel["offsets"].tolist() == [0, 3, 8]
    assert panel["bond_offsets"].tolist() == [0, 2, 6]
    assert panel["vectors"][0]["values"].shape == (8, 3)


def test_positions_over_time_keep_the_atoms_and_find_bonds_anew(ethanol):
    path = ethanol.positions + np.linspace(0, 1, 5)[:, None, None]
    panel = view.scene((ethanol, path))
    assert panel["frames"] == 5
    assert len(panel["bond_offsets"]) == 2
    parted = view.scene((ethanol, np.stack([ethanol.positions, 3 * ethanol.positions])))
    assert parted["bond_offsets"].tolist() == [0, 8, 8]


def test_bare_positions_are_points_without_bonds():
    panel = view.scene(np.zeros((2, 4, 3)))
    assert panel["frames"] == 2
    assert len(panel["bonds"]) == 0
    assert panel["alt"] == "4 points."


def test_nothing_that_is_drawn_leaves_the_sphere_of_the_camera(perovskite):
    forces = np.random.default_rng(0).normal(size=(5, 3))
    panel = view.scene(perovskite, vectors=forces, images=(2, 1, 1))
    tips = perovskite.positions + forces * panel["vectors"][0]["scale"]
    corners = np.array([[i, j, k] for i in (0, 2) for j in (0, 1) for k in (0, 1)]) @ perovskite.cell[:]
    assert np.linalg.norm(np.concatenate([tips, corners]) - panel["centre"], axis=1).max() <= panel["extent"]


@pytest.mark.parametrize("name", ["CH4", "H2O", "C60", "trans-butane"])
def test_the_camera_s_sphere_holds_every_ball_and_is_hardly_larger_than_it_must_be(name):
    atoms = molecule(name)
    panel = view.scene(atoms)
    radii = np.array([panel["elements"][str(number)]["radius"] for number in atoms.numbers])
    reach = np.linalg.norm(atoms.positions - panel["centre"], axis=1) + radii
    assert reach.max() <= panel["extent"]
    # No ball is smaller than half of its two farthest points are apart.
    width = (
        np.linalg.norm(atoms.positions[:, None] - atoms.positions, axis=-1) + radii[:, None] + radii
    ).max()
    assert panel["extent"] < 1.16 * width / 2 * (2 / 3**0.5 if name in ("CH4", "H2O") else 1)


def test_a_lopsided_structure_is_seen_from_its_middle_and_not_from_that_of_its_box():
    corner = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]])
    panel = view.scene(Atoms("H3", corner))
    assert panel["centre"] == pytest.approx([2, 2, 0], abs=0.1)
    tetrahedron = np.array([[0.0, 0, 0], [4, 4, 0], [4, 0, 4], [0, 1, 1]])
    middle = view.scene(Atoms("H4", tetrahedron))["centre"]
    box = tetrahedron.max(axis=0) / 2
    assert (
        np.linalg.norm(tetrahedron - middle, axis=1).max() < np.linalg.norm(tetrahedron - box, axis=1).max()
    )


def test_ellipsoids_keep_the_axes_and_signs_of_a_tensor_and_stay_visible_when_flat():
    tensor = np.array([[[2.0, 0.5, 0.0], [0.5, -1.0, 0.0], [0.0, 0.0, 0.0]]])
    values, vectors = np.linalg.eigh(tensor[0])
    drawn = ellipsoid_axes(tensor)[0]
    images = drawn @ vectors
    kept = np.where(np.abs(values) < 1e-9, 0.05 * np.abs(values).max(), values)
    np.testing.assert_allclose(images, vectors * kept, atol=1e-12)


def test_an_antisymmetric_part_does_not_change_the_ellipsoid():
    tensor = np.random.default_rng(1).normal(size=(4, 3, 3))
    twist = np.random.default_rng(2).normal(size=(4, 3, 3))
    np.testing.assert_allclose(
        ellipsoid_axes(tensor + twist - twist.swapaxes(1, 2)), ellipsoid_axes(tensor), atol=1e-12
    )


def test_scalars_of_both_signs_get_a_diverging_bar_around_zero(ethanol):
    both = view.scene(ethanol, scalars=np.linspace(-1, 3, 9))["scalars"][0]
    assert both["signed"]
    assert both["limits"] == [-3, 3]
    one = view.scene(ethanol, scalars={"shift (ppm)": np.linspace(20, 30, 9)})["scalars"][0]
    assert not one["signed"]
    assert one["limits"] == [20, 30]
    assert one["name"] == "shift (ppm)"


def test_a_field_sets_scale_and_colour(ethanol):
    arrows = view.field("velocity (Å/ps)", np.ones((9, 3)), scale=0.5, colour="#009E73")
    drawn = view.scene(ethanol, vectors=arrows)["vectors"][0]
    assert drawn["scale"] == 0.5
    assert drawn["colour"] == style.rgb("#009E73")


def test_tensors_that_need_gradients_are_read(ethanol):
    forces = torch.ones(9, 3, requires_grad=True)
    assert view.scene(ethanol, vectors=forces)["vectors"][0]["values"].sum() == 27


@pytest.mark.parametrize("normalization", ["integral", "component", "norm"])
def test_harmonics_in_any_normalization_are_the_same_function_as_e3nn_s(normalization):
    generator = torch.Generator().manual_seed(3)
    coefficients = torch.randn(16, dtype=torch.float64, generator=generator)
    directions = torch.randn(20, 3, dtype=torch.float64, generator=generator)
    theirs = (
        o3.spherical_harmonics([0, 1, 2, 3], directions, normalize=True, normalization=normalization)
        @ coefficients
    )
    drawn = torch.tensor(
        view.harmonics(coefficients, normalization=normalization)["drawn"][0], dtype=torch.float64
    )
    ours = o3.spherical_harmonics([0, 1, 2, 3], directions, normalize=True, normalization="integral") @ drawn
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_the_surface_fits_into_its_picture():
    coefficients = np.random.default_rng(4).normal(size=(3, 16))
    panel = view.harmonics(coefficients)
    directions = torch.randn(2000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    values = o3.spherical_harmonics(
        [0, 1, 2, 3], directions, normalize=True, normalization="integral"
    ) @ torch.tensor(coefficients.T)
    assert float(values.abs().max()) <= panel["extent"]


def test_one_degree_alone_fills_only_its_own_place():
    panel = view.harmonics(np.arange(1.0, 6.0), l=2)
    assert panel["lmax"] == 2
    assert panel["values"][0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5]
