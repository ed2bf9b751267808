"""Guidance and filling in, where the answers are known: Gaussians in closed form, and mixtures with known conditionals."""

import pytest
import torch

from equitour.generative.diffusion import (
    UNTOLD,
    GaussianMixture,
    Predictor,
    Schedule,
    dpm_solver,
    finish,
    forget,
    guided,
    repaint,
    step_up,
    walk,
)

SCHEDULE = Schedule.linear()


def _gaussian(mean, variance):
    return GaussianMixture(
        torch.ones(1).double(), torch.full((1, 1), mean).double(), torch.full((1, 1, 1), variance).double()
    )


def _noise(count, width=1, seed=3):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _guided(conditional, unconditional, scale):
    told, untold = (one.predictor(SCHEDULE) for one in (conditional, unconditional))
    return guided(told, untold, scale=scale)


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
def test_guidance_between_equally_wide_gaussians_moves_the_mean_and_keeps_the_width(scale):
    """The score is that of N(m_u + w (m_c − m_u), v) at every time, so the flow leads there."""
    m_c, m_u, v = 0.8, -0.2, 0.5
    x, times = _noise(200), SCHEDULE.times(60)
    made = finish(dpm_solver(_guided(_gaussian(m_c, v), _gaussian(m_u, v), scale), x, times))
    there = _gaussian(m_u + scale * (m_c - m_u), v)
    assert torch.allclose(made, finish(dpm_solver(there.predictor(SCHEDULE), x, times)), atol=1e-9)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_guidance_multiplies_widths_and_not_densities(scale):
    """With y = x / α and u = σ² / α², dy/du = y/2 Σ w_i / (v_i + u): y goes with Π (v_i + u)^(w_i / 2).

    So the variance comes out as v_c^w v_u^(1−w), and not as 1 / (w / v_c + (1 − w) / v_u), that of p(x|c)^w p(x)^(1−w).
    """
    v_c, v_u = 0.3, 1.2
    x = _noise(50)
    made = finish(
        dpm_solver(_guided(_gaussian(0.0, v_c), _gaussian(0.0, v_u), scale), x, SCHEDULE.times(700))
    )
    alpha, sigma = SCHEDULE.alpha(1.0), SCHEDULE.sigma(1.0)
    u = (sigma / alpha) ** 2
    factor = (v_c / (v_c + u)) ** (scale / 2) * (v_u / (v_u + u)) ** ((1 - scale) / 2) / alpha
    assert torch.allclose(made, factor * x, rtol=4e-3)
    assert float(factor**2) == pytest.approx(v_c**scale * v_u ** (1 - scale), rel=1e-3)
    powers = 1 / (scale / v_c + (1 - scale) / v_u)
    assert abs(float(factor**2) / powers - 1) > 0.1


@pytest.mark.parametrize("kind", ["noise", "clean", "velocity"])
def test_guidance_is_the_same_in_every_language(kind):
    told, untold = (_gaussian(m, v).predictor(SCHEDULE) for m, v in ((1.0, 0.3), (0.0, 1.0)))
    spoken = [
        Predictor(lambda x, t, one=one: one.says(kind, x, t[0].item()), SCHEDULE, kind)
        for one in (told, untold)
    ]
    x, scale = _noise(6), torch.tensor([0.0, 0.5, 1.0, 2.0, 3.0, 7.0])
    pair = [guided(*two, scale=scale).noise(x, 0.4) for two in ((told, untold), spoken)]
    assert torch.allclose(*pair, atol=1e-10)


def test_a_condition_reaches_the_model_for_one_row_and_for_all():
    def model(x, t, label):
        return label[:, None].to(x).expand_as(x)

    predictor, x = Predictor(model, SCHEDULE), _noise(3, 2)
    assert torch.equal(predictor.given(torch.tensor(UNTOLD))(x, 0.5), torch.full_like(x, UNTOLD))
    rows = torch.tensor([0, 4, 2])
    assert torch.equal(predictor.given(rows)(x, 0.5)[:, 1], rows.double())


def test_conditions_are_forgotten_with_the_probability_and_otherwise_kept(generator):
    labels = torch.arange(20_000) % 7
    left = forget(labels, probability=0.2, generator=generator)
    lost = left == UNTOLD
    assert float(lost.double().mean()) == pytest.approx(0.2, abs=0.012)
    assert torch.equal(left[~lost], labels[~lost])
    vectors = forget(torch.ones(10, 3), probability=1.0, untold=float("nan"), generator=generator)
    assert vectors.isnan().all()


def test_a_walk_goes_level_by_level_and_every_stretch_as_often_as_asked():
    assert walk(3, resamples=1) == [0, 1, 2, 3]
    assert walk(4, jump=2, resamples=2) == [0, 1, 2, 1, 0, 1, 2, 3, 4, 3, 2, 3, 4]
    way = torch.tensor(walk(30, jump=5, resamples=3))
    assert way.diff().abs().unique().tolist() == [1]
    down = torch.stack([way[:-1], way[1:]])[:, way.diff() > 0]
    assert down.unique(dim=1, return_counts=True)[1].tolist() == [3] * 30
    assert walk(5, jump=3, resamples=2)[-1] == 5


