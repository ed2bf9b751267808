"""Variational autoencoders of motifs: motifs in, few numbers, motifs out (Kingma and Welling, ICLR 2014)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative.environments import Environments
from equitour.generative.gram import GramScale, Reconstruction, coordinates, gram_matrix
from equitour.generative.learnt import learnt_vectors


@dataclass(frozen=True, eq=False)
class Gaussian:
    """What the encoder says of a motif: where its latent numbers lie, and how surely."""

    mean: Float[Tensor, "motifs latent"]
    log_variance: Float[Tensor, "motifs latent"]

    def sample(self, *, generator: torch.Generator | None = None) -> Float[Tensor, "motifs latent"]:
        """z = μ + σ ε with ε of unit variance, so that gradients reach μ and σ."""
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype)
        return self.mean + (self.log_variance / 2).exp() * noise.to(self.mean.device)

    def divergence(self) -> Float[Tensor, " motifs"]:
        """Kullback-Leibler divergence from the unit Gaussian, ½ Σ (μ² + σ² − ln σ² − 1), in nats."""
        return (self.mean.square() + self.log_variance.exp() - self.log_variance - 1).sum(-1) / 2


class MotifVAE(nn.Module):
    """What all motif autoencoders share: rows of numbers → μ and σ of few latent numbers → rows of numbers, and back to atoms.

    A kind of autoencoder says what its rows are (`entries`) and which atoms a row stands for (`vectors_of`).

    Args:
        elements: Atomic numbers that occur in the motifs.
        num_neighbors: n.
        width: Length of a row.
        hidden: Widths of the layers between.
        latent: Numbers that a motif is pressed into.
        activation: Between the layers.

    Attributes:
        ordered: Whether a shuffled motif has another row.
    """

    ordered = False

    def __init__(
        self,
        elements: Sequence[int],
        num_neighbors: int,
        *,
        width: int,
        hidden: Sequence[int],
        latent: int,
        activation: type[nn.Module],
    ) -> None:
        super().__init__()
        if num_neighbors < 2 or latent < 1:
            raise ValueError(
                f"a motif must have at least 2 neighbours and 1 latent number, received {num_neighbors} and {latent}: "
                "the published network has 8 and 8"
            )
        self.settings = {
            "elements": [int(z) for z in elements],
            "num_neighbors": num_neighbors,
            "hidden": list(hidden),
            "latent": latent,
        }
        widths = [width, *hidden]
        self.encoder = _layers([*widths, 2 * latent], activation)
        self.decoder = _layers([latent, *widths[::-1]], activation)

    def entries(self, motifs: Environments | Tensor) -> Float[Tensor, "motifs entries"]:
        """The row of numbers that the network sees of each motif."""
        raise NotImplementedError

    def vectors_of(self, entries: Float[Tensor, "motifs entries"]) -> Reconstruction:
        """The atoms that rows stand for."""
        raise NotImplementedError

    def mismatch(
        self, found: Float[Tensor, "motifs entries"], entries: Float[Tensor, "motifs entries"]
    ) -> Float[Tensor, " motifs"]:
        """How far rows that came out are from those that went in: |y − x|²."""
        return (found - entries).square().sum(-1)

    def encode(self, motifs: Environments | Tensor) -> Gaussian:
        """Latent numbers of motifs, or of their vectors (motifs, neighbors, 3) in Å."""
        return self.gaussian(self.entries(motifs))

    def gaussian(self, entries: Float[Tensor, "motifs entries"]) -> Gaussian:
        """Latent numbers of rows."""
        return Gaussian(*self.encoder(entries).chunk(2, -1))

    def decode(self, latent: Float[Tensor, "motifs latent"]) -> Reconstruction:
        """Motifs in frames of their own."""
        return self.vectors_of(self.decoder(latent))

    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Reconstruction:
        """New motifs, from latent numbers drawn from the unit Gaussian."""
        weight = next(self.parameters())
        latent = torch.randn(count, self.settings["latent"], generator=generator, dtype=weight.dtype)
        return self.decode(latent.to(weight.device))


class GramVAE(MotifVAE):
    """Upper triangle of the Gram matrix → 28 → 18 → μ and σ of 8 numbers; and the mirror of it back, with tanh between.

    The scaled triangle has n(n+1)/2 entries, 36 for 8 neighbours. The network knows nothing of rotations and mirrors,
    since its input does not; of the order of the neighbours it has to learn.

    Args:
        scale: Of the entries, from the motifs to be learnt.
        elements: Atomic numbers that occur in them.
        num_neighbors: n.
        hidden: Widths of the layers between.
        latent: Numbers that a motif is pressed into.
    """

    ordered = True

    def __init__(
        self,
        scale: GramScale,
        *,
        elements: Sequence[int],
        num_neighbors: int = 8,
        hidden: Sequence[int] = (28, 18),
        latent: int = 8,
    ) -> None:
        width = num_neighbors * (num_neighbors + 1) // 2
        super().__init__(
            elements, num_neighbors, width=width, hidden=hidden, latent=latent, activation=nn.Tanh
        )
        self.register_buffer("scale_mean", scale.mean)
        self.register_buffer("scale_deviation", scale.deviation)

    @property
    def scale(self) -> GramScale:
        """Of the entries."""
        return GramScale(self.scale_mean, self.scale_deviation)

    def entries(self, motifs: Environments | Tensor) -> Float[Tensor, "motifs entries"]:
        """Scaled upper triangles of motifs, or of their vectors in Å.

        Raises:
            ValueError: The number of neighbours is another, or an element was not among those learnt.
        """
        return self.scale.apply(gram_matrix(learnt_vectors(motifs, self.settings, self.scale_mean)))

    def vectors_of(self, entries: Float[Tensor, "motifs entries"]) -> Reconstruction:
        """Points whose Gram matrix is nearest. Their `error` says how far the row was from any Gram matrix."""
        return coordinates(self.scale.undo(entries), tolerance=math.inf)


def _layers(widths: Sequence[int], activation: type[nn.Module]) -> nn.Sequential:
    """Linear maps with an activation between them, none after the last."""
    layers: list[nn.Module] = []
    for wide, next_wide in itertools.pairwise(widths):
        layers += [nn.Linear(wide, next_wide), activation()]
    return nn.Sequential(*layers[:-1])
