"""Samplers with the exact score: right moments and weights, orders of convergence, and broken samplers that must be noticed."""

import pytest
import torch

from equitour.generative.diffusion import (
    GaussianMixture,
    Predictor,
    Schedule,
    ddim,
    ddpm,
    dpm_solver,
    finish,
    heun,
)

LINEAR, COSINE = Schedule.linear(), Schedule.cosine()
COUNT = 3000


def _mixture():
    root = torch.tensor([[[0.5, 0.0], [0.2, 0.4]], [[0.3, 0.0], [-0.1, 0.6]]]).double()
    means = torch.tensor([[-1.5, 0.5], [1.0, -0.5]]).double()
    return GaussianMixture(torch.tensor([0.3, 0.7]).double(), means, root @ root.mT)


def _gaussian():
    covariance = torch.tensor([[[1.3, 0.8], [0.8, 0.6]]]).double()
    return GaussianMixture(torch.ones(1).double(), torch.tensor([[0.7, -1.1]]).double(), covariance)


def drawn_from(mixture, x, deviations=4.0):
    """Do x agree with the density in mean, covariance and weights, within so many standard errors of as many true draws?

    The errors come from the fourth moments of draws, so that no normal law is assumed. Six numbers at four deviations fail a right
    sampler once in 2600 runs, and never with a fixed seed.
    """

    def numbers(y):
        apart = y - mixture.mean
        squares = (apart[:, :, None] * apart[:, None]).flatten(1)[:, [0, 1, 3]]
        return torch.cat([apart, squares, mixture.shares(y)[:, :1]], 1)

    truth = numbers(mixture.draw(100_000, generator=torch.Generator().manual_seed(1)))
    error = truth.std(0) / len(x) ** 0.5
    return bool((((numbers(x).mean(0) - truth.mean(0)) / error.clamp(min=1e-9)).abs() < deviations).all())


def noise_of(count=COUNT, seed=20):
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seeded():
    return torch.Generator().manual_seed(21)


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=["linear", "cosine"])
@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_ancestral_sampling_with_the_exact_score_draws_from_the_mixture(schedule, variance):
    mixture = _mixture()
    x = finish(ddpm(mixture.predictor(schedule), noise_of(), variance=variance, generator=seeded()))
    assert drawn_from(mixture, x)


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=["linear", "cosine"])
@pytest.mark.parametrize("sampler", [ddim, heun, dpm_solver])
def test_the_probability_flow_with_the_exact_score_draws_from_the_mixture(sampler, schedule):
    mixture = _mixture()
    times = schedule.times(600 if sampler is ddim else 150, first=0.999)
    assert drawn_from(mixture, finish(sampler(mixture.predictor(schedule), noise_of(), times)))


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_ddim_with_fresh_noise_draws_from_the_mixture(eta):
    mixture = _mixture()
    steps = ddim(mixture.predictor(LINEAR), noise_of(), LINEAR.times(500), eta=eta, generator=seeded())
    assert drawn_from(mixture, finish(steps))


def broken_ancestral(predictor, x, *, sign=1.0, spread=1.0, last=False):
    """Algorithm 2 with a mistake in it; without one it is right."""
    schedule, generator = predictor.schedule, seeded()
    for t in range(schedule.num_steps, 0, -1):
        beta, sigma = schedule.beta[t], schedule.sigma(t / schedule.num_steps)
        noise = predictor.noise(x, t / schedule.num_steps)
        x = (x - sign * beta / sigma * noise) / (1 - beta).sqrt()
        if t > 1 or last:
            x = x + spread * beta.sqrt() * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return x


@pytest.mark.parametrize(
    ("mistake", "right"),
    [
        ({}, True),
        ({"sign": -1.0}, False),
        ({"sign": 0.5}, False),
        ({"spread": 0.0}, False),
        ({"spread": 0.9}, False),
        ({"spread": 1.1}, False),
    ],
)
def test_the_criterion_notices_a_wrong_sign_and_a_wrong_variance(mistake, right):
    mixture = _mixture()
    x = broken_ancestral(mixture.predictor(Schedule.linear(200)), noise_of(), **mistake)
    assert drawn_from(mixture, x) == right


def test_the_criterion_notices_weights_that_are_off_by_a_tenth():
    mixture = _mixture()
    tilted = GaussianMixture(torch.tensor([0.4, 0.6]).double(), mixture.means, mixture.covariances)
    assert drawn_from(mixture, mixture.draw(COUNT, generator=seeded()))
    assert not drawn_from(mixture, tilted.draw(COUNT, generator=seeded()))


def test_ddim_with_all_its_noise_on_all_steps_is_ddpm():
    """Two formulas, one distribution and here even one sample, since the fresh noise is the same."""
    predictor, x = _mixture().predictor(Schedule.linear(100)), noise_of(50)
    every = predictor.schedule.times(100, spacing="time")
    one = finish(ddim(predictor, x, every, eta=1.0, generator=seeded()))
    other = finish(ddpm(predictor, x, variance="posterior", generator=seeded()))
    assert torch.allclose(one, other, atol=1e-9)


def flow_of_a_gaussian(x, schedule, start, end):
    """The probability flow in closed form: along each axis of the covariance, x − α m grows as its deviation √(α² c + σ²)."""
    gaussian = _gaussian()
    values, axes = torch.linalg.eigh(gaussian.covariances[0])
    alpha, sigma = (f(torch.tensor([start, end])) for f in (schedule.alpha, schedule.sigma))
    width = (alpha[:, None] ** 2 * values + sigma[:, None] ** 2).sqrt()
    apart = (x - alpha[0] * gaussian.means) @ axes
    return (apart * width[1] / width[0]) @ axes.T + alpha[1] * gaussian.means


