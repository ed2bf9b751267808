"""Ready-made `compare=` functions for exercises with more than one right answer."""

import numpy as np
import torch

from equitour.learn.explanations import explain_numbers


def _both(answer: object, expected: object) -> list[torch.Tensor]:
    """The two as tensors of one dtype, complex if either is."""
    pair = [value if isinstance(value, torch.Tensor) else np.asarray(value) for value in (answer, expected)]
    tensors = [torch.as_tensor(value).detach().cpu() for value in pair]
    wide = torch.complex128 if any(tensor.is_complex() for tensor in tensors) else torch.float64
    return [tensor.to(wide) for tensor in tensors]


def _as_rows(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(tensor.shape[0], -1) if tensor.ndim > 1 else tensor.reshape(1, -1)


def same_span(answer: object, expected: object, *arguments: object) -> str | None:
    """Accept any orthonormal basis of the same space; the first axis counts the basis vectors."""
    a, e = map(_as_rows, _both(answer, expected))
    if a.shape != e.shape:
        return f"The basis must have the shape {tuple(e.shape)} (vectors, components), received {tuple(a.shape)}."
    unit = torch.eye(len(a), dtype=a.dtype)
    if not torch.allclose(a @ a.mH, unit, atol=1e-6):
        error = float((a @ a.mH - unit).abs().max())
        return f"The basis is not orthonormal: its Gram matrix is {error:.2g} away from the unit matrix."
    outside = float((a - a @ torch.linalg.pinv(e) @ e).abs().max())
    return f"The basis leaves the space: {outside:.2g} of it stands outside." if outside > 1e-6 else None


def up_to_sign(answer: object, expected: object, *arguments: object) -> str | None:
    """Accept the solution and its negative, as for an eigenvector."""
    a, e = _both(answer, expected)
    if a.shape != e.shape:
        return f"The shape must be {tuple(e.shape)}, received {tuple(a.shape)}."
    best = min((a, -a), key=lambda signed: float((signed - e).abs().sum()))
    explained = explain_numbers([best], [e], tolerance=1e-7)
    return explained[1] if explained else None


def any_order(answer: object, expected: object, *arguments: object) -> str | None:
    """Accept the rows of the solution in any order, as for a set of vectors or of operations."""
    a, e = map(_as_rows, _both(answer, expected))
    if a.shape[1:] != e.shape[1:]:
        return f"Each row must have {e.shape[1]} numbers, received {a.shape[1]}."
    near = (a[:, None] - e).abs().amax(-1) < 1e-6 * max(1.0, float(e.abs().max()))
    extra, missing = int((~near.any(1)).sum()), int((~near.any(0)).sum())
    if extra or missing:
        return f"{extra} of your {len(a)} rows do not belong, {missing} of {len(e)} are missing."
    return None if len(a) == len(e) else f"There must be {len(e)} rows, received {len(a)}: some stand twice."
