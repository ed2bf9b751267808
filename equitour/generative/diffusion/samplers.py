"""From noise to a sample: Ho's ancestral steps, DDIM, and two solvers of second order for few steps.

All take noise x at the first time and yield after each step; `finish` runs to the end. Without fresh noise a sampler solves the
ordinary differential equation of the probability flow, which in y = x / α and s = σ / α is dy/ds = ε̂ (Song et al., ICLR 2021):
DDIM is Euler's method on it.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from equitour.generative.diffusion.prediction import Predictor, convert
from equitour.generative.diffusion.schedule import Schedule


@dataclass(frozen=True, eq=False)
class SampleStep:
    """A step of a sampler: its number, from 1, the time reached, x there, and the clean sample that was foreseen before it."""

    number: int
    t: float
    x: Float[Tensor, "rows *shape"]
    clean: Float[Tensor, "rows *shape"]


def finish(steps: Iterable[SampleStep]) -> Float[Tensor, "rows *shape"]:
    """x after the last step."""
    for step in steps:
        last = step
    return last.x


@torch.no_grad()
def ddpm(
    predictor: Predictor,
    x: Shaped[Tensor, "rows *shape"],
    *,
    variance: str = "beta",
    generator: torch.Generator | None = None,
) -> Iterator[SampleStep]:
    """Algorithm 2 of Ho et al. (NeurIPS 2020), all T steps:

    x_{t−1} = (x_t − β_t / √(1 − ᾱ_t) ε̂) / √(1 − β_t) + σ_t z, with z standard normal, and none at t = 1.

    Args:
        predictor: A trained network.
        x: Standard normal noise.
        variance: "beta" for σ_t² = β_t, right where data are standard normal; "posterior" for σ_t² = β̃_t, right where they are one point.
        generator: Of the noise z.

    Raises:
        ValueError: Another variance, or x is not made of floats.
    """
    schedule = predictor.schedule
    if variance not in ("beta", "posterior"):
        raise ValueError(
            f"variance must be beta or posterior, received {variance!r}; choose one of these two"
        )
    spread = schedule.beta if variance == "beta" else schedule.posterior_variance
    _floats(x)
    for t in range(schedule.num_steps, 0, -1):
        now = t / schedule.num_steps
        noise = predictor.noise(x, now)
        _, sigma = schedule.coefficients(now, x)
        clean = (x - sigma * noise) / schedule.alpha_bar[t].sqrt().to(x)
        beta = schedule.beta[t].to(x)
        x = (x - beta / sigma * noise) / (1 - beta).sqrt()
        if t > 1:
            x = x + spread[t].sqrt().to(x) * standard_normal(x, generator)
        yield SampleStep(schedule.num_steps - t + 1, (t - 1) / schedule.num_steps, x, clean)


@torch.no_grad()
def ddim(
    predictor: Predictor,
    x: Shaped[Tensor, "rows *shape"],
    times: Float[Tensor, " levels"],
    *,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
) -> Iterator[SampleStep]:
    """x' = α' x̂₀ + √(σ'² − η² ς²) ε̂ + η ς z, with ς = σ'/σ √(1 − α²/α'²) (Song, Meng and Ermon, ICLR 2021, equation 12).

    η = 0 adds no noise and is of first order in the steps; η = 1 on all T steps is DDPM with the variance β̃.

    Args:
        predictor: A trained network.
        x: Noise at the first time, standard normal where that is 1.
        times: Falling, such as `schedule.times(20)`.
        eta: Share of fresh noise, 0 to 1.
        generator: Of the noise z.

    Raises:
        ValueError: η is outside 0 to 1, times do not fall, or x is not made of floats.
    """
    if not 0 <= eta <= 1:
        raise ValueError(
            f"eta must lie between 0 and 1, received {eta:.4g}; 0 adds no noise, 1 all of DDPM's"
        )
    _floats(x)
    for number, (t, lower) in enumerate(itertools.pairwise(falling(times)), 1):
        clean, noise = both(predictor, x, t)
        x = step_down(predictor.schedule, clean, noise, t, lower, eta=eta, generator=generator)
        yield SampleStep(number, lower, x, clean)


@torch.no_grad()
def heun(
    predictor: Predictor, x: Shaped[Tensor, "rows *shape"], times: Float[Tensor, " levels"]
) -> Iterator[SampleStep]:
    """Heun's method with the linear part solved exactly: second order, two questions to the network in a step.

    x' = σ'/σ x + α' (w D + (1 − w / h) (D' − D)), with w = 1 − e^{−h}, D = x̂₀ here and D' = x̂₀ where a step of DDIM leads (Cox and
    Matthews 2002, equation 22). The step to no noise is DDIM's.

    Raises:
        ValueError: Times do not fall, or x is not made of floats.
    """
    _floats(x)
    for number, (t, lower) in enumerate(itertools.pairwise(falling(times)), 1):
        clean = predictor.clean(x, t)
        h, shrink, gain = _exact_part(predictor.schedule, x, t, lower)
        x = shrink * x + gain * clean
        if lower > 0:
            alpha, _ = predictor.schedule.coefficients(lower, x)
            x = x + (alpha - gain / h) * (predictor.clean(x, lower) - clean)
        yield SampleStep(number, lower, x, clean)


@torch.no_grad()
def dpm_solver(
    predictor: Predictor, x: Shaped[Tensor, "rows *shape"], times: Float[Tensor, " levels"]
) -> Iterator[SampleStep]:
    """DPM-Solver++(2M): second order with one question in a step, since it remembers the last answer (Lu et al., 2022).

    With λ = ln(α / σ) and h = λ' − λ, x' = σ'/σ x + α' (1 − e^{−h}) D, where D = x̂₀ + h / (2 h_before) (x̂₀ − x̂₀ before).
    The first step and one to no noise have D = x̂₀: DDIM's.

    Args:
        predictor: A trained network.
        x: Noise at the first time, standard normal where that is 1.
        times: Falling; "log_snr" spacing suits it.

    Raises:
        ValueError: Times do not fall, or x is not made of floats.
    """
    before, h_before = None, 0.0
    _floats(x)
    for number, (t, lower) in enumerate(itertools.pairwise(falling(times)), 1):
        clean = predictor.clean(x, t)
        h, shrink, gain = _exact_part(predictor.schedule, x, t, lower)
        seen = clean
        if before is not None and lower > 0:
            seen = clean + h / (2 * h_before) * (clean - before)
        x = shrink * x + gain * seen
        before, h_before = clean, h
        yield SampleStep(number, lower, x, clean)


def _exact_part(schedule: Schedule, x: Tensor, t: float, lower: float) -> tuple[float, Tensor, Tensor]:
    """h = λ' − λ, and the factors σ'/σ and α' (1 − e^{−h}) that x and a constant x̂₀ would get."""
    h = float(schedule.log_snr(lower) - schedule.log_snr(t)) / 2
    (_, sigma), (below, rest) = schedule.coefficients(t, x), schedule.coefficients(lower, x)
    # −expm1(−h) is 1 − e^{−h}, exact where steps are short.
    return h, rest / sigma, below * -math.expm1(-h)