def slope(sampler, schedule, predictor=None, steps=(32, 64, 128, 256)):
    """How the error falls with steps: the slope of its logarithm, and the last error."""
    x, start, end = noise_of(200), 0.95, 0.01
    predictor = predictor or _gaussian().predictor(schedule)
    levels = schedule.log_snr(torch.tensor([start, end]))
    exact, errors = flow_of_a_gaussian(x, schedule, start, end), []
    for n in steps:
        times = schedule.time_of_log_snr(torch.lerp(*levels, torch.linspace(0, 1, n + 1).double()))
        errors.append(float((finish(sampler(predictor, x, times)) - exact).square().mean().sqrt()))
    lines = torch.tensor([steps, errors]).double().log()
    apart = lines - lines.mean(1, keepdim=True)
    return float((apart[0] * apart[1]).sum() / apart[0].square().sum()), errors[-1]


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=["linear", "cosine"])
@pytest.mark.parametrize(("sampler", "order"), [(ddim, 1), (heun, 2), (dpm_solver, 2)])
def test_the_error_falls_with_the_order_of_the_sampler(sampler, order, schedule):
    found, error = slope(sampler, schedule)
    assert found == pytest.approx(-order, abs=0.15)
    assert error < (0.01 if order == 1 else 2e-4)


def test_a_solver_of_second_order_with_a_wrong_memory_is_found_out_by_its_slope():
    """The predictor answers with what it should have said a little later: the error no longer vanishes."""
    exact = _gaussian().predictor(LINEAR)
    late = Predictor(lambda x, t: exact.noise(x, (t[0] * 0.98).item()), LINEAR)
    assert slope(dpm_solver, LINEAR, late)[0] > -1


@pytest.mark.parametrize("sampler", [ddim, heun, dpm_solver])
def test_where_all_samples_are_one_point_every_sampler_lands_on_it(sampler):
    """x̂₀ is the point at every time; all of them are exact for a constant x̂₀."""
    point = torch.tensor([0.3, -2.0]).double()
    predictor = Predictor(lambda x, t: point.expand_as(x), LINEAR, "clean")
    assert torch.allclose(finish(sampler(predictor, noise_of(9), LINEAR.times(3))), point.expand(9, 2))


@pytest.mark.parametrize("kind", ["noise", "clean", "velocity"])
def test_the_same_knowledge_in_other_words_gives_the_same_sample(kind):
    exact = _mixture().predictor(LINEAR)
    other = Predictor(lambda x, t: exact.says(kind, x, t[0].item()), LINEAR, kind)
    x, times = noise_of(40), LINEAR.times(12)
    for sampler in (ddim, heun, dpm_solver):
        pair = [finish(sampler(one, x, times)) for one in (exact, other)]
        assert torch.allclose(*pair, atol=1e-8)


def test_a_sample_may_have_any_shape_and_keeps_its_type(generator):
    """Each component of standard normal data is its own Gaussian: the flow does nothing to it."""
    predictor = Predictor(lambda x, t: -x, LINEAR, "score")
    x = torch.randn(3, 4, 2, 5, generator=generator)
    for sampler in (ddim, heun, dpm_solver):
        y = finish(sampler(predictor, x, LINEAR.times(300)))
        assert y.dtype == torch.float32
        assert torch.allclose(y, x, atol=0.03)
    assert finish(ddpm(predictor, x, generator=generator)).shape == x.shape


def test_the_steps_tell_the_way_and_the_same_generator_gives_the_same_samples():
    predictor, x = _mixture().predictor(Schedule.linear(60)), noise_of(5)
    steps = list(ddpm(predictor, x, generator=seeded()))
    assert [step.number for step in steps] == list(range(1, 61))
    assert steps[-1].t == 0
    assert torch.equal(steps[-1].x, finish(ddpm(predictor, x, generator=seeded())))
    assert torch.equal(x, noise_of(5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda p, x: ddpm(p, x, variance="learned"),
            "variance must be beta or posterior, received 'learned'",
        ),
        (
            lambda p, x: ddim(p, x, LINEAR.times(3), eta=1.5),
            "eta must lie between 0 and 1, received 1.5; 0 adds",
        ),
        (
            lambda p, x: ddim(p, x, torch.tensor([0.1, 0.5, 1.0])),
            r"times must fall from at most 1 to at least 0, received 3 of them, 0.1 to 1; schedule.times\(20\)",
        ),
        (lambda p, x: heun(p, x, torch.tensor([1.0])), "received 1 of them"),
        (lambda p, x: dpm_solver(p, x, torch.tensor([1.5, 0.0])), "received 2 of them, 1.5 to 0"),
        (
            lambda p, x: ddpm(p, torch.zeros(3, 2).long()),
            r"start from rows of floats, received 3 rows of torch.int64; draw them with torch.randn",
        ),
        (lambda p, x: heun(p, x[:0], LINEAR.times(3)), "received 0 rows"),
    ],
)
def test_a_sampler_refuses_what_it_cannot_follow(call, message):
    with pytest.raises(ValueError, match=message):
        finish(call(_gaussian().predictor(LINEAR), noise_of(4)))
