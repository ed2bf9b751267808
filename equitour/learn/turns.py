"""The best turn of one motif onto another as learners get it wrong: one step is mistaken, the rest is right."""

import torch


def _turn(r, other, mirrors=True, *, signs=(1.0, 1.0, -1.0)):
    """Kabsch's rotation; where mirrors are not allowed, columns of U are multiplied with `signs`."""
    U, _, Vh = torch.linalg.svd(other.T @ r)
    if not mirrors and torch.linalg.det(U @ Vh) < 0:
        U = U * U.new_tensor(signs)
    return U @ Vh


def _transposed_twice(r, other, mirrors):
    U, _, Vh = torch.linalg.svd(other.T @ r)
    return U @ Vh.T


def _row_turned(r, other, mirrors):
    U, _, Vh = torch.linalg.svd(other.T @ r)
    if not mirrors and torch.linalg.det(U @ Vh) < 0:
        U[-1] *= -1
    return U @ Vh


def _always_turned(r, other, mirrors):
    U, _, Vh = torch.linalg.svd(other.T @ r)
    if not mirrors:
        U[:, -1] *= -1
    return U @ Vh


MISTAKES = {
    "You turn `other` onto r: the transpose turns r onto `other`.": lambda r, o, m: _turn(r, o, m).T,
    "A mirror came out where none was allowed: look at the determinant.": lambda r, o, m: _turn(r, o),
    "A mirror was refused where it was allowed.": lambda r, o, m: _turn(r, o, False),
    "The hand is mended, but at the greatest cost: turn over the column of the smallest singular value, the last.": (
        lambda r, o, m: _turn(r, o, m, signs=(-1.0, 1.0, 1.0))
    ),
    "`torch.linalg.svd` returns Vᵀ already: Q is `U @ Vh`, not `U @ Vh.T`.": _transposed_twice,
    "The last row of U was turned over; it must be the last column, `U[:, -1]`.": _row_turned,
    "A column was turned over where Q was no mirror: look at its determinant first.": _always_turned,
    "Minus Q is of the right hand, but turns all three axes over: one column is enough.": (
        lambda r, o, m: _turn(r, o, m, signs=(-1.0, -1.0, -1.0))
    ),
}
