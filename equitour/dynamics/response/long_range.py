"""What long-range fields add in polar crystals: LO-TO splitting, and the dielectric function of the lattice."""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from equitour.dynamics.response.constants import CHARGE_SQUARED, WAVENUMBER
from equitour.dynamics.response.infrared import oscillator_strengths
from equitour.dynamics.response.inputs import Array, positive, real
from equitour.dynamics.response.normal_modes import NormalModes


def nonanalytic_hessian(
    born_effective_charges: Array, dielectric: Array, *, volume: float, direction: Array
) -> Float[Tensor, "nodes 3 nodes 3"]:
    """What a phonon with q → 0 along a direction meets beyond the Γ Hessian, to be added to it.

    H_κα,κ'β = e²/(ε₀ V) (Z*_κ q)_α (Z*_κ' q)_β / (q·ε∞·q). The result depends on the direction of q only: at Γ itself
    the limit does not exist. Longitudinal modes rise, transverse ones stay. Cochran and Cowley, J. Phys. Chem. Solids
    23, 447 (1962); Gonze and Lee, Phys. Rev. B 55, 10355 (1997).

        longitudinal = normal_modes(hessian + nonanalytic_hessian(born, dielectric, volume=V, direction=q), graph)

    Args:
        born_effective_charges: Z* (nodes, 3, 3) in e, [atom, displacement, field].
        dielectric: ε∞ (3, 3), of the electrons alone.
        volume: V of the cell in Å³.
        direction: q (3,) of any length.

    Returns:
        In eV/Å².

    Raises:
        ValueError: A shape is another, q vanishes, or ε∞ is not positive along q.
    """
    cure = "give a matrix [displacement, field] for each atom"
    charges = real("born_effective_charges", born_effective_charges, ("nodes", 3, 3), cure)
    dielectric = real("dielectric", dielectric, (3, 3), "give ε∞ as a full matrix")
    q = real("direction", direction, (3,), "give q as a vector")
    positive("volume", volume, "Å³", "take the determinant of the cell")
    positive("length of the direction", float(q.norm()), "", "q → 0 needs a direction, such as (0, 0, 1)")
    screening = positive("q·ε∞·q", float(q @ dielectric @ q), "", "look at the dielectric tensor")
    along = charges @ q
    return CHARGE_SQUARED / volume / screening * torch.einsum("na,mb->namb", along, along)


def dielectric_function(
    modes: NormalModes,
    born_effective_charges: Array,
    *,
    dielectric: Array,
    volume: float,
    grid: Array,
    width: float = 0.0,
) -> Complex[Tensor, "points 3 3"]:
    """ε(ν̃) = ε∞ + e²/(ε₀ V) Σ_m S_m / (ω_m² − ω² − iωΓ): what a crystal shows to light, transverse modes as poles.

    Its value at zero is the static constant, its zeros along an axis are the longitudinal frequencies (Lyddane, Sachs
    and Teller, Phys. Rev. 59, 673 (1941)). Gonze and Lee, Phys. Rev. B 55, 10355 (1997).

    Args:
        modes: Transverse, that is from the Hessian without `nonanalytic_hessian`; all stable.
        born_effective_charges: Z* (nodes, 3, 3) in e, [atom, displacement, field].
        dielectric: ε∞ (3, 3).
        volume: V of the cell in Å³.
        grid: ν̃ (points,) in cm⁻¹, zero among them if the static constant is wanted.
        width: Γ in cm⁻¹.

    Raises:
        ValueError: A shape is another, a mode is not stable, or Γ is negative.
    """
    dielectric = real("dielectric", dielectric, (3, 3), "give ε∞ as a full matrix")
    grid = real("grid", grid, ("points",), "give the frequencies to draw at")
    positive("volume", volume, "Å³", "take the determinant of the cell")
    if not width >= 0:
        raise ValueError(f"width must be at least 0 cm⁻¹, received {width}: it is the damping Γ")
    positive(
        "the lowest frequency", float(modes.frequencies.min()), "cm⁻¹", "leave out modes that are not stable"
    )
    strengths = oscillator_strengths(modes, born_effective_charges)
    gap = modes.frequencies.square() - grid.square()[:, None] - 1j * width * grid[:, None]
    scale = CHARGE_SQUARED * WAVENUMBER**2 / volume
    return dielectric + scale * torch.einsum("gm,mab->gab", 1 / gap, strengths.to(gap.dtype))
