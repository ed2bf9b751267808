"""A simple and fast denoiser: every atom hears every other of its crystal, over waves of the fractional difference.

It sees the metric of the lattice, never its orientation, so rotations and reflections leave it alone by construction; differences on
the torus through whole waves, so translations modulo one do; and sums over atoms, so permutations do. Another choice of lattice vectors,
SL(3, Z), it does not see through: it must be shown reduced cells (`reduced_cell`).

Source: after CSPNet of R. Jiao et al. (DiffCSP), NeurIPS 2023.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.generative.crystal.crystals import Crystals, centred, mean_over
from equitour.generative.crystal.denoiser import WAVES, CrystalDenoiser, mlp
from equitour.generative.crystal.lattice import LatticeScale
from equitour.generative.crystal.noise import Denoised, lattice_shares


class PairDenoiser(CrystalDenoiser):
    """Message passing between all pairs of atoms of a crystal.

    Args:
        scale: Of the lattices that it learns from.
        elements: Atomic numbers that it knows.
        channels: Width of the layers.
        num_layers: Rounds of messages.
        sizes: Pairs of a number of atoms and how many of the crystals learnt had it.
        properties: Names of numbers that crystals may be asked to have, each with its mean and spread in the data.
    """

    def __init__(
        self,
        scale: LatticeScale | None = None,
        *,
        elements: Sequence[int],
        channels: int = 128,
        num_layers: int = 4,
        sizes: Sequence[Sequence[int]] = (),
        properties: Mapping[str, Sequence[float]] = MappingProxyType({}),
    ) -> None:
        super().__init__(
            scale,
            elements=elements,
            channels=channels,
            sizes=sizes,
            properties=properties,
            num_layers=num_layers,
        )
        # Of each crystal: its time and what is asked of it, the lattice, its size.
        self.crystal = mlp(self.asked_width + 6 + 1, channels, channels)
        self.layers = nn.ModuleList(PairLayer(channels) for _ in range(num_layers))
        self.norm = nn.LayerNorm(channels)
        self.score = nn.Linear(channels, 3)
        self.logits = nn.Linear(channels, len(elements))
        self.lattice = mlp(channels, channels, 6)

    def forward(
        self,
        crystals: Crystals,
        t: Float[Tensor, " crystals"],
        condition: Float[Tensor, "crystals properties"] | None = None,
    ) -> Denoised:
        """What stands behind crystals with noise of time t.

        Raises:
            ValueError: An element is not known, or the condition does not fit.
        """
        numbers = self.scale.numbers(crystals)
        size = crystals.counts.to(numbers).log()[:, None]
        context = self.crystal(torch.cat([self.asked(t, condition), numbers, size], 1))
        h = self.elements(crystals.atomic_numbers) + context[crystals.batch]
        pairs = Pairs.of(crystals)
        for layer in self.layers:
            h = layer(h, pairs)
        h = self.norm(h)
        alpha, sigma = lattice_shares(t[:, None])
        # In terms of velocity, so that at small t the answer is nearly the lattice itself.
        velocity = self.lattice(mean_over(h, crystals))
        return Denoised(centred(self.score(h), crystals), alpha * numbers - sigma * velocity, self.logits(h))


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs of atoms of each crystal, an atom with itself too, and what a wave sees between them."""

    senders: Int[Tensor, " pairs"]
    receivers: Int[Tensor, " pairs"]
    waves: Float[Tensor, "pairs waves"]
    share: Float[Tensor, " nodes"]

    @classmethod
    def of(cls, crystals: Crystals) -> Pairs:
        """Waves 1 to 8 along each lattice vector."""
        counts = crystals.counts
        starts = counts.cumsum(0) - counts
        heard = counts[crystals.batch]
        receivers = torch.repeat_interleave(torch.arange(crystals.num_nodes, device=heard.device), heard)
        within = torch.arange(len(receivers), device=heard.device) - (heard.cumsum(0) - heard)[receivers]
        senders = starts[crystals.batch][receivers] + within
        difference = crystals.fractional[senders] - crystals.fractional[receivers]
        frequencies = 2 * torch.pi * torch.arange(1, WAVES + 1).to(difference)
        angles = (difference[:, :, None] * frequencies).flatten(1)
        return cls(senders, receivers, torch.cat([angles.sin(), angles.cos()], 1), 1 / heard.to(difference))


class PairLayer(nn.Module):
    """One round: h ← h + update(h, mean of messages)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        # The first layer of a message acts on atoms and waves apart: n atoms cost less than n² pairs.
        self.to_receiver = nn.Linear(channels, channels)
        self.to_sender = nn.Linear(channels, channels, bias=False)
        self.to_wave = nn.Linear(6 * WAVES, channels, bias=False)
        self.message = nn.Sequential(nn.SiLU(), nn.Linear(channels, channels), nn.SiLU())
        self.update = mlp(2 * channels, channels, channels)

    def forward(self, h: Float[Tensor, "nodes channels"], pairs: Pairs) -> Float[Tensor, "nodes channels"]:
        """Features after the round."""
        x = self.norm(h)
        before = (
            self.to_receiver(x)[pairs.receivers]
            + self.to_sender(x)[pairs.senders]
            + self.to_wave(pairs.waves)
        )
        heard = torch.zeros_like(x).index_add(0, pairs.receivers, self.message(before)) * pairs.share[:, None]
        return h + self.update(torch.cat([x, heard], 1))
