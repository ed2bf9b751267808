"""Training as a generator of steps: the loop belongs to the caller, who draws, stops and logs."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of `fit`: its number from 1, the loss before the step, and the terms that add up to it."""

    number: int
    loss: float
    terms: dict[str, float]


def fit(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor | Mapping[str, Tensor]],
    *,
    batches: Iterable[Any],
    optimizer: torch.optim.Optimizer,
    average: AveragedModel | None = None,
    max_norm: float | None = None,
) -> Iterator[Step]:
    """One optimizer step for each batch, yielded as it is done: `for step in fit(...): ...`.

    Args:
        model: Changed in place.
        loss: From the model and a batch to a scalar, or to named scalars that are added.
        batches: Any iterable; as many steps as it has items.
        optimizer: Of torch, with the model's parameters.
        average: Follows the weights when given; make one with `exponential_average`.
        max_norm: Gradients longer than this are shortened to it.

    Raises:
        FloatingPointError: The loss is not finite; weights are as they were before that step.
    """
    for number, data in enumerate(batches, start=1):
        terms = loss(model, data)
        terms = terms if isinstance(terms, Mapping) else {"loss": terms}
        total = torch.stack([term.reshape(()) for term in terms.values()]).sum()
        values = {name: float(term.detach()) for name, term in terms.items()}
        if not bool(torch.isfinite(total)):
            raise FloatingPointError(
                f"the loss must be finite, received {values} at step {number}: lower the learning rate, "
                "or look for bad labels"
            )
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        if max_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        if average is not None:
            average.update_parameters(model)
        yield Step(number, float(total.detach()), values)


def exponential_average(model: nn.Module, *, decay: float = 0.99) -> AveragedModel:
    """A twin whose weights follow the model's, θ̄ ← decay θ̄ + (1 − decay) θ; call it like the model."""
    if not 0 <= decay < 1:
        raise ValueError(f"decay must lie in [0, 1), received {decay}: 0.99 averages about 100 steps")
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def save_weights(model: nn.Module, path: str | Path, *, metadata: Mapping[str, Any] | None = None) -> None:
    """Weights and buffers as safetensors, with `metadata` (JSON) in the header.

    The file appears whole or not at all: it is written beside its place and then moved there.
    """
    from safetensors.torch import save_file

    path = Path(path)
    # Tied weights share memory, which the format forbids; a copy of each keeps the file simple to read.
    state = {name: value.detach().cpu().clone().contiguous() for name, value in model.state_dict().items()}
    partial = path.with_name(path.name + ".part")
    save_file(state, partial, metadata={"equitour": json.dumps(dict(metadata or {}))})
    os.replace(partial, path)


def load_weights(model: nn.Module, path: str | Path) -> dict[str, Any]:
    """Fill the model with saved weights and return their metadata.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no safetensors file, or belongs to a model of another shape.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights must exist, received {path}: train the model first, or check the name"
        )
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = json.loads((file.metadata() or {}).get("equitour", "{}"))
    except SafetensorError as error:
        raise ValueError(
            f"weights must be a safetensors file, received {path.name} ({error}): save it again"
        ) from None
    _require_same_shapes(model.state_dict(), state, path.name)
    model.load_state_dict(state)
    return metadata


def _require_same_shapes(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], name: str) -> None:
    for key in sorted(expected.keys() | state.keys()):
        wanted = tuple(expected[key].shape) if key in expected else "nothing"
        found = tuple(state[key].shape) if key in state else "nothing"
        if wanted != found:
            raise ValueError(
                f"weights must fit the model, received {found} for {key} in {name} where it has {wanted}: "
                "build the model with the settings it was saved with"
            )
