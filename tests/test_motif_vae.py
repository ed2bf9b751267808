"""The motif autoencoder: what it sees, what its bottleneck counts, what it learns."""

import pytest
import torch
from ase.build import bulk
from torch.distributions import Normal, kl_divergence

from equitour.generative import (
    Gaussian,
    GramScale,
    GramVAE,
    environments,
    gram_matrix,
    shuffled,
    synchronise,
    train_vae,
)
from equitour.graph import AtomicGraph
from equitour.symmetry import random_orthogonal


@pytest.fixture
def motifs(generator):
    return 2 * torch.randn(12, 8, 3, generator=generator)


@pytest.fixture
def network(motifs):
    torch.manual_seed(0)
    return GramVAE(GramScale.of(gram_matrix(motifs)), elements=[14])


def test_the_published_network_is_36_28_18_8_and_its_mirror(network):
    widths = [tuple(layer.weight.shape) for layer in network.encoder if hasattr(layer, "weight")]
    back = [tuple(layer.weight.shape) for layer in network.decoder if hasattr(layer, "weight")]
    assert widths == [(28, 36), (18, 28), (16, 18)]  # mean and log variance of 8
    assert back == [(18, 8), (28, 18), (36, 28)]


def test_latent_numbers_do_not_know_rotations_and_mirrors_but_know_the_order(network, motifs, generator):
    code = network.encode(motifs).mean
    turned = motifs @ random_orthogonal(generator=generator).float().mT
    assert torch.allclose(network.encode(turned).mean, code, atol=1e-5)
    assert not torch.allclose(network.encode(motifs[:, [1, 0, *range(2, 8)]]).mean, code, atol=1e-2)


def test_the_divergence_is_that_of_two_gaussians(generator):
    mean, log_variance = torch.randn(2, 5, 3, generator=generator)
    reference = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(-1)
    assert torch.allclose(Gaussian(mean, log_variance).divergence(), reference, rtol=1e-5)
    assert Gaussian(torch.zeros(1, 3), torch.zeros(1, 3)).divergence().item() == 0


def test_samples_have_the_mean_and_the_variance_that_were_asked_for_and_carry_gradients(generator):
    mean = torch.full((100_000, 1), 2.0, requires_grad=True)
    draws = Gaussian(mean, torch.full((100_000, 1), 0.5)).sample(generator=generator)
    assert draws.mean().item() == pytest.approx(2.0, abs=0.02)
    assert draws.var().item() == pytest.approx(torch.tensor(0.5).exp().item(), rel=0.03)
    draws.sum().backward()
    assert torch.equal(mean.grad, torch.ones_like(mean))


def test_what_is_decoded_is_as_near_to_the_networks_matrix_as_three_dimensions_allow(network, generator):
    latent = torch.randn(5, 8, generator=generator)
    found = network.decode(latent)
    gram = network.scale.undo(network.decoder(latent))
    assert torch.allclose((gram_matrix(found.vectors) - gram).norm(dim=(1, 2)), found.error, rtol=1e-4)
    assert found.error.min() > 0.1  # An untrained network gives no Gram matrices.


def test_samples_are_repeated_with_the_generator(network):
    one, two = (network.sample(3, generator=torch.Generator().manual_seed(4)).vectors for _ in range(2))
    assert one.shape == (3, 8, 3)
    assert torch.equal(one, two)


def bending(count, generator):
    """Molecules whose two bonds open and close like scissors: one number says all."""
    angle = 1.2 + 1.5 * torch.rand(count, generator=generator)
    flat = [torch.stack([angle.mul(s / 2).sin(), angle.mul(0.5).cos(), 0 * angle], 1) for s in (1, -1)]
    return torch.stack([*flat, torch.tensor([0.0, 0.0, 1.5]).expand(count, 3)], 1)


def test_one_latent_number_is_enough_where_one_number_says_all(generator):
    learnt, new = bending(400, generator), bending(100, generator)
    torch.manual_seed(0)
    options = {"elements": [1], "num_neighbors": 3, "latent": 1}
    network = GramVAE(GramScale.of(gram_matrix(learnt)), **options)
    before = synchronise(network.decode(network.encode(new).mean).vectors, new).rmsd.median()
    steps = list(
        train_vae(
            network, learnt, steps=800, kl_weight=1e-3, permute=False, learning_rate=1e-2, generator=generator
        )
    )
    with torch.no_grad():
        after = synchronise(network.decode(network.encode(new).mean).vectors, new).rmsd.median()
    assert after < 0.03 < 0.2 < before
    assert steps[-1].divergence > 1
    assert [step.number for step in steps] == list(range(1, 801))
    assert steps[0].kl_weight < 1e-5 < steps[-1].kl_weight == 1e-3


def test_where_information_costs_too_much_none_is_left(generator):
    learnt = bending(400, generator)
    torch.manual_seed(0)
    network = GramVAE(GramScale.of(gram_matrix(learnt)), elements=[1], num_neighbors=3, latent=1)
    *_, last = train_vae(network, learnt, steps=300, kl_weight=100.0, learning_rate=1e-2, generator=generator)
    assert last.divergence < 0.01


def test_shuffling_keeps_the_atoms_of_each_motif(motifs, generator):
    mixed = shuffled(motifs, generator=generator)
    assert not torch.equal(mixed, motifs)
    assert torch.equal(mixed.norm(dim=-1).sort().values, motifs.norm(dim=-1).sort().values)
    assert torch.allclose(mixed.sum(1), motifs.sum(1), atol=1e-5)


def test_motifs_of_another_kind_are_refused(network):
    salt = AtomicGraph.from_ase(bulk("NaCl", "rocksalt", a=5.64), cutoff=4.5)
    with pytest.raises(
        ValueError, match=r"elements that the network has learnt \(\[14\]\), received .* \[11, 17\]"
    ):
        network.encode(environments(salt, num_neighbors=8))
    silicon = environments(AtomicGraph.from_ase(bulk("Si"), cutoff=4.5), num_neighbors=7)
    with pytest.raises(
        ValueError, match="must have 8 neighbours for this network, received 7: cut them with"
    ):
        network.encode(silicon)
    with pytest.raises(ValueError, match="at least 2 neighbours and 1 latent number, received 8 and 0"):
        GramVAE(network.scale, elements=[14], latent=0)


def test_a_loss_that_is_not_finite_stops_the_training(network, motifs):
    broken = motifs.clone()
    broken[:] = torch.nan
    with pytest.raises(FloatingPointError, match=r"the loss must be finite, received nan .* at step 1"):
        next(train_vae(network, broken, steps=10))
