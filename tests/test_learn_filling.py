"""What lesson 503 needs besides its ideas: digits, questions with a known answer, random cells and rings."""

import itertools

import pytest
import torch
from ase.build import bulk

from equitour import view
from equitour.generative import Infilled, noise_levels, synchronise_unordered
from equitour.graph import AtomicGraph
from equitour.learn import filling
from equitour.learn.checkpoints import lesson_502
from equitour.learn.exercises import lesson_503
from equitour.symmetry import random_orthogonal


@pytest.fixture
def motif(generator):
    return 2 * torch.randn(4, 8, 3, generator=generator)


def test_digits_are_all_different_and_eight_lights_every_stroke():
    pictures = filling.digits()
    assert torch.pdist(pictures.flatten(1)).min() >= 2
    assert torch.equal(pictures.amax(0), pictures[8])
    assert set(pictures.unique().tolist()) == {0.0, 1.0}


def test_hidden_atoms_and_known_ones_are_the_motif(motif, generator):
    known, removed = filling.hide(motif, 3, generator=generator)
    assert (known.shape[1], removed.shape[1]) == (5, 3)
    away = torch.cdist(torch.cat([known, removed], 1), motif)
    # Each atom stands there once.
    assert torch.equal(away.argmin(2).sort(1).values, torch.arange(8).expand(4, 8))
    assert away.amin(2).max() < 1e-3


def test_every_atom_is_removed_as_often_as_the_others(generator):
    motifs = torch.arange(8.0)[:, None].expand(8, 3).expand(4000, 8, 3)
    _, removed = filling.hide(motifs, 1, generator=generator)
    counts = removed[:, 0, 0].long().bincount(minlength=8)
    assert (counts - 500).abs().max() < 5 * 500**0.5


def test_the_halves_of_the_tries_have_no_try_in_common():
    found = Infilled(torch.arange(8.0)[None, :, None, None].expand(1, 8, 1, 3), torch.zeros(1, 8))
    first, second = (half.vectors[0, :, 0, 0].tolist() for half in filling.halves(found))
    assert (first, second) == ([0, 1, 2, 3], [4, 5, 6, 7])


def test_a_place_is_right_if_any_atom_of_a_try_lies_within_the_radius():
    place = torch.zeros(2, 3)
    atoms = torch.tensor([[[0.2, 0, 0], [5, 0, 0]], [[0.4, 0, 0], [0, 5, 0]]])
    assert filling.within(place, atoms).tolist() == [1, 0]
    assert filling.within(place, atoms[:, :, None]).tolist() == [[1, 0], [0, 0]]


def test_a_cloud_joins_no_try_to_anything(motif):
    graph = filling.cloud(motif[0, 1:], 0.1 * torch.randn(5, 3), motif[0, :1])
    assert graph.atomic_numbers.tolist() == [14] * 8 + [8] + [0] * 5
    assert not len(graph.senders) or max(graph.senders.max(), graph.receivers.max()) < 9
    assert view.scene(graph, bonds="edges")


def test_a_random_cell_has_the_density_asked_for(generator):
    graph = filling.random_cell(64, density=0.05, generator=generator)
    assert 64 / float(torch.linalg.det(graph.cell[0])) == pytest.approx(0.05)
    assert bool(graph.pbc.all())


def test_diamond_is_described_as_everybody_knows_it():
    told = filling.described(AtomicGraph.from_ase(bulk("Si", cubic=True) * (2, 2, 2), cutoff=3.0))
    assert told["four bonds (%)"] == 100
    assert told["bond length (Å)"] == pytest.approx(5.43 * 3**0.5 / 4)
    assert told["mean angle (°)"] == pytest.approx(109.471, abs=1e-3)
    assert told["spread of angles (°)"] < 1e-3
    assert (told["rings of 3, 4 (%)"], told["rings of 5, 6, 7 (%)"]) == (0, 100)


@pytest.mark.parametrize(("closed", "rings"), [(False, 0), (True, 1)])
def test_a_chain_has_no_ring_and_a_hexagon_one(closed, rings):
    angle = torch.arange(6) * torch.pi / 3
    ring = 2.35 * torch.stack([angle.cos(), angle.sin(), 0 * angle], 1)
    assert filling.independent_rings(ring if closed else ring[:5]) == rings


