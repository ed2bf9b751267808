"""Spectra from trajectories against the harmonic theory, line by line."""

import math

import numpy as np
import pytest
import torch
from ase import units

from equitour.dynamics import ACCELERATION, BOLTZMANN, nve_init, nve_step
from equitour.dynamics.response import (
    autocorrelation,
    infrared_from_dipoles,
    infrared_intensities,
    mode_polarizabilities,
    normal_modes,
    power_spectrum,
    raman_activities,
    raman_from_polarizabilities,
    raman_intensities,
    raman_invariants,
    spectrum,
    vibrational_density,
)
from equitour.graph import AtomicGraph
from equitour.models.heads import Prediction

TURNS = units._c * 1e-13  # c in cm/fs


def times(duration, timestep):
    return timestep * torch.arange(int(duration / timestep), dtype=torch.float64)


def wave(wavenumber, t, phase=0.0):
    return torch.cos(2 * math.pi * TURNS * wavenumber * t + phase)


def area(found, centre, density=None, reach=60.0):
    """Of the line around a wavenumber."""
    density = found.density if density is None else density
    near = (found.wavenumbers - centre).abs() < reach
    return float(torch.trapezoid(density[near], found.wavenumbers[near]))


# Autocorrelation


def test_the_autocorrelation_by_fourier_transforms_is_the_sum_over_pairs(generator):
    signal = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    found = autocorrelation(signal)
    for lag in (0, 1, 7, 39):
        by_hand = (signal[: 40 - lag] * signal[lag:]).sum(1).mean()
        assert float(found[lag]) == pytest.approx(float(by_hand), abs=1e-12)


def test_an_endless_oscillation_is_correlated_with_itself_like_a_cosine():
    t = times(200_000, 2.0)
    found = autocorrelation(wave(500.0, t), lags=500)
    assert torch.allclose(found, 0.5 * wave(500.0, t[:500]), atol=2e-4)


def test_the_area_of_a_power_spectrum_is_the_mean_square(generator):
    signal = torch.randn(4000, 2, generator=generator, dtype=torch.float64)
    for window in ("gaussian", "lorentzian", "hann"):
        found = power_spectrum(signal, timestep=1.0, resolution=40.0, window=window)
        total = torch.trapezoid(found.density, found.wavenumbers)
        assert float(total) == pytest.approx(float(signal.square().sum(1).mean()), rel=1e-10)


@pytest.mark.parametrize("window", ["gaussian", "lorentzian"])
def test_an_oscillation_shows_as_the_line_shape_and_width_that_were_asked_for(window):
    found = power_spectrum(wave(1500.0, times(60_000, 1.0)), timestep=1.0, resolution=20.0, window=window)
    line = spectrum(np.array([1500.0]), np.array([0.5]), grid=found.wavenumbers, width=20.0, shape=window)
    assert (found.density - line).abs().max() < 0.01 * line.max()


def test_a_hann_window_has_the_width_that_was_asked_for():
    found = power_spectrum(wave(1500.0, times(60_000, 1.0)), timestep=1.0, resolution=20.0, window="hann")
    high = found.wavenumbers[found.density > found.density.max() / 2]
    spacing = float(found.wavenumbers[1])
    assert float(high[-1] - high[0]) == pytest.approx(20.0, abs=2 * spacing)


# One oscillating dipole


def test_a_harmonic_dipole_gives_one_line_at_its_frequency_with_the_analytic_area():
    """μ = μ' Q with m⟨Q̇²⟩ = kT: the line's area in km/mol is N_A μ'² / (12 ε₀ c²), whatever the temperature."""
    slope, wavenumber = 0.3, 1650.0  # e/√u, cm⁻¹
    expected = units._Nav * (slope * units._e) ** 2 / units._amu / (12 * units._eps0 * units._c**2) / 1000
    for temperature in (30.0, 300.0):
        omega = 2 * math.pi * TURNS * wavenumber
        amplitude = math.sqrt(2 * BOLTZMANN * temperature * ACCELERATION) / omega
        dipole = slope * amplitude * wave(wavenumber, times(40_000, 1.0), phase=0.4)
        dipoles = torch.stack([0 * dipole, dipole, 0 * dipole + 0.7], 1)
        found = infrared_from_dipoles(dipoles, timestep=1.0, temperature=temperature)
        assert float(found.wavenumbers[found.density.argmax()]) == pytest.approx(wavenumber, abs=1.0)
        assert area(found, wavenumber) == pytest.approx(expected, rel=2e-3)


