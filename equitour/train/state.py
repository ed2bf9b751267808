"""The whole state of a training as one safetensors file: tensors as tensors, everything else as JSON. No pickle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from equitour.train.weights import read_tensors, write_tensors

# JSON knows neither tensors, tuples nor numbers as keys; each is written as an object with one of these marks.
TENSOR, TUPLE, MAPPING = "$tensor", "$tuple", "$mapping"


def save_state(state: Mapping[str, Any], path: str | Path) -> None:
    """Write nested dicts, lists and tuples of tensors, numbers, strings, truth values and None.

    The file appears whole or not at all, and floats come back to the last bit.

    Raises:
        TypeError: Something in it is of another kind.
    """
    tensors: dict[str, Tensor] = {}
    write_tensors(tensors, Path(path), metadata={"state": _plain(state, "", tensors)})


def load_state(path: str | Path) -> dict[str, Any]:
    """What `save_state` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no state of a training.
    """
    tensors, metadata = read_tensors(Path(path))
    if "state" not in metadata:
        raise ValueError(
            f"a state must be written by save_state, received {Path(path).name}, which holds weights only: "
            "give the file that ends in .state"
        )
    return _restored(metadata["state"], tensors)


def _plain(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        # A copy, since tensors that share memory may not stand in one file.
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {TENSOR: name}
    if isinstance(value, Mapping):
        items = [[key, _plain(item, f"{name}/{key}", tensors)] for key, item in value.items()]
        return {MAPPING: items}
    if isinstance(value, list | tuple):
        items = [_plain(item, f"{name}/{place}", tensors) for place, item in enumerate(value)]
        return {TUPLE: items} if isinstance(value, tuple) else items
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"a state must hold tensors, numbers and text, received {type(value).__name__} at {name}: convert it first"
    )


def _restored(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_restored(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if TENSOR in value:
        return tensors[value[TENSOR]]
    if TUPLE in value:
        return tuple(_restored(item, tensors) for item in value[TUPLE])
    return {key: _restored(item, tensors) for key, item in value[MAPPING]}
