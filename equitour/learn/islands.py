"""Points on eight islands in the plane, and the film of a training: the toy of lesson 502."""

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.datasets import density_2d

RADIUS, SPREAD = 2.0, 0.15  # Of the circle on which the islands lie, and of each of them.
SHORE = 3 * SPREAD


class Shot(NamedTuple):
    """One step of a training.

    Attributes:
        step: Its number.
        z: Latent numbers of the points.
        made: New points.
        error: Root mean square distance of points that were brought back.
        D: Divergence from the prior, in nats.
    """

    step: int
    z: Float[Tensor, "points 2"]
    made: Float[Tensor, "points 2"]
    error: Float[Tensor, ""]
    D: Float[Tensor, ""]


def film(training: Iterable[Shot], steps: int, *, shots: int = 16) -> Iterator[Shot]:
    """Some shots of a training of so many steps, as they come: closer at its beginning, and the last one for sure."""
    chosen = {round(steps ** (k / (shots - 2))) - 1 for k in range(shots - 1)} | {steps}
    for shot in training:
        if shot.step in chosen:
            yield Shot(shot.step, *(torch.as_tensor(one).detach() for one in shot[1:]))


def layers(*widths: int) -> nn.Sequential:
    """Linear maps between these widths, with tanh between them and none at the end."""
    made: list[nn.Module] = []
    for wide, next_wide in itertools.pairwise(widths):
        made += [nn.Linear(wide, next_wide), nn.Tanh()]
    return nn.Sequential(*made[:-1])


def islands() -> Float[Tensor, "8 2"]:
    """The middles of the eight islands of the density "gaussians"."""
    angle = math.pi / 4 * torch.arange(8)
    return RADIUS * torch.stack([angle.cos(), angle.sin()], 1)


def on_islands(count: int, *, generator: torch.Generator) -> tuple[Float[Tensor, "count 2"], list[str]]:
    """Points on eight islands in the plane, and the number of the island of each."""
    points = density_2d("gaussians", count, generator=generator).float()
    nearest, order = torch.cdist(points, islands()).argmin(1).sort()
    return points[order], [str(k + 1) for k in nearest.tolist()]


def ashore(points: Float[Tensor, "count 2"]) -> float:
    """Share of points that lie within three deviations of an island's middle."""
    return (torch.cdist(points, islands()).amin(1) < SHORE).double().mean().item()


def shores() -> list[Float[Tensor, "corners 2"]]:
    """A circle around each island, to be drawn behind points."""
    angle = torch.linspace(0, 2 * math.pi, 33)
    circle = SHORE * torch.stack([angle.cos(), angle.sin()], 1)
    return [middle + circle for middle in islands()]