def step_down(
    schedule: Schedule,
    clean: Float[Tensor, "rows *shape"],
    noise: Float[Tensor, "rows *shape"],
    t: float,
    lower: float,
    *,
    eta: float = 1.0,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "rows *shape"]:
    """x at a lower time, drawn behind an x that consists of this clean sample and this noise: DDIM's equation 12.

    With η = 1 it is the posterior of the forward noise between any two times, Ho's where they are neighbours.
    """
    left, left_below = schedule.log_alpha_bar_at(torch.tensor([t, lower], dtype=torch.float64))
    variance, rest = -torch.expm1(left), -torch.expm1(left_below)
    fresh = eta**2 * rest / variance * -torch.expm1(left - left_below)
    kept = (rest - fresh).clamp(min=0).sqrt()
    x = (left_below / 2).exp().to(clean) * clean + kept.to(clean) * noise
    return x + fresh.sqrt().to(clean) * standard_normal(clean, generator) if eta and lower > 0 else x


def both(predictor: Predictor, x: Tensor, t: float) -> tuple[Tensor, Tensor]:
    """x̂₀ and ε̂ from one question to the network."""
    value = predictor(x, t)
    words = {"schedule": predictor.schedule, "given": predictor.predicts}
    clean, noise = (convert(value, x, t, **words, wanted=kind) for kind in ("clean", "noise"))
    return clean, noise


def falling(times: Float[Tensor, " levels"]) -> list[float]:
    """The times as numbers.

    Raises:
        ValueError: They are fewer than two, do not fall all the way, or leave 0 to 1.
    """
    if len(times) < 2 or not bool((times.diff() < 0).all()) or not 0 <= times[-1] < times[0] <= 1:
        ends = f"{float(times[0]):.4g} to {float(times[-1]):.4g}" if len(times) else "nothing"
        raise ValueError(
            f"times must fall from at most 1 to at least 0, received {len(times)} of them, {ends}; schedule.times(20) does"
        )
    return times.tolist()


def standard_normal(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Noise of that shape, drawn where the generator lives."""
    device = generator.device if generator is not None else like.device
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=device).to(like.device)


def _floats(x: Tensor) -> None:
    if not x.is_floating_point() or not len(x):
        raise ValueError(
            f"a sampler must start from rows of floats, received {len(x)} rows of {x.dtype}; draw them with torch.randn"
        )
