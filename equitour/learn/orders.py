"""Right numbers in the wrong places: transposed, inverted, or along an axis in another order or sign."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Pairs = list[tuple[Tensor, Tensor]]
Named = tuple[str, str]  # The mistake's name and the sentence for the learner.


def as_matrix(pairs: Pairs, same: Callable) -> Named | None:
    """Transposed or inverted square matrices; of a rotation the two are the same."""
    if not all(e.ndim >= 2 and e.shape[-1] == e.shape[-2] <= 64 for _, e in pairs):
        return None
    if all(same(a, e.mT) for a, e in pairs):
        if all(torch.allclose(e @ e.mT, torch.eye(e.shape[-1]).to(e), atol=1e-6) for _, e in pairs):
            return "inverse", "This is the inverse rotation: the transpose of the matrix that is asked for."
        return "transposed", "The answer is transposed: rows and columns have changed places."
    if all(same(a, torch.linalg.pinv(e)) for a, e in pairs):
        return "inverse", "This is the inverse of the matrix that is asked for."
    return None


def _labels(size: int, axis: int, ndim: int, axes: Sequence[str]) -> list[str]:
    given = axes[axis] if len(axes) == ndim else ""
    if len(given) == size:
        return list(given)
    return list("xyz") if size == 3 and axis == ndim - 1 else [str(k) for k in range(size)]


def axis_order(pairs: Pairs, same: Callable, axes: Sequence[str]) -> Named | None:
    """The slices along one axis, or rows and columns together, in another order; or the axes themselves."""
    shape = pairs[0][1].shape
    if any(e.ndim != len(shape) for _, e in pairs):
        return None
    for axis in reversed(range(len(shape))):
        if any(e.shape[axis] != shape[axis] for _, e in pairs) or not 2 <= shape[axis] <= 64:
            continue
        order = _permutation(pairs, axis)
        if order and all(same(a, e.index_select(axis, torch.tensor(order))) for a, e in pairs):
            return "axis order", _order_sentence(order, axis, len(shape), axes)
    return _both_axes(pairs, same, axes) or _moved_axes(pairs, same) or _reversed(pairs, same)


def _reversed(pairs: Pairs, same: Callable) -> Named | None:
    """Where the size changes from draw to draw, the one other order that can be told is the reverse."""
    for axis in range(-1, -min(e.ndim for _, e in pairs) - 1, -1):
        if all(same(a, e.flip(axis)) for a, e in pairs):
            last = "last axis" if axis == -1 else f"axis {axis}"
            return "axis order", f"The order along the {last} is reversed: what stands first must stand last."
    return None


def _permutation(pairs: Pairs, axis: int) -> list[int] | None:
    """For each slice of the answer the nearest slice of the solution, if each serves once."""
    a = torch.cat([a.movedim(axis, 0).reshape(a.shape[axis], -1) for a, _ in pairs], 1)
    e = torch.cat([e.movedim(axis, 0).reshape(e.shape[axis], -1) for _, e in pairs], 1)
    order = (a[:, None] - e[None]).abs().sum(-1).argmin(1).tolist()
    return order if sorted(order) == list(range(len(order))) else None


def _order_sentence(order: list[int], axis: int, ndim: int, axes: Sequence[str]) -> str:
    labels = _labels(len(order), axis, ndim, axes)
    where = f"axis {axis}" + (f" ({axes[axis]})" if len(axes) == ndim else "")
    if len(order) > 8:
        return f"The order along {where} is wrong; the numbers are right, they stand in other places."
    received, wanted = ", ".join(labels[k] for k in order), ", ".join(labels)
    return f"The order along {where} is wrong: ({received}) instead of ({wanted})."


def _both_axes(pairs: Pairs, same: Callable, axes: Sequence[str]) -> Named | None:
    size = pairs[0][1].shape[-1] if pairs[0][1].ndim >= 2 else 0
    if not 2 <= size <= 5 or any(e.shape[-2:] != (size, size) for _, e in pairs):
        return None
    for order in itertools.permutations(range(size)):
        index = torch.tensor(order)
        if all(same(a, e[..., index, :][..., index]) for a, e in pairs):
            ndim = pairs[0][1].ndim
            labels = _labels(size, ndim - 1, ndim, axes)
            received, wanted = ", ".join(labels[k] for k in order), ", ".join(labels)
            return "axis order", f"Rows and columns stand in the order ({received}) instead of ({wanted})."
    return None


def _moved_axes(pairs: Pairs, same: Callable) -> Named | None:
    ndim = pairs[0][1].ndim
    if not 3 <= ndim <= 5:
        return None
    for order in itertools.permutations(range(ndim)):
        if all(e.permute(order).shape == e.shape and same(a, e.permute(order)) for a, e in pairs):
            return "transposed", f"The axes stand in the order {order} instead of {tuple(range(ndim))}."
    return None


def component_signs(pairs: Pairs, same: Callable, axes: Sequence[str]) -> Named | None:
    """Some components of the last axis, the same in every draw, are the negative of what they must be."""
    size = pairs[0][1].shape[-1] if pairs[0][1].ndim else 0
    if not 2 <= size <= 64 or any(not e.ndim or e.shape[-1] != size for _, e in pairs):
        return None
    overlap = sum((a * e.conj()).real.reshape(-1, size).sum(0) for a, e in pairs)
    signs = torch.where(overlap < 0, -1.0, 1.0).to(torch.float64)
    if not all(same(a, e * signs) for a, e in pairs):
        return None
    labels = _labels(size, pairs[0][1].ndim - 1, pairs[0][1].ndim, axes)
    wrong = ", ".join(label for label, sign in zip(labels, signs, strict=True) if sign < 0)
    return "component sign", f"The sign is wrong in component {wrong}; the others are right."
