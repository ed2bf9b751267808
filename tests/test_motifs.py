"""Environments, Gram matrices, synchronisation: what is kept, what is lost, and the way back."""

import itertools
import math

import pytest
import torch
from ase import Atoms
from ase.build import bulk

from equitour.generative import (
    GramScale,
    bond_angles,
    coordinates,
    environments,
    from_upper_triangle,
    gram_matrix,
    nearest_environment,
    score_motifs,
    shortest_distance,
    synchronise,
    synchronise_unordered,
    upper_triangle,
)
from equitour.graph import AtomicGraph, batch
from equitour.symmetry import random_orthogonal, random_rotation, rotate


@pytest.fixture
def points(generator):
    return 2 * torch.randn(6, 8, 3, generator=generator, dtype=torch.float64)


@pytest.fixture
def silicon():
    return AtomicGraph.from_ase(bulk("Si", cubic=True), cutoff=4.0)


def test_the_environment_of_diamond_is_a_tetrahedron_and_a_shell_of_twelve(silicon):
    found = environments(silicon, num_neighbors=16)
    bond = 5.43 * math.sqrt(3) / 4
    assert torch.allclose(found.vectors[:, :4].norm(dim=-1), torch.tensor(bond, dtype=torch.float64))
    assert torch.allclose(
        found.vectors[:, 4:].norm(dim=-1), torch.tensor(5.43 / math.sqrt(2), dtype=torch.float64)
    )
    angles = bond_angles(found.vectors, cutoff=1.1 * bond)
    assert angles.shape == (8 * 6,)
    assert torch.allclose(angles, torch.full_like(angles, math.degrees(math.acos(-1 / 3))))


def test_neighbours_stand_by_distance_and_are_those_of_ase(generator):
    from ase.neighborlist import neighbor_list

    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    atoms.rattle(0.2, seed=3)
    found = environments(AtomicGraph.from_ase(atoms, cutoff=5.0), num_neighbors=10)
    centers, neighbors, distances = neighbor_list("ijd", atoms, 5.0)
    for atom in range(len(atoms)):
        order = distances[centers == atom].argsort()[:10]
        assert found.neighbors[atom].tolist() == neighbors[centers == atom][order].tolist()
        assert torch.allclose(
            found.vectors[atom].norm(dim=-1), torch.from_numpy(distances[centers == atom][order])
        )
    assert torch.equal(found.atomic_numbers, torch.from_numpy(atoms.numbers)[found.neighbors])


def test_environments_of_one_element_and_of_several_structures(silicon):
    salt = AtomicGraph.from_ase(bulk("NaCl", "rocksalt", a=5.64), cutoff=4.5)
    both = environments(batch([salt, salt]), num_neighbors=6)
    sodium = both.of_element(11)
    assert len(both) == 4
    assert len(sodium) == 2
    assert (sodium.atomic_numbers == 17).all()
    with pytest.raises(
        ValueError, match="atomic number 14 where the centres are 11, 17: choose one of these"
    ):
        both.of_element(14)


