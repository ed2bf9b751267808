"""Training: the loss of a perfect network in closed form, what a small network learns, and what it may not be given."""

import pytest
import torch

from equitour.generative.diffusion import (
    UNTOLD,
    GaussianMixture,
    Predictor,
    Schedule,
    TimedMLP,
    dpm_solver,
    finish,
    guided,
    simple_loss,
    train_diffusion,
)

SCHEDULE = Schedule.cosine()


@pytest.mark.parametrize("kind", ["noise", "clean", "velocity", "score"])
def test_even_a_perfect_network_has_a_loss_and_it_is_known(kind, generator):
    """Data N(0, v): noise can be told from the sample only in part; of ε the variance α² v / (α² v + σ²) is left."""
    v, t, count = 0.6, 0.4, 200_000
    alpha, sigma = float(SCHEDULE.alpha(t)), float(SCHEDULE.sigma(t))
    s2 = alpha**2 * v + sigma**2
    exact = Predictor(lambda x, t: -x / s2, SCHEDULE, "score")
    spoken = Predictor(lambda x, t: exact.says(kind, x, t), SCHEDULE, kind)
    clean, noise = torch.randn(2, count, 1, generator=generator, dtype=torch.float64)
    loss = simple_loss(spoken, v**0.5 * clean, torch.full((count,), t).double(), noise)
    assert loss.item() == pytest.approx(alpha**2 * v / s2, rel=0.01)


def test_a_network_that_says_nothing_has_the_loss_one(generator):
    silent = Predictor(lambda x, t: torch.zeros_like(x), SCHEDULE)
    clean, noise = torch.randn(2, 100_000, 2, generator=generator)
    loss = simple_loss(silent, clean, torch.rand(100_000, generator=generator), noise)
    assert loss.item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", ["noise", "velocity"])
def test_a_small_network_learns_a_density_and_obeys_a_label(kind, generator):
    """Two classes at two places. Told the label it draws there; not told, from both; the labels come with the samples."""
    means = torch.tensor([[-1.2, 0.0], [1.2, 0.4]])
    mixture = GaussianMixture(torch.ones(2), means, 0.1 * torch.eye(2).expand(2, 2, 2))
    data = mixture.draw(2000, generator=generator)
    labels = (data[:, 0] > 0).long()
    torch.manual_seed(0)
    predictor = Predictor(TimedMLP(2, num_classes=2, channels=64), SCHEDULE, kind)
    losses = [
        step.loss
        for step in train_diffusion(
            predictor, data, conditions=labels, steps=500, drop=0.3, generator=generator
        )
    ]
    assert sum(losses[-50:]) < 0.8 * sum(losses[:50])
    x, times = torch.randn(800, 2, generator=generator), SCHEDULE.times(12, first=0.99)
    told, untold = (predictor.given(torch.tensor(label)) for label in (1, UNTOLD))
    there, both = (finish(dpm_solver(one, x, times)) for one in (told, untold))
    assert torch.allclose(there.mean(0), means[1], atol=0.12)
    assert float((both[:, 0] > 0).double().mean()) == pytest.approx(0.5, abs=0.1)
    beyond = finish(dpm_solver(guided(told, untold, scale=3.0), x, times))
    assert beyond[:, 0].mean() > there[:, 0].mean() - 0.05


def test_training_and_its_steps_are_repeatable(generator):
    data = torch.randn(50, 3, generator=generator)
    runs = []
    for _ in range(2):
        torch.manual_seed(0)
        predictor = Predictor(TimedMLP(3, channels=8), SCHEDULE)
        steps = train_diffusion(predictor, data, steps=3, generator=torch.Generator().manual_seed(1))
        runs.append([(step.number, step.loss) for step in steps])
    assert runs[0] == runs[1]
    assert [number for number, _ in runs[0]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("data", "conditions", "message"),
    [
        (torch.zeros(0, 2), None, "at least one sample and finite, received 0 with 0"),
        (torch.tensor([[0.0, torch.inf]]), None, "received 1 with 1 components that are not; leave"),
        (torch.zeros(3, 2), torch.zeros(2).long(), "a condition for each sample, received 2 for 3"),
    ],
)
def test_training_refuses_data_that_cannot_be_learnt(data, conditions, message):
    predictor = Predictor(TimedMLP(2, num_classes=2, channels=8), SCHEDULE)
    with pytest.raises(ValueError, match=message):
        next(train_diffusion(predictor, data, conditions=conditions, steps=1))


def test_a_loss_that_is_not_finite_stops_the_training(generator):
    predictor = Predictor(TimedMLP(2, channels=8), SCHEDULE)
    torch.nn.init.constant_(predictor.model.last.bias, torch.inf)
    steps = train_diffusion(predictor, torch.zeros(4, 2), steps=1, generator=generator)
    with pytest.raises(FloatingPointError, match="loss must be finite, received inf at step 1: lower"):
        next(steps)
