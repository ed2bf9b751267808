"""Raman: how much each mode changes the polarizability, and what a powder, gas or liquid then scatters."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.constants import CROSS_SECTION, KELVIN
from equitour.dynamics.response.inputs import Array, positive, real
from equitour.dynamics.response.normal_modes import NormalModes


class RamanInvariants(NamedTuple):
    """What is left of a tensor when all orientations are averaged.

    Attributes:
        mean_squared: a² = (tr α/3)².
        anisotropy_squared: γ² = (3 tr(α α) − (tr α)²)/2.
    """

    mean_squared: Float[Tensor, "..."]
    anisotropy_squared: Float[Tensor, "..."]


def mode_polarizabilities(modes: NormalModes, raman_tensors: Array) -> Float[Tensor, "modes 3 3"]:
    """dα_βγ/dQ = Σ_κα (dα_βγ/dR_κα) u_κα in Å²/√u.

    Args:
        modes: From `normal_modes`.
        raman_tensors: dα_βγ/dR_κα (nodes, 3, 3, 3) in Å², [atom, displacement, field, field], α as a volume in Å³. A
            crystal's dχ/dR in 1/Å becomes this when multiplied by its volume/4π.

    Raises:
        ValueError: The shape is another, or the last two indices are not a symmetric pair.
    """
    cure = "give a tensor [displacement, field, field] for each atom of the modes"
    tensors = real("raman_tensors", raman_tensors, (len(modes.masses), 3, 3, 3), cure)
    _require_symmetric_pair(tensors)
    return torch.einsum("nabc,mna->mbc", tensors, modes.displacements)


def raman_invariants(polarizabilities: Array) -> RamanInvariants:
    """a² and γ² of tensors (..., 3, 3), here usually dα/dQ; a turn of the tensor leaves them alone.

    Long, The Raman Effect (2002), chapter 5.

    Raises:
        ValueError: The last two axes are not 3 and 3.
    """
    tensors = torch.as_tensor(polarizabilities).to(torch.float64)
    if tensors.shape[-2:] != (3, 3):
        raise ValueError(
            f"polarizabilities must have shape (..., 3, 3), received {tuple(tensors.shape)}: give full matrices"
        )
    tensors = (tensors + tensors.mT) / 2
    mean = tensors.diagonal(dim1=-2, dim2=-1).mean(-1)
    deviator = tensors - mean[..., None, None] * torch.eye(3, dtype=tensors.dtype)
    return RamanInvariants(mean.square(), 1.5 * deviator.square().sum((-2, -1)))


def raman_activities(polarizabilities: Array) -> Float[Tensor, "..."]:
    """45 a² + 7 γ² of dα/dQ, in Å⁴/u: what a laser polarised across the plane of scattering sends off at right angles.

    Long, The Raman Effect (2002), chapter 5. Argument as in `raman_invariants`.
    """
    mean_squared, anisotropy_squared = raman_invariants(polarizabilities)
    return 45 * mean_squared + 7 * anisotropy_squared


def depolarization_ratios(polarizabilities: Array, *, incident: str = "polarized") -> Float[Tensor, "..."]:
    """ρ = 3γ²/(45a² + 4γ²) for a polarised laser: 3/4 for every mode that is not totally symmetric, less for those.

    Natural light gives 6γ²/(45a² + 7γ²), at most 6/7. A silent mode has no ratio: NaN.

    Args:
        polarizabilities: dα/dQ (..., 3, 3).
        incident: "polarized" or "natural".

    Raises:
        ValueError: The shape is another, or there is no such light.
    """
    mean, anisotropy = raman_invariants(polarizabilities)
    if incident not in ("polarized", "natural"):
        raise ValueError(
            f"incident must be 'polarized' or 'natural', received {incident!r}: lasers are polarized"
        )
    across, along = (3, 4) if incident == "polarized" else (6, 7)
    return across * anisotropy / (45 * mean + along * anisotropy)


def raman_intensities(
    frequencies: Array,
    activities: Array,
    *,
    laser_wavelength: float,
    temperature: float,
    side: str = "stokes",
) -> Float[Tensor, " modes"]:
    """Cross-sections dσ/dΩ of a gas, powder or liquid at right angles, in 10⁻³⁰ cm²/sr.

    dσ/dΩ = (2π)⁴/45 · h/(8π²c ν̃) · (ν̃₀ − ν̃)⁴ · S · 1/(1 − exp(−hcν̃/kT)) on the Stokes side; on the other side the
    light gains ν̃ and the last factor is 1/(exp(hcν̃/kT) − 1). Long, The Raman Effect (2002), chapter 5; Schrötter and
    Klöckner in Raman Spectroscopy of Gases and Liquids (1979).

    Args:
        frequencies: ν̃ (modes,) in cm⁻¹, positive; the grid of a spectrum of activities does as well, as in
            `raman_intensities(run.wavenumbers, run.activity, ...)` after `run = run.between(100, 4000)`.
        activities: S (modes,) in Å⁴/u, or per cm⁻¹ on a grid.
        laser_wavelength: 10⁷/ν̃₀, in nm; 532 is green.
        temperature: T in K.
        side: "stokes" or "anti-stokes".

    Raises:
        ValueError: A frequency is not positive or beyond the laser's, or another number has no meaning.
    """
    cure = "give one activity for each frequency"
    frequencies = real("frequencies", frequencies, ("modes",), cure)
    activities = real("activities", activities, (len(frequencies),), cure)
    laser = 1e7 / positive("laser_wavelength", laser_wavelength, "nm", "532 is green")
    if side not in ("stokes", "anti-stokes"):
        raise ValueError(f"side must be 'stokes' or 'anti-stokes', received {side!r}: choose one of them")
    if not bool(((frequencies > 0) & (frequencies < laser)).all()):
        raise ValueError(
            f"frequencies must lie between 0 and the laser's {laser:.0f} cm⁻¹, received {float(frequencies.min()):.1f} "
            f"to {float(frequencies.max()):.1f}: leave out unstable and resting modes"
        )
    phonons = _occupation(frequencies, temperature)
    lost, strength = (frequencies, phonons + 1) if side == "stokes" else (-frequencies, phonons)
    return CROSS_SECTION * (laser - lost) ** 4 / frequencies * activities * strength


def _occupation(frequencies: Tensor, temperature: float) -> Tensor:
    """Bose's 1/(exp(hcν̃/kT) − 1), which is zero at T = 0.

    Raises:
        ValueError: The temperature is negative or not finite.
    """
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be at least 0 K, received {temperature}: give kelvins")
    if temperature == 0:
        return torch.zeros_like(frequencies)
    return 1 / torch.expm1(KELVIN * frequencies / temperature)


def _require_symmetric_pair(tensors: Tensor) -> None:
    """Raise when the two field indices are not the last two, which their symmetry gives away."""
    size = float(tensors.abs().max())
    gaps = {
        pair: float((tensors - tensors.transpose(*pair)).abs().max()) for pair in ((2, 3), (1, 2), (1, 3))
    }
    if gaps[2, 3] <= 0.01 * size:
        return
    cure = "make them so with (t + t.transpose(2, 3)) / 2"
    for pair, order in (((1, 2), "0, 3, 1, 2"), ((1, 3), "0, 2, 1, 3")):
        if gaps[pair] <= 0.01 * size:
            cure = (
                f"here axes {pair[0]} and {pair[1]} are, so put the displacement first with .permute({order})"
            )
    raise ValueError(
        f"raman_tensors must be symmetric in their last two indices, received a difference of {gaps[2, 3]:.2g} in "
        f"{size:.2g}: {cure}"
    )