def test_a_step_up_and_the_noise_before_it_are_the_noise_at_the_higher_time(generator):
    x = torch.full((200_000, 1), 2.0, dtype=torch.float64)
    x = SCHEDULE.add_noise(x, 0.1, torch.randn(x.shape, generator=generator, dtype=x.dtype))
    x = step_up(SCHEDULE, x, 0.1, 0.4, generator=generator)
    assert float(x.mean()) == pytest.approx(2 * float(SCHEDULE.alpha(0.4)), abs=0.01)
    assert float(x.std()) == pytest.approx(float(SCHEDULE.sigma(0.4)), abs=0.01)


KNOWN, MASK = torch.tensor([1.5, 99.0]).double(), torch.tensor([True, False])


def _filled(mixture, *, count=2000, steps=60, seed=5, **settings):
    """The unknown component in many tries; the known one must come back untouched."""
    schedule = Schedule.linear()
    known = torch.where(MASK, KNOWN, torch.nan).expand(count, 2)
    tries = repaint(
        mixture.predictor(schedule),
        known,
        MASK,
        schedule.times(steps),
        generator=torch.Generator().manual_seed(seed),
        **settings,
    )
    x = finish(tries)
    assert torch.equal(x[:, 0], known[:, 0])
    return x[:, 1:]


@pytest.fixture
def correlated():
    """Correlation 0.9: given x₁ = 1.5 the other is N(1.35, 0.19)."""
    covariance = torch.tensor([[[1.0, 0.9], [0.9, 1.0]]]).double()
    return GaussianMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), covariance)


def test_replacement_misses_the_correlation_and_resampling_repairs_it(correlated):
    """Sixty ancestral levels leave variances a tenth small, 120 half as much; 2000 tries know the mean within 0.01 and the variance within 3 %."""
    given = correlated.conditional(KNOWN, MASK)
    mean, variance = given.mean.item(), given.covariance.item()
    assert (mean, variance) == pytest.approx((1.35, 0.19))
    plain, often = _filled(correlated, resamples=1), _filled(correlated, resamples=20)
    assert plain.mean().item() == pytest.approx(0.9, abs=0.05)
    assert plain.var().item() > 1.3 * variance
    assert often.mean().item() == pytest.approx(mean, abs=0.04)
    assert often.var().item() == pytest.approx(variance, rel=0.15)


def test_resampling_mends_a_mixture_whose_parts_overlap():
    """Two parts that both fit what is known, with 0.5 and 0.5 before it is known and others after."""
    means = torch.tensor([[1.0, 1.0], [-0.5, -1.0]]).double()
    covariances = (0.8 * torch.eye(2) + torch.tensor([[0.0, 0.3], [0.3, 0.0]])).double().expand(2, 2, 2)
    mixture = GaussianMixture(torch.ones(2).double(), means, covariances)
    given = mixture.conditional(KNOWN, MASK)
    apart = {}
    for resamples in (1, 20):
        x = _filled(mixture, resamples=resamples)
        apart[resamples] = abs(x.mean().item() - given.mean.item())
    assert apart[20] < 0.05 < apart[1]


def test_longer_jumps_repair_it_too(correlated):
    far = _filled(correlated, resamples=15, jump=3)
    assert far.mean().item() == pytest.approx(1.35, abs=0.04)
    assert far.var().item() == pytest.approx(0.19, rel=0.15)


def test_with_nothing_known_filling_in_is_sampling(correlated):
    known = torch.full((4000, 2), torch.nan).double()
    times = SCHEDULE.times(300)
    generator = torch.Generator().manual_seed(8)
    tries = repaint(
        correlated.predictor(SCHEDULE), known, torch.tensor(False), times, resamples=1, generator=generator
    )
    assert torch.allclose(torch.cov(finish(tries).T), correlated.covariances[0], atol=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda p, x, m, t: repaint(p, x, m.double(), t),
            r"mask must be bool and broadcast to \(4, 2\), received torch.float64 of shape \(2,\)",
        ),
        (lambda p, x, m, t: repaint(p, x, m.new_ones(3), t), r"received torch.bool of shape \(3,\); True is"),
        (lambda p, x, m, t: repaint(p, x * torch.nan, m, t), "what is known must be finite"),
        (lambda p, x, m, t: repaint(p, x, m, t[:-1]), "times must end at 0, .* received 0.001; append a 0"),
        (lambda p, x, m, t: repaint(p, x, m, t.flip(0)), "times must fall from at most 1"),
        (
            lambda p, x, m, t: repaint(p, x, m, t, resamples=0),
            "at least 1 and jump at most steps, received 5, 1 and 0",
        ),
        (lambda p, x, m, t: repaint(p, x, m, t, jump=6), "received 5, 6 and 10; try jump=1"),
    ],
)
def test_filling_in_refuses_masks_and_ways_that_fit_nothing(correlated, call, message):
    with pytest.raises(ValueError, match=message):
        finish(call(correlated.predictor(SCHEDULE), _noise(4, 2), MASK, SCHEDULE.times(5)))


def test_guidance_refuses_two_that_do_not_speak_of_the_same():
    one = Predictor(torch.zeros_like, SCHEDULE)
    with pytest.raises(
        ValueError, match="same kind with the same schedule, received noise in 1000 steps and clean in 1000"
    ):
        guided(one, Predictor(torch.zeros_like, SCHEDULE, "clean"), scale=2.0)
    with pytest.raises(ValueError, match="noise in 1000 steps and noise in 50; take them from one network"):
        guided(one, Predictor(torch.zeros_like, Schedule.linear(50)), scale=2.0)
    with pytest.raises(ValueError, match=r"probability to forget must lie between 0 and 1, received 1.5"):
        forget(torch.arange(3), probability=1.5)
