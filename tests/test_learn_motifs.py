"""What lesson 501 needs besides its ideas: shaken motifs, noise on Gram matrices, and motifs to look at."""

import math

import pytest
import torch
from ase.build import bulk

from equitour import view
from equitour.generative import coordinates, environments, gram_matrix, synchronise, synchronise_unordered
from equitour.graph import AtomicGraph
from equitour.learn import motifs
from equitour.learn.exercises import lesson_501
from equitour.symmetry import random_orthogonal


@pytest.fixture
def diamond():
    return AtomicGraph.from_ase(bulk("Si", cubic=True) * (2, 2, 2), cutoff=4.0)


@pytest.fixture
def crooked(generator):
    return 2 * torch.randn(5, 8, 3, generator=generator, dtype=torch.float64)


def test_shaking_displaces_atoms_by_what_it_says(generator):
    away = motifs.shaken(torch.zeros(2000, 8, 3, dtype=torch.float64), 0.1, generator=generator)
    assert away.square().sum(-1).mean().sqrt() == pytest.approx(0.1, rel=0.02)
    assert away.mean().abs() < 1e-3


def test_two_axes_are_alike_where_the_motif_is_as_wide_along_both():
    long = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    round_ = torch.diag(torch.tensor([1.0, 3.0, 3.01], dtype=torch.float64))
    assert motifs.alike_axes(torch.stack([long, round_]), within=0.03).tolist() == [False, True]


def test_noise_on_a_gram_matrix_is_symmetric_and_alike_in_all_directions(generator):
    zero = torch.zeros(20_000, 4, 4, dtype=torch.float64)
    noise = motifs.with_noise(zero, 0.5, generator=generator)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    assert torch.equal(noise, noise.mT)
    for seen in (noise, turn @ noise @ turn.T):
        assert seen[:, 0, 1].std() == pytest.approx(0.5, rel=0.03)
        assert seen[:, 2, 2].std() == pytest.approx(0.5 * math.sqrt(2), rel=0.03)


def test_the_part_that_no_atoms_have_tells_the_noise(crooked, generator):
    many = crooked.repeat(200, 1, 1)
    found = coordinates(motifs.with_noise(gram_matrix(many), 0.01, generator=generator), tolerance=math.inf)
    assert found.error.mean() == pytest.approx(0.01 * math.sqrt(6 * 5), rel=0.02)


def test_every_distance_is_the_synchronised_one_and_zero_to_itself(crooked):
    table = motifs.every_distance(crooked[:2], crooked)
    assert table.shape == (2, 5)
    assert table[0, 0] < 1e-6
    assert table[1, 1] < 1e-6
    assert (table[0, 1:] >= synchronise_unordered(crooked[:1].expand(4, 8, 3), crooked[1:]).rmsd - 1e-9).all()


def test_a_motif_of_diamond_is_drawn_with_its_four_bonds(diamond):
    graph = motifs.drawn(environments(diamond, num_neighbors=4).vectors[0])
    assert graph.atomic_numbers.tolist() == [0, 14, 14, 14, 14]
    assert graph.num_edges == 2 * 4
    panel = view.scene([graph], bonds="edges")
    assert len(panel["bonds"]) == 4


def test_two_motifs_on_one_centre_are_not_joined_to_each_other(diamond, generator):
    motif = environments(diamond, num_neighbors=4).vectors[0]
    graph = motifs.overlaid(
        motif, motif
    )  # One exactly on the other: each atom at distance zero from its twin.
    assert graph.atomic_numbers.tolist() == [0] + 4 * [14] + 4 * [0]
    assert graph.num_edges == 2 * (4 + 4)
    assert not ((graph.senders > 4) & (graph.receivers <= 4) & (graph.receivers > 0)).any()
    # Of crooked motifs the bonds within each are kept.
    row = torch.tensor([[2.3, 0, 0], [4.6, 0, 0]], dtype=torch.float64)
    assert motifs.overlaid(row, row + 0.1).num_edges == 2 * (2 + 2)


def test_six_sticks_make_the_motif_that_has_these_distances():
    motif = motifs.from_sticks((2.2, 2.5, 2.9), (3.0, 3.6, 4.2))
    assert torch.allclose(motif.norm(dim=1), torch.tensor([2.2, 2.5, 2.9], dtype=torch.float64))
    assert torch.allclose(torch.pdist(motif), torch.tensor([3.0, 3.6, 4.2], dtype=torch.float64))


class _Axes:
    """Takes down what is drawn."""

    def __init__(self):
        self.drawn = {}

    def __getattr__(self, name):
        def take(*given, **options):
            if "label" in options:
                self.drawn[options["label"]] = given

        return take


def test_the_root_is_drawn_through_the_start_of_the_flat_motif():
    ax, sigmas = _Axes(), torch.tensor([0.01, 0.04])
    motifs.draw_cost(ax, sigmas, {"round": 0.3 * sigmas, "flat": torch.tensor([0.1, 0.2])}, slope=0.3)
    assert torch.allclose(ax.drawn["∝ √σ"][1], torch.tensor([0.1, 0.2]))
    assert torch.allclose(ax.drawn["0.30 σ"][1], 0.3 * sigmas)


def test_all_kinds_of_distances_are_drawn_up_to_one():
    axes = _Axes(), _Axes()
    distances = {"near": torch.tensor([0.31, 0.32, 0.9]), "any": torch.rand(4, 5)}
    motifs.draw_nearest(axes, torch.tensor([10, 20, 40]), torch.tensor([1.0, 0.9, 0.8]), distances)
    heights, edges = axes[1].drawn["near"]
    assert heights.max() == 1
    assert heights[3] == 1
    assert heights[8:10].sum() == 0.5
    assert len(edges) == len(heights) + 1


def test_the_exercises_in_turn_give_the_library_back(crooked, generator):
    """Distances to G, G to atoms, turned and brought back into order: what a learner builds closes the circle."""
    motif, other = crooked[0], crooked[0] @ random_orthogonal(generator=generator).T
    atoms = torch.cat([torch.zeros_like(motif[:1]), motif])
    found = lesson_501.back(lesson_501.gram(torch.cdist(atoms, atoms)))
    assert synchronise(found[None], motif[None]).rmsd < 1e-6
    order = torch.randperm(8, generator=generator)
    turned = found @ lesson_501.kabsch(found, other, True).T
    assert torch.equal(lesson_501.partners(turned[order], other), order.argsort())
