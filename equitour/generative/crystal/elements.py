"""What every denoiser of crystals needs at its entrance: elements, hidden or known, and the time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.generative.crystal.crystals import HIDDEN

WAVES = 8


class ElementTable(nn.Module):
    """A row for each known element, and one for hidden.

    Args:
        elements: Atomic numbers.
        channels: Length of a row.
    """

    def __init__(self, elements: Sequence[int], channels: int) -> None:
        super().__init__()
        index = torch.full((119,), -1)
        index[HIDDEN] = 0
        index[list(elements)] = torch.arange(1, len(elements) + 1)
        self.register_buffer("index", index)
        self.register_buffer("numbers", torch.tensor([int(z) for z in elements]))
        self.rows = nn.Embedding(len(elements) + 1, channels)

    def forward(self, atomic_numbers: Int[Tensor, " nodes"]) -> Float[Tensor, "nodes channels"]:
        """Rows of atoms.

        Raises:
            ValueError: An element is not known.
        """
        places = self.index[atomic_numbers]
        if (places < 0).any():
            strange = sorted(set(atomic_numbers[places < 0].tolist()))
            raise ValueError(
                f"elements must be among those learnt, {self.numbers.tolist()}, received atomic numbers {strange}: "
                "train on crystals that hold them"
            )
        return self.rows(places)

    def classes(self, atomic_numbers: Int[Tensor, " nodes"]) -> Int[Tensor, " nodes"]:
        """Place of each element among the logits."""
        return self.index[atomic_numbers] - 1


class Waves(nn.Module):
    """The time t from 0 to 1 as waves, and a layer that reads them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(2 * WAVES, channels), nn.SiLU(), nn.Linear(channels, channels))

    def forward(self, t: Float[Tensor, " crystals"]) -> Float[Tensor, "crystals channels"]:
        """A row for each time."""
        return self.read(waves(t))


def waves(t: Float[Tensor, " crystals"]) -> Float[Tensor, "crystals waves"]:
    """sin and cos of π t / 2, π t, …: the first tells all times apart, the higher ones tell them apart finely."""
    angles = t[:, None] * (torch.pi / 2 * torch.arange(1, WAVES + 1).to(t))
    return torch.cat([angles.sin(), angles.cos()], 1)
