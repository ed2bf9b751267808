"""Two arms of a galaxy: a density in the plane of which everything is known at every noise (lesson 504)."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.generative.diffusion import (
    UNTOLD,
    GaussianMixture,
    Predictor,
    Schedule,
    convert,
    dpm_solver,
    finish,
    heun,
)

PARTS, ALONG, ACROSS = 9, 0.24, 0.11  # Gaussians in an arm, and their deviations along it and across.
ARMS = ("one arm", "the other arm")


def spiral(parts: int) -> tuple[Float[Tensor, "parts 2"], Float[Tensor, "parts 2"]]:
    """Points along arm 0, and the direction of the arm there, of length 1."""
    angle = torch.linspace(0.2, 1.35 * math.pi, parts, dtype=torch.float64)
    radius = (0.55 + 0.33 * angle)[:, None]
    out = torch.stack([angle.cos(), angle.sin()], 1)
    round_ = torch.stack([-angle.sin(), angle.cos()], 1)
    return radius * out, torch.nn.functional.normalize(0.33 * out + radius * round_, dim=1)


def arm(which: int) -> GaussianMixture:
    """An arm as a mixture of Gaussians along a spiral; arm 1 is arm 0 turned by half a turn about the origin."""
    means, along = spiral(PARTS)
    shape = (ALONG**2 - ACROSS**2) * along[:, :, None] * along[:, None]
    covariances = shape + ACROSS**2 * torch.eye(2, dtype=torch.float64)
    return GaussianMixture(means.norm(dim=1), (1 - 2 * which) * means, covariances)


def galaxy() -> GaussianMixture:
    """Both arms."""
    arms = arm(0), arm(1)
    return GaussianMixture(
        *(torch.cat([getattr(one, name) for one in arms]) for name in ("weights", "means", "covariances"))
    )


def stars(
    count: int, *, generator: torch.Generator | None = None
) -> tuple[Float[Tensor, "count 2"], Int[Tensor, " count"]]:
    """Points of the galaxy in float32, and the arm of each, 0 or 1; the arms come one after the other."""
    first = count // 2
    points = arm(0).draw(first, generator=generator), arm(1).draw(count - first, generator=generator)
    return torch.cat(points).float(), (torch.arange(count) >= first).long()


def names(which: Int[Tensor, " points"]) -> list[str]:
    """The name of the arm of each point."""
    return [ARMS[k] for k in which.tolist()]


def middles() -> list[Float[Tensor, "corners 2"]]:
    """A line along the middle of each arm, to be drawn behind points."""
    means, _ = spiral(40)
    return [means, -means]


def astray(points: Float[Tensor, "points 2"]) -> float:
    """Share of points where stars hardly ever are: below the log density −5, where one star in a hundred is."""
    return (galaxy().log_density(points.double()) < -5).double().mean().item()


def on_arm(points: Float[Tensor, "points 2"], which: int) -> float:
    """Share of points that more likely belong to this arm than to the other."""
    likely = torch.stack([arm(k).log_density(points.double()) for k in (0, 1)])
    return (likely.argmax(0) == which).double().mean().item()


def flow(
    x: Float[Tensor, "points 2"], schedule: Schedule, start: float, end: float
) -> tuple[GaussianMixture, Float[Tensor, "points 2"]]:
    """A single tilted Gaussian, and where its probability flow takes points x from one time to another, in closed form.

    Along each axis of the covariance x grows as its deviation √(α² c + σ²).
    """
    covariance = torch.tensor([[1.3, 0.8], [0.8, 0.6]], dtype=torch.float64)
    values, axes = torch.linalg.eigh(covariance)
    times = torch.tensor([start, end], dtype=torch.float64)
    width = (schedule.alpha(times)[:, None] ** 2 * values + schedule.sigma(times)[:, None] ** 2).sqrt()
    gaussian = GaussianMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), covariance.expand(1, 2, 2))
    return gaussian, (x @ axes * width[1] / width[0]) @ axes.T


def flow_errors(
    sampler: Callable[..., Any],
    x: Float[Tensor, "points 2"],
    schedule: Schedule,
    calls: Sequence[int],
    *,
    spacing: str = "log_snr",
) -> list[float]:
    """How far from the exact end a sampler takes points x through the flow of one Gaussian, by questions to the network.

    Every schedule begins and ends at the same two ratios of star to noise, so that only the times in between differ; they lie in
    equal steps of ln(α² / σ²), "log_snr", or of time, "time".
    """
    levels = Schedule.cosine().log_snr(torch.tensor([0.95, 0.01], dtype=torch.float64))
    ends = schedule.time_of_log_snr(levels)
    gaussian, there = flow(x, schedule, *ends.tolist())
    errors = []
    for n in calls:
        steps = n // 2 if sampler is heun else n  # Heun asks twice in a step.
        share = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        times = torch.lerp(*ends, share)
        if spacing == "log_snr":
            times = schedule.time_of_log_snr(torch.lerp(*levels, share))
        made = finish(sampler(gaussian.predictor(schedule), x, times))
        errors.append(float((made - there).norm(dim=1).mean()))
    return errors


def spacings(
    sampler: Callable[..., Any], x: Float[Tensor, "points 2"], calls: Sequence[int]
) -> dict[str, list[float]]:
    """The errors of `flow_errors` for steps that are equal in ln(α² / σ²), where all schedules are one, and equal in time."""
    cosine, linear = Schedule.cosine(), Schedule.linear()
    return {
        "equal ln(α²/σ²)": flow_errors(sampler, x, cosine, calls),
        "cosine, equal t": flow_errors(sampler, x, cosine, calls, spacing="time"),
        "linear, equal t": flow_errors(sampler, x, linear, calls, spacing="time"),
    }


def strays(
    sampler: Callable[..., Any], predictor: Predictor, x: Float[Tensor, "points 2"], calls: Sequence[int]
) -> list[float]:
    """Shares of samples astray, drawn from noise x with so many questions to the network."""
    plans = [predictor.schedule.times(n // 2 if sampler is heun else n, first=0.99) for n in calls]
    return [astray(finish(sampler(predictor, x, times))) for times in plans]


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of ln y against ln x, by least squares."""
    lines = torch.tensor([list(x), list(y)], dtype=torch.float64).log()
    apart = lines - lines.mean(1, keepdim=True)
    return float((apart[0] * apart[1]).sum() / apart[0].square().sum())