def test_coarse_sampling_does_not_change_the_area():
    areas = []
    for timestep in (0.5, 4.0):
        dipole = wave(2000.0, times(40_000, timestep))[:, None] * torch.ones(3).double()
        areas.append(area(infrared_from_dipoles(dipole, timestep=timestep, temperature=300.0), 2000.0))
    assert areas[1] == pytest.approx(areas[0], rel=3e-3)


def test_a_permanent_dipole_that_stands_still_absorbs_nothing():
    dipoles = torch.ones(20_000, 3, dtype=torch.float64)
    assert infrared_from_dipoles(dipoles, timestep=1.0, temperature=300.0).density.abs().max() == 0


def test_a_breathing_sphere_is_isotropic_and_a_turning_ellipsoid_anisotropic():
    t = times(40_000, 1.0)
    unit, shape = torch.eye(3).double(), torch.diag(torch.tensor([1.0, -1.0, 0.0])).double()
    for pattern, share in ((unit, (1.0, 0.0)), (shape, (0.0, 1.0))):
        alpha = unit + 0.01 * wave(900.0, t)[:, None, None] * pattern
        found = raman_from_polarizabilities(alpha, timestep=1.0, temperature=300.0)
        parts = [area(found, 900.0, d) for d in (found.mean_squared, found.anisotropy_squared)]
        total = sum(parts)
        assert [part / total for part in parts] == pytest.approx(share, abs=1e-12)


def test_raman_areas_are_the_invariants_of_the_derivative(generator):
    """α = α₀ + α' Q with ⟨Q̇²⟩ = kT."""
    slope = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    slope = slope + slope.mT
    omega = 2 * math.pi * TURNS * 1100.0
    amplitude = math.sqrt(2 * BOLTZMANN * 300.0 * ACCELERATION) / omega
    alpha = torch.eye(3).double() + amplitude * wave(1100.0, times(40_000, 1.0))[:, None, None] * slope
    found = raman_from_polarizabilities(alpha, timestep=1.0, temperature=300.0)
    mean, anisotropy = raman_invariants(slope)
    assert area(found, 1100.0, found.mean_squared) == pytest.approx(float(mean), rel=3e-3)
    assert area(found, 1100.0, found.anisotropy_squared) == pytest.approx(float(anisotropy), rel=3e-3)
    assert area(found, 1100.0, found.activity) == pytest.approx(float(raman_activities(slope)), rel=3e-3)


# A whole molecule in motion


class Harmonic:
    """E = (r − R) H (r − R)/2: a molecule that obeys its Hessian exactly."""

    cutoff = 1.0

    def __init__(self, hessian, rest):
        self.hessian, self.rest = hessian, rest

    def evaluate(self, graph, *, stress=False):
        shift = graph.positions - self.rest
        pull = torch.einsum("namb,mb->na", self.hessian, shift)
        return Prediction(0.5 * (shift * pull).sum()[None], -pull)


def water():
    """A bent molecule with a valence force field that lets two stretches and a bend vibrate."""
    angle = math.radians(104.5)
    places = [[0, 0, 0], [0.96, 0, 0], [0.96 * math.cos(angle), 0.96 * math.sin(angle), 0]]
    graph = AtomicGraph.from_arrays(places, [8, 1, 1], cutoff=3.0)
    wilson = torch.zeros(3, 3, 3, dtype=torch.float64)
    for row_, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        d = graph.positions[j] - graph.positions[i]
        wilson[row_, i], wilson[row_, j] = -d / d.norm(), d / d.norm()
    springs = torch.tensor([50.0, 48.0, 12.0], dtype=torch.float64)
    return graph, torch.einsum("s,sna,smb->namb", springs, wilson, wilson)


