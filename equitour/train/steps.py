"""Training as a generator of steps: the loop belongs to the caller, who draws, stops and logs."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from equitour.train.parallel import add_gradients, total


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
    first: int = 1,
) -> Iterator[Step]:
    """One optimizer step for each batch, yielded as it is done: `for step in fit(...): ...`.

    In several processes (`together`), each gives the loss of its own share of the batch; losses and gradients are added.

    Args:
        model: Changed in place.
        loss: From the model and a batch to a scalar, or to named scalars that are added.
        batches: Any iterable; as many steps as it has items.
        optimizer: Of torch, with the model's parameters.
        average: Follows the weights when given; make one with `exponential_average`.
        max_norm: Gradients longer than this are shortened to it.
        first: Number of the first step, when training goes on from an earlier one.

    Raises:
        FloatingPointError: The loss is not finite; weights are as they were before that step.
    """
    for number, data in enumerate(batches, start=first):
        terms = loss(model, data)
        terms = terms if isinstance(terms, Mapping) else {"loss": terms}
        share = torch.stack([term.reshape(()) for term in terms.values()])
        values = dict(zip(terms, total(share.detach()).tolist(), strict=True))
        _require_finite(values, number)
        optimizer.zero_grad(set_to_none=True)
        if share.requires_grad and (moved := moved_by(optimizer)):
            # For these alone: forces leave the positions in the graph, and nobody wants the gradient of those.
            share.sum().backward(inputs=moved)
        add_gradients(model.parameters())
        if max_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        if average is not None:
            average.update_parameters(model)
        yield Step(number, sum(values.values()), values)


def moved_by(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The tensors that an optimizer changes, without the frozen ones."""
    return [one for group in optimizer.param_groups for one in group["params"] if one.requires_grad]


def _require_finite(values: Mapping[str, float], number: int) -> None:
    if not math.isfinite(sum(values.values())):
        raise FloatingPointError(
            f"the loss must be finite, received {dict(values)} at step {number}: lower the learning rate, "
            "or look for bad labels"
        )
