"""Gram matrices: what is left of an environment when rotations and mirrors are taken out, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Points whose Gram matrix comes as near to a given one as three dimensions allow.

    Attributes:
        vectors: In Å, in a frame of their own: rotated or mirrored points have the same Gram matrix.
        error: Norm of the part of the Gram matrix that no three-dimensional points can give, in Å².
    """

    vectors: Float[Tensor, "*environments neighbors 3"]
    error: Float[Tensor, "*environments"]


def gram_matrix(
    vectors: Float[Tensor, "*environments neighbors 3"],
) -> Float[Tensor, "*environments neighbors neighbors"]:
    """G_ij = r_i · r_j in Å²: lengths on the diagonal, angles beside it."""
    return vectors @ vectors.mT


def upper_triangle(
    gram: Float[Tensor, "*environments neighbors neighbors"],
) -> Float[Tensor, "*environments entries"]:
    """The n(n+1)/2 entries on and above the diagonal, row by row."""
    row, column = torch.triu_indices(*gram.shape[-2:], device=gram.device)
    return gram[..., row, column]


def from_upper_triangle(
    entries: Float[Tensor, "*environments entries"],
) -> Float[Tensor, "*environments neighbors neighbors"]:
    """The symmetric matrix with these entries on and above the diagonal.

    Raises:
        ValueError: The number of entries is not n(n+1)/2.
    """
    size = (math.isqrt(8 * entries.shape[-1] + 1) - 1) // 2
    if size * (size + 1) // 2 != entries.shape[-1]:
        raise ValueError(
            f"an upper triangle must have n(n+1)/2 entries (1, 3, 6, 10, …), received {entries.shape[-1]}: take all of "
            "them, the diagonal too"
        )
    row, column = torch.triu_indices(size, size, device=entries.device)
    place = torch.empty(size, size, dtype=torch.long, device=entries.device)
    place[row, column] = place[column, row] = torch.arange(entries.shape[-1], device=entries.device)
    return entries[..., place]


def coordinates(
    gram: Float[Tensor, "*environments neighbors _"], *, tolerance: float = 1e-5
) -> Reconstruction:
    """Points from a Gram matrix G = V Λ Vᵀ: the columns of V √Λ that belong to the three largest eigenvalues.

    No other three-dimensional points come nearer to G (Eckart and Young, Psychometrika 1, 211, 1936).

    Args:
        gram: Symmetric, in Å².
        tolerance: How negative an eigenvalue may be, as a share of the largest. A network's answer is a Gram matrix only
            nearly: allow `math.inf` there, and look at the error.

    Raises:
        ValueError: The matrix is not square and symmetric, or has an eigenvalue that is too negative.
    """
    _require_symmetric(gram)
    values, columns = torch.linalg.eigh(gram)
    lowest, largest = values[..., 0], values.abs().amax(-1)
    if not (lowest >= -tolerance * largest).all():
        worst = float((lowest / largest).min())
        raise ValueError(
            f"a Gram matrix must have no negative eigenvalue, received one of {worst:.2g} times the largest: take scalar "
            "products of real vectors, or allow it with tolerance=math.inf"
        )
    missing = 3 - gram.shape[-1]
    if missing > 0:
        values, columns = (
            torch.nn.functional.pad(values, (missing, 0)),
            torch.nn.functional.pad(columns, (missing, 0)),
        )
    kept = values[..., -3:].clamp(min=0)
    left_out = torch.cat([values[..., :-3], values[..., -3:] - kept], -1)
    return Reconstruction(columns[..., -3:] * kept.sqrt().unsqueeze(-2), left_out.norm(dim=-1))


def _require_symmetric(gram: Tensor) -> None:
    if gram.ndim < 2 or gram.shape[-1] != gram.shape[-2]:
        raise ValueError(
            f"a Gram matrix must be square, received {tuple(gram.shape)}: see from_upper_triangle for a row of entries"
        )
    apart = (gram - gram.mT).abs().amax() if gram.numel() else torch.zeros(())
    if apart > 1e-4 * gram.abs().amax():
        raise ValueError(
            f"a Gram matrix must be symmetric, received entries that differ by {float(apart):.2g} from their mirror "
            "images: take (G + G.mT) / 2"
        )


@dataclass(frozen=True, eq=False)
class GramScale:
    """Entries of Gram matrices at unit size: diagonal and other entries each less their mean, over their deviation.

    The two are of different kinds: squares of lengths stand about r², products about zero. Scaled alike, the network
    would spend itself on the mean length. One number for each kind keeps the permutations: no neighbour is special.

    Attributes:
        mean: Of diagonal and of other entries, in Å².
        deviation: Of the same, in Å².
    """

    mean: Float[Tensor, " kinds"]
    deviation: Float[Tensor, " kinds"]

    @classmethod
    def of(cls, gram: Float[Tensor, "environments neighbors neighbors"]) -> GramScale:
        """From what is to be learnt.

        Raises:
            ValueError: There is one neighbour, or nothing varies.
        """
        if gram.shape[-1] < 2:
            raise ValueError(
                f"an environment must have at least 2 neighbours, received {gram.shape[-1]}: one has no angle to scale"
            )
        on = torch.eye(gram.shape[-1], dtype=torch.bool, device=gram.device)
        kinds = gram[:, on], gram[:, ~on]
        deviation = torch.stack([kind.std(correction=0) for kind in kinds])
        if not (deviation > 0).all():
            raise ValueError(
                f"Gram matrices must vary, received {len(gram)} with deviations {deviation.tolist()} Å² of lengths and "
                "products: a perfect crystal has one environment and nothing to learn"
            )
        return cls(torch.stack([kind.mean() for kind in kinds]), deviation)

    def apply(self, gram: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch entries"]:
        """Scaled upper triangles."""
        kind = self._kinds(gram.shape[-1])
        return (upper_triangle(gram) - self.mean[kind]) / self.deviation[kind]

    def undo(self, entries: Float[Tensor, "*batch entries"]) -> Float[Tensor, "*batch n n"]:
        """Matrices in Å²."""
        size = (math.isqrt(8 * entries.shape[-1] + 1) - 1) // 2
        kind = self._kinds(size)
        return from_upper_triangle(entries * self.deviation[kind] + self.mean[kind])

    def _kinds(self, size: int) -> Tensor:
        row, column = torch.triu_indices(size, size, device=self.mean.device)
        return (row != column).long()
