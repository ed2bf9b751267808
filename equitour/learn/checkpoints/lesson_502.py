"""The motif models of lessons 502 and 503: their data, their training, and the files that hold what came out.

Made by `python -m equitour.learn.checkpoints.lesson_502 [NAME...]`; about one CPU minute an autoencoder and two the denoiser.
"""

import sys
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from equitour import datasets
from equitour.generative import (
    MotifDenoiser,
    PosedVAE,
    environments,
    load_motif_model,
    save_motif_model,
    train_denoiser,
    train_vae,
    vary_neighbors,
)

LATENTS = {"vae_8": 8, "vae_18": 18}
NAMES = (*LATENTS, "denoiser")
WIDE, DRAWS, HELD_OUT = 11, 16, 1


def cells() -> list[Float[Tensor, "motifs 11 3"]]:
    """Eleven neighbours of every atom, one tensor a cell of amorphous silicon; the last cell is kept from the models."""
    sample = datasets.load("silicon_amorphous", cutoff=5.5)
    phases = zip(sample.graphs, sample.labels["phase"], strict=True)
    return [
        environments(graph, num_neighbors=WIDE).vectors.float()
        for graph, phase in phases
        if phase == "amorphous"
    ]


def split() -> tuple[Float[Tensor, "motifs 11 3"], Float[Tensor, "motifs 11 3"]]:
    """Motifs to learn, and those of the held-out cell."""
    every = cells()
    return torch.cat(every[:-HELD_OUT]), torch.cat(every[-HELD_OUT:])


def varied(wide: Float[Tensor, "motifs 11 3"], generator: torch.Generator) -> Float[Tensor, "more 8 3"]:
    """Sixteen draws of the neighbours beyond the bonded four, of every motif."""
    draws = [vary_neighbors(wide, num_neighbors=8, kept=4, generator=generator) for _ in range(DRAWS)]
    return torch.cat(draws)


def load(name: str) -> PosedVAE | MotifDenoiser:
    """A shipped model: "vae_8", "vae_18" or "denoiser"."""
    return load_motif_model(_file(name))


def train(name: str, *, steps: int | None = None) -> PosedVAE | MotifDenoiser:
    """Train a model as the shipped one was."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    wide, _ = split()
    sharp, more = wide[:, :8], varied(wide, generator)
    if name == "denoiser":
        model = MotifDenoiser.of(sharp, elements=[14])
        run = train_denoiser(model, sharp, varied=more, steps=steps or 12000, generator=generator)
    else:
        model = PosedVAE.of(sharp, elements=[14], latent=LATENTS[name], hidden=(256, 256))
        pool = torch.cat([sharp, sharp, more])
        run = train_vae(model, pool, steps=steps or 10000, kl_weight=1e-3, generator=generator)
    for step in run:
        if step.number % 1000 == 0:
            print(name, step, flush=True)
    return model


def _file(name: str) -> Path:
    return Path(__file__).with_name(f"lesson_502_{name}.safetensors")


if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        save_motif_model(train(name), _file(name))
        _file(name).chmod(0o644)
