"""Training of a motif autoencoder: a generator of steps, as everywhere in the house."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.generative.vae import MotifVAE


@dataclass(frozen=True)
class VAEStep:
    """A step of training.

    Attributes:
        number: From 1.
        reconstruction: Squared error of the scaled entries, summed over a motif, mean of the batch.
        divergence: Nats of information that the latent numbers carry about a motif, mean of the batch.
        kl_weight: What the divergence counted.
    """

    number: int
    reconstruction: float
    divergence: float
    kl_weight: float


def train_vae(
    model: MotifVAE,
    vectors: Float[Tensor, "motifs neighbors 3"],
    *,
    steps: int,
    kl_weight: float = 0.01,
    permute: bool = True,
    batch_size: int = 256,
    learning_rate: float = 2e-3,
    generator: torch.Generator | None = None,
) -> Iterator[VAEStep]:
    """Minimise |y − x|² + β D(q(z|x) ‖ N(0, 1)) with Adam; iterate over it. What |y − x|² is, the model says (`mismatch`).

    The weight β rises linearly over the first half of the steps: counted in full from the beginning, the divergence is
    fastest made small by latent numbers that say nothing.

    Args:
        model: Changed in place.
        vectors: Motifs to learn, in Å from their centres.
        steps: Number of steps.
        kl_weight: β in the end.
        permute: Shuffle the neighbours of each motif each time, so that their order means nothing to a network that sees it.
        batch_size: Motifs in a step, drawn with replacement.
        learning_rate: At its highest; it falls to zero as a cosine.
        generator: Of draws, orders and latent noise.

    Raises:
        FloatingPointError: The loss is not finite.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    shuffling = permute and model.ordered
    # What order and rotation do not change is computed once.
    rows = None if shuffling else model.entries(vectors)
    for number in range(1, steps + 1):
        drawn = torch.randint(len(vectors), (batch_size,), generator=generator)
        entries = model.entries(shuffled(vectors[drawn], generator=generator)) if shuffling else rows[drawn]
        found = model.gaussian(entries)
        reconstruction = model.mismatch(model.decoder(found.sample(generator=generator)), entries).mean()
        divergence = found.divergence().mean()
        weight = kl_weight * min(1.0, 2 * number / steps)
        loss = reconstruction + weight * divergence
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss must be finite, received {reconstruction.item():.3g} + {weight:.3g} · "
                f"{divergence.item():.3g} at step {number}: lower the learning rate"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield VAEStep(number, reconstruction.item(), divergence.item(), weight)


def shuffled(
    vectors: Float[Tensor, "motifs neighbors 3"], *, generator: torch.Generator | None = None
) -> Float[Tensor, "motifs neighbors 3"]:
    """The neighbours of each motif in an order of its own."""
    order = torch.rand(vectors.shape[:2], generator=generator).argsort(1).to(vectors.device)
    return vectors.gather(1, order.unsqueeze(-1).expand(-1, -1, 3))
