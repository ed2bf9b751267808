"""Several processes that train one model on parts of each batch, with torch's own distributed engine.

Every process holds the same model and sees the same order of examples. Of each batch it takes its share, divides by
the counts of the whole batch (`total`), and the gradients of all processes are added: their sum is the gradient of the
whole batch, however unequal the shares are. Alone, all of this does nothing.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as distributed
from torch import Tensor, nn


@contextmanager
def together(*, backend: str = "gloo") -> Iterator[tuple[int, int]]:
    """Join the processes that `torchrun` started, and give (rank, number of processes); (0, 1) without torchrun.

    Example:
        ``with together() as (rank, world): ...`` around the training of each process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield rank_and_world()
        return
    distributed.init_process_group(backend)
    try:
        yield rank_and_world()
        # A process that leaves early would tear the connections of those that are still at work.
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def rank_and_world() -> tuple[int, int]:
    """The number of this process and the number of processes; (0, 1) alone."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def total(value: Tensor) -> Tensor:
    """The sum of a number over all processes, without gradient; the value itself when there is one process."""
    if not distributed.is_initialized():
        return value
    value = value.detach().clone()
    distributed.all_reduce(value)
    return value


def from_first(value: Tensor) -> Tensor:
    """The first process' value in all processes, so that what depends on a clock is the same everywhere."""
    if distributed.is_initialized():
        distributed.broadcast(value, src=0)
    return value


def copy_from_first(model: nn.Module) -> None:
    """The first process' weights and buffers in all processes."""
    if distributed.is_initialized():
        for tensor in (*model.parameters(), *model.buffers()):
            distributed.broadcast(tensor.detach(), src=0)


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its sum over all processes; one message for each dtype."""
    if not distributed.is_initialized():
        return
    groups = defaultdict(list)
    for parameter in parameters:
        if parameter.requires_grad:
            # A process without a share of this batch has no gradient, which counts as zero.
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            groups[parameter.dtype].append(parameter.grad)
    for gradients in groups.values():
        message = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(message)
        parts = message.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
