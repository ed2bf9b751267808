"""One door to all sets: `load`, `describe`, `available`."""

from __future__ import annotations

import difflib

import torch

from equitour.datasets import public_molecules, public_solids
from equitour.datasets.closed_form import CLOSED_FORM
from equitour.datasets.describe import Catalogue, Description
from equitour.datasets.record import Dataset, from_items
from equitour.datasets.shelf import read_manifest
from equitour.datasets.source import Source, shipped


def sources() -> dict[str, Source]:
    """Every name that `load` knows, closed-form sets first, then shipped, then public."""
    on_the_shelf = {name: shipped(name, card) for name, card in read_manifest().items()}
    return CLOSED_FORM | on_the_shelf | public_molecules.sources() | public_solids.sources()


def source(name: str) -> Source:
    """The source of a set, or a sentence that names the nearest ones.

    Raises:
        ValueError: when no set has this name.
    """
    known = sources()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or [k for k in known if name in k][:3]
        hint = f"did you mean {', '.join(map(repr, near))}? " if near else ""
        raise ValueError(
            f"The name of a set must be one of equitour.datasets.available(), received {name!r}; {hint}"
            "See available() for all of them."
        )
    return known[name]


def load(
    name: str,
    *,
    cutoff: float | None = None,
    dtype: torch.dtype = torch.float64,
    count: int | None = None,
    generator: torch.Generator | None = None,
) -> Dataset:
    """Structures as graphs, with their labels beside them.

    Args:
        name: One of `available()`, for example ``"molecules_md/ethanol"``.
        cutoff: Longest edge in Å (reduced units for model liquids); None takes what suits the set.
        dtype: Of positions and labels.
        count: Only the first so many items; for closed-form sets, how many to make.
        generator: Chance of closed-form sets; None is a fresh one with seed 0, so that a class sees one picture.

    Raises:
        ValueError: when there is no such set, or a file is not what its sha256 says.
        FileNotFoundError: when a public set cannot be fetched; the sentence says where to put the file by hand.
    """
    found = source(name)
    if count is not None and count < 1:
        raise ValueError(f"count must be at least 1, received {count}; leave it out for the whole set.")
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    items, shared = found.read(count, generator)
    return from_items(
        name,
        items,
        cutoff=found.cutoff if cutoff is None else cutoff,
        dtype=dtype,
        shared=shared,
        card=found.card,
    )


def describe(name: str) -> Description:
    """What a set is, how it was made, its units, licence and citation; nothing is loaded or fetched.

    Raises:
        ValueError: when there is no such set.
    """
    found = source(name)
    return Description(name=name, kind=found.kind, card=found.card)


def available(kind: str | None = None) -> Catalogue:
    """All sets as a table; ``kind`` keeps only ``"closed form"``, ``"shipped"`` or ``"public"``."""
    return Catalogue([(name, s.kind, s.card) for name, s in sources().items() if kind in (None, s.kind)])
