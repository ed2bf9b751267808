"""Tensors of atoms, block by block: what may be standardised, and how well each block is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from e3nn import o3
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Standard:
    """Means and sizes by atomic number, which keep the symmetry: a mean for 0e alone, one size for a whole block.

    Attributes:
        irreps: Of the components.
        mean: (119, dim), zero outside 0e and for elements that were not there.
        size: (119, dim), alike within each block; 1 for elements that were not there.
    """

    irreps: o3.Irreps
    mean: Tensor
    size: Tensor

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Components (nodes, dim) as pure numbers of order 1."""
        return (x - self.mean[numbers]) / self.size[numbers]

    def undo(self, y: Tensor, numbers: Tensor) -> Tensor:
        """The inverse of `apply`."""
        return self.mean[numbers] + self.size[numbers] * y


def standard_of(x: Tensor, numbers: Tensor, irreps: o3.Irreps | str) -> Standard:
    """Measure means and sizes of components (nodes, dim) of atoms with these atomic numbers."""
    irreps = o3.Irreps(irreps)
    mean, size = torch.zeros(119, irreps.dim).to(x), torch.ones(119, irreps.dim).to(x)
    for number in numbers.unique().tolist():
        rows = x[numbers == number]
        for (_, ir), block in zip(irreps, irreps.slices(), strict=True):
            if ir == o3.Irrep("0e"):
                mean[number, block] = rows[:, block].mean(0)
            spread = (rows - mean[number])[:, block].square().mean().sqrt()
            size[number, block] = spread if spread > 0 else 1.0
    return Standard(irreps, mean, size)


def relative_errors(x: Tensor, reference: Tensor, numbers: Tensor, *, standard: Standard) -> Tensor:
    """Error of each block over its size, (elements, blocks); elements ascend; 1 is no better than the element's mean."""
    wrong, spread = (x - reference).square(), (reference - standard.mean[numbers]).square()
    rows = [
        [
            wrong[numbers == number][:, block].sum() / spread[numbers == number][:, block].sum()
            for block in standard.irreps.slices()
        ]
        for number in numbers.unique().tolist()
    ]
    return torch.stack([torch.stack(row) for row in rows]).sqrt()
