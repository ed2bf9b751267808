"""Autocorrelation functions and their power spectra, through the theorem of Wiener and Khinchin."""

from math import log, pi
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.constants import TURNS_PER_FS
from equitour.dynamics.response.inputs import Array, positive

WINDOWS = ("gaussian", "lorentzian", "hann")


class PowerSpectrum(NamedTuple):
    """A density over wavenumbers, one-sided.

    Attributes:
        wavenumbers: From zero, evenly spaced, in cm⁻¹.
        density: Its integral (trapezoids) is the mean square of the signal.
    """

    wavenumbers: Float[Tensor, " points"]
    density: Float[Tensor, " points"]

    def between(self, low: float, high: float) -> "PowerSpectrum":
        """Only the points within low ≤ ν̃ ≤ high."""
        kept = (self.wavenumbers >= low) & (self.wavenumbers <= high)
        return PowerSpectrum(*(column[kept] for column in self))


def autocorrelation(signal: Array, *, lags: int | None = None) -> Float[Tensor, " lags"]:
    """C(τ) = ⟨s(t)·s(t + τ)⟩, averaged over the times that have a partner, summed over components.

    Through two Fourier transforms of the signal followed by as many zeros (Wiener and Khinchin), so that no end of the
    run meets its beginning; Allen and Tildesley, Computer Simulation of Liquids (2017), chapter 8.

    Args:
        signal: (steps, ...) at even times.
        lags: How many τ, zero among them; all steps by default. Late ones rest on few pairs.

    Raises:
        ValueError: The signal is too short.
    """
    signal = torch.as_tensor(signal).to(torch.float64)
    steps = len(signal) if signal.dim() else 0
    lags = steps if lags is None else lags
    if not 1 <= lags <= steps:
        raise ValueError(
            f"lags must lie within 1 and the {steps} steps of the signal, received {lags}: run longer"
        )
    transformed = torch.fft.rfft(signal.reshape(steps, -1), n=2 * steps, dim=0)
    sums = torch.fft.irfft(transformed.abs().square().sum(1), n=2 * steps)[:lags]
    return sums / torch.arange(steps, steps - lags, -1, dtype=torch.float64)


def power_spectrum(
    signal: Array, *, timestep: float, resolution: float = 10.0, window: str = "gaussian"
) -> PowerSpectrum:
    """S(ν̃) = ∫ C(τ) w(τ) e^(−2πi c ν̃ τ) c dτ, folded onto ν̃ ≥ 0: what the signal does at each wavenumber.

    The window w is one at τ = 0, so a line keeps its area, the mean square of what moves there; it gives an endless
    oscillation just the shape and width that are asked for, the same as `spectrum` draws.

    | window     | w(τ), x = c w τ with w the full width at half maximum | line                 |
    | ---------- | ------------------------------------------------------ | -------------------- |
    | gaussian   | exp(−(πx)²/(4 ln 2))                                   | Gaussian             |
    | lorentzian | exp(−πx)                                               | Lorentzian           |
    | hann       | cos²(πx/2), zero beyond x = 1                          | narrow, faint wiggles |

    Args:
        signal: (steps, ...) at even times; a mean that is not zero stands at ν̃ = 0.
        timestep: Between two samples, in fs.
        resolution: w in cm⁻¹; 10 cm⁻¹ needs 6.7 ps with the first two windows, 3.4 ps with Hann's.
        window: One of the three.

    Raises:
        ValueError: The trajectory is too short for the resolution, or an argument has no meaning.
    """
    positive("timestep", timestep, "fs", "give the time between two samples")
    positive("resolution", resolution, "cm⁻¹", "it is the full width at half maximum of a line")
    if window not in WINDOWS:
        raise ValueError(
            f"window must be one of {', '.join(WINDOWS)}, received {window!r}: choose one of them"
        )
    lags = _lags_needed(len(signal), timestep, resolution, window)
    x = TURNS_PER_FS * resolution * timestep * torch.arange(lags, dtype=torch.float64)
    weighted = autocorrelation(signal, lags=lags) * _window(x, window)
    # Zeros behind the window make the points closer than the lines are wide.
    length = 2 ** (8 * lags - 1).bit_length()
    density = 2 * torch.fft.rfft(weighted, n=length).real - weighted[0]
    wavenumbers = torch.arange(len(density), dtype=torch.float64) / (TURNS_PER_FS * timestep * length)
    return PowerSpectrum(wavenumbers, 2 * TURNS_PER_FS * timestep * density)


def _window(x: Tensor, name: str) -> Tensor:
    if name == "gaussian":
        return torch.exp(-((pi * x) ** 2) / (4 * log(2)))
    if name == "lorentzian":
        return torch.exp(-pi * x)
    return torch.cos(pi * x.clamp(max=1) / 2) ** 2


def _lags_needed(steps: int, timestep: float, resolution: float, window: str) -> int:
    """How far the window reaches: to its end, or to where it has fallen below two parts in a thousand."""
    reach = (1.0 if window == "hann" else 2.0) / (TURNS_PER_FS * resolution)
    lags = int(reach / timestep) + 1
    if lags > steps:
        raise ValueError(
            f"the trajectory must last {reach:.0f} fs for a resolution of {resolution:g} cm⁻¹, received "
            f"{steps} samples, {(steps - 1) * timestep:.0f} fs: run longer or ask for broader lines"
        )
    return lags
