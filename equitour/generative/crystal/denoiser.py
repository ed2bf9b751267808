"""What every denoiser of crystals has: elements, hidden or known, time, properties asked for, the scale of lattices, usual sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        properties: Names of numbers that crystals may be asked to have, each with its mean and spread in the data.
        **more: Settings of the network itself.
    """

    def __init__(
        self,
        scale: LatticeScale | None,
        *,
        elements: Sequence[int],
        channels: int,
        sizes: Sequence[Sequence[int]],
        properties: Mapping[str, Sequence[float]],
        **more: object,
    ) -> None:
        super().__init__()
        sizes = [[int(atoms), int(times)] for atoms, times in sizes]
        self.settings = {
            "elements": [int(z) for z in elements],
            "channels": channels,
            "sizes": sizes,
            "properties": {name: [float(x) for x in pair] for name, pair in properties.items()},
        } | more
        self.scale = scale or LatticeScale()
        self.elements = ElementTable(elements, channels)

    @classmethod
    def of(
        cls,
        crystals: Crystals,
        *,
        properties: Mapping[str, Float[Tensor, " crystals"]] | None = None,
        **settings: object,
    ) -> CrystalDenoiser:
        """A network with fresh weights, scaled for these crystals, their elements, and properties that are known of them."""
        sizes = torch.stack(crystals.counts.unique(return_counts=True), 1).tolist()
        elements = crystals.atomic_numbers.unique().tolist()
        scales = {name: _mean_and_spread(name, values) for name, values in (properties or {}).items()}
        return cls(LatticeScale.of(crystals), elements=elements, sizes=sizes, properties=scales, **settings)

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

    @property
    def properties(self) -> list[str]:
        """Names of the properties that crystals may be asked to have, in the order of the columns of a condition."""
        return list(self.settings["properties"])

    @property
    def asked_width(self) -> int:
        """Columns of `asked`."""
        return 2 * WAVES + 2 * len(self.properties)

    def asked(
        self, t: Float[Tensor, " crystals"], condition: Float[Tensor, "crystals properties"] | None
    ) -> Float[Tensor, "crystals asked"]:
        """Of each crystal: waves of its time, then each property in units of its spread and a mark whether it is told.

        Raises:
            ValueError: The condition has another number of properties than the model knows.
        """
        shape = (len(t), len(self.properties))
        told = t.new_full(shape, torch.nan) if condition is None else condition.to(t)
        if told.shape != shape:
            raise ValueError(
                f"a condition must have a row for each crystal and a column for each of {self.properties}, "
                f"received shape {tuple(told.shape)} for {len(t)} crystals: fill with NaN what is not asked"
            )
        scales = t.new_tensor(list(self.settings["properties"].values())).view(-1, 2)
        told = (told - scales[:, 0]) / scales[:, 1]
        return torch.cat([waves(t), told.nan_to_num(), told.isfinite().to(t)], 1)


def _mean_and_spread(name: str, values: Tensor) -> tuple[float, float]:
    known = values[values.isfinite()].double()
    if len(known) < 2 or known.std() == 0:
        raise ValueError(
            f"a property must differ among the crystals to be learnt, received {name} with {len(known)} known values"
            + (", all alike" if len(known) > 1 else "")
            + ": leave it out"
        )
    return known.mean().item(), known.std().item()


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


def waves(t: Float[Tensor, " crystals"]) -> Float[Tensor, "crystals waves"]:
    """sin and cos of π t / 2, π t, …: the first tells all times apart, the higher ones tell them apart finely."""
    angles = t[:, None] * (torch.pi / 2 * torch.arange(1, WAVES + 1).to(t))
    return torch.cat([angles.sin(), angles.cos()], 1)


def mlp(width_in: int, width: int, width_out: int) -> nn.Sequential:
    """Two layers."""
    return nn.Sequential(nn.Linear(width_in, width), nn.SiLU(), nn.Linear(width, width_out))
