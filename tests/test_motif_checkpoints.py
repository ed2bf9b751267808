"""The shipped motif models, on the cell that they have not seen."""

import pytest
import torch
from scipy.stats import wasserstein_distance

from equitour.generative import (
    bond_angles,
    infill,
    nearest_environment,
    sample_motifs,
    shortest_distance,
    synchronise_unordered,
)
from equitour.learn.checkpoints import lesson_502 as shipped


@pytest.fixture(scope="module")
def motifs():
    return shipped.split()


@pytest.mark.parametrize(("name", "most"), [("vae_8", 0.25), ("vae_18", 0.04)])
def test_held_out_motifs_come_back(name, most, motifs):
    """Two motifs of one cell are 1.3 Å apart, and the nearest of two thousand half an Å."""
    network, held = shipped.load(name), motifs[1][:, :8]
    with torch.no_grad():
        back = network.decode(network.encode(held).mean).vectors
    assert synchronise_unordered(back, held).rmsd.median() < most


def test_samples_are_valid_alike_and_no_copies(motifs, generator):
    learnt, held = (part[:, :8] for part in motifs)
    made = sample_motifs(shipped.load("denoiser"), 1000, generator=generator)
    assert (shortest_distance(made) > 2.0).double().mean() > 0.95
    angles = [bond_angles(part, cutoff=2.85).tolist() for part in (made, held)]
    assert wasserstein_distance(*angles) < 1.2
    away = [nearest_environment(part[:40], learnt).rmsd.median() for part in (made, held)]
    assert away[0] > 0.8 * away[1]


def test_who_sees_farther_fills_in_better(generator):
    """The same atoms are missing; one model knows seven others, the other fifteen."""
    _, held = shipped.split(24)
    motifs, hits = held[:60], {}
    for name, size in (("denoiser", 8), ("denoiser_16", 16)):
        place, _ = infill(shipped.load(name), motifs[:, 1:size], tries=6, generator=generator).agreed()
        hits[name] = ((place - motifs[:, 0]).norm(dim=-1) < 0.3).double().mean()
    assert hits["denoiser_16"] > 1.3 * hits["denoiser"] > 0.2


def test_an_unknown_name_is_no_file():
    with pytest.raises(FileNotFoundError):
        shipped.load("vae_9")


@pytest.mark.parametrize("name", shipped.NAMES)
def test_the_script_builds_the_model_that_is_shipped(name):
    made, there = shipped.train(name, steps=1, draws=1), shipped.load(name)
    assert made.settings == there.settings
    assert torch.allclose(made.reference, there.reference, atol=1e-4)