def film(
    training: Iterable[tuple[int, float, Predictor]], x: Float[Tensor, "points 2"], *, every: int
) -> Iterator[tuple[int, float, Float[Tensor, "points 2"], Predictor]]:
    """Of a training: now and then the step, the loss, samples drawn from noise x by a few steps and told no arm, and the network."""
    for n, loss, model in training:
        if n in (1, 10, 25) or n % every == 0:
            untold = model.given(torch.tensor(UNTOLD))
            yield n, loss, finish(dpm_solver(untold, x, model.schedule.times(12, first=0.99))), model


def losses(
    networks: Mapping[str, Predictor], times: Float[Tensor, " times"], *, seed: int = 1
) -> dict[str, Float[Tensor, " times"]]:
    """The simple loss of each network at each time, for the same two thousand stars and the same noise."""
    generator = torch.Generator().manual_seed(seed)
    clean, _ = stars(2000, generator=generator)
    noise = torch.randn(clean.shape, generator=generator)
    curves = {}
    for name, network in networks.items():
        with torch.no_grad():
            answers = [network.noise(network.schedule.add_noise(clean, t, noise), t) for t in times]
        curves[name] = torch.stack([(noise - answer).square().mean() for answer in answers])
    return curves


def blown_up(
    predictor: Predictor, word: str, x: Float[Tensor, "points 2"], times: Float[Tensor, " times"]
) -> Float[Tensor, " times"]:
    """How far off star and noise are together, √(|Δx̂₀|² + |Δε̂|²), for an answer in this language that is 0.01 wrong."""
    errors = []
    for t in times:
        right = predictor.says(word, x, t)
        wrong = right + 0.01 / math.sqrt(2)  # Both coordinates together are 0.01 off.
        words = {"given": word, "schedule": predictor.schedule, "x": x, "t": t}
        pair = [
            convert(wrong, **words, wanted=w) - convert(right, **words, wanted=w) for w in ("clean", "noise")
        ]
        errors.append(torch.cat(pair, 1).norm(dim=1).max())
    return torch.stack(errors)
