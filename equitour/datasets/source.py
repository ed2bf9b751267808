"""What `load` needs to know of a set, whichever of the three kinds it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from equitour.datasets.shelf import Item, read_arrays, unpack

Raw = tuple[Sequence[Item], Mapping[str, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a set comes from, and the cutoff (Å, or reduced units) that suits it when none is asked for.

    ``read(count, generator)`` gives items and what they share; only closed-form sets use the generator.
    """

    kind: str
    cutoff: float
    card: Mapping[str, object]
    read: Callable[[int | None, torch.Generator], Raw]


def shipped(name: str, card: Mapping[str, object]) -> Source:
    """A set on the shelf, described by its line in the manifest."""

    def read(count: int | None, generator: torch.Generator) -> Raw:
        arrays = read_arrays(name)
        shared = {k.removeprefix("shared."): a for k, a in arrays.items() if k.startswith("shared.")}
        return unpack(arrays)[:count], shared

    return Source(kind="shipped", cutoff=float(card.get("cutoff", 5.0)), card=card, read=read)
