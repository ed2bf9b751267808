"""The motif models of lessons 502 and 503: their data, their training, and the files that hold what came out.

Made by `python -m equitour.learn.checkpoints.lesson_502 [NAME...]`; about one CPU minute an autoencoder, two the denoiser, and
five that of sixteen neighbours.
"""

import sys
from collections.abc import Iterator
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
NAMES = (*LATENTS, "denoiser", "denoiser_16")
LEARNT, HELD_OUT = 5, 1


def cells(wide: int = 11) -> list[Float[Tensor, "motifs wide 3"]]:
    """So many neighbours of every atom, one tensor a cell of amorphous silicon; the last cell is kept from the models."""
    sample = datasets.load("silicon_amorphous", cutoff=6.5 if wide > 11 else 5.5)
    phases = zip(sample.graphs, sample.labels["phase"], strict=True)
    amorphous = [graph for graph, phase in phases if phase == "amorphous"]
    # The set has grown since the shipped models learnt.
    return [
        environments(graph, num_neighbors=wide).vectors.float() for graph in amorphous[: LEARNT + HELD_OUT]
    ]


def split(wide: int = 11) -> tuple[Float[Tensor, "motifs wide 3"], Float[Tensor, "held_out wide 3"]]:
    """Motifs to learn, and those of the held-out cell; the nearest neighbours first."""
    every = cells(wide)
    return torch.cat(every[:-HELD_OUT]), torch.cat(every[-HELD_OUT:])


def varied(
    wide: Float[Tensor, "motifs wide 3"],
    generator: torch.Generator,
    *,
    num_neighbors: int = 8,
    draws: int = 16,
) -> Float[Tensor, "more num_neighbors 3"]:
    """Draws of the outer half of the neighbours of every motif; the inner half, of eight the bonded four, stays."""
    kept = num_neighbors // 2
    drawn = [
        vary_neighbors(wide, num_neighbors=num_neighbors, kept=kept, generator=generator)
        for _ in range(draws)
    ]
    return torch.cat(drawn)


def load(name: str) -> PosedVAE | MotifDenoiser:
    """A shipped model: "vae_8", "vae_18", "denoiser" or "denoiser_16"."""
    return load_motif_model(_file(name))


def train(name: str, *, steps: int | None = None, draws: int | None = None) -> PosedVAE | MotifDenoiser:
    """Train a model as the shipped one was, or with fewer steps and draws of varied neighbours."""
    run, model = (_autoencoder if name in LATENTS else _denoiser)(name, steps, draws)
    for step in run:
        if step.number % 1000 == 0:
            print(name, step, flush=True)
    return model


def _autoencoder(name: str, steps: int | None, draws: int | None) -> tuple[Iterator, PosedVAE]:
    generator, sharp, more = _data(8, draws=draws or 16)
    model = PosedVAE.of(sharp, elements=[14], latent=LATENTS[name], hidden=(256, 256))
    pool = torch.cat([sharp, sharp, more])
    return train_vae(model, pool, steps=steps or 10000, kl_weight=1e-3, generator=generator), model


def _denoiser(name: str, steps: int | None, draws: int | None) -> tuple[Iterator, MotifDenoiser]:
    size, usual, channels = (16, 12, 384) if name == "denoiser_16" else (8, 16, 320)
    generator, sharp, more = _data(size, draws=draws or usual)
    model = MotifDenoiser.of(sharp, elements=[14], channels=channels)
    return train_denoiser(model, sharp, varied=more, steps=steps or 12000, generator=generator), model


def _data(size: int, *, draws: int) -> tuple[torch.Generator, Tensor, Tensor]:
    """Chance, the motifs to learn, and more of them with varied neighbours."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    wide, _ = split(11 if size == 8 else size + 4)
    return generator, wide[:, :size], varied(wide, generator, num_neighbors=size, draws=draws)


def _file(name: str) -> Path:
    return Path(__file__).with_name(f"lesson_502_{name}.safetensors")


if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        save_motif_model(train(name), _file(name))
        _file(name).chmod(0o644)
