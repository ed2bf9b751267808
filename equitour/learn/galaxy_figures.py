"""Pictures of the galaxy of lesson 504: densities, scores, losses and errors, drawn on axes that are given."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.generative.diffusion import GaussianMixture, Predictor
from equitour.learn.galaxy import galaxy


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


def draw_languages(axes: Any, times: Tensor, off: Mapping[str, Tensor], predictor: Predictor) -> None:
    """Left by how much a wrong answer is blown up in each language; then a network's score on the true density at two times."""
    draw_curves(axes[0], times, off, xlabel="t", title="0.01 wrong becomes", yscale="log")
    for ax, t in zip(axes[1:], (0.1, 0.4), strict=True):
        with torch.no_grad():
            score = predictor.score(grid().float(), t).double()
        draw_density(ax, galaxy().blurred(t, predictor.schedule), score)
        ax.set(title=f"our score at t = {t}")


def draw_errors(
    axes: Any, calls: Sequence[int], errors: Mapping[str, Sequence[float]], **settings: Any
) -> None:
    """Errors by questions to the network, both logarithmic, a marker for each name."""
    for marker, (name, values) in zip("os^Dv", errors.items(), strict=False):
        axes.loglog(calls, values, f"-{marker}", ms=5, label=name)
    axes.set_xticks(calls, [str(n) for n in calls])
    axes.minorticks_off()
    axes.set(xlabel="questions to the network", **settings)
    axes.legend(fontsize=8)


def draw_steps(
    axes: Any,
    calls: Sequence[int],
    *,
    samplers: Mapping[str, Sequence[float]],
    times: Mapping[str, Sequence[float]],
    counts: Sequence[int],
    stray: Mapping[str, Sequence[float]],
    thousand: float,
) -> None:
    """Errors of samplers and of choices of times on one Gaussian; shares astray on the galaxy, and dotted with a thousand steps."""
    draw_errors(axes[0], calls, samplers, title="samplers", ylabel="distance from the exact end")
    draw_errors(axes[1], calls, times, title="times, for DPM-Solver++")
    draw_errors(axes[2], counts, stray, title="galaxy, our network", ylabel="share astray")
    axes[2].set_yticks([0.03, 0.1, 0.3], ["3 %", "10 %", "30 %"])
    axes[2].axhline(thousand, color="#888888", ls=":")
