"""Functions of a distance: bases that a network can weigh, and envelopes that end them smoothly at the cutoff."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def bessel_basis(
    lengths: Float[Tensor, "*rows"], *, cutoff: float, num_basis: int
) -> Float[Tensor, "*rows basis"]:
    """Spherical Bessel functions j₀ that vanish at the cutoff, √(2/c) sin(n π r / c) / r for n = 1 … num_basis.

    Orthonormal on a ball of radius c with weight r² (Gasteiger, Groß, Günnemann, ICLR 2020, eq. 7).

    Args:
        lengths: r in Å.
        cutoff: c in Å.
        num_basis: Number of functions.
    """
    _require_positive(cutoff=cutoff, num_basis=num_basis)
    n = torch.arange(1, num_basis + 1, dtype=lengths.dtype, device=lengths.device)
    # sin(x)/r = (n π / c) sinc(n r / c) stays finite, with finite gradients, at r = 0.
    frequencies = n * (math.pi / cutoff)
    return math.sqrt(2 / cutoff) * frequencies * torch.sinc(lengths[..., None] * n / cutoff)


def stretched(
    lengths: Float[Tensor, "*rows"], *, cutoff: float, stretch: float = 0.0
) -> Float[Tensor, "*rows"]:
    """Distances on a logarithmic rule of the same length, c log(1 + a r) / log(1 + a c): near ones are drawn apart.

    Bonds stretch by hundredths of an Å while distant neighbours matter little by tenths: a basis of a distance so
    measured resolves the former and cannot learn the latter by heart. Slope 1 everywhere at a = 0, and at a = 3/Å
    and c = 5 Å about 1.35 at 1 Å and 0.34 at the cutoff.

    Args:
        lengths: r in Å.
        cutoff: c in Å, which stays where it is.
        stretch: a in 1/Å; 0 leaves the distances alone.

    Raises:
        ValueError: The cutoff is not positive, or the stretch is negative.
    """
    _require_positive(cutoff=cutoff)
    if stretch < 0:
        raise ValueError(f"stretch must not be negative, received {stretch}: 0 leaves distances as they are")
    if stretch == 0:
        return lengths
    return torch.log1p(stretch * lengths) * (cutoff / math.log1p(stretch * cutoff))


def gaussian_basis(
    lengths: Float[Tensor, "*rows"], *, cutoff: float, num_basis: int, start: float = 0.0
) -> Float[Tensor, "*rows basis"]:
    """Gaussians exp(−(r − μ)² / 2σ²), centres μ evenly from `start` to the cutoff, σ their spacing (Å).

    The radial basis of SchNet (Schütt et al., NeurIPS 2017, eq. 5) with γ = 1 / 2σ².

    Args:
        lengths: r in Å.
        cutoff: Last centre, in Å.
        num_basis: Number of functions, at least 2.
        start: First centre, in Å.
    """
    _require_positive(cutoff=cutoff, num_basis=num_basis)
    if num_basis < 2 or not start < cutoff:
        raise ValueError(
            f"Gaussians need at least 2 centres between start and cutoff, received {num_basis} from {start} to "
            f"{cutoff}: raise num_basis or the cutoff"
        )
    centres = torch.linspace(start, cutoff, num_basis, dtype=lengths.dtype, device=lengths.device)
    width = (cutoff - start) / (num_basis - 1)
    return torch.exp(-0.5 * ((lengths[..., None] - centres) / width) ** 2)


def polynomial_cutoff(
    lengths: Float[Tensor, "*rows"], *, cutoff: float, power: int = 6
) -> Float[Tensor, "*rows"]:
    """Envelope from 1 at r = 0 to 0 at the cutoff, with two continuous derivatives there.

    1 − (p+1)(p+2)/2 xᵖ + p(p+2) xᵖ⁺¹ − p(p+1)/2 xᵖ⁺² with x = r / c (Gasteiger et al., ICLR 2020, eq. 8).

    Args:
        lengths: r in Å; zero is returned beyond the cutoff.
        cutoff: c in Å.
        power: p; larger ones stay near 1 for longer.
    """
    _require_positive(cutoff=cutoff, power=power)
    x = (lengths / cutoff).clamp(max=1.0)
    p = power
    # One power taken out of the three terms: fewer operations to differentiate twice.
    return 1 - x**p * ((p + 1) * (p + 2) / 2 + x * (p * (p + 1) / 2 * x - p * (p + 2)))


def cosine_cutoff(lengths: Float[Tensor, "*rows"], *, cutoff: float) -> Float[Tensor, "*rows"]:
    """Envelope (1 + cos(π r / c)) / 2 (Behler, Parrinello, PRL 98, 146401, 2007); its second derivative jumps."""
    _require_positive(cutoff=cutoff)
    return 0.5 * (1 + torch.cos(math.pi * (lengths / cutoff).clamp(max=1.0)))


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive and finite, received {value}: choose another value")
