"""Peaks and curves of the lesson on Raman tensors: computed modes, swings as measured, areas between curves."""

import pytest
import torch

from equitour.dynamics.response import raman_intensities
from equitour.learn.field_spectra import (
    area_between,
    curves,
    molecules_at_rest,
    vibrations,
    zero_point_amplitudes,
)

LIGHT = {"laser_wavelength": 532.0, "temperature": 300.0}


@pytest.fixture(scope="module")
def at_rest():
    return molecules_at_rest()


def test_molecules_go_by_their_formula_and_vibrate_at_the_frequencies_of_the_set(at_rest):
    assert {"CO2", "N2", "H2O", "CH2O", "CH4O"} <= set(at_rest)
    for formula, sample in at_rest.items():
        modes, linear = vibrations(sample), formula in ("CO2", "N2")
        assert len(modes.frequencies) == 3 * sample.graph.num_nodes - 6 + linear
        computed = sample.labels["mode_frequencies"]
        computed = computed[computed.isfinite() & (computed > 0)]
        torch.testing.assert_close(modes.frequencies, computed.double(), atol=3.0, rtol=0)


def test_nitrogen_swings_by_what_electron_diffraction_finds(at_rest):
    # Root mean square amplitude of the bond 0.0319 Å (Cyvin, Molecular Vibrations and Mean Square Amplitudes, 1968),
    # half of it for each atom; it goes with ν^-1/2, so the computed frequency is scaled to the observed 2359 cm⁻¹.
    modes = vibrations(at_rest["N2"])
    bond = 2 * zero_point_amplitudes(modes) * (modes.frequencies / 2359) ** 0.5
    assert float(bond) == pytest.approx(0.0319, rel=0.01)


def test_the_area_under_a_curve_is_the_sum_of_its_peaks(at_rest):
    modes = vibrations(at_rest["CH2O"])
    heights = {"infrared": torch.rand(6).double(), "Raman": torch.rand(6).double()}
    grid = torch.linspace(-30000, 30000, 60001, dtype=torch.float64)
    found = curves(modes, heights, grid=grid, width=10.0, **LIGHT)
    stokes = raman_intensities(modes.frequencies, heights["Raman"], **LIGHT)
    for row, areas in {"infrared": heights["infrared"], "Raman": stokes}.items():
        assert float(torch.trapezoid(found[row], grid)) == pytest.approx(float(areas.sum()), rel=1e-3)


def test_the_same_curve_is_off_by_nothing_a_flat_one_by_all_and_a_doubled_one_by_its_area():
    true = {"infrared": torch.tensor([0.0, 1.0, 3.0]), "Raman": torch.tensor([2.0, 2.0, 0.0])}
    flat = {row: torch.zeros(3) for row in true}
    assert area_between(true, true) == [0, 0]
    assert area_between(flat, true) == [1, 1]
    assert area_between(true | {"Raman": 2 * true["Raman"]}, true) == [0, 1]
