"""Motifs out of noise: exact limits of the denoiser, a distribution whose denoiser is known, and what may not go in."""

import pytest
import torch
from ase.build import bulk
from torch import nn

from equitour.generative import (
    MotifDenoiser,
    environments,
    load_motif_model,
    noise_levels,
    sample_motifs,
    save_motif_model,
    shuffled,
    synchronise_unordered,
    train_denoiser,
)
from equitour.graph import AtomicGraph
from equitour.symmetry import random_orthogonal


@pytest.fixture
def motifs(generator):
    """A tetrahedron of bonds and four more atoms, all a little displaced."""
    ideal = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.35 / 3**0.5
    far = torch.tensor([[3.2, 0.3, 0.2], [-0.4, 3.3, 0.5], [0.6, 0.2, 3.5], [-2.2, -2.4, -1.8]])
    return torch.cat([ideal, far]) + 0.2 * torch.randn(64, 8, 3, generator=generator)


@pytest.fixture
def denoiser(motifs):
    torch.manual_seed(0)
    return MotifDenoiser.of(motifs, elements=[14], channels=64, num_layers=2)


class GaussianDenoiser(MotifDenoiser):
    """Of coordinates with independent Gaussian deviations s: D(x; σ) = x s² / (s² + σ²), exactly."""

    spread = 0.7

    def forward(self, rows, sigma, sharp=None):
        return rows * self.spread**2 / (self.spread**2 + sigma[:, None] ** 2)


def test_without_noise_the_denoiser_changes_nothing(denoiser, motifs):
    rows = denoiser.rows(motifs)
    clean = denoiser(rows, torch.full((len(rows),), 1e-5))
    assert torch.allclose(clean, rows, atol=1e-3)


def test_before_training_every_noise_level_has_the_loss_one(denoiser, motifs, generator):
    """That is what the scalings and the weight are for; a last layer of zeros is a network that says nothing."""
    nn.init.zeros_(denoiser.last[-1].weight)
    nn.init.zeros_(denoiser.last[-1].bias)
    losses = [
        step.loss
        for step in train_denoiser(denoiser, motifs, steps=40, learning_rate=0.0, generator=generator)
    ]
    assert sum(losses) / len(losses) == pytest.approx(1, abs=0.03)


def test_rows_know_neither_rotation_nor_mirror_nor_order(denoiser, motifs, generator):
    changed = shuffled(motifs @ random_orthogonal(generator=generator).float().mT, generator=generator)
    assert torch.allclose(denoiser.rows(changed), denoiser.rows(motifs), atol=1e-4)
    assert synchronise_unordered(denoiser.vectors_of(denoiser.rows(motifs)), motifs).rmsd.max() < 1e-4


def test_noise_falls_to_zero_without_rising(denoiser):
    levels = noise_levels(12)
    assert len(levels) == 13
    assert levels[-1] == 0
    assert (levels.diff() < 0).all()


@pytest.mark.parametrize(("churn", "steps"), [(0.0, 30), (0.2, 120)])
def test_with_the_exact_denoiser_of_a_gaussian_the_samples_have_its_spread(motifs, generator, churn, steps):
    """Noise that is added anew goes with finer steps: 30 of them made the samples 3 % too wide."""
    exact = GaussianDenoiser.of(motifs, elements=[14])
    made = sample_motifs(exact, 2000, steps=steps, churn=churn, generator=generator)
    rows = ((made - exact.reference) / exact.deviation).flatten(1)
    assert rows.std().item() == pytest.approx(exact.spread, rel=0.02)
    assert rows.mean().abs() < 0.02


def test_a_trained_denoiser_draws_motifs_that_lie_as_near_as_the_real_ones(denoiser, motifs, generator):
    """Real ones stand 0.2 Å a coordinate from the mean motif; noise of unit deviation would too, so lengths are compared."""
    for _ in train_denoiser(denoiser, motifs, steps=600, generator=generator):
        pass
    made = sample_motifs(denoiser, 300, steps=20, generator=generator)
    real = denoiser.vectors_of(denoiser.rows(motifs))
    for part in (slice(0, 4), slice(4, 8)):
        lengths = [v[:, part].norm(dim=-1) for v in (made, real)]
        assert lengths[0].mean().item() == pytest.approx(lengths[1].mean().item(), abs=0.05)
        assert lengths[0].std().item() == pytest.approx(lengths[1].std().item(), rel=0.35)


def test_varied_motifs_are_learnt_beside_the_sharp_ones(denoiser, motifs, generator):
    """All varied ones are one motif: asked for them, the network knows it; asked for the sharp ones, it does not."""
    one = motifs[:1].expand(64, -1, -1)
    for _ in train_denoiser(denoiser, motifs, varied=one, steps=300, generator=generator):
        pass
    sigma = torch.ones(64)
    noisy = denoiser.rows(one) + torch.randn(64, 24, generator=generator)
    miss = [
        (denoiser(noisy, sigma, torch.full((64,), mark)) - denoiser.rows(one)).square().mean()
        for mark in (0.0, 1.0)
    ]
    assert miss[0] < miss[1] / 2


def test_the_same_generator_gives_the_same_motifs(denoiser):
    first, second = (
        sample_motifs(denoiser, 3, steps=5, generator=torch.Generator().manual_seed(4)) for _ in range(2)
    )
    assert torch.equal(first, second)


def test_a_saved_denoiser_comes_back_the_same(denoiser, motifs, tmp_path):
    save_motif_model(denoiser, tmp_path / "denoiser.safetensors")
    back = load_motif_model(tmp_path / "denoiser.safetensors")
    sigma = torch.full((len(motifs),), 0.3)
    assert torch.equal(back(back.rows(motifs), sigma), denoiser(denoiser.rows(motifs), sigma))


def test_a_loss_that_is_not_finite_stops_the_training(denoiser, motifs):
    denoiser.deviation.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="the loss must be finite, received nan at step 1"):
        next(train_denoiser(denoiser, motifs, steps=5))


def test_motifs_of_another_size_and_of_strange_elements_are_refused(denoiser, motifs):
    with pytest.raises(
        ValueError, match="must have 8 neighbours for this network, received 7: cut them with"
    ):
        denoiser.rows(motifs[:, :7])
    germanium = environments(AtomicGraph.from_ase(bulk("Ge"), cutoff=4.5), num_neighbors=8)
    with pytest.raises(
        ValueError, match=r"has learnt \(\[14\]\), received atomic numbers \[32\]: train a network"
    ):
        denoiser.rows(germanium)
