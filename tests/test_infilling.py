"""Infilling: models whose answer is known, and questions that are none."""

import pytest
import torch

from equitour.generative import (
    Infilled,
    MotifDenoiser,
    PosedVAE,
    infill,
    infill_by_latent,
    shuffled,
)
from equitour.symmetry import random_orthogonal


@pytest.fixture
def motif(generator):
    """Eight atoms, none like another."""
    return 2 * torch.randn(1, 8, 3, generator=generator)


class OneMotif(MotifDenoiser):
    """Behind any noise stands the reference itself."""

    def forward(self, rows, sigma, sharp=None):
        return torch.zeros_like(rows)


@pytest.fixture
def one(motif):
    return OneMotif(motif[0], elements=[14], channels=8, num_layers=1)


@pytest.mark.parametrize("missing", [1, 2, 3, 6])
def test_where_there_is_one_motif_its_missing_atoms_are_found_in_any_frame(one, motif, missing, generator):
    turned = shuffled(motif @ random_orthogonal(generator=generator).float().mT, generator=generator)
    known, gone = turned[:, missing:], turned[:, :missing]
    found = infill(one, known, tries=3, steps=5, generator=generator)
    assert found.vectors.shape == (1, 3, missing, 3)
    if missing < 6:  # Two atoms leave a mirror open.
        assert torch.cdist(found.vectors[0], gone).amin(-1).max() < 1e-3
    assert found.misfit.max() < 1e-3


def test_many_motifs_are_asked_for_at_once(one, motif, generator):
    several = torch.cat([motif[:, 2:], motif[:, [0, 1, 4, 5, 6, 7]]])
    found = infill(one, several, tries=2, steps=4, generator=generator)
    assert torch.cdist(found.vectors[0], motif[:, :2]).amin(-1).max() < 1e-3
    assert torch.cdist(found.vectors[1], motif[:, 2:4]).amin(-1).max() < 1e-3


def test_the_latent_numbers_are_found_that_hold_the_known_atoms(motif, generator):
    """A decoder that moves atom 0 by z: known are the others and, in one case, not even z's direction of the distance."""
    network = PosedVAE(motif[0], elements=[14], latent=3, hidden=())
    decoder = network.decoder[0]
    with torch.no_grad():
        decoder.weight.zero_()
        decoder.bias.zero_()
        decoder.weight[[0, 1, 2], [0, 1, 2]] = 1.0
        decoder.weight[[3, 4, 5], [0, 1, 2]] = 1.0
    z = torch.tensor([0.4, -0.3, 0.5])
    true = motif.clone()
    true[0, :2] += z
    # Atom 0 is known and says what z is; atom 1 is missing and follows.
    found = infill_by_latent(
        network, true[:, [0, 2, 3, 4, 5, 6, 7]], tries=4, steps=200, prior=0.0, generator=generator
    )
    best = found.misfit[0].argmin()
    assert torch.allclose(found.vectors[0, best, 0], true[0, 1], atol=0.02)


def test_tries_agree_where_most_of_them_put_an_atom():
    tries = torch.tensor([[[0.0, 0, 2]], [[0.1, 0, 2]], [[0, 0.1, 2]], [[2.0, 0, 0]]])
    place, share = Infilled(tries[None], torch.zeros(1, 4)).agreed(radius=0.3)
    assert share.item() == 0.75
    assert torch.cdist(place, tries[:3, 0]).max() < 0.2


def test_a_try_counts_once_however_many_of_its_atoms_lie_there():
    tries = torch.tensor([[[0.0, 0, 2], [0, 0.1, 2]], [[2.0, 0, 0], [0, 2.0, 0]]])
    _, share = Infilled(tries[None], torch.zeros(1, 2)).agreed()
    assert share.item() == 0.5


@pytest.mark.parametrize("search", [infill, infill_by_latent])
@pytest.mark.parametrize("known", [1, 8])
def test_something_must_be_known_and_something_missing(search, known, one, motif, generator):
    model = one if search is infill else PosedVAE(motif[0], elements=[14])
    with pytest.raises(
        ValueError, match=f"at least 2 and at most 7 known atoms, received {known}: the model"
    ):
        search(model, motif[:, :1].expand(1, known, 3), generator=generator)
