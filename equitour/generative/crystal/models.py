"""Denoisers of crystals in files: safetensors, with what builds them again in the header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from equitour.generative.crystal.action_denoiser import ActionDenoiser
from equitour.generative.crystal.denoiser import CrystalDenoiser
from equitour.generative.crystal.pair_denoiser import PairDenoiser
from equitour.train import load_weights, read_metadata, save_weights

DENOISERS = {"pair": PairDenoiser, "action": ActionDenoiser}


def save_crystal_model(
    model: CrystalDenoiser, path: str | Path, *, metadata: Mapping[str, object] | None = None
) -> None:
    """Weights, and everything needed to build the model again; `metadata` (JSON) stands beside it."""
    name = next(name for name, kind in DENOISERS.items() if type(model) is kind)
    header = dict(metadata or {}) | {"crystal_model": name, "settings": model.settings}
    save_weights(model, path, metadata=header)


def load_crystal_model(path: str | Path) -> CrystalDenoiser:
    """The model of a file written by `save_crystal_model`, ready to be used.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no denoiser of crystals.
    """
    metadata = read_metadata(path)
    if metadata.get("crystal_model") not in DENOISERS:
        raise ValueError(
            f"a file of a crystal model must be written by save_crystal_model, received {Path(path).name}: "
            "train one with `equitour fit-crystals`"
        )
    model = DENOISERS[metadata["crystal_model"]](**metadata["settings"])
    load_weights(model, path)
    return model.eval()
