"""What every published set needs: its files' addresses at a fixed commit, a reader, and what to use instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from equitour.datasets.fetch import RemoteFile, find
from equitour.datasets.source import Raw, Source


def github(repository: str, commit: str, path: str) -> str:
    """The address of a file in a public repository, as it was at one commit."""
    return f"https://github.com/{repository}/raw/{commit}/{path}"


def entry(
    name: str,
    forms: Sequence[Sequence[RemoteFile]],
    read: Callable[..., Raw],
    *,
    instead: str,
    card: Mapping[str, object],
    cutoff: float = 5.0,
) -> Source:
    """A published set as `load` sees it: nothing is fetched before it is asked for."""

    def fetch(count: int | None, generator: torch.Generator) -> Raw:
        items, shared = read(*find(name, forms, instead=instead))
        return items[:count], shared

    return Source(kind="public", cutoff=cutoff, card=dict(card) | {"instead": instead}, read=fetch)


def packed(name: str, url: str, sha256: str, packed_sha256: str) -> list[list[RemoteFile]]:
    """Two forms of one file: the publisher's, or the same gzipped in a mirror."""
    return [
        [RemoteFile(name=name, url=url, sha256=sha256)],
        [RemoteFile(name=name + ".gz", sha256=packed_sha256)],
    ]
