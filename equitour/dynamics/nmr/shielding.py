"""What is read off a shielding tensor: mean, anisotropy, asymmetry, in the two conventions of the literature.

σ_ij with the induced field first and the applied field second, B_induced = −σ B, in ppm. To first order in σ the
precession frequency feels the component along the field alone, b·σ·b, in which the antisymmetric part cancels; it is
left in second order and in relaxation (Anet and O'Leary, Concepts Magn. Reson. 3, 193, 1991, and 4, 35, 1992).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Haeberlen(NamedTuple):
    """Of each tensor: its mean, its reduced anisotropy δ = σ_zz − mean, and its asymmetry η from 0 (axial) to 1."""

    mean: Float[Tensor, "*rows"]
    anisotropy: Float[Tensor, "*rows"]
    asymmetry: Float[Tensor, "*rows"]


class SpanSkew(NamedTuple):
    """Of each tensor: its mean, its span Ω = σ_33 − σ_11 and its skew κ from −1 to 1, both ends axial."""

    mean: Float[Tensor, "*rows"]
    span: Float[Tensor, "*rows"]
    skew: Float[Tensor, "*rows"]


def principal_values(shielding: Float[Tensor, "..."]) -> Float[Tensor, "*rows 3"]:
    """σ_xx, σ_yy, σ_zz of the symmetric part, with |σ_zz − mean| ≥ |σ_xx − mean| ≥ |σ_yy − mean|.

    Args:
        shielding: (*rows, 3, 3).

    Raises:
        ValueError: The last two axes are not 3 by 3, or a component is not finite.
    """
    ascending = _ascending(shielding)
    distance = (ascending - ascending.mean(-1, keepdim=True)).abs()
    yy_xx_zz = ascending.gather(-1, distance.argsort(-1))
    return yy_xx_zz[..., [1, 0, 2]]


def haeberlen(shielding: Float[Tensor, "..."]) -> Haeberlen:
    """Mean, reduced anisotropy δ = σ_zz − mean and asymmetry η = (σ_yy − σ_xx) / δ.

    δ has a sign; "the anisotropy" Δσ = 3δ/2 of many tables is half as large again. η of a tensor without anisotropy is
    0. U. Haeberlen, High Resolution NMR in Solids (1976).

    Args:
        shielding: (*rows, 3, 3) in ppm.

    Raises:
        ValueError: The last two axes are not 3 by 3, or a component is not finite.
    """
    xx, yy, zz = principal_values(shielding).unbind(-1)
    mean = (xx + yy + zz) / 3
    anisotropy = zz - mean
    asymmetry = torch.where(anisotropy == 0, 0, (yy - xx) / torch.where(anisotropy == 0, 1, anisotropy))
    return Haeberlen(mean, anisotropy, asymmetry)


def span_and_skew(shielding: Float[Tensor, "..."]) -> SpanSkew:
    """Mean, span Ω = σ_33 − σ_11 ≥ 0 and skew κ = 3 (mean − σ_22) / Ω, with σ_11 ≤ σ_22 ≤ σ_33.

    The Herzfeld-Berger or Maryland convention, J. Mason, Solid State Nucl. Magn. Reson. 2, 285 (1993). Skew of a tensor
    without anisotropy is 0.

    Args:
        shielding: (*rows, 3, 3) in ppm.

    Raises:
        ValueError: The last two axes are not 3 by 3, or a component is not finite.
    """
    low, middle, high = _ascending(shielding).unbind(-1)
    mean, span = (low + middle + high) / 3, high - low
    skew = torch.where(span == 0, 0, 3 * (mean - middle) / torch.where(span == 0, 1, span))
    return SpanSkew(mean, span, skew)


def chemical_shift(shielding: Float[Tensor, "..."], *, reference: float) -> Float[Tensor, "..."]:
    """Isotropic shifts (*rows) in ppm against a reference, δ = (σ_ref − σ) / (1 − 10⁻⁶ σ_ref).

    A shift has the opposite sign of a shielding: what is shielded less resonates at higher frequency. IUPAC, Pure Appl.
    Chem. 80, 59 (2008).

    Args:
        shielding: (*rows, 3, 3) in ppm.
        reference: Mean shielding of the reference by the same method, in ppm.

    Raises:
        ValueError: The last two axes are not 3 by 3, or a component is not finite.
    """
    mean = _ascending(shielding).mean(-1)
    return (reference - mean) / (1 - 1e-6 * reference)


def second_moment(shielding: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Mean square width (*rows) of the powder pattern in ppm², δ² (1 + η²/3) / 5 = (2/15) |2e|².

    |2e|² is the squared norm of the symmetric traceless part, the sum of squares of the five 2e components. At any
    spinning rate the sidebands have this second moment too: M. M. Maricq and J. S. Waugh, J. Chem. Phys. 70, 3300 (1979).

    Args:
        shielding: (*rows, 3, 3) in ppm.

    Raises:
        ValueError: The last two axes are not 3 by 3, or a component is not finite.
    """
    principal = _ascending(shielding)
    return (principal - principal.mean(-1, keepdim=True)).square().sum(-1) * 2 / 15


def _ascending(shielding: Tensor) -> Tensor:
    """Eigenvalues of the symmetric part, σ_11 ≤ σ_22 ≤ σ_33."""
    if shielding.shape[-2:] != (3, 3):
        raise ValueError(
            f"shielding must end in two axes of length 3, received shape {tuple(shielding.shape)}: "
            "move the Cartesian axes last"
        )
    if not torch.isfinite(shielding).all():
        raise ValueError(
            "shielding must be finite, received nan or infinity: leave out the atoms whose tensor is not known"
        )
    return torch.linalg.eigvalsh((shielding + shielding.mT) / 2)
