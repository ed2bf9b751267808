"""A device that is none: arithmetic as on the CPU, rules as on a GPU, so that misplaced tensors show without one.

torch allocates nothing on its device "meta". While `second_device` lasts, tensors there are wrappers of tensors on the
CPU: they hold numbers, and an operation that mixes them with tensors of the CPU is refused as CUDA refuses it. What it
cannot show is that kernels exist, nor how they round: tests with the fixture `device` run on a GPU too, where one is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_map_only

NAME = "meta"
COPIES = {"aten::_to_copy", "aten::copy_"}
# CUDA lets indices, the second argument, come from the CPU.
POINTING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class There(torch.Tensor):
    """A tensor on the second device, around one on the CPU."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "There":
        there = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=NAME
        )
        there.inner = inner
        return there

    def tolist(self) -> Any:
        """As CUDA has it; torch knows no such thing for wrappers."""
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with Placement():
            return operation(*args, **(kwargs or {}))


class Placement(TorchDispatchMode):
    """Computes on the inner tensors, after a look at where the outer ones are."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = operation._schema.name
        tensors, there = tensors_in((args, kwargs)), tensors_in((args, kwargs), There)
        placed = (args[:1] + args[2:] if name in POINTING else args, kwargs)
        here = [tensor for tensor in tensors_in(placed) if tensor.device.type == "cpu" and tensor.ndim]
        assert len(there) == sum(tensor.device.type == NAME for tensor in tensors), "a tensor without numbers"
        if there and here and name not in COPIES:
            raise RuntimeError(
                f"{operation} got tensors of the CPU, {[tuple(each.shape) for each in here]}, beside others"
            )
        asked = kwargs.get("device")
        if asked is not None:
            kwargs["device"] = torch.device("cpu")
        inner_args, inner_kwargs = tree_map(inner, (args, kwargs))
        result = operation(*inner_args, **inner_kwargs)
        stays = bool(there) if asked is None else torch.device(asked).type == NAME
        if not stays:
            return result
        # What an operation in place gives back is the wrapper that it was given.
        known = {id(tensor.inner): tensor for tensor in there}
        return tree_map(lambda leaf: known[id(leaf)] if id(leaf) in known else wrapped(leaf), result)


class FromNumbers(TorchFunctionMode):
    """torch makes tensors of Python's numbers past all dispatch; here they go by way of the CPU."""

    def __torch_function__(self, made: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if made is torch.Tensor.__getitem__:
            return made(args[0], tree_map_only(list, torch.tensor, args[1], is_leaf=is_list))
        device = kwargs.get("device", args[0].device if made is torch.Tensor.new_tensor else None)
        if made not in (torch.tensor, torch.as_tensor, torch.Tensor.new_tensor) or device is None:
            return made(*args, **kwargs)
        return made(*args, **kwargs | {"device": "cpu"}).to(device)


def is_list(leaf: Any) -> bool:
    """Whether an index is a list of numbers."""
    return isinstance(leaf, list)


def tensors_in(tree: Any, kind: type = torch.Tensor) -> list[torch.Tensor]:
    """All of a kind in nested arguments."""
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, kind)]


def inner(leaf: Any) -> Any:
    """The tensor within a wrapper; anything else as it is."""
    return leaf.inner if isinstance(leaf, There) else leaf


def wrapped(leaf: Any) -> Any:
    """A tensor of the CPU as one of the second device; anything else as it is."""
    return There(leaf) if isinstance(leaf, torch.Tensor) else leaf


@contextmanager
def second_device() -> Iterator[str]:
    """The name under which torch finds the second device meanwhile."""
    with FromNumbers(), Placement():
        yield NAME
