"""Noise schedules and the four names of a prediction, against Ho's recursions, Bayes on a grid, and densities known at every time."""

import itertools

import numpy as np
import pytest
import torch

from equitour.generative.diffusion import KINDS, GaussianMixture, Predictor, Schedule, convert, step_down
from equitour.generative.diffusion.samplers import standard_normal

SCHEDULES = {"linear": Schedule.linear(), "cosine": Schedule.cosine(), "short": Schedule.linear(50)}
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


@pytest.fixture
def mixture():
    """Three parts of different weight, width and tilt."""
    root = torch.tensor([[[0.5, 0.0], [0.2, 0.4]], [[0.3, 0.0], [-0.1, 0.6]], [[0.4, 0.0], [0.0, 0.2]]])
    means = torch.tensor([[-1.5, 0.5], [1.0, -0.5], [0.5, 1.6]])
    return GaussianMixture(torch.tensor([1.0, 2.0, 1.0]).double(), means.double(), (root @ root.mT).double())


def test_the_linear_schedule_is_that_of_ho():
    """β from 10⁻⁴ to 0.02 in 1000 steps, and what numpy makes of it."""
    beta = np.linspace(1e-4, 0.02, 1000)
    schedule = Schedule.linear()
    assert np.allclose(schedule.beta[1:], beta, rtol=1e-12)
    assert np.allclose(schedule.alpha_bar[1:], np.cumprod(1 - beta), rtol=1e-10)
    assert schedule.alpha_bar[0] == 1
    assert schedule.num_steps == 1000


def test_the_cosine_schedule_is_that_of_nichol_and_dhariwal():
    schedule, t = Schedule.cosine(), np.arange(1001) / 1000
    f = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    assert np.allclose(schedule.alpha_bar[:-1], (f / f[0])[:-1], rtol=1e-9)
    assert schedule.beta.max() == 0.999


@every_schedule
def test_noise_added_step_by_step_is_noise_added_in_one_go(schedule):
    """x_t = √(1 − β_t) x_{t−1} + √β_t ε: mean and variance by their recursions."""
    mean, variance = 1.0, 0.0
    for t in range(1, schedule.num_steps + 1):
        beta = float(schedule.beta[t])
        mean, variance = (1 - beta) ** 0.5 * mean, (1 - beta) * variance + beta
        now = t / schedule.num_steps
        assert float(schedule.alpha(now)) == pytest.approx(mean, rel=1e-8)
        assert float(schedule.sigma(now)) == pytest.approx(variance**0.5, rel=1e-8)


@every_schedule
def test_signal_and_noise_share_the_variance_at_any_time_and_the_signal_only_falls(schedule, generator):
    t = torch.rand(200, generator=generator, dtype=torch.float64).sort().values
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    assert torch.allclose(alpha**2 + sigma**2, torch.ones_like(t), atol=1e-14)
    assert (alpha.diff() < 0).all()
    assert torch.allclose(schedule.snr(t), (alpha / sigma) ** 2, rtol=1e-8)
    assert torch.allclose(schedule.time_of_log_snr(schedule.log_snr(t)), t, atol=1e-9)


def test_the_linear_schedule_goes_to_its_continuous_limit_as_one_over_the_steps():
    """ln ᾱ(t) → −∫ β = −(0.1 t + 19.9 t² / 2)."""
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    limit = -(0.1 * t + 19.9 * t**2 / 2)
    apart = [(Schedule.linear(n).log_alpha_bar_at(t) - limit).abs().max() for n in (1000, 2000, 4000)]
    assert apart[0] / apart[1] == pytest.approx(2, rel=0.02)
    assert apart[1] / apart[2] == pytest.approx(2, rel=0.02)


@every_schedule
def test_noisy_samples_have_the_moments_of_the_blurred_density(schedule, mixture, generator):
    clean = mixture.draw(40_000, generator=generator)
    for t in (0.1, 0.5):
        x = schedule.add_noise(clean, t, standard_normal(clean, generator))
        blurred = mixture.blurred(t, schedule)
        assert torch.allclose(x.mean(0), blurred.mean, atol=0.03)
        assert torch.allclose(torch.cov(x.T), blurred.covariance, atol=0.05)