def swing(modes, temperature, t):
    """The exact motion of a harmonic molecule whose modes each hold kT, and its velocities."""
    phases = torch.tensor([0.3, 1.1, 2.0], dtype=torch.float64)
    omega = 2 * math.pi * TURNS * modes.frequencies
    rate = math.sqrt(2 * BOLTZMANN * temperature * ACCELERATION)
    angle = omega * t[:, None] + phases
    shifts = torch.einsum("tm,mna->tna", rate / omega * angle.sin(), modes.displacements)
    return shifts, torch.einsum("tm,mna->tna", rate * angle.cos(), modes.displacements)


@pytest.fixture(scope="module")
def run():
    """Water for 40 ps at 50 K."""
    graph, hessian = water()
    modes = normal_modes(hessian, graph)
    return modes, *swing(modes, 50.0, times(40_000, 1.0)), 50.0


def test_molecular_dynamics_of_a_harmonic_molecule_shows_its_harmonic_infrared_spectrum(generator):
    """With velocity Verlet of the house and atoms 16 times as heavy, so that 1 fs is a fine step, 2.5 ps at 50 K."""
    graph, hessian = water()
    masses = 16 * torch.tensor([15.999, 1.008, 1.008], dtype=torch.float64)
    modes, potential = normal_modes(hessian, graph, masses=masses), Harmonic(hessian, graph.positions)
    shifts, velocities = (both[0] for both in swing(modes, 50.0, times(1.0, 1.0)))
    start = graph.replace(positions=graph.positions + shifts)
    state, moved = nve_init(potential, start, velocities=velocities, masses=masses), []
    for _ in range(2500):
        moved.append(state.positions - graph.positions)
        state = nve_step(potential, state, timestep=1.0)
    charges = torch.randn(3, 3, 3, generator=generator, dtype=torch.float64)
    dipoles = torch.einsum("tna,nab->tb", torch.stack(moved), charges)
    found = infrared_from_dipoles(dipoles, timestep=1.0, temperature=50.0, resolution=20.0, window="hann")
    areas = [area(found, nu, reach=55.0) for nu in modes.frequencies.tolist()]
    assert areas == pytest.approx(infrared_intensities(modes, charges).tolist(), rel=0.04)


def test_each_mode_of_a_harmonic_molecule_has_in_a_run_its_harmonic_infrared_intensity(run, generator):
    modes, shifts, _, temperature = run
    charges = torch.randn(3, 3, 3, generator=generator, dtype=torch.float64)
    dipoles = torch.einsum("tna,nab->tb", shifts, charges)
    found = infrared_from_dipoles(dipoles, timestep=1.0, temperature=temperature)
    expected = infrared_intensities(modes, charges)
    areas = [area(found, nu) for nu in modes.frequencies.tolist()]
    assert areas == pytest.approx(expected.tolist(), rel=0.01)


def test_the_whole_infrared_curve_of_a_run_is_the_harmonic_spectrum(run, generator):
    modes, shifts, _, temperature = run
    charges = torch.randn(3, 3, 3, generator=generator, dtype=torch.float64)
    dipoles = torch.einsum("tna,nab->tb", shifts, charges)
    found = infrared_from_dipoles(dipoles, timestep=1.0, temperature=temperature, resolution=30.0)
    drawn = spectrum(
        modes.frequencies,
        infrared_intensities(modes, charges),
        grid=found.wavenumbers,
        width=30.0,
        shape="gaussian",
    )
    assert (found.density - drawn).abs().max() < 0.01 * drawn.max()


