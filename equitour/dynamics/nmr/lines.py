"""Powder spectra of shielding tensors: standing still, and spinning about an axis at the magic angle.

A powder holds every orientation alike. In one crystallite the line stands at b·σ·b, b being the direction of the field in
the crystallite's own axes. Standing still, all b give the static pattern. Under spinning b runs round a cone, and each
crystallite's signal is a phase that repeats with every turn: lines at the mean, a rotor frequency apart.

Shieldings and shifts are treated alike: give tensors of either, and the axis is that of the same quantity, in ppm.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.nmr.shielding import principal_values

MAGIC_ANGLE = math.acos(3**-0.5)
"""54.7356° in radians, where (3 cos² θ − 1) / 2 vanishes."""

# A Gaussian of full width at half maximum 1 has this standard deviation.
DEVIATION = 1 / (2 * math.sqrt(2 * math.log(2)))
# The signal is followed until the line width has damped it to e^(−18), about 10⁻⁸.
DAMPED = 6.0
# Orientations and rotor phases that are worked on at once.
CHUNK = 1_000_000


def static_line(
    shielding: Float[Tensor, "..."], axis: Float[Tensor, " points"], *, width: float
) -> Float[Tensor, "..."]:
    """Powder pattern (*rows, points) at rest, in 1/ppm: its area is 1.

    The Fourier transform of the powder's signal s(t) = ⟨exp(i b·σ·b t)⟩. With z the principal axis of the largest
    deviation, the average over the azimuth is a Bessel function,

        s(t) = ∫₀¹ du exp(i t [σ_zz u² + (1 − u²) (σ_xx + σ_yy)/2]) J₀(t (1 − u²) (σ_xx − σ_yy)/2),

    and u = cos β is integrated by Gauss and Legendre. Measured against the closed form of Bloembergen and Rowland (Acta
    Metall. 1, 731, 1953) the error is below 10⁻⁶ of the peak.

    Args:
        shielding: (*rows, 3, 3) in ppm; only the symmetric part matters.
        axis: Where the line is wanted, in ppm.
        width: Full width at half maximum of each crystallite's Gaussian line, in ppm.

    Raises:
        ValueError: The tensors are no finite 3 by 3, or the width is not positive.
    """
    _require_positive("width", width, "ppm")
    principal = principal_values(shielding).to(torch.float64)
    xx, yy, zz = principal.reshape(-1, 3).unbind(-1)
    axis = axis.to(torch.float64)
    centre = float(axis.mean())
    reach = float(torch.cat([principal.flatten(), axis]).sub(centre).abs().max())
    times = _times(reach, width)
    span = float((principal.amax(-1) - principal.amin(-1)).max()) if len(zz) else 0.0
    u, weights = _gauss_legendre(20 + math.ceil(0.6 * span * float(times[-1])))
    lines = []
    for x, y, z in zip(xx - centre, yy - centre, zz - centre, strict=True):
        along = z * u**2 + (1 - u**2) * (x + y) / 2
        across = (1 - u**2) * (x - y) / 2
        bessel = weights * torch.special.bessel_j0(times[:, None] * across.abs())
        phase = times[:, None] * along
        lines.append(torch.complex((bessel * phase.cos()).sum(1), (bessel * phase.sin()).sum(1)))
    signal = torch.stack(lines) if lines else torch.zeros(0, len(times), dtype=torch.complex128)
    spectrum = _spectrum(signal, times, axis - centre, width)
    return spectrum.reshape(*shielding.shape[:-2], len(axis)).to(shielding.dtype)


@dataclass(frozen=True)
class Sidebands:
    """Lines of a spinning powder.

    Attributes:
        orders: (orders), whole numbers from negative to positive; 0 is the centre band.
        positions: (*rows, orders) in ppm: the mean plus orders times the rotor frequency.
        intensities: (*rows, orders); they add up to 1.
    """

    orders: Float[Tensor, " orders"]
    positions: Float[Tensor, "..."]
    intensities: Float[Tensor, "..."]


def spinning_sidebands(
    shielding: Float[Tensor, "..."], *, spinning_rate: float, larmor_frequency: float
) -> Sidebands:
    """Positions and intensities of all sidebands under magic-angle spinning.

    With n the rotor's axis and e₁, e₂ across it, the field is b(φ) = cos θ n + sin θ (e₁ cos φ + e₂ sin φ), and at the
    magic angle the anisotropic part of b·σ·b has no constant:

        f(φ) = (2√2/3) (n·σ·e₁ cos φ + n·σ·e₂ sin φ) + (1/3) ((e₁·σ·e₁ − e₂·σ·e₂) cos 2φ + 2 e₁·σ·e₂ sin 2φ).

    Its integral over a turn, in units of the rotor frequency ν, is the phase Φ(φ); exp(iΦ) = Σ_k c_k exp(ikφ). Averaged over the
    phase at which a crystallite starts, line k has the intensity |c_k|² (Herzfeld and Berger, J. Chem. Phys. 73, 6021,
    1980; the average as in γ-COMPUTE, Edén and Levitt, J. Magn. Reson. 137, 148, 1999), then over n. All integrands are
    smooth, so the error falls exponentially with the number of points; it is at rounding here.

    Args:
        shielding: (*rows, 3, 3) in ppm; only the symmetric part matters.
        spinning_rate: In kHz.
        larmor_frequency: ν₀ of the nucleus in MHz, so that 1 ppm is ν₀ Hz.

    Raises:
        ValueError: The tensors are no finite 3 by 3, or a frequency is not positive, or spinning is so slow that the
            static pattern is meant.
    """
    _require_positive("spinning_rate", spinning_rate, "kHz")
    _require_positive("larmor_frequency", larmor_frequency, "MHz")
    spacing = 1000 * spinning_rate / larmor_frequency
    principal = principal_values(shielding).to(torch.float64)
    mean = principal.mean(-1, keepdim=True)
    turns = (principal - mean).reshape(-1, 3) / spacing
    fastest = float(turns.abs().max()) if turns.numel() else 0.0
    if fastest > 200:
        raise ValueError(
            f"spinning must resolve its sidebands, received {fastest:.0f} of them on one side: spin faster, "
            "or take static_line"
        )
    phases = 2 ** math.ceil(math.log2(4 * fastest + 32))
    points = 12 + math.ceil(2 * fastest)
    rows = [_intensities(row, phases, points) for row in turns]
    intensities = torch.stack(rows) if rows else torch.zeros(0, phases)
    orders = torch.arange(-phases // 2, phases // 2, dtype=torch.float64)
    positions = mean + orders * spacing
    return Sidebands(
        orders.to(shielding.dtype),
        positions.to(shielding.dtype),
        intensities.reshape(positions.shape).to(shielding.dtype),
    )


def spinning_line(
    shielding: Float[Tensor, "..."],
    axis: Float[Tensor, " points"],
    *,
    spinning_rate: float,
    larmor_frequency: float,
    width: float,
) -> Float[Tensor, "..."]:
    """Spectrum (*rows, points) under magic-angle spinning in 1/ppm: sidebands with a Gaussian line each.

    Args:
        shielding: (*rows, 3, 3) in ppm.
        axis: Where the line is wanted, in ppm.
        spinning_rate: In kHz.
        larmor_frequency: In MHz.
        width: Full width at half maximum of each line, in ppm.

    Raises:
        ValueError: As in `spinning_sidebands`, or the width is not positive.
    """
    _require_positive("width", width, "ppm")
    bands = spinning_sidebands(shielding, spinning_rate=spinning_rate, larmor_frequency=larmor_frequency)
    sigma = width * DEVIATION
    away = (axis - bands.positions[..., None]) / sigma
    lines = torch.exp(-away.square() / 2) / (sigma * math.sqrt(2 * math.pi))
    return (bands.intensities[..., None] * lines).sum(-2)


def _intensities(principal: Tensor, phases: int, points: int) -> Tensor:
    """|c_k|² averaged over the rotor's axes, k ascending; `principal` in units of the rotor frequency."""
    # A half turn about a principal axis changes nothing, nor does spinning backwards: one octant is the sphere.
    u, weights = _gauss_legendre(points)
    alpha = (torch.arange(points, dtype=torch.float64) + 0.5) * (math.pi / 2 / points)
    u, alpha = (grid.flatten() for grid in torch.meshgrid(u, alpha, indexing="ij"))
    weights = weights.repeat_interleave(points) / points
    phi = torch.arange(phases, dtype=torch.float64) * (2 * math.pi / phases)
    waves = torch.stack([phi.sin(), -phi.cos(), (2 * phi).sin() / 2, -(2 * phi).cos() / 2])
    total = torch.zeros(phases, dtype=torch.float64)
    for part in torch.arange(len(u)).split(max(1, CHUNK // phases)):
        phase = _fourier_coefficients(principal, u[part], alpha[part]) @ waves
        c = torch.fft.fft(torch.polar(torch.ones_like(phase), phase)) / phases
        total += weights[part] @ c.abs().square()
    return torch.fft.fftshift(total)


def _fourier_coefficients(principal: Tensor, u: Tensor, alpha: Tensor) -> Float[Tensor, "orientations 4"]:
    """Of cos φ, sin φ, cos 2φ, sin 2φ in f(φ)."""
    s, c, zero = (1 - u**2).sqrt(), alpha.cos(), torch.zeros_like(u)
    n = torch.stack([s * c, s * alpha.sin(), u], 1)
    e1 = torch.stack([u * c, u * alpha.sin(), -s], 1)
    e2 = torch.stack([-alpha.sin(), c, zero], 1)
    once, twice = math.sin(2 * MAGIC_ANGLE), math.sin(MAGIC_ANGLE) ** 2
    products = torch.stack(
        [once * n * e1, once * n * e2, twice * (e1**2 - e2**2) / 2, twice * e1 * e2]
    )  # (4, orientations, 3)
    return (products @ principal).mT


def _times(reach: float, width: float) -> Float[Tensor, " times"]:
    """Times of the signal: dense enough that the spectrum repeats beyond the axis, long enough that it is damped."""
    last = DAMPED / (width * DEVIATION)
    step = 2 * math.pi / (2 * reach + 2 * DAMPED * width)
    return torch.arange(math.ceil(last / step) + 1, dtype=torch.float64) * step


def _spectrum(signal: Tensor, times: Tensor, axis: Tensor, width: float) -> Tensor:
    """(1/π) Re ∫₀^∞ s(t) exp(−σ²t²/2 − i x t) dt by the trapezoidal rule, which is exact for what repeats."""
    damping = torch.exp(-(times * width * DEVIATION).square() / 2)
    damping[0] /= 2
    damped = signal * damping * (times[1] / math.pi)
    phase = times[:, None] * axis
    return damped.real @ phase.cos() + damped.imag @ phase.sin()


def _gauss_legendre(points: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights on [0, 1]."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(points)
    return torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)


def _require_positive(name: str, value: float, unit: str) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive, received {value} {unit}: check its unit")
