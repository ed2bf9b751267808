"""Motif models in files: safetensors, with what builds the model again in the header."""

from __future__ import annotations

from pathlib import Path

import torch

from equitour.generative.gram import GramScale
from equitour.generative.irreps_vae import IrrepsVAE
from equitour.generative.motif_diffusion import MotifDenoiser
from equitour.generative.posed_vae import PosedVAE
from equitour.generative.set_vae import SetVAE
from equitour.generative.vae import GramVAE, MotifVAE
from equitour.train import load_weights, read_metadata, save_weights

MotifModel = MotifVAE | MotifDenoiser


def save_motif_model(model: MotifModel, path: str | Path) -> None:
    """Weights, and everything needed to build the model again."""
    save_weights(model, path, metadata={"motif_model": type(model).__name__, "settings": model.settings})


def load_motif_model(path: str | Path) -> MotifModel:
    """The model of a file written by `save_motif_model`, ready to be used.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no motif model.
    """
    metadata = read_metadata(path)
    if metadata.get("motif_model") not in BLANK:
        raise ValueError(
            f"a file of a motif model must be written by save_motif_model, received {Path(path).name}: train a model with "
            "train_vae or train_denoiser and save it"
        )
    model = BLANK[metadata["motif_model"]](metadata["settings"])
    load_weights(model, path)
    return model.eval()


def _blank_gram(settings: dict) -> GramVAE:
    return GramVAE(GramScale(torch.zeros(2), torch.ones(2)), **settings)


def _blank_posed(settings: dict) -> PosedVAE:
    return PosedVAE(torch.zeros(settings["num_neighbors"], 3), **settings)


def _blank_denoiser(settings: dict) -> MotifDenoiser:
    return MotifDenoiser(torch.zeros(settings["num_neighbors"], 3), **settings)


BLANK = {
    "GramVAE": _blank_gram,
    "PosedVAE": _blank_posed,
    "SetVAE": lambda settings: SetVAE(**settings),
    "IrrepsVAE": lambda settings: IrrepsVAE(**settings),
    "MotifDenoiser": _blank_denoiser,
}
