import math

import pytest
import torch
from scipy.special import spherical_jn

from equitour.radial import bessel_basis, cosine_cutoff, gaussian_basis, polynomial_cutoff, stretched

CUTOFF = 5.0


def derivatives(function, at, orders):
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    value, found = function(x), []
    for _ in range(orders):
        (value,) = torch.autograd.grad(value, x, create_graph=True)
        found.append(float(value))
    return found


def test_bessel_functions_are_those_of_scipy():
    r = torch.linspace(0, CUTOFF, 41, dtype=torch.float64)
    basis = bessel_basis(r, cutoff=CUTOFF, num_basis=4)
    for n in range(1, 5):
        k = n * math.pi / CUTOFF
        expected = math.sqrt(2 / CUTOFF) * k * spherical_jn(0, k * r.numpy())
        assert torch.allclose(basis[:, n - 1], torch.from_numpy(expected), atol=1e-14)


def test_bessel_functions_are_orthonormal_in_the_ball_and_vanish_at_the_cutoff():
    r = torch.linspace(0, CUTOFF, 20001, dtype=torch.float64)
    basis = bessel_basis(r, cutoff=CUTOFF, num_basis=6) * r[:, None]
    overlap = torch.trapezoid(basis[:, :, None] * basis[:, None, :], r, dim=0)
    assert torch.allclose(overlap, torch.eye(6, dtype=torch.float64), atol=1e-6)
    assert bessel_basis(torch.tensor([CUTOFF]).double(), cutoff=CUTOFF, num_basis=6).abs().max() < 1e-14


def test_stretched_distances_rise_from_zero_to_the_cutoff_and_fastest_near_by():
    r = torch.linspace(0, CUTOFF, 101, dtype=torch.float64)
    s = stretched(r, cutoff=CUTOFF, stretch=3.0)
    assert float(s[0]) == 0.0
    assert abs(float(s[-1]) - CUTOFF) < 1e-12
    slopes = s.diff() / r.diff()
    assert bool((slopes.diff() < 0).all())
    assert float(slopes[20]) == pytest.approx(CUTOFF / math.log(16) * 3 / (1 + 3 * 1.025), rel=1e-3)
    # Stretching little is not stretching.
    assert stretched(r, cutoff=CUTOFF) is r
    assert torch.allclose(stretched(r, cutoff=CUTOFF, stretch=1e-7), r, atol=1e-5)
    with pytest.raises(ValueError, match="stretch must not be negative"):
        stretched(r, cutoff=CUTOFF, stretch=-1.0)


def test_bessel_functions_have_finite_gradients_at_the_origin():
    r = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    bessel_basis(r, cutoff=CUTOFF, num_basis=3).sum().backward()
    assert float(r.grad) == 0.0


def test_gaussians_are_one_at_their_centres_and_fall_by_half_a_width_squared():
    basis = gaussian_basis(torch.tensor([1.0, 2.0]).double(), cutoff=4.0, num_basis=5)
    assert float(basis[0, 1]) == 1.0
    assert float(basis[1, 1]) == pytest.approx(math.exp(-0.5))


@pytest.mark.parametrize("power", [2, 3, 6, 12])
def test_the_polynomial_envelope_ends_with_two_vanishing_derivatives(power):
    envelope = lambda r: polynomial_cutoff(r, cutoff=CUTOFF, power=power)  # noqa: E731
    assert float(envelope(torch.tensor(0.0))) == 1.0
    assert float(envelope(torch.tensor(CUTOFF, dtype=torch.float64))) == pytest.approx(0, abs=1e-12)
    assert derivatives(envelope, CUTOFF * (1 - 1e-9), 2) == pytest.approx([0, 0], abs=1e-5)
    assert float(envelope(torch.tensor(2 * CUTOFF, dtype=torch.float64))) == pytest.approx(0, abs=1e-12)


def test_the_cosine_envelope_is_half_at_half_way_and_jumps_only_in_its_second_derivative():
    envelope = lambda r: cosine_cutoff(r, cutoff=CUTOFF)  # noqa: E731
    assert float(envelope(torch.tensor(CUTOFF / 2))) == pytest.approx(0.5)
    first, second = derivatives(envelope, CUTOFF * (1 - 1e-9), 2)
    assert first == pytest.approx(0, abs=1e-6)
    assert second == pytest.approx((math.pi / CUTOFF) ** 2 / 2, rel=1e-6)


@pytest.mark.parametrize("cutoff", [0.0, -1.0, math.nan, math.inf])
def test_a_cutoff_must_be_positive(cutoff):
    for function in (polynomial_cutoff, cosine_cutoff):
        with pytest.raises(ValueError, match="cutoff must be positive and finite, received"):
            function(torch.ones(1), cutoff=cutoff)


def test_gaussians_need_two_centres():
    with pytest.raises(ValueError, match="at least 2 centres between start and cutoff, received 1"):
        gaussian_basis(torch.ones(1), cutoff=3.0, num_basis=1)