def test_poor_environments_are_refused(silicon):
    with pytest.raises(
        ValueError, match=r"must have 17 neighbours within the cutoff, received 16 around atom 0"
    ):
        environments(silicon, num_neighbors=17)
    with pytest.raises(
        ValueError, match="num_neighbors must be at least 2, received 1: one neighbour has a distance"
    ):
        environments(silicon, num_neighbors=1)
    twins = AtomicGraph.from_ase(Atoms("H3", [[0, 0, 0], [0, 0, 1], [0, 1, 0]]), cutoff=3.0)
    twins = twins.replace(positions=torch.zeros(3, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"atoms must lie apart, received atoms . and . in one place"):
        environments(twins, num_neighbors=2)


def test_a_gram_matrix_does_not_know_how_the_structure_lies(silicon, generator):
    graph = silicon.replace(positions=silicon.positions + 0.1 * torch.randn(8, 3, generator=generator))
    Q = random_orthogonal(generator=generator)
    before, after = (gram_matrix(environments(g, num_neighbors=8).vectors) for g in (graph, rotate(graph, Q)))
    assert torch.allclose(before, after)


def test_upper_triangles_come_back_as_matrices(points):
    gram = gram_matrix(points)
    entries = upper_triangle(gram)
    assert entries.shape == (6, 36)
    assert torch.equal(from_upper_triangle(entries), gram)
    with pytest.raises(ValueError, match=r"must have n\(n\+1\)/2 entries .* received 35"):
        from_upper_triangle(entries[:, 1:])


def test_coordinates_come_back_up_to_a_turn_or_a_mirror(points):
    found = coordinates(gram_matrix(points))
    assert found.error.max() < 1e-12
    assert synchronise(found.vectors, points).rmsd.max() < 1e-12


def test_left_and_right_hand_have_one_gram_matrix(points):
    mirrored = points * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    assert torch.allclose(gram_matrix(points), gram_matrix(mirrored))
    assert synchronise(mirrored, points).rmsd.max() < 1e-12
    assert synchronise(mirrored, points, reflections=False).rmsd.min() > 0.1
    assert synchronise_unordered(mirrored, points, reflections=False).rmsd.min() > 0.1


def test_flat_environments_come_back_but_small_errors_leave_the_plane(points, generator):
    flat = points * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    found = coordinates(gram_matrix(flat))
    # The smallest eigenvalue is rounding, and its root is what stands out of the plane.
    assert synchronise(found.vectors, flat).rmsd.max() < 1e-6
    noise = 1e-4 * torch.randn(6, 8, 8, generator=generator, dtype=torch.float64)
    noisy = coordinates(gram_matrix(flat) + noise + noise.mT, tolerance=math.inf)
    height = synchronise(noisy.vectors, flat).rmsd
    assert height.min() > 1e-3
    full = coordinates(gram_matrix(points) + noise + noise.mT, tolerance=math.inf)
    assert synchronise(full.vectors, points).rmsd.max() < 1e-3


def test_no_three_dimensional_points_come_nearer_than_the_error_says(points, generator):
    noise = torch.randn(6, 8, 8, generator=generator, dtype=torch.float64)
    gram = gram_matrix(points) + noise + noise.mT
    found = coordinates(gram, tolerance=math.inf)
    reached = (gram_matrix(found.vectors) - gram).norm(dim=(1, 2))
    assert torch.allclose(reached, found.error)
    for _ in range(20):
        other = found.vectors + 0.05 * torch.randn(6, 8, 3, generator=generator, dtype=torch.float64)
        assert ((gram_matrix(other) - gram).norm(dim=(1, 2)) > reached).all()


def test_two_neighbours_lie_in_a_plane_and_come_back_too(generator):
    pair = torch.randn(3, 2, 3, generator=generator, dtype=torch.float64)
    found = coordinates(gram_matrix(pair))
    assert found.vectors.shape == (3, 2, 3)
    assert torch.allclose(gram_matrix(found.vectors), gram_matrix(pair))


def test_matrices_that_no_vectors_have_are_refused(points):
    gram = gram_matrix(points)
    with pytest.raises(ValueError, match=r"no negative eigenvalue, received one of -0\.5 times the largest"):
        coordinates(torch.diag(torch.tensor([4.0, 1.0, -2.0])))
    with pytest.raises(ValueError, match=r"must be square, received \(6, 36\): see from_upper_triangle"):
        coordinates(upper_triangle(gram))
    with pytest.raises(ValueError, match="must be symmetric, received entries that differ"):
        coordinates(gram + torch.ones(8, 8, dtype=torch.float64).triu(1))


def test_lengths_and_products_are_scaled_apart_and_come_back(points):
    gram = gram_matrix(points)
    scale = GramScale.of(gram)
    entries = scale.apply(gram)
    row, column = torch.triu_indices(8, 8)
    for kind in (row == column, row != column):
        assert entries[:, kind].mean().abs() < 1e-12
        assert entries[:, kind].std(correction=0) == pytest.approx(1.0)
    assert torch.allclose(scale.undo(entries), gram)


def test_one_scale_for_each_kind_does_not_mind_the_order_of_atoms(points, generator):
    order = torch.randperm(8, generator=generator)
    scale, other = (GramScale.of(gram_matrix(x)) for x in (points, points[:, order]))
    assert torch.allclose(scale.mean, other.mean)
    assert torch.allclose(scale.deviation, other.deviation)


def test_what_cannot_be_scaled_is_refused(points):
    with pytest.raises(ValueError, match="at least 2 neighbours, received 1: one has no angle to scale"):
        GramScale.of(gram_matrix(points[:, :1]))
    with pytest.raises(ValueError, match="Gram matrices must vary, received 1 with deviations"):
        GramScale.of(torch.ones(1, 2, 2))


def test_synchronisation_finds_the_rotation_that_was_applied(points, generator):
    Q = random_rotation(6, generator=generator)
    found = synchronise(points, points @ Q.mT, reflections=False)
    assert torch.allclose(found.rotation, Q)
    assert found.rmsd.max() < 1e-12


def test_no_rotation_comes_nearer_than_kabschs(points, generator):
    others = points + torch.randn(6, 8, 3, generator=generator, dtype=torch.float64)
    found = synchronise(points, others)
    for Q in random_orthogonal(500, generator=generator):
        assert ((points @ Q.mT - others).square().sum(-1).mean(-1).sqrt() >= found.rmsd).all()


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_the_best_order_of_atoms_is_the_best_of_all_orders(noise, generator):
    moving = 2 * torch.randn(10, 5, 3, generator=generator, dtype=torch.float64)
    order = torch.randperm(5, generator=generator)
    Q = random_orthogonal(10, generator=generator)
    fixed = moving[:, order] @ Q.mT + noise * torch.randn(10, 5, 3, generator=generator, dtype=torch.float64)
    found = synchronise_unordered(moving, fixed)
    every = [synchronise(moving[:, list(p)], fixed).rmsd for p in itertools.permutations(range(5))]
    assert torch.allclose(found.rmsd, torch.stack(every).amin(0))
    assert torch.equal(found.permutation, order.expand(10, 5))


def test_the_permutation_says_which_atom_went_where(points, generator):
    fixed = points[:, torch.randperm(8, generator=generator)] @ random_orthogonal(generator=generator).mT
    found = synchronise_unordered(points, fixed)
    moved = points.gather(1, found.permutation[..., None].expand(-1, -1, 3)) @ found.rotation.mT
    assert torch.allclose(moved, found.vectors)
    assert torch.allclose(moved, fixed)


def test_a_few_atoms_find_their_places_in_a_larger_environment(points, generator):
    places = torch.tensor([6, 1, 3, 4])
    Q = random_rotation(6, generator=generator)
    found = synchronise_unordered(points, points[:, places] @ Q.mT, reflections=False)
    assert found.rmsd.max() < 1e-6
    assert torch.equal(found.permutation, places.expand(6, 4))
    assert torch.allclose(found.rotation, Q)


def test_environments_of_different_sizes_are_not_compared(points):
    with pytest.raises(ValueError, match=r"received \(6, 7, 3\) and \(6, 8, 3\): repeat the one"):
        synchronise_unordered(points[:, 1:], points)
    with pytest.raises(
        ValueError, match=r"received \(6, 8, 3\) and \(6, 7, 3\): repeat the one, or cut both"
    ):
        synchronise(points, points[:, 1:])
    with pytest.raises(
        ValueError, match=r"references must be environments of 8 neighbours, received \(6, 7, 3\)"
    ):
        nearest_environment(points, points[:, 1:])


def test_a_turned_and_reordered_copy_is_found_among_many(generator):
    references = 2 * torch.randn(300, 8, 3, generator=generator, dtype=torch.float64)
    copies = references[[7, 70]][:, torch.randperm(8, generator=generator)]
    found = nearest_environment(copies @ random_orthogonal(2, generator=generator).mT, references)
    assert found.index.tolist() == [7, 70]
    assert found.rmsd.max() < 1e-6
    stranger = nearest_environment(
        2 * torch.randn(2, 8, 3, generator=generator, dtype=torch.float64), references
    )
    assert stranger.rmsd.min() > 0.1


def test_a_sample_of_the_same_motifs_scores_as_real_and_as_copied(points):
    scores = score_motifs(points, held_out=points, training=points, min_distance=0.0)
    assert scores.valid == scores.coverage == 1
    assert scores.distances == scores.angles == 0
    assert scores.novelty < 1e-6


def test_overlaps_longer_bonds_and_empty_regions_are_seen(points, generator):
    training = 2 * torch.randn(20, 8, 3, generator=generator, dtype=torch.float64)
    overlapping = points.clone()
    overlapping[:3, 1] = overlapping[:3, 0]
    scores = score_motifs(
        1.1 * overlapping, held_out=points, training=training, min_distance=1e-3, radius=0.01
    )
    assert scores.valid == 0.5
    assert scores.coverage == 0
    longer = score_motifs(1.1 * points, held_out=points, training=training, min_distance=1e-3)
    assert longer.distances == pytest.approx(0.1 * float(points.norm(dim=-1).mean()))
    assert longer.angles < 1e-9


def test_the_shortest_distance_counts_the_centre():
    vectors = torch.tensor([[[0.5, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]])
    assert shortest_distance(vectors).tolist() == [0.5]
    assert bond_angles(vectors, cutoff=3.5).tolist() == [0.0]
    assert sorted(bond_angles(vectors).tolist()) == [0.0, 90.0, 90.0]
