"""Spectra of shielding tensors against closed forms, moments and brute force."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import ellipk

from equitour.dynamics.nmr import (
    MAGIC_ANGLE,
    chemical_shift,
    haeberlen,
    principal_values,
    second_moment,
    span_and_skew,
    spinning_line,
    spinning_sidebands,
    static_line,
)
from equitour.symmetry import CartesianTensor, random_rotation

AXIAL = torch.diag(torch.tensor([280.0, 280.0, 340.0], dtype=torch.float64))
SPIN = {"spinning_rate": 3.0, "larmor_frequency": 100.0}  # 30 ppm between sidebands


@pytest.fixture
def shielding(generator):
    """Five full tensors without symmetry, 300 ppm on average and some 30 ppm anisotropic."""
    random = torch.randn(5, 3, 3, generator=generator, dtype=torch.float64)
    return 300 * torch.eye(3, dtype=torch.float64) + 30 * random


def _symmetric_traceless(shielding):
    symmetric = (shielding + shielding.mT) / 2
    return symmetric - symmetric.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None] * torch.eye(
        3, dtype=shielding.dtype
    )


def _moment(bands, order):
    mean = (bands.intensities * bands.positions).sum(-1, keepdim=True)
    return (bands.intensities * (bands.positions - mean) ** order).sum(-1)


def test_haeberlen_and_span_describe_the_same_three_numbers(shielding):
    mean, delta, eta = haeberlen(shielding)
    rebuilt = torch.stack([mean - delta * (1 + eta) / 2, mean - delta * (1 - eta) / 2, mean + delta], -1)
    assert torch.allclose(rebuilt, principal_values(shielding))
    mean, span, skew = span_and_skew(shielding)
    middle = mean - skew * span / 3
    ends = (3 * mean - middle)[..., None] / 2 + span[..., None] * torch.tensor([-0.5, 0.5])
    both = torch.cat([ends, middle[..., None]], -1)
    assert torch.allclose(both.sort(-1).values, principal_values(shielding).sort(-1).values)


def test_the_asymmetry_lies_between_nothing_and_one_and_the_order_is_haeberlens(generator):
    many = torch.randn(500, 3, 3, generator=generator, dtype=torch.float64)
    _, delta, eta = haeberlen(many)
    _, _, skew = span_and_skew(many)
    assert ((eta >= 0) & (eta <= 1)).all()
    assert eta.max() > 0.95
    assert eta.min() < 0.05
    assert (skew.abs() <= 1).all()
    assert 0 < (delta > 0).sum() < len(delta)
    distance = (principal_values(many) - principal_values(many).mean(-1, keepdim=True)).abs()
    assert (distance[:, [2, 0]] >= distance[:, [0, 1]]).all()


def test_an_axial_tensor_has_no_asymmetry_and_an_end_of_the_skew():
    assert haeberlen(AXIAL) == (300, 40, 0)
    assert span_and_skew(AXIAL) == (300, 60, 1)
    assert span_and_skew(-AXIAL) == (-300, 60, -1)


def test_a_sphere_has_neither_anisotropy_nor_nan():
    sphere = 100 * torch.eye(3, dtype=torch.float64)
    assert haeberlen(sphere) == (100, 0, 0)
    assert span_and_skew(sphere) == (100, 0, 0)
    assert spinning_sidebands(sphere, **SPIN).intensities.max() == pytest.approx(1)


def test_what_is_shielded_more_is_shifted_less():
    sphere = torch.eye(3, dtype=torch.float64)
    shifts = chemical_shift(torch.stack([100 * sphere, 190 * sphere]), reference=190.0)
    assert shifts[1] == 0
    assert float(shifts[0]) == pytest.approx(90, rel=3e-4)
    assert float(shifts[0]) == pytest.approx(1e6 * ((1 - 100e-6) / (1 - 190e-6) - 1), rel=1e-9)


def test_turning_the_molecule_changes_no_spectrum(shielding, generator):
    rotation = random_rotation(generator=generator)
    turned, axis = rotation @ shielding @ rotation.T, torch.linspace(200, 400, 41, dtype=torch.float64)
    assert (turned - shielding).abs().max() > 10
    for one, other in zip(haeberlen(shielding), haeberlen(turned), strict=True):
        assert torch.allclose(one, other, atol=1e-10)
    assert torch.allclose(
        static_line(shielding, axis, width=4.0), static_line(turned, axis, width=4.0), atol=1e-12
    )
    before, after = spinning_sidebands(shielding, **SPIN), spinning_sidebands(turned, **SPIN)
    assert torch.allclose(before.intensities, after.intensities, atol=1e-12)


def test_the_antisymmetric_part_shows_in_second_order_only(shielding):
    symmetric = (shielding + shielding.mT) / 2
    axis = torch.linspace(200, 400, 41, dtype=torch.float64)
    assert torch.equal(static_line(shielding, axis, width=4.0), static_line(symmetric, axis, width=4.0))
    # The field at the nucleus, (1 − 10⁻⁶ σ) b, and its length: what the spin precesses about.
    b = torch.nn.functional.normalize(
        torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator()), dim=1
    )
    exact = [1e6 * (1 - (b - 1e-6 * b @ s.mT).norm(dim=1)) for s in (shielding[0], symmetric[0])]
    assert 1e-6 < (exact[0] - exact[1]).abs().max() < 0.01  # ppm, of an antisymmetric part of some 30 ppm


def test_the_axial_pattern_at_rest_is_an_inverse_square_root_between_two_edges():
    axis = torch.tensor([270, 285, 300, 320, 335, 350], dtype=torch.float64)
    line = static_line(AXIAL, axis, width=0.5)
    inside = 1 / (2 * torch.sqrt(60 * (axis[1:5] - 280)))
    assert line[[0, 5]].abs().max() < 1e-6
    assert torch.allclose(line[1:5], inside, rtol=1e-3)


def _bloembergen_rowland(x, low, middle, high):
    if not low < x < high or x == middle:
        return 0.0
    if x > middle:
        k = (middle - low) * (high - x) / ((high - middle) * (x - low))
        return ellipk(k) / (math.pi * math.sqrt((x - low) * (high - middle)))
    k = (x - low) * (high - middle) / ((high - x) * (middle - low))
    return ellipk(k) / (math.pi * math.sqrt((high - x) * (middle - low)))


@pytest.mark.parametrize("width", [1.0, 5.0])
def test_the_pattern_at_rest_is_the_closed_form_of_elliptic_integrals(shielding, width):
    low, middle, high = np.linalg.eigvalsh(_symmetric_traceless(shielding[0]).numpy())
    sigma = width / 2.3548200450309493
    axis = np.linspace(low - width, high + width, 7)

    def smoothed(x):
        def integrand(y):
            gauss = math.exp(-(((x - y) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))
            return gauss * _bloembergen_rowland(y, low, middle, high)

        places = sorted({low, middle, high, *np.clip([x - 5 * sigma, x, x + 5 * sigma], low, high)})
        return sum(quad(integrand, *ends, limit=200)[0] for ends in pairwise(places))

    expected = np.array([smoothed(x) for x in axis])
    found = static_line(_symmetric_traceless(shielding[0]), torch.from_numpy(axis), width=width).numpy()
    assert np.abs(found - expected).max() < 1e-6 * expected.max()


def test_the_pattern_at_rest_has_area_mean_and_width_of_its_tensor(shielding):
    axis, width = torch.linspace(100, 500, 4001, dtype=torch.float64), 3.0
    step, mean = axis[1] - axis[0], haeberlen(shielding).mean
    line = static_line(shielding, axis, width=width)
    assert torch.allclose(line.sum(1) * step, torch.ones(5, dtype=torch.float64), atol=1e-7)
    assert torch.allclose((line * axis).sum(1) * step, mean, atol=1e-4)
    second = (line * (axis - mean[:, None]) ** 2).sum(1) * step - width**2 / (8 * math.log(2))
    assert torch.allclose(second, second_moment(shielding), rtol=1e-4)


def test_the_second_moment_is_said_in_three_ways(shielding):
    _, delta, eta = haeberlen(shielding)
    components = CartesianTensor("ij", axial="ij").to_irreps(shielding)  # 0e + 1e + 2e
    assert torch.allclose(second_moment(shielding), delta**2 * (1 + eta**2 / 3) / 5)
    assert torch.allclose(second_moment(shielding), 2 / 15 * components[:, 4:].square().sum(1))


@pytest.mark.parametrize("rate", [0.7, 3.0, 40.0])
def test_moments_of_the_sidebands_do_not_depend_on_the_rate(shielding, rate):
    bands = spinning_sidebands(shielding, spinning_rate=rate, larmor_frequency=100.0)
    traceless = _symmetric_traceless(shielding)
    assert torch.allclose(bands.intensities.sum(1), torch.ones(5, dtype=torch.float64), atol=1e-12)
    assert torch.allclose((bands.intensities * bands.positions).sum(1), haeberlen(shielding).mean)
    assert torch.allclose(_moment(bands, 2), second_moment(shielding))
    assert torch.allclose(_moment(bands, 3), 8 / 35 * torch.linalg.det(traceless))


def test_spinning_faster_than_the_anisotropy_leaves_one_line(shielding):
    bands = spinning_sidebands(shielding, spinning_rate=1000.0, larmor_frequency=100.0)
    assert (bands.intensities[:, bands.orders == 0] > 0.9999).all()
    assert torch.allclose(bands.positions[:, bands.orders == 0][:, 0], haeberlen(shielding).mean)


def test_sidebands_are_the_spectrum_of_crystallites_that_turn(shielding):
    """Brute force: every crystallite of a grid of three Euler angles turns with the rotor, tensor as it is given."""
    tensor = _symmetric_traceless(shielding[0])
    nodes, weights = np.polynomial.legendre.leggauss(18)
    beta = torch.from_numpy(np.arccos(nodes))
    angle = torch.arange(18, dtype=torch.float64) * (2 * math.pi / 18)
    rate = 1e-6 * 1000 * 3.0  # Rotor frequency in turns a µs, and one ppm of 100 MHz is 1e-4 of them.
    times = torch.linspace(0, 500, 6, dtype=torch.float64)

    def about(axis, angles):
        cross = torch.linalg.cross(torch.eye(3, dtype=torch.float64), axis.expand(3, 3), dim=1)
        return torch.linalg.matrix_exp(angles[..., None, None] * cross)

    y, z = torch.eye(3, dtype=torch.float64)[1:]
    frames = about(z, angle)[:, None, None] @ about(y, beta)[:, None] @ about(z, angle)  # (α, β, γ, 3, 3)
    turned = frames @ tensor @ frames.mT
    field = torch.tensor([math.sin(MAGIC_ANGLE), 0.0, math.cos(MAGIC_ANGLE)], dtype=torch.float64)
    fine = torch.linspace(0, 500, 2001, dtype=torch.float64)
    seen = about(z, 2 * math.pi * rate * fine) @ field  # The field, from the rotor.
    frequency = 2 * math.pi * 1e-4 * torch.einsum("ti,abgij,tj->abgt", seen, turned, seen)
    phase = torch.cumulative_trapezoid(frequency, fine, dim=-1)[..., 399::400]
    share = torch.from_numpy(weights / 2)[:, None, None] / 18**2
    expected = (share * torch.polar(torch.ones_like(phase), phase)).sum((0, 1, 2))

    bands = spinning_sidebands(tensor, spinning_rate=3.0, larmor_frequency=100.0)
    turns = 2 * math.pi * 1e-4 * bands.positions[:, None] * times[1:]
    found = (bands.intensities[:, None] * torch.polar(torch.ones_like(turns), turns)).sum(0)
    assert expected.abs().min() < 0.9
    assert (found - expected).abs().max() < 3e-4


def test_slow_spinning_traces_the_pattern_at_rest():
    axis = torch.linspace(250, 370, 121, dtype=torch.float64)
    rest = static_line(AXIAL, axis, width=6.0)
    # A signal 6 ppm (0.6 kHz) wide is gone within a millisecond or two: slow is a rotor that hardly moves meanwhile.
    errors = []
    for rate in (0.1, 0.05, 0.025):
        slow = spinning_line(AXIAL, axis, spinning_rate=rate, larmor_frequency=100.0, width=6.0)
        errors.append(float((slow - rest).abs().max() / rest.max()))
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 0.01


def test_a_spun_line_has_area_one(shielding):
    axis = torch.linspace(-100, 700, 8001, dtype=torch.float64)
    line = spinning_line(shielding, axis, width=2.0, **SPIN)
    assert torch.allclose(line.sum(1) * 0.1, torch.ones(5, dtype=torch.float64), atol=1e-6)


def test_single_precision_and_no_tensor_at_all_are_fine(shielding):
    axis = torch.linspace(200, 400, 11)
    single = static_line(shielding.float(), axis, width=4.0)
    assert single.dtype == torch.float32
    assert single.shape == (5, 11)
    assert torch.allclose(single.double(), static_line(shielding, axis.double(), width=4.0), atol=1e-6)
    assert static_line(shielding[:0], axis, width=4.0).shape == (0, 11)
    assert spinning_line(shielding[:0], axis, width=4.0, **SPIN).shape == (0, 11)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda s: haeberlen(s[..., :2]), r"must end in two axes of length 3, received shape \(5, 3, 2\)"),
        (
            lambda s: second_moment(s * math.nan),
            "must be finite, received nan or infinity: leave out the atoms",
        ),
        (lambda s: static_line(s, torch.ones(1), width=0.0), "width must be positive, received 0.0 ppm"),
        (
            lambda s: spinning_sidebands(s, spinning_rate=-1.0, larmor_frequency=100.0),
            "spinning_rate must be positive, received -1.0 kHz",
        ),
        (
            lambda s: spinning_sidebands(s, spinning_rate=0.001, larmor_frequency=100.0),
            "spinning must resolve its sidebands, received .* spin faster, or take static_line",
        ),
    ],
)
def test_what_makes_no_spectrum_is_refused_in_a_sentence(shielding, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong(shielding)
