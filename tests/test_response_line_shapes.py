"""Lines keep their area and their width, whatever their shape."""

import numpy as np
import pytest
import torch

from equitour.dynamics.response import line_shape, spectrum

SHAPES = ["lorentzian", "gaussian", "pseudo-voigt"]


def grid(start, end, points):
    return torch.linspace(start, end, points, dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_line_has_area_one(shape):
    # The wings of a Lorentzian beyond x hold w/(π x) of it.
    x = grid(-4000, 4000, 800_001)
    missing = {"lorentzian": 1.0, "gaussian": 0.0, "pseudo-voigt": 0.5}[shape] * 10 / (np.pi * 4000)
    assert torch.trapezoid(line_shape(x, 10.0, shape=shape), x) == pytest.approx(1 - missing, abs=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_line_falls_to_half_its_height_half_a_width_away(shape):
    x = torch.tensor([0.0, 6.0, -6.0], dtype=torch.float64)
    top, right, left = line_shape(x, 12.0, shape=shape).tolist()
    assert right == pytest.approx(top / 2, rel=1e-12)
    assert left == right


def test_a_gaussian_has_the_variance_that_its_width_stands_for():
    x = grid(-100, 100, 20_001)
    variance = torch.trapezoid(x.square() * line_shape(x, 12.0, shape="gaussian"), x)
    assert variance == pytest.approx(12.0**2 / (8 * np.log(2)), rel=1e-10)


def test_pseudo_voigt_leads_from_gaussian_to_lorentzian():
    x = grid(-30, 30, 61)
    ends = [line_shape(x, 9.0, shape="pseudo-voigt", mixing=m) for m in (0.0, 1.0)]
    assert torch.equal(ends[0], line_shape(x, 9.0, shape="gaussian"))
    assert torch.equal(ends[1], line_shape(x, 9.0, shape="lorentzian"))


def test_the_area_of_a_spectrum_is_the_sum_of_its_intensities():
    axis = grid(0, 4000, 8001)
    curve = spectrum(
        np.array([700.0, 1500.0, 3000.0]), np.array([3.0, 1.0, 5.0]), grid=axis, width=20.0, shape="gaussian"
    )
    assert torch.trapezoid(curve, axis) == pytest.approx(9.0, rel=1e-10)
    assert torch.trapezoid(curve[:2201], axis[:2201]) == pytest.approx(3.0, rel=1e-10)


def test_every_mode_may_have_a_width_of_its_own():
    axis = grid(0, 400, 4001)
    frequencies, ones = torch.tensor([100.0, 300.0]).double(), torch.ones(2).double()
    curve = spectrum(frequencies, ones, grid=axis, width=torch.tensor([4.0, 8.0]).double(), shape="gaussian")
    assert float(curve[1000] / curve[3000]) == pytest.approx(2.0, rel=1e-10)


@pytest.mark.parametrize("width", [0.0, -3.0])
def test_a_line_without_width_is_refused(width):
    with pytest.raises(
        ValueError, match=r"width must be positive, received -?\d.*full width at half maximum"
    ):
        line_shape(torch.zeros(1).double(), width)


def test_an_unknown_shape_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"lorentzian, gaussian, pseudo-voigt, received 'voigt': choose one"):
        line_shape(torch.zeros(1).double(), 1.0, shape="voigt")


def test_a_mixture_beyond_its_ends_is_refused():
    with pytest.raises(ValueError, match=r"mixing must lie within 0 .* and 1 .*, received 1.5: try 0.5"):
        line_shape(torch.zeros(1).double(), 1.0, shape="pseudo-voigt", mixing=1.5)


def test_a_grid_that_does_not_ascend_is_refused():
    ones = torch.ones(1).double()
    with pytest.raises(ValueError, match=r"grid must ascend, received a step of -1.0: sort it"):
        spectrum(ones, ones, grid=torch.tensor([1.0, 0.0]).double(), width=1.0)


def test_frequencies_and_intensities_must_pair_up():
    with pytest.raises(ValueError, match=r"intensities must have shape \(2,\), received \(3,\): give one"):
        spectrum(torch.ones(2).double(), torch.ones(3).double(), grid=grid(0, 1, 3), width=1.0)
