"""Fill in the components that are not known: a sampler of the whole that is told a part (Lugmayr et al., CVPR 2022).

At every time the known components are put in, as noisy as the rest should be. The unknown ones answer to them one step late, and what is
put in does not answer at all. So RePaint goes up again some steps, with fresh noise, and down again: each time what is unknown has
heard more of what is known. With one pass it is the plain replacement scheme, which favours the middle. Where the answer falls into
separate parts, their weights stay wrong: they are decided at much noise, where what is known is blurred as well.
"""

import itertools
from collections.abc import Iterator

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from equitour.generative.diffusion.prediction import Predictor
from equitour.generative.diffusion.samplers import (
    SampleStep,
    both,
    falling,
    standard_normal,
    step_down,
)
from equitour.generative.diffusion.schedule import Schedule


def walk(steps: int, *, jump: int = 1, resamples: int = 10) -> list[int]:
    """The levels that RePaint visits, from 0, noise, to `steps`, clean; where it goes down it gets noisier.

    Every `jump` levels it goes back by as many and forth again, until it has gone forth `resamples` times.

    Raises:
        ValueError: A number is less than 1, or the jump is longer than the way.
    """
    if min(steps, jump, resamples) < 1 or jump > steps:
        raise ValueError(
            f"steps, jump and resamples must be at least 1 and jump at most steps, received {steps}, {jump} and {resamples}; "
            "try jump=1"
        )
    levels = [0]
    for start in range(0, steps, jump):
        end = min(start + jump, steps)
        forth, back = list(range(start + 1, end + 1)), list(range(end - 1, start - 1, -1))
        levels += forth + (resamples - 1) * (back + forth)
    return levels


@torch.no_grad()
def repaint(
    predictor: Predictor,
    known: Float[Tensor, "rows *shape"],
    mask: Shaped[Tensor, "..."],
    times: Float[Tensor, " levels"],
    *,
    jump: int = 1,
    resamples: int = 10,
    generator: torch.Generator | None = None,
) -> Iterator[SampleStep]:
    """Samples whose known components are these, and whose others are as the density has them given these.

    Args:
        predictor: A trained network of whole samples.
        known: Clean samples; only their known components are looked at. As many rows as are to be drawn.
        mask: True where a component is known; of the shape of x or one that broadcasts to it.
        times: Falling from noise to 0, such as `schedule.times(100)`; fine ones, since every level is an ancestral step.
        jump: Levels to go back at a time.
        resamples: How often each level is gone through; 1 for plain replacement.
        generator: Of all noise.

    Raises:
        ValueError: The mask is not made of truth values or does not fit, a known component is not finite, or times do not fall to 0.
    """
    mask, levels = _fitting(mask, known), falling(times)
    if levels[-1] != 0:
        raise ValueError(
            f"times must end at 0, where what is known is clean, received {levels[-1]:.4g}; append a 0"
        )
    schedule = predictor.schedule

    def put_in(x: Tensor, t: float) -> Tensor:
        return torch.where(mask, schedule.add_noise(known, t, standard_normal(x, generator)), x)

    x = put_in(standard_normal(known, generator), levels[0])
    clean = x
    way = itertools.pairwise(walk(len(levels) - 1, jump=jump, resamples=resamples))
    for number, (here, there) in enumerate(way, 1):
        t, other = levels[here], levels[there]
        if other < t:
            clean, noise = both(predictor, x, t)
            x = put_in(step_down(schedule, clean, noise, t, other, generator=generator), other)
        else:
            x = step_up(schedule, x, t, other, generator=generator)
        yield SampleStep(number, other, x, clean)


def step_up(
    schedule: Schedule,
    x: Float[Tensor, "rows *shape"],
    t: float,
    higher: float,
    *,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "rows *shape"]:
    """x at a higher time, by as much noise as the forward process adds between the two."""
    left, left_above = schedule.log_alpha_bar_at(torch.tensor([t, higher], dtype=torch.float64))
    kept = ((left_above - left) / 2).exp().to(x)
    return kept * x + (-torch.expm1(left_above - left)).sqrt().to(x) * standard_normal(x, generator)


def _fitting(mask: Tensor, known: Tensor) -> Tensor:
    """The mask in the shape of what is known."""
    try:
        wide = mask.expand(known.shape)
    except RuntimeError:
        wide = None
    if wide is None or mask.dtype != torch.bool:
        raise ValueError(
            f"the mask must be bool and broadcast to {tuple(known.shape)}, received {mask.dtype} of shape {tuple(mask.shape)}; "
            "True is known"
        )
    if not bool(torch.isfinite(known[wide]).all()):
        raise ValueError("what is known must be finite, received NaN or infinity there; mask it as unknown")
    # What is not known may be anything, even NaN, and must not leak through a product with zero.
    return wide