@every_schedule
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_step_down_draws_from_the_posterior_that_bayes_gives_on_a_grid(schedule, share):
    """q(x_{t−1} | x_t, x₀) ∝ q(x_t | x_{t−1}) q(x_{t−1} | x₀), all densities written out; mean and variance by sums."""
    t = int(share * schedule.num_steps)
    x0, xt, beta, before = 0.7, -0.4, float(schedule.beta[t]), float(schedule.alpha_bar[t - 1])
    grid = torch.linspace(-12, 12, 400_001, dtype=torch.float64)
    log_q = -((xt - (1 - beta) ** 0.5 * grid) ** 2) / (2 * beta)
    log_q = log_q - (grid - before**0.5 * x0) ** 2 / (2 * (1 - before))
    q = log_q.softmax(0)
    mean = float(q @ grid)
    variance = float(q @ (grid - mean) ** 2)
    assert float(schedule.posterior_variance[t]) == pytest.approx(variance, rel=1e-6)

    clean, now = torch.full((1, 1), x0, dtype=torch.float64), t / schedule.num_steps
    noise = (xt - schedule.alpha(now) * x0).view(1, 1) / schedule.sigma(now)
    drawn = step_down(
        schedule,
        clean,
        noise,
        now,
        (t - 1) / schedule.num_steps,
        generator=torch.Generator().manual_seed(5),
    )
    z = standard_normal(clean, torch.Generator().manual_seed(5))
    assert float(drawn) == pytest.approx(mean + variance**0.5 * float(z), rel=1e-5)


@every_schedule
def test_times_fall_to_zero_in_equal_steps_of_what_they_are_spaced_by(schedule):
    by_noise, by_time = schedule.times(8, last=0.03), schedule.times(8, spacing="time", first=0.9)
    assert (by_noise[0], by_noise[-1], len(by_noise)) == (1, 0, 9)
    levels = schedule.log_snr(by_noise[:-1]).diff()
    assert torch.allclose(levels, levels[:1].expand(7), rtol=1e-6)
    assert torch.allclose(by_time.diff(), torch.full((8,), -0.9 / 8, dtype=torch.float64))


@every_schedule
@pytest.mark.parametrize(("given", "wanted"), list(itertools.permutations(KINDS, 2)))
def test_a_prediction_comes_back_from_every_other_language(schedule, given, wanted, generator):
    x, value = torch.randn(2, 6, 3, 2, generator=generator, dtype=torch.float64)
    t = torch.tensor([0.05, 0.2, 0.4, 0.5, 0.7, 0.9]).double()
    there = convert(value, x, t, schedule, given=given, wanted=wanted)
    back = convert(there, x, t, schedule, given=wanted, wanted=given)
    assert torch.allclose(back, value, atol=1e-11)


def test_the_truth_is_the_truth_in_every_language(generator):
    """x is made of a known clean sample and known noise, so every kind is known."""
    schedule, t = SCHEDULES["linear"], torch.tensor([0.1, 0.6]).double()
    clean, noise = torch.randn(2, 2, 5, generator=generator, dtype=torch.float64)
    alpha, sigma = schedule.coefficients(t, clean)
    x = schedule.add_noise(clean, t, noise)
    truth = {
        "clean": clean,
        "noise": noise,
        "velocity": alpha * noise - sigma * clean,
        "score": -noise / sigma,
    }
    for given, wanted in itertools.product(KINDS, KINDS):
        said = convert(truth[given], x, t, schedule, given=given, wanted=wanted)
        assert torch.allclose(said, truth[wanted], atol=1e-11), (given, wanted)


def test_the_score_of_a_mixture_is_the_gradient_of_its_log_density(mixture, generator):
    x = torch.randn(30, 2, generator=generator, dtype=torch.float64).requires_grad_()
    for density in (mixture, mixture.blurred(0.3, SCHEDULES["linear"])):
        (slope,) = torch.autograd.grad(density.log_density(x).sum(), x)
        assert torch.allclose(density.score(x.detach()), slope, atol=1e-10)


def test_a_mixture_has_the_moments_of_its_draws_and_of_its_density_on_a_grid(mixture, generator):
    line = torch.linspace(-7, 7, 281, dtype=torch.float64)
    points = torch.cartesian_prod(line, line)
    p = mixture.log_density(points).exp() * (line[1] - line[0]) ** 2
    assert float(p.sum()) == pytest.approx(1, abs=1e-6)
    assert torch.allclose(p @ points, mixture.mean, atol=1e-6)
    apart = points - mixture.mean
    assert torch.allclose((p[:, None] * apart).T @ apart, mixture.covariance, atol=1e-6)
    drawn = mixture.draw(40_000, generator=generator)
    assert torch.allclose(drawn.mean(0), mixture.mean, atol=0.03)
    assert torch.allclose(torch.cov(drawn.T), mixture.covariance, atol=0.05)


