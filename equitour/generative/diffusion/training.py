"""Algorithm 1 of Ho et al. (NeurIPS 2020): draw a clean sample, a step and noise; ask the network; go down the squared error."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import silu

from equitour.generative.diffusion.guidance import forget
from equitour.generative.diffusion.prediction import Predictor
from equitour.generative.diffusion.samplers import standard_normal


@dataclass(frozen=True)
class DiffusionStep:
    """A step of training: its number, from 1, and the loss before it."""

    number: int
    loss: float


def simple_loss(
    predictor: Predictor,
    clean: Float[Tensor, "rows *shape"],
    t: Float[Tensor, " rows"],
    noise: Float[Tensor, "rows *shape"],
) -> Float[Tensor, ""]:
    """Mean over components of |ε − ε̂(α x₀ + σ ε, t)|², Ho's equation 14, in whatever words the network answers.

    A network that answers with the velocity is the better behaved for it: where there is nearly only noise, ε̂ = σ x + α v is right
    whatever it says, and a small mistake is not blown up on the way to x̂₀.
    """
    x = predictor.schedule.add_noise(clean, t, noise)
    return (noise - predictor.noise(x, t)).square().mean()


def train_diffusion(
    predictor: Predictor,
    data: Float[Tensor, "samples *shape"],
    *,
    steps: int,
    batch_size: int = 256,
    learning_rate: float = 2e-3,
    conditions: Shaped[Tensor, "..."] | None = None,
    drop: float = 0.1,
    generator: torch.Generator | None = None,
) -> Iterator[DiffusionStep]:
    """Minimise the simple loss with Adam; iterate over it.

    Args:
        predictor: With a model that is an `nn.Module`, changed in place.
        data: Clean samples, of deviation about 1.
        steps: Number of steps.
        batch_size: Samples in a step, drawn with replacement.
        learning_rate: At its highest; it rises over a tenth of the steps and falls to zero as a cosine.
        conditions: What the model is told of each sample, as its third argument.
        drop: Probability that it is told `UNTOLD` instead, for guidance.
        generator: Of draws, steps and noise.

    Raises:
        ValueError: There are no data, they are not finite, or conditions are not as many as samples.
        FloatingPointError: The loss is not finite.
    """
    _samples(data, conditions)
    optimizer = torch.optim.Adam(predictor.model.parameters(), lr=learning_rate)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps + 1, pct_start=0.1)
    T = predictor.schedule.num_steps
    for number in range(1, steps + 1):
        drawn = torch.randint(len(data), (batch_size,), generator=generator).to(data.device)
        clean = data[drawn]
        t = (torch.randint(1, T + 1, (batch_size,), generator=generator) / T).to(clean)
        told = predictor
        if conditions is not None:
            told = predictor.given(forget(conditions[drawn], probability=drop, generator=generator))
        loss = simple_loss(told, clean, t, standard_normal(clean, generator))
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss must be finite, received {loss.item():.3g} at step {number}: lower the learning rate"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        yield DiffusionStep(number, loss.item())


def _samples(data: Tensor, conditions: Tensor | None) -> None:
    if not len(data) or not bool(torch.isfinite(data).all()):
        raise ValueError(
            f"data must be at least one sample and finite, received {len(data)} with {int((~torch.isfinite(data)).sum())} "
            "components that are not; leave those samples out"
        )
    if conditions is not None and len(conditions) != len(data):
        raise ValueError(
            f"there must be a condition for each sample, received {len(conditions)} for {len(data)} samples"
        )


class TimedMLP(nn.Module):
    """A small network for points in few dimensions: residual layers over waves of the coordinates, steered by time and class.

    Args:
        width: Coordinates of a point, of deviation about 1.
        num_classes: Of labels 0, 1, …; the label `UNTOLD` is one more. 0 for a model without labels.
        channels: Width of the layers.
        num_layers: Residual layers.
        frequency: Deviation of the waves' frequencies, in radians per unit: how fine a structure is seen easily.
    """

    def __init__(
        self,
        width: int,
        *,
        num_classes: int = 0,
        channels: int = 128,
        num_layers: int = 2,
        frequency: float = 2.0,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        # Random waves of the coordinates let a small network see fine structure (Tancik et al., NeurIPS 2020).
        self.register_buffer("waves", frequency * torch.randn(width, channels // 2))
        self.register_buffer("rates", torch.pi * 2.0 ** torch.arange(6) / 4)
        self.first = nn.Linear(width + 2 * (channels // 2), channels)
        self.label = nn.Embedding(num_classes + 1, channels) if num_classes else None
        self.steering = nn.ModuleList(nn.Linear(12, 2 * channels) for _ in range(num_layers))
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, channels))
            for _ in range(num_layers)
        )
        self.last = nn.Linear(channels, width)

    def forward(
        self,
        x: Float[Tensor, "rows width"],
        t: Float[Tensor, " rows"],
        label: Shaped[Tensor, " rows"] | None = None,
    ) -> Float[Tensor, "rows width"]:
        """What the predictor says that it predicts."""
        phase, angle = x @ self.waves, t[:, None] * self.rates
        time = torch.cat([angle.sin(), angle.cos()], 1)
        h = self.first(torch.cat([x, phase.sin(), phase.cos()], 1))
        if label is not None:
            # The label −1 is the last row of the table.
            h = h + self.label(label % (self.num_classes + 1))
        for steer, layer in zip(self.steering, self.layers, strict=True):
            scale, shift = steer(time).chunk(2, 1)
            h = h + layer(silu(h * (1 + scale) + shift))
        return self.last(silu(h))
