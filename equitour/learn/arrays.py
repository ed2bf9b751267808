"""Answers that are numbers or arrays of numbers: their type, shape, dtype, and then the numbers themselves."""

import numbers
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from equitour.learn.explanations import explain_numbers
from equitour.learn.finding import Finding, called, type_finding


def compare_numbers(
    answers: Sequence, expected: Sequence, *, tolerance: float, axes: Sequence[str]
) -> Finding | None:
    """Compare arrays of the same draws: first what they are, then their numbers, then their precision."""
    for check in (_number_type, _shape, _not_a_number):
        for answer, right in zip(answers, expected, strict=True):
            if finding := check(answer, right, axes):
                return finding
    single = _is_single(expected[0]) or _is_single(answers[0])
    explained = explain_numbers(
        [wide(answer) for answer in answers],
        [wide(right) for right in expected],
        tolerance=max(tolerance, 1e-5) if single else tolerance,
        axes=axes,
    )
    if explained:
        return Finding(*explained)
    dtypes = {
        (str(a.dtype), str(e.dtype)) for a, e in zip(answers, expected, strict=True) if _have_dtype(a, e)
    }
    for received, wanted in dtypes:
        if received != wanted:
            return Finding(
                "dtype", f"The numbers are right, but the dtype must be {wanted}, received {received}."
            )
    return None


def _have_dtype(*values: object) -> bool:
    return all(hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0 for value in values)


def _is_single(value: object) -> bool:
    return str(getattr(value, "dtype", "")).endswith(("float32", "complex64", "float16"))


def widen(value: object) -> object:
    """The same answer with all its arrays in double precision, so that only the numbers count."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return wide(value)
    if isinstance(value, Mapping):
        return {key: widen(part) for key, part in value.items()}
    return type(value)(map(widen, value)) if type(value) in (list, tuple) else value


def wide(value: object) -> torch.Tensor:
    """A number or an array as a tensor in double precision on the CPU."""
    # By way of numpy, because torch would read a Python float in single precision.
    tensor = value.detach().cpu() if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))
    tensor = tensor if tensor.layout == torch.strided else tensor.to_dense()
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _number_type(answer: object, right: object, axes: Sequence[str]) -> Finding | None:
    if isinstance(right, torch.Tensor) and right.ndim and not isinstance(answer, torch.Tensor):
        return type_finding(answer, right, _as_tensor(answer))
    if isinstance(right, np.ndarray) and right.ndim and not isinstance(answer, np.ndarray | torch.Tensor):
        return type_finding(answer, right)
    numeric = isinstance(answer, torch.Tensor | numbers.Number) and not isinstance(answer, bool)
    if not numeric and getattr(getattr(answer, "dtype", None), "kind", "none") not in "biufc":
        return Finding("type", f"The answer must be a number, received {called(answer)}.")
    return None


def _as_tensor(answer: object) -> str:
    if isinstance(answer, np.ndarray):
        return "use torch.from_numpy"
    if not isinstance(answer, list | tuple):
        return ""
    # torch.tensor copies numbers; it refuses a list of tensors.
    return f"use torch.{'stack' if any(isinstance(part, torch.Tensor) for part in answer) else 'tensor'}"


def _shape(answer: object, right: object, axes: Sequence[str]) -> Finding | None:
    received, wanted = tuple(np.shape(wide(answer))), tuple(np.shape(wide(right)))
    if received == wanted or (not wanted and np.prod(received) == 1):
        return None
    if len(received) == len(wanted) >= 2 and received == wanted[:-2] + wanted[:-3:-1]:
        same = torch.allclose(wide(answer).mT, wide(right))
        if same:
            return Finding(
                "transposed", f"The answer is transposed: {_describe(wanted, axes)}, received {received}."
            )
    return Finding("shape", f"The shape must be {_describe(wanted, axes)}, received {received}.")


def _describe(shape: tuple, axes: Sequence[str]) -> str:
    if len(axes) != len(shape) or not shape:
        return str(shape)
    return f"{shape} = ({', '.join(axes)}{',' if len(axes) == 1 else ''})"


def _not_a_number(answer: object, right: object, axes: Sequence[str]) -> Finding | None:
    bad = ~torch.isfinite(wide(answer)) & torch.isfinite(wide(right).reshape(wide(answer).shape))
    if not bad.any():
        return None
    what = "NaN (not a number)" if torch.isnan(wide(answer)[bad]).any() else "infinite"
    cure = "look for a division by zero, a root or logarithm of a negative number, an arccos beyond 1"
    return Finding("nan", f"{int(bad.sum())} of {bad.numel()} numbers are {what}; {cure}.")
