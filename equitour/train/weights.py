"""Weights on disk and their running average."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def exponential_average(model: nn.Module, *, decay: float = 0.99, ramp: bool = False) -> AveragedModel:
    """A twin whose weights follow the model's, θ̄ ← decay θ̄ + (1 − decay) θ; call it like the model.

    Buffers are constants of the model (tables, shifts) and are copied, never averaged. The twin itself is
    `.module`, which is what one evaluates and saves.

    Args:
        model: Followed; it is not changed.
        decay: 0.99 averages about 100 steps.
        ramp: Begin with shorter averages, (1 + n) / (10 + n) after n steps, so that the untrained start is soon forgotten.

    Raises:
        ValueError: The decay is no decay.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"decay must lie in [0, 1), received {decay}: 0.99 averages about 100 steps")

    @torch.no_grad()
    def follow(averages: list[Tensor], weights: list[Tensor], steps: Tensor | int) -> None:
        now = min(decay, (1 + int(steps)) / (10 + int(steps))) if ramp else decay
        torch._foreach_lerp_(averages, weights, 1 - now)

    return AveragedModel(model, multi_avg_fn=follow)


def save_weights(model: nn.Module, path: str | Path, *, metadata: Mapping[str, Any] | None = None) -> None:
    """Weights and buffers as safetensors, with `metadata` (JSON) in the header.

    The file appears whole or not at all: it is written beside its place and then moved there.
    """
    # Tied weights share memory, which the format forbids; a copy of each keeps the file simple to read.
    state = {name: value.detach().cpu().clone().contiguous() for name, value in model.state_dict().items()}
    write_tensors(state, Path(path), metadata=dict(metadata or {}))


def load_weights(model: nn.Module, path: str | Path) -> dict[str, Any]:
    """Fill the model with saved weights and return their metadata.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no safetensors file, or belongs to a model of another shape.
    """
    state, metadata = read_tensors(Path(path))
    _require_same_shapes(model.state_dict(), state, Path(path).name)
    model.load_state_dict(state)
    return metadata


def read_metadata(path: str | Path) -> dict[str, Any]:
    """What was written beside the weights; the weights themselves stay on disk.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no safetensors file.
    """
    return read_tensors(Path(path), only_metadata=True)[1]


def write_tensors(tensors: Mapping[str, Tensor], path: Path, *, metadata: Mapping[str, Any]) -> None:
    """A safetensors file that appears whole or not at all, even when the machine stops in between."""
    from safetensors.torch import save

    partial = path.with_name(path.name + ".part")
    with open(partial, "wb") as file:
        file.write(save(dict(tensors), metadata={"equitour": json.dumps(metadata)}))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def read_tensors(path: Path, *, only_metadata: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a safetensors file written by `write_tensors`."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(
            f"weights must exist, received {path}: train the model first, or check the name"
        )
    try:
        with safe_open(path, framework="pt") as file:
            names = [] if only_metadata else file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
            metadata = json.loads((file.metadata() or {}).get("equitour", "{}"))
    except SafetensorError as error:
        raise ValueError(
            f"weights must be a safetensors file, received {path.name} ({error}): save it again"
        ) from None
    return tensors, metadata


def _require_same_shapes(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], name: str) -> None:
    for key in sorted(expected.keys() | state.keys()):
        wanted = tuple(expected[key].shape) if key in expected else "nothing"
        found = tuple(state[key].shape) if key in state else "nothing"
        if wanted != found:
            raise ValueError(
                f"weights must fit the model, received {found} for {key} in {name} where it has {wanted}: "
                "build the model with the settings it was saved with"
            )