def test_each_mode_of_a_harmonic_molecule_has_in_a_run_its_harmonic_raman_activity(run, generator):
    modes, shifts, _, temperature = run
    tensors = torch.randn(3, 3, 3, 3, generator=generator, dtype=torch.float64)
    tensors = tensors + tensors.transpose(2, 3)
    alpha = torch.einsum("tna,nabc->tbc", shifts, tensors)
    found = raman_from_polarizabilities(alpha, timestep=1.0, temperature=temperature)
    expected = raman_activities(mode_polarizabilities(modes, tensors))
    areas = [area(found, nu, found.activity) for nu in modes.frequencies.tolist()]
    assert areas == pytest.approx(expected.tolist(), rel=0.01)


def test_the_density_of_states_counts_the_modes(run):
    modes, _, speeds, temperature = run
    found = vibrational_density(speeds, modes.masses, timestep=1.0, temperature=temperature)
    assert [area(found, nu) for nu in modes.frequencies.tolist()] == pytest.approx([1, 1, 1], rel=0.01)
    assert float(torch.trapezoid(found.density, found.wavenumbers)) == pytest.approx(3, rel=0.01)


def test_a_run_becomes_what_a_laser_sees(run, generator):
    """Each point of the activity times the factor of its wavenumber: the areas are the cross-sections of the modes."""
    modes, shifts, _, temperature = run
    tensors = torch.randn(3, 3, 3, 3, generator=generator, dtype=torch.float64)
    tensors = tensors + tensors.transpose(2, 3)
    alpha = torch.einsum("tna,nabc->tbc", shifts, tensors)
    found = raman_from_polarizabilities(alpha, timestep=1.0, temperature=temperature).between(1000, 5000)
    light = {"laser_wavelength": 532.0, "temperature": temperature}
    seen = raman_intensities(found.wavenumbers, found.activity, **light)
    expected = raman_intensities(
        modes.frequencies, raman_activities(mode_polarizabilities(modes, tensors)), **light
    )
    areas = [area(found, nu, seen) for nu in modes.frequencies.tolist()]
    assert areas == pytest.approx(expected.tolist(), rel=0.01)


# What is refused


def test_a_trajectory_that_is_too_short_for_the_resolution_is_refused():
    with pytest.raises(
        ValueError,
        match=r"must last 6671 fs for a resolution of 10 cm⁻¹, received 100 samples, 99 fs: run longer",
    ):
        power_spectrum(torch.ones(100, 3).double(), timestep=1.0)


def test_more_lags_than_steps_are_refused():
    with pytest.raises(
        ValueError, match=r"lags must lie within 1 and the 10 steps .*, received 11: run longer"
    ):
        autocorrelation(torch.ones(10).double(), lags=11)


def test_an_unknown_window_is_refused():
    with pytest.raises(ValueError, match=r"window must be one of gaussian, lorentzian, hann, received 'box'"):
        power_spectrum(torch.ones(100).double(), timestep=1.0, window="box")


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ({"timestep": 0.0}, r"timestep must be positive, received 0.0 fs: give the time between two samples"),
        ({"temperature": -1.0}, r"temperature must be positive, received -1.0 K: give that of the run"),
        ({"resolution": -1.0}, r"resolution must be positive, received -1.0 cm⁻¹: it is the full width"),
    ],
)
def test_numbers_without_a_meaning_are_refused(argument, sentence):
    with pytest.raises(ValueError, match=sentence):
        infrared_from_dipoles(
            torch.ones(20_000, 3).double(), **{"timestep": 1.0, "temperature": 300.0} | argument
        )


def test_dipoles_and_polarizabilities_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"dipoles must have shape \(steps, 3\), received \(3, 9\)"):
        infrared_from_dipoles(torch.ones(3, 9).double(), timestep=1.0, temperature=300.0)
    with pytest.raises(
        ValueError, match=r"polarizabilities must have shape \(steps, 3, 3\), received \(5, 6\)"
    ):
        raman_from_polarizabilities(torch.ones(5, 6).double(), timestep=1.0, temperature=300.0)
