"""Models of atoms: trunks that turn a graph into features, and heads that read them."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from equitour.models.committee import Committee
from equitour.models.electric import ElectricPotential
from equitour.models.heads import Potential, Prediction
from equitour.models.response import Response, standardised_response, standards
from equitour.models.tensor_kinds import TENSORS, TensorKind, irreps_for
from equitour.train import load_weights, read_metadata, save_weights

# Names of trunks and where they stand; a module is imported when its model is asked for.
MODELS = {
    "mpnn": ("equitour.models.mpnn", "MPNN"),
    "cgcnn": ("equitour.models.cgcnn", "CGCNN"),
    "schnet": ("equitour.models.schnet", "SchNet"),
    "egnn": ("equitour.models.egnn", "EGNN"),
    "nequip": ("equitour.models.nequip", "NequIP"),
    "mace": ("equitour.models.mace", "MACE"),
    "attention": ("equitour.models.attention", "EquivariantAttention"),
}
# What a file can hold on top of a trunk, each before what it is a special case of.
HEADS = {
    "response": Response,
    "electric": ElectricPotential,
    "committee": Committee,
    "potential": Potential,
}

__all__ = [
    "MODELS",
    "TENSORS",
    "Committee",
    "ElectricPotential",
    "Potential",
    "Prediction",
    "Response",
    "TensorKind",
    "build",
    "irreps_for",
    "load",
    "save",
    "standardised_response",
    "standards",
]


def build(name: str, **settings: Any) -> nn.Module:
    """A trunk by its name, with the settings of its constructor.

    Raises:
        ValueError: There is no such model, it has no such setting, or one has a value that cannot be.
    """
    if name not in MODELS:
        raise ValueError(f"a model must be one of {', '.join(MODELS)}, received {name!r}: choose one of them")
    module, trunk = MODELS[name]
    constructor = getattr(import_module(module), trunk)
    try:
        inspect.signature(constructor).bind(**settings)
    except TypeError as error:
        raise ValueError(f"settings must be those of {name}, received others: {error}") from None
    try:
        return constructor(**settings)
    except TypeError as error:
        raise ValueError(
            f"settings of {name} must be numbers, lists and text as its constructor says, received a value of the "
            f"wrong kind: {error}"
        ) from None


def save(
    potential: Potential | Committee | Response,
    path: str | Path,
    *,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Weights and everything needed to build the potential or the tensors again, in one safetensors file."""
    names = {trunk: name for name, (_, trunk) in MODELS.items()}
    name = names.get(type(potential.trunk).__name__)
    if name is None:
        raise ValueError(
            f"a saved trunk must be one of {', '.join(MODELS)}, received {type(potential.trunk).__name__}: "
            "save it with train.save_weights"
        )
    head = next(head for head, kind in HEADS.items() if isinstance(potential, kind))
    header = {"model": name, "settings": potential.trunk.settings, head: potential.settings}
    header["dtype"] = str(next(potential.parameters()).dtype).removeprefix("torch.")
    save_weights(potential, path, metadata={**(metadata or {}), **header})


def load(path: str | Path) -> Potential | Committee | Response:
    """The potential, or the tensors, of a file written by `save`, in the precision it was saved in, ready to be evaluated.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no potential.
    """
    metadata = read_metadata(path)
    if "model" not in metadata:
        raise ValueError(
            f"a model file must be written by `equitour fit` or models.save, received {Path(path).name}, "
            "which names no model: load its weights with train.load_weights"
        )
    trunk = build(metadata["model"], **metadata["settings"])
    head = next(head for head in HEADS if head in metadata)
    potential = HEADS[head](trunk, **metadata[head])
    potential.to(getattr(torch, metadata.get("dtype", "float32")))
    load_weights(potential, path)
    return potential.eval()
