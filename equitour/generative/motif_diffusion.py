"""Motifs out of noise: a denoiser of posed motifs, its training, and the way from pure noise to a motif.

Noise of scale σ blurs the distribution of motifs; a network that knows the mean clean motif D(x; σ) behind a noisy one knows
the blurred distribution's score, (D(x; σ) − x) / σ², and following it from large σ to none draws from the distribution
itself (Song et al., ICLR 2021). Scalings, noise levels and steps are those of Karras et al. (NeurIPS 2022).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative.environments import Environments
from equitour.generative.learnt import learnt_vectors
from equitour.generative.posed_vae import pose, scaled, typical_pose, unscaled

LEVELS = 4
SIGMA_CENTER, SIGMA_SPREAD = 0.37, 1.2
SIGMA_MAX, SIGMA_MIN, RHO = 20.0, 0.003, 7.0


class MotifDenoiser(nn.Module):
    """D(x; σ): the mean clean motif behind a noisy one, as coordinates in the pose of a reference, in units of their deviation.

    Args:
        reference: That motifs are laid on, in Å.
        deviation: Of a posed coordinate from the reference's, in Å: the unit of x.
        elements: Atomic numbers that occur in the motifs.
        num_neighbors: n.
        channels: Width of the layers.
        num_layers: Residual layers.
    """

    def __init__(
        self,
        reference: Float[Tensor, "neighbors 3"],
        deviation: float | Tensor = 1.0,
        *,
        elements: Sequence[int],
        num_neighbors: int = 8,
        channels: int = 320,
        num_layers: int = 3,
    ) -> None:
        super().__init__()
        self.settings = {
            "elements": [int(z) for z in elements],
            "num_neighbors": num_neighbors,
            "channels": channels,
            "num_layers": num_layers,
        }
        self.register_buffer("reference", torch.as_tensor(reference))
        self.register_buffer("deviation", torch.as_tensor(deviation, dtype=self.reference.dtype))
        width = 3 * num_neighbors
        # Beside the coordinates: waves of ln σ, and whether the sharp cut is asked for.
        self.first = nn.Linear(width + 2 * LEVELS + 1, channels)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(channels, channels)) for _ in range(num_layers)
        )
        self.last = nn.Sequential(nn.SiLU(), nn.Linear(channels, width))

    @classmethod
    def of(
        cls, motifs: Float[Tensor, "motifs neighbors 3"], *, elements: Sequence[int], **sizes: int
    ) -> MotifDenoiser:
        """A network with fresh weights, scaled for these motifs (Å)."""
        return cls(*typical_pose(motifs), elements=elements, num_neighbors=motifs.shape[1], **sizes)

    def rows(self, motifs: Environments | Tensor) -> Float[Tensor, "motifs coordinates"]:
        """Posed and scaled coordinates of motifs, or of their vectors in Å.

        Raises:
            ValueError: The number of neighbours is another, or an element was not among those learnt.
        """
        return self.rows_of(pose(learnt_vectors(motifs, self.settings, self.reference), self.reference))

    def rows_of(self, posed: Float[Tensor, "motifs neighbors 3"]) -> Float[Tensor, "motifs coordinates"]:
        """Scaled coordinates of motifs that lie on the reference already, in Å."""
        return scaled(posed, self.reference, self.deviation)

    def vectors_of(self, rows: Float[Tensor, "motifs coordinates"]) -> Float[Tensor, "motifs neighbors 3"]:
        """Posed atoms in Å."""
        return unscaled(rows, self.reference, self.deviation)

    def forward(
        self,
        rows: Float[Tensor, "motifs coordinates"],
        sigma: Float[Tensor, " motifs"],
        sharp: Float[Tensor, " motifs"] | None = None,
    ) -> Float[Tensor, "motifs coordinates"]:
        """D(x; σ) = x / (σ² + 1) + σ / √(σ² + 1) F(x / √(σ² + 1), ln σ), with F the layers.

        At small σ the answer is nearly x itself, at large σ nearly all F's.

        Args:
            rows: x, clean coordinates plus noise.
            sigma: σ of the noise, in units of the deviation.
            sharp: 1 where a motif consists of the very nearest neighbours, 0 where they may be varied; 1 if not given.
        """
        sharp = torch.ones_like(sigma) if sharp is None else sharp
        s = sigma[:, None]
        size = (s.square() + 1).sqrt()
        angle = s.log() / 4 * torch.pi * torch.arange(1, LEVELS + 1, device=s.device)
        x = self.first(torch.cat([rows / size, angle.sin(), angle.cos(), sharp[:, None]], 1))
        for layer in self.layers:
            x = x + layer(x)
        return rows / size.square() + s / size * self.last(x)


@dataclass(frozen=True)
class DenoiserStep:
    """A step of training: its number, from 1, and its loss; 1 is that of a network that has learnt nothing."""

    number: int
    loss: float


def train_denoiser(
    model: MotifDenoiser,
    vectors: Float[Tensor, "motifs neighbors 3"],
    *,
    varied: Float[Tensor, "more neighbors 3"] | None = None,
    steps: int,
    batch_size: int = 384,
    learning_rate: float = 2e-3,
    generator: torch.Generator | None = None,
) -> Iterator[DenoiserStep]:
    """Minimise (σ² + 1)/σ² |D(x + σ ε; σ) − x|² with Adam, σ log-normal; iterate over it.

    The weight makes every σ count alike: without training, all have the loss 1.

    Args:
        model: Changed in place.
        vectors: Motifs to learn, in Å.
        varied: More of them, with varied neighbours (`vary_neighbors`); a network learns from both which it is.
        steps: Number of steps.
        batch_size: Motifs in a step, a third of them from `vectors` where there are varied ones.
        learning_rate: At its highest; it rises over a tenth of the steps and falls to zero as a cosine.
        generator: Of draws and noise.

    Raises:
        FloatingPointError: The loss is not finite.
    """
    draw = _drawing(model, vectors, varied, batch_size, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=steps + 1, pct_start=0.1
    )
    for number in range(1, steps + 1):
        clean, sharp = draw()
        normal = torch.randn(len(clean), generator=generator).to(clean)
        sigma = SIGMA_CENTER * (SIGMA_SPREAD * normal).exp()
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        miss = model(clean + sigma[:, None] * noise, sigma, sharp) - clean
        loss = ((sigma.square() + 1) / sigma.square() * miss.square().mean(1)).mean()
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss must be finite, received {loss.item():.3g} at step {number}: lower the learning rate"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield DenoiserStep(number, loss.item())


def _drawing(
    model: MotifDenoiser,
    vectors: Tensor,
    varied: Tensor | None,
    batch_size: int,
    generator: torch.Generator | None,
) -> Callable[[], tuple[Tensor, Tensor]]:
    """Draws a batch of rows and says of each whether it is of a sharp cut."""
    pools, counts = [model.rows(vectors)], [batch_size]
    if varied is not None:
        pools, counts = [*pools, model.rows(varied)], [batch_size // 3, batch_size - batch_size // 3]
    sharp = torch.cat([torch.full((count,), float(mark == 0)) for mark, count in enumerate(counts)])

    def draw() -> tuple[Tensor, Tensor]:
        drawn = [
            torch.randint(len(p), (count,), generator=generator)
            for p, count in zip(pools, counts, strict=True)
        ]
        return torch.cat([rows[index] for rows, index in zip(pools, drawn, strict=True)]), sharp.to(pools[0])

    return draw


def noise_levels(steps: int) -> Float[Tensor, " levels"]:
    """σ from large to small, dense where it is small, and zero at the end."""
    share = torch.linspace(0, 1, steps, dtype=torch.float64)
    high, low = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return torch.cat([(high + share * (low - high)) ** RHO, torch.zeros(1, dtype=torch.float64)])


@torch.no_grad()
def sample_motifs(
    model: MotifDenoiser,
    count: int,
    *,
    steps: int = 40,
    churn: float = 0.2,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "count neighbors 3"]:
    """New motifs in Å: noise that the denoiser follows down, by Heun's method.

    Args:
        model: A trained denoiser.
        count: Motifs to draw.
        steps: Noise levels.
        churn: Before each step at small σ, so much of σ is added anew, which corrects errors made before.
        generator: Of the noise.
    """
    levels = noise_levels(steps).to(model.reference)
    x = levels[0] * _noise(model, count, generator)
    for sigma, lower in itertools.pairwise(levels):
        if churn and sigma < 2:
            higher = sigma * (1 + churn)
            x = x + (higher.square() - sigma.square()).sqrt() * _noise(model, count, generator)
            sigma = higher
        slope = _slope(model, x, sigma)
        ahead = x + (lower - sigma) * slope
        if lower > 0:
            ahead = x + (lower - sigma) * (slope + _slope(model, ahead, lower)) / 2
        x = ahead
    return model.vectors_of(x)


def _slope(model: MotifDenoiser, x: Tensor, sigma: Tensor) -> Tensor:
    """dx/dσ = (x − D(x; σ)) / σ along the path of the probability flow."""
    return (x - model(x, sigma.expand(len(x)))) / sigma


def _noise(model: MotifDenoiser, count: int, generator: torch.Generator | None) -> Tensor:
    return torch.randn(count, model.last[-1].out_features, generator=generator).to(model.reference)
