"""Fingerprints: a motif as the density of its neighbours, in radial waves and spherical harmonics, and back to atoms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor

from equitour.radial import bessel_basis

GRID_STEP, REFINEMENTS = 0.25, 30


@dataclass(frozen=True)
class Fingerprint:
    """c_nlm = Σ_i R_n(r_i) Y_lm(r_i / |r_i|): it does not know the order of the atoms, and turns as irreps do.

    Attributes:
        cutoff: Where the radial functions end, in Å; atoms beyond are not seen.
        num_basis: Bessel functions R_n.
        lmax: Highest l.
    """

    cutoff: float = 5.0
    num_basis: int = 6
    lmax: int = 4

    @property
    def irreps(self) -> o3.Irreps:
        """Of the coefficients: every l once for each radial function."""
        return o3.Irreps([(self.num_basis, (l, (-1) ** l)) for l in range(self.lmax + 1)])

    def __call__(self, vectors: Float[Tensor, "motifs neighbors 3"]) -> Float[Tensor, "motifs coefficients"]:
        """Coefficients of motifs, from vectors in Å."""
        return self._waves(vectors).sum(-2)

    def density(
        self, coefficients: Float[Tensor, "motifs coefficients"], points: Float[Tensor, "motifs points 3"]
    ) -> Float[Tensor, "motifs points"]:
        """ρ(r) = Σ_nlm c_nlm R_n(r) Y_lm(r / |r|) at points in Å: highest near the atoms."""
        return torch.einsum("mpc,mc->mp", self._waves(points), coefficients)

    def atoms(
        self, coefficients: Float[Tensor, "motifs coefficients"], *, count: int, nearest: float = 1.0
    ) -> Float[Tensor, "motifs count 3"]:
        """The atoms that a fingerprint is of, in Å, in the frame of the fingerprint.

        One atom after the other is put on the grid point where its own fingerprint is most like what is not yet explained;
        then all move downhill in |c − Σ_i φ(r_i)|² together.

        Args:
            coefficients: Fingerprints, or a network's answers.
            count: Atoms to find.
            nearest: No atom is sought nearer to the centre than that, in Å.

        Raises:
            ValueError: The number of coefficients is another.
        """
        if coefficients.shape[-1] != self.irreps.dim:
            raise ValueError(
                f"fingerprints must have {self.irreps.dim} coefficients ({self.irreps}), received "
                f"{coefficients.shape[-1]}: decode them with the fingerprint that made them"
            )
        return self._refined(coefficients, self._picked(coefficients, count, nearest))

    def _waves(self, vectors: Tensor) -> Tensor:
        """φ_nlm of each vector, the coefficients of one l side by side."""
        radial = bessel_basis(vectors.norm(dim=-1), cutoff=self.cutoff, num_basis=self.num_basis)
        waves = [
            radial.unsqueeze(-1) * o3.spherical_harmonics(l, vectors, normalize=True).unsqueeze(-2)
            for l in range(self.lmax + 1)
        ]
        return torch.cat([wave.flatten(-2) for wave in waves], -1)

    def _picked(self, coefficients: Tensor, count: int, nearest: float) -> Tensor:
        ticks = torch.arange(-self.cutoff, self.cutoff, GRID_STEP, dtype=coefficients.dtype)
        grid = torch.cartesian_prod(ticks, ticks, ticks)
        length = grid.norm(dim=-1)
        grid = grid[(length > nearest) & (length < self.cutoff - GRID_STEP)].to(coefficients.device)
        waves = self._waves(grid)
        squares = waves.square().sum(-1)
        left, found = coefficients.clone(), []
        for _ in range(count):
            # |left - φ|² is least where 2 left·φ - |φ|² is largest.
            best = (2 * left @ waves.mT - squares).argmax(-1)
            found.append(grid[best])
            left = left - waves[best]
        return torch.stack(found, -2)

    def _refined(self, coefficients: Tensor, vectors: Tensor) -> Tensor:
        """Gauss-Newton with damping: a few rounds, each motif by itself."""
        damping = 1e-3 * torch.eye(3 * vectors.shape[1]).to(vectors)
        for _ in range(REFINEMENTS):
            jacobian = torch.func.vmap(torch.func.jacrev(lambda one: self._waves(one).sum(-2)))(vectors)
            slope = jacobian.flatten(-2)
            left = coefficients - self(vectors)
            step = torch.linalg.solve(slope.mT @ slope + damping, (slope.mT @ left.unsqueeze(-1)).squeeze(-1))
            vectors = vectors + step.clamp(-0.3, 0.3).unflatten(-1, (-1, 3))
        return vectors
