"""A lattice as a symmetric matrix that no rotation moves, and scaled so that noise can be added to it.

L (rows are vectors) times its transpose is the metric G = L Lᵀ: lengths and angles, nothing of the orientation. Its logarithm
K = ½ ln G is any symmetric matrix, so a Gaussian may be added to it, and exp(K) is a lattice again: right-handed, of positive volume,
and symmetric, which is a choice of orientation. Its trace is the logarithm of the volume.

Source: polar decomposition as in R. Jiao et al. (DiffCSP++), ICLR 2024.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.generative.crystal.crystals import Crystals

# Where the six numbers stand in K: three stretches, three shears.
ROWS, COLUMNS = (0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)


def log_metric(lattices: Float[Tensor, "crystals 3 3"]) -> Float[Tensor, "crystals 6"]:
    """K = ½ ln(L Lᵀ), L in Å, as (xx, yy, zz, yz, xz, xy)."""
    # In float64, since the metric squares what is small in the lattice.
    metric = lattices.double() @ lattices.double().mT
    return SymmetricLog.apply(metric)[:, ROWS, COLUMNS].to(lattices.dtype) / 2


def lattice_of(k: Float[Tensor, "crystals 6"]) -> Float[Tensor, "crystals 3 3"]:
    """L = exp(K) in Å, the symmetric lattice of that metric."""
    return torch.linalg.matrix_exp(symmetric(k.double())).to(k.dtype)


def symmetric(k: Float[Tensor, "crystals 6"]) -> Float[Tensor, "crystals 3 3"]:
    """The six numbers as a symmetric matrix."""
    matrix = k.new_zeros(len(k), 3, 3)
    matrix[:, ROWS, COLUMNS] = k
    matrix[:, COLUMNS, ROWS] = k
    return matrix


class SymmetricLog(torch.autograd.Function):
    """ln of symmetric positive matrices, with a gradient that equal eigenvalues do not spoil, as a cubic metric has them.

    Source: Ju. L. Daleckii and S. G. Krein (1951): in the eigenvectors' frame, the entries of a change of the matrix are multiplied by
    the divided differences (ln a − ln b) / (a − b), which tend to 1/a.
    """

    @staticmethod
    def forward(ctx, matrices: Tensor) -> Tensor:
        """Through eigenvalues."""
        values, vectors = torch.linalg.eigh(matrices)
        ctx.save_for_backward(values, vectors)
        return (vectors * values.log()[..., None, :]) @ vectors.mT

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        """Through divided differences."""
        values, vectors = ctx.saved_tensors
        a, b = values[..., :, None], values[..., None, :]
        # ln a − ln b = 2 artanh((a − b) / (a + b)), exact where the difference of logarithms cancels.
        x = (a - b) / (a + b)
        slope = torch.where(x.abs() < 1e-4, 1 + x.square() / 3, torch.atanh(x) / torch.where(x == 0, 1, x))
        divided = 2 * slope / (a + b)
        return vectors @ (divided * (vectors.mT @ gradient @ vectors)) @ vectors.mT


class LatticeScale(nn.Module):
    """K of a crystal in numbers of order one: for one atom's share of volume, less the mean, over the spread.

    Stretches share one mean and one spread, shears another, so that no axis is preferred to another.

    Args:
        stretch: Mean of K's diagonal for one atom a cell, ln Å.
        spread: Its standard deviation.
        shear: Standard deviation off the diagonal, about zero.
    """

    # Data of cubic cells alone have no spread of shears, and noise needs a width.
    NARROWEST = 0.03

    def __init__(self, stretch: float = 0.8, spread: float = 0.1, shear: float = 0.1) -> None:
        super().__init__()
        self.register_buffer("middle", torch.tensor([stretch] * 3 + [0.0] * 3))
        self.register_buffer("width", torch.tensor([spread] * 3 + [shear] * 3))

    @classmethod
    def of(cls, crystals: Crystals) -> LatticeScale:
        """Mean and spread of these crystals."""
        k = log_metric(crystals.lattices)
        k = k - _per_atom(crystals.counts, k)
        spread, shear = k[:, :3].std(correction=0), k[:, 3:].square().mean().sqrt()
        return cls(k[:, :3].mean().item(), *(max(cls.NARROWEST, width.item()) for width in (spread, shear)))

    def numbers(self, crystals: Crystals) -> Float[Tensor, "crystals 6"]:
        """Six scaled numbers of each lattice."""
        k = log_metric(crystals.lattices)
        return (k - _per_atom(crystals.counts, k) - self.middle) / self.width

    def lattices(
        self, numbers: Float[Tensor, "crystals 6"], counts: Int[Tensor, " crystals"]
    ) -> Float[Tensor, "crystals 3 3"]:
        """Lattices in Å of scaled numbers, for cells of so many atoms."""
        k = numbers * self.width + self.middle
        return lattice_of(k + _per_atom(counts, k))


def _per_atom(counts: Tensor, k: Tensor) -> Tensor:
    """What the number of atoms adds to the diagonal: a third of its logarithm, as volume grows with it."""
    third = counts.to(k).log()[:, None] / 3
    return torch.cat([third.expand(-1, 3), torch.zeros_like(k[:, 3:])], 1)