def test_the_exact_denoiser_is_the_mean_at_large_noise_and_the_nearest_picture_at_small():
    p = filling.digits().flatten(1)
    x = p[[3, 7]] + 0.01
    assert torch.allclose(lesson_503.denoise(x, torch.tensor(1e4), p), p.mean(0), atol=1e-4)
    assert torch.allclose(lesson_503.denoise(x, torch.tensor(0.1), p), p[[3, 7]], atol=1e-6)


def test_a_gaussian_keeps_its_variance_when_part_of_the_noise_is_kept(generator):
    """x is clean (variance 1) plus σ; its denoiser is x / (1 + σ²). In fine steps the variance ends at 1."""
    levels = noise_levels(600)
    x = (1 + levels[0] ** 2) ** 0.5 * torch.randn(50_000, generator=generator, dtype=torch.float64)
    for sigma, lower in itertools.pairwise(levels):
        noise = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        x = lesson_503.lower_noise(x, x / (1 + sigma**2), sigma, lower, noise)
    assert x.var().item() == pytest.approx(1, abs=0.04)


def test_the_compromise_fulfils_wishes_that_can_be_fulfilled(generator):
    u = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    i, j = torch.combinations(torch.arange(5)).T
    found = lesson_503.compromise(i, j, u[j] - u[i])
    assert torch.allclose(found, u - u.mean(0))


def test_pictures_of_answers_and_of_structures_are_drawn(generator):
    expected = torch.rand(30, generator=generator)
    fig, axes = view.axes(1, 2)
    right = (expected > 0.5).double()
    filling.draw_answers(axes, expected, right, {"near": {7: right}, "far": {7: right[:0]}})
    assert view.picture(fig, alt="Answers that are right above a half.").alt
    told = [text.get_text() for text in axes[1].texts]
    assert told == [f"{int(right.sum())}\nof 30", "0\nof 0"]
    fig, axes = view.axes(1, 2)
    diamond = AtomicGraph.from_ase(bulk("Si", cubic=True) * (2, 2, 2), cutoff=3.0)
    filling.draw_structures(axes, {"diamond": diamond})
    r, g = axes[0].lines[0].get_data()
    assert r[g > 0][0] == pytest.approx(5.43 * 3**0.5 / 4, abs=0.1)


def test_shares_count_the_nearest_picture():
    p = filling.digits().flatten(1)
    assert filling.shares(p[[1, 1, 8, 2]] + 0.01, p).tolist() == [0, 0.5, 0.25, 0, 0, 0, 0, 0, 0.25, 0]


def test_known_atoms_take_the_places_of_their_partners_in_the_frame_of_the_motif(motif, generator):
    known, _ = filling.hide(motif, 2, generator=generator)
    turned = known @ random_orthogonal(len(known), generator=generator).float().mT
    there = filling.put_in(motif, turned, synchronise_unordered(motif, turned))
    assert torch.allclose(there, motif, atol=1e-4)


def test_the_questions_shown_are_the_surest_bonded_ones_and_the_least_sure_others():
    share = torch.tensor([0.9, 0.2, 0.5, 0.1, 0.7])
    removed = torch.tensor([2.3, 2.4, 3.5, 3.6, 2.5])[:, None] * torch.tensor([1.0, 0, 0])
    show, labels = filling.sure_and_unsure(share, removed)
    assert show == [0, 4, 1, 3, 2]
    assert labels[0] == "bonded, 90% agree"
    assert labels[3] == "second shell, 10% agree"


def test_a_hidden_half_is_hatched_and_a_whole_picture_is_not():
    seen = filling.digits()[9].clone()
    seen[:5] = torch.nan
    _, axes = view.axes(1, 2)
    filling.draw_pictures(axes, {"seen": seen, "whole": filling.digits()[9]})
    assert [len(ax.patches) for ax in axes] == [1, 0]


def test_the_next_atom_is_bonded_to_the_cluster_and_stands_on_no_other(generator):
    model, tetrahedron = (
        lesson_502.load("denoiser"),
        torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
    )
    cluster = torch.cat([torch.zeros(1, 3), 2.35 / 3**0.5 * tetrahedron])
    place, share = filling.next_atom(model, cluster, tries=8, steps=12, generator=generator)
    away = (cluster - place).norm(dim=1)
    assert 2.0 < away.min() < 2.85
    assert 0 < share <= 1
