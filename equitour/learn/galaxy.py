"""Two arms of a galaxy: a density in the plane of which everything is known at every noise, and its drawings (lesson 504)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.generative.diffusion import GaussianMixture, Predictor, Schedule, convert

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


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of ln y against ln x, by least squares."""
    lines = torch.tensor([list(x), list(y)], dtype=torch.float64).log()
    apart = lines - lines.mean(1, keepdim=True)
    return float((apart[0] * apart[1]).sum() / apart[0].square().sum())


def losses(
    predictor: Predictor, times: Float[Tensor, " times"], *, generator: torch.Generator | None = None
) -> Float[Tensor, " times"]:
    """The simple loss of a network at each time, for the same two thousand stars and the same noise."""
    clean, _ = stars(2000, generator=generator)
    noise = torch.randn(clean.shape, generator=generator).double()
    with torch.no_grad():
        x = [predictor.schedule.add_noise(clean.double(), t, noise) for t in times]
        answers = [predictor.noise(one.to(clean), t) for one, t in zip(x, times, strict=True)]
    return torch.stack([(noise - answer).square().mean() for answer in answers])


def blown_up(
    predictor: Predictor, word: str, x: Float[Tensor, "points 2"], times: Float[Tensor, " times"]
) -> Float[Tensor, " times"]:
    """How far an answer in this language that is wrong by 0.01 throws the clean star, at each time."""
    errors = []
    for t in times:
        right = predictor.says(word, x, t)
        pair = [
            convert(answer, x, t, predictor.schedule, given=word, wanted="clean")
            for answer in (right, right + 0.01)
        ]
        errors.append((pair[1] - pair[0]).abs().max())
    return torch.stack(errors)


def to_be_moved(y: Float[Tensor, " tries"], density: GaussianMixture) -> float:
    """How far draws must be moved on average to lie as the density on a line has it: ∫ |share below y − chance of below y| dy."""
    line = torch.linspace(-4, 4, 4001, dtype=torch.float64)
    chance = density.log_density(line[:, None]).softmax(0).cumsum(0)
    below = torch.searchsorted(y.double().sort().values, line) / len(y)
    return float((below - chance).abs().sum() * (line[1] - line[0]))


def told(y: Float[Tensor, " tries"], of_gaussian: Float[Tensor, " tries"], density: GaussianMixture) -> str:
    """In words: how far draws of the galaxy must be moved to be right, and the mean and spread of draws of the Gaussian."""
    mean, spread = float(of_gaussian.mean()), float(of_gaussian.std())
    return f"to be moved by {to_be_moved(y, density):.2f}; Gaussian: mean {mean:.2f}, spread {spread:.2f}"


def draw_density(
    axes: Any, density: GaussianMixture, score: Tensor | None = None, *, reach: float = 2.6
) -> None:
    """Contours of a density and, where given on `grid(reach)`, its score as arrows of one length, strong where it is."""
    line = torch.linspace(-reach, reach, 121, dtype=torch.float64)
    height = density.log_density(torch.cartesian_prod(line, line)).view(121, 121).T.exp()
    axes.contour(line, line, height, levels=6, colors="C0", linewidths=0.9)
    if score is not None:
        strength = score.norm(dim=1, keepdim=True)
        way = score / strength * strength.clamp(max=6).sqrt()
        axes.quiver(*grid(reach).T, *way.T, color="C1", scale=42, width=0.005)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))


def grid(reach: float = 2.6, points: int = 17) -> Float[Tensor, "points 2"]:
    """Points of a square grid."""
    line = torch.linspace(-reach, reach, points, dtype=torch.float64)
    return torch.cartesian_prod(line, line)


def draw_curves(axes: Any, x: Tensor, curves: Mapping[str, Tensor], **settings: Any) -> None:
    """A line for each name, of its own dash."""
    for (name, y), style in zip(curves.items(), ("-", "--", ":", "-."), strict=False):
        axes.plot(x, y, style, label=name)
    axes.set(**settings)
    axes.legend(fontsize=8.5)


def draw_errors(axes: Any, calls: Sequence[int], errors: Mapping[str, Sequence[float]]) -> None:
    """Errors by questions to the network, both logarithmic, a marker for each sampler; the slope stands in the legend."""
    for marker, (name, values) in zip("os^Dv", errors.items(), strict=False):
        axes.loglog(calls, values, f"-{marker}", ms=5, label=name)
    axes.set_xticks(calls, [str(n) for n in calls])
    axes.minorticks_off()
    axes.set(xlabel="questions to the network")
    axes.legend(fontsize=8.5)


def draw_filled(
    axes: Any, known: float, truth: GaussianMixture, filled: Mapping[str, Float[Tensor, " tries"]]
) -> None:
    """Left the galaxy and the line of what is known; then for each scheme the draws on that line and the true density."""
    first, *others = axes
    draw_density(first, galaxy())
    first.axvline(known, color="C3")
    first.set(title=f"x = {known} is known")
    line = torch.linspace(-2.4, 2.4, 300, dtype=torch.float64)
    for ax, (name, y) in zip(others, filled.items(), strict=True):
        ax.hist(y, 48, range=(-2.4, 2.4), density=True, alpha=0.5)
        ax.plot(line, truth.log_density(line[:, None]).exp(), color="C1")
        ax.set(title=name, xlabel="y")
        ax.sharey(others[0])


def label_errors(axes: Any, floor: float) -> None:
    """Titles and units of the two pictures of errors; the floor is what a thousand steps leave astray."""
    axes[0].set(title="one Gaussian, exact score", ylabel="distance from the exact end")
    axes[1].axhline(floor, color="#888888", ls=":")
    axes[1].set(title="the galaxy, our network", ylabel="share astray")
