"""Spectra from a run: what fluctuates in equilibrium is what answers to light.

All of them are classical with the harmonic quantum correction: the exact line shape of a quantum system is the classical
one times (ħω/kT)/(1 − exp(−ħω/kT)) when its forces are linear. Infrared absorption, in which emission is taken off, then
needs no ħ any more, and each mode of a harmonic system has in a run exactly the intensity that `infrared_intensities`
and `raman_invariants` give it. Ramírez, López-Ciudad, Kumar and Marx, J. Chem. Phys. 121, 3973 (2004). What the
correction does not mend: zero-point motion is missing, so anharmonic shifts are too small.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.autocorrelation import PowerSpectrum, power_spectrum
from equitour.dynamics.response.constants import KM_PER_MOL, TURNS_PER_FS
from equitour.dynamics.response.inputs import Array, positive, real
from equitour.dynamics.state import ACCELERATION, BOLTZMANN


class RamanSpectrum(NamedTuple):
    """Densities over wavenumbers whose areas are those of `raman_invariants`.

    Attributes:
        wavenumbers: ν̃ from zero in cm⁻¹.
        mean_squared: a² in Å⁴/u per cm⁻¹, the isotropic part.
        anisotropy_squared: γ² in Å⁴/u per cm⁻¹, the anisotropic part.
    """

    wavenumbers: Float[Tensor, " points"]
    mean_squared: Float[Tensor, " points"]
    anisotropy_squared: Float[Tensor, " points"]

    @property
    def activity(self) -> Float[Tensor, " points"]:
        """45 a² + 7 γ²; `raman_intensities` turns it into what a laser sees."""
        return 45 * self.mean_squared + 7 * self.anisotropy_squared

    def between(self, low: float, high: float) -> "RamanSpectrum":
        """Only the points within low ≤ ν̃ ≤ high."""
        kept = (self.wavenumbers >= low) & (self.wavenumbers <= high)
        return RamanSpectrum(*(column[kept] for column in self))


def infrared_from_dipoles(
    dipoles: Array, *, timestep: float, temperature: float, resolution: float = 10.0, window: str = "gaussian"
) -> PowerSpectrum:
    """Absorption N_A/(12 ε₀ c² kT) · S(dμ/dt), in km/mol per cm⁻¹; the area of a line is its intensity in km/mol.

    For a liquid in a cell it is that of a mole of cells; a jump of a whole charge times a cell vector in the dipole must
    be taken out before.

    Args:
        dipoles: μ(t) (steps, 3) in e·Å at even times.
        timestep: Between two samples, in fs; a quarter of the shortest period at most.
        temperature: T of the run in K.
        resolution: Full width at half maximum in cm⁻¹.
        window: As in `power_spectrum`.

    Raises:
        ValueError: The shape is another, the run too short, or a number has no meaning.
    """
    dipoles = real("dipoles", dipoles, ("steps", 3), "give one dipole for each sample")
    rate = _rate_spectrum(dipoles, timestep, resolution, window)
    return PowerSpectrum(rate.wavenumbers, KM_PER_MOL / _thermal(temperature) * rate.density)


def raman_from_polarizabilities(
    polarizabilities: Array,
    *,
    timestep: float,
    temperature: float,
    resolution: float = 10.0,
    window: str = "gaussian",
) -> RamanSpectrum:
    """Isotropic and anisotropic Raman, S(d tr α/3 / dt)/kT and (3/2) S(dβ/dt)/kT with β the traceless part of α.

    Args:
        polarizabilities: α(t) (steps, 3, 3) in Å³ at even times.
        timestep: Between two samples, in fs; a quarter of the shortest period at most.
        temperature: T of the run in K.
        resolution: Full width at half maximum in cm⁻¹.
        window: As in `power_spectrum`.

    Raises:
        ValueError: The shape is another, the run too short, or a number has no meaning.
    """
    alpha = real("polarizabilities", polarizabilities, ("steps", 3, 3), "give one matrix for each sample")
    thermal = _thermal(temperature)
    mean = alpha.diagonal(dim1=1, dim2=2).mean(1)
    deviator = (alpha + alpha.mT) / 2 - mean[:, None, None] * torch.eye(3, dtype=alpha.dtype)
    isotropic = _rate_spectrum(mean, timestep, resolution, window)
    anisotropic = _rate_spectrum(deviator, timestep, resolution, window)
    return RamanSpectrum(
        isotropic.wavenumbers, isotropic.density / thermal, 1.5 * anisotropic.density / thermal
    )


def vibrational_density(
    velocities: Array,
    masses: Array,
    *,
    timestep: float,
    temperature: float,
    resolution: float = 10.0,
    window: str = "gaussian",
) -> PowerSpectrum:
    """Density of vibrational states S(√m v)/kT, in modes per cm⁻¹: its area is the number of degrees of freedom.

    Args:
        velocities: (steps, nodes, 3) in Å/fs at even times.
        masses: (nodes,) in u.
        timestep: Between two samples, in fs.
        temperature: T of the run in K.
        resolution: Full width at half maximum in cm⁻¹.
        window: As in `power_spectrum`.

    Raises:
        ValueError: A shape is another, the run too short, or a number has no meaning.
    """
    velocities = real(
        "velocities", velocities, ("steps", "nodes", 3), "give a velocity for each sample and atom"
    )
    masses = real("masses", masses, (velocities.shape[1],), "give one for each atom")
    found = power_spectrum(
        masses.sqrt()[:, None] * velocities, timestep=timestep, resolution=resolution, window=window
    )
    return PowerSpectrum(found.wavenumbers, found.density / _thermal(temperature))


def _thermal(temperature: float) -> float:
    """The mean square kT of a normal coordinate's velocity, in u Å²/fs²."""
    return BOLTZMANN * ACCELERATION * positive("temperature", temperature, "K", "give that of the run")


def _rate_spectrum(signal: Tensor, timestep: float, resolution: float, window: str) -> PowerSpectrum:
    """S of a time derivative, from differences; what they damp, (sin x/x)² with x = π c ν̃ dt, is put back exactly.

    The spectrum of the signal times ω² would do in theory; in practice the foot of a strong slow line, times ω², would
    cover the fast ones.
    """
    rates = signal.diff(dim=0) / timestep
    found = power_spectrum(rates, timestep=timestep, resolution=resolution, window=window)
    damped = torch.sinc(TURNS_PER_FS * timestep * found.wavenumbers)
    return PowerSpectrum(found.wavenumbers, found.density / damped.square())
