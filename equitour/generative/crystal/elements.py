"""What every denoiser of crystals has: elements, hidden or known, the time, the scale of lattices, usual sizes of cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.generative.crystal.crystals import HIDDEN, Crystals
from equitour.generative.crystal.lattice import LatticeScale

WAVES = 8


class CrystalDenoiser(nn.Module):
    """What networks that denoise crystals share.

    Args:
        scale: Of the lattices that it learns from.
        elements: Atomic numbers that it knows.
        channels: Width of its layers.
        sizes: Pairs of a number of atoms and how many of the crystals learnt had it.
        **more: Settings of the network itself.
    """

    def __init__(
        self,
        scale: LatticeScale | None,
        *,
        elements: Sequence[int],
        channels: int,
        sizes: Sequence[Sequence[int]],
        **more: object,
    ) -> None:
        super().__init__()
        sizes = [[int(atoms), int(times)] for atoms, times in sizes]
        self.settings = {"elements": [int(z) for z in elements], "channels": channels, "sizes": sizes} | more
        self.scale = scale or LatticeScale()
        self.elements = ElementTable(elements, channels)

    @classmethod
    def of(cls, crystals: Crystals, **settings: object) -> CrystalDenoiser:
        """A network with fresh weights, scaled for these crystals and their elements."""
        sizes = torch.stack(crystals.counts.unique(return_counts=True), 1).tolist()
        elements = crystals.atomic_numbers.unique().tolist()
        return cls(LatticeScale.of(crystals), elements=elements, sizes=sizes, **settings)

    @property
    def numbers(self) -> Int[Tensor, " elements"]:
        """Atomic numbers in the order of the logits."""
        return self.elements.numbers

    def draw_sizes(self, count: int, generator: torch.Generator | None = None) -> Int[Tensor, " count"]:
        """Numbers of atoms as often as among the crystals learnt.

        Raises:
            ValueError: The network was built without them.
        """
        sizes = self.settings["sizes"]
        if not sizes:
            raise ValueError(
                "sizes must be known to be drawn, received a denoiser without them: build it with `of`, or say how many atoms"
            )
        atoms, times = torch.tensor(sizes).unbind(1)
        return atoms[torch.multinomial(times.double(), count, replacement=True, generator=generator)]


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