def test_the_mean_clean_sample_is_what_bayes_gives_on_a_grid(mixture):
    """Tweedie's formula, x̂₀ = (x + σ² score) / α, against ∫ x₀ p(x₀) N(x; α x₀, σ²) over a grid."""
    schedule, t = SCHEDULES["linear"], 0.3
    alpha, sigma = float(schedule.alpha(t)), float(schedule.sigma(t))
    line = torch.linspace(-7, 7, 281, dtype=torch.float64)
    points = torch.cartesian_prod(line, line)
    x = torch.tensor([[0.3, -0.2], [1.5, 0.5]]).double()
    log_w = mixture.log_density(points) - torch.cdist(x, alpha * points).square() / (2 * sigma**2)
    assert torch.allclose(mixture.predictor(schedule).clean(x, t), log_w.softmax(1) @ points, atol=1e-6)


def test_the_conditional_of_a_mixture_is_the_joint_density_along_a_line(mixture):
    """p(x₂ | x₁) = p(x₁, x₂) / ∫ p(x₁, x₂) dx₂."""
    line = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    for known in (-0.8, 0.9):
        points = torch.stack([torch.full_like(line, known), line], 1)
        p = mixture.log_density(points).softmax(0) / (line[1] - line[0])
        given = mixture.conditional(torch.tensor([known, 99.0]).double(), torch.tensor([True, False]))
        assert torch.allclose(given.log_density(line[:, None]).exp(), p, atol=1e-9)


@pytest.mark.parametrize(
    ("beta", "message"),
    [
        ([], "a schedule must have at least one step, received none; give β_1"),
        ([0.1, 1.0], r"β must be 0 at t = 0 and lie between 0 and 1 .* 0.1 to 1; take more steps"),
        ([0.1, -0.2], r"received 0 and then -0.2 to 0.1"),
        ([float("nan")], "β must be 0 at t = 0"),
    ],
)
def test_a_beta_that_is_no_variance_is_refused(beta, message):
    with pytest.raises(ValueError, match=message):
        Schedule.of(torch.tensor(beta).double())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: Schedule.linear(0), "at least one step, received 0; give a positive number"),
        (lambda s: Schedule.linear(20), "take more steps or a lower rate"),
        (lambda s: Schedule.cosine(-3), "at least one step, received -3"),
        (lambda s: Schedule(s.beta[1:]), r"β must be 0 at t = 0 .* received 0.0001"),
        (
            lambda s: s.alpha(1.2),
            r"times must lie between 0, clean, and 1, noise, received 1.2 to 1.2; divide",
        ),
        (lambda s: s.sigma(torch.tensor([0.5, float("nan")])), "times must lie between 0"),
        (
            lambda s: s.coefficients(torch.rand(3), torch.rand(4, 2)),
            r"one time, or one for each of 4 rows, received shape \(3,\)",
        ),
        (lambda s: s.times(0), "at least one step, received 0"),
        (
            lambda s: s.times(5, spacing="cosine"),
            "spacing must be time or log_snr, received 'cosine'",
        ),
        (lambda s: s.times(5, last=0.0), "fall from first to last, inside 0 to 1, received 1 and 0"),
        (lambda s: s.times(5, first=0.1, last=0.5), "received 0.1 and 0.5; try 1 and 0.001"),
    ],
)
def test_a_schedule_refuses_times_that_it_has_not(call, message):
    with pytest.raises(ValueError, match=message):
        call(SCHEDULES["linear"])


def test_predictions_are_refused_where_they_mean_nothing():
    schedule, x = SCHEDULES["linear"], torch.rand(4, 2)
    with pytest.raises(ValueError, match="noise, clean, velocity or score, received 'epsilon'"):
        Predictor(torch.zeros_like, schedule, "epsilon")
    with pytest.raises(ValueError, match="t must be larger than 0 where score is wanted, received t = 0"):
        convert(x, x, 0.0, schedule, given="noise", wanted="score")
    with pytest.raises(ValueError, match="t must be larger than 0 where noise is wanted"):
        convert(x, x, 0.0, schedule, given="clean", wanted="noise")
    with pytest.raises(ValueError, match=r"shape of x, \(4, 2\), received \(4, 1\); its last layer"):
        Predictor(lambda x, t: x[:, :1], schedule).noise(x, 0.5)


@pytest.mark.parametrize(
    ("weight", "turned", "message"),
    [
        (0.0, 1.0, "weights must be positive, received 0; leave out"),
        (1.0, -1.0, "covariances must be positive definite, received one that is not"),
    ],
)
def test_a_mixture_refuses_parts_that_are_no_density(weight, turned, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(torch.tensor([1.0, weight]), torch.zeros(2, 2), turned * torch.eye(2).expand(2, 2, 2))
