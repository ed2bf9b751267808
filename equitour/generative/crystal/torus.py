"""Noise on a torus: fractional coordinates are angles, so a Gaussian is wrapped round and round.

p(Δ; σ) = Σ_k N(Δ + k; 0, σ²) over all integers k. For small σ it is a Gaussian, for σ near 1/2 nearly uniform: the noise that
forgets everything is uniform, not wide.

Source: V. De Bortoli et al., NeurIPS 2022; B. Jing et al. (torsional diffusion), NeurIPS 2022; R. Jiao et al. (DiffCSP), NeurIPS 2023.
"""

from __future__ import annotations

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

# N(±10; σ = 1/2) is 1e-87 of its maximum: nothing is left of the sum's tails.
WRAPS = 10


def wrap(difference: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The shortest way round: the same point of the torus in [−1/2, 1/2)."""
    return difference - (difference + 0.5).floor()


def wrapped_log_density(
    difference: Float[Tensor, "*shape"], sigma: Float[Tensor, "*noise"]
) -> Float[Tensor, "*shape"]:
    """ln p(Δ; σ) of each coordinate.

    Args:
        difference: Δ, noisy minus clean, in fractions.
        sigma: σ in fractions; broadcast against the difference.
    """
    images, sigma = _images(difference), sigma[..., None]
    exponents = -(images / sigma).square() / 2
    return exponents.logsumexp(-1) - (sigma[..., 0] * (2 * torch.pi) ** 0.5).log()


def wrapped_score(
    difference: Float[Tensor, "*shape"], sigma: Float[Tensor, "*noise"]
) -> Float[Tensor, "*shape"]:
    """∂ ln p(Δ; σ) / ∂Δ: points to the nearest image, and to nowhere halfway between two.

    Args:
        difference: Δ, noisy minus clean, in fractions.
        sigma: σ in fractions; broadcast against the difference.
    """
    images, sigma = _images(difference), sigma[..., None]
    share = (-(images / sigma).square() / 2).softmax(-1)
    return -(share * images).sum(-1) / sigma[..., 0].square()


def _images(difference: Tensor) -> Tensor:
    """The difference and all others that are the same on the torus, as far as any noise reaches."""
    return wrap(difference)[..., None] + torch.arange(-WRAPS, WRAPS + 1, device=difference.device)


def score_size(sigma: Float[Tensor, "*noise"]) -> Float[Tensor, "*noise"]:
    """√⟨score²⟩ of a coordinate at σ, the unit in which a network speaks: 1/σ for small σ, falling to zero where all is uniform."""
    grid, sizes = _sizes()
    place = ((sigma.log() - grid[0].log()) / (grid[1] / grid[0]).log()).clamp(0, len(grid) - 1.001)
    low = place.floor().long()
    logs = sizes.log().to(sigma)
    return torch.lerp(logs[low], logs[low + 1], place - low).exp()


@cache
def _sizes() -> tuple[Tensor, Tensor]:
    """A table over ln σ, each entry an integral over the torus."""
    sigma = torch.logspace(-3, 0, 121, dtype=torch.float64)
    # Points in units of σ where the density is narrow, of the torus where it is wide.
    half = torch.minimum(8 * sigma, torch.tensor(0.5, dtype=torch.float64))[:, None]
    points = half * torch.linspace(-1, 1, 4001, dtype=torch.float64)
    density = wrapped_log_density(points, sigma[:, None]).exp()
    score = wrapped_score(points, sigma[:, None])
    return sigma, (
        torch.trapezoid(density * score.square(), points) / torch.trapezoid(density, points)
    ).sqrt()
