"""What every published set needs: its files' addresses at a fixed commit, a reader, and what to use instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from equitour.datasets.fetch import RemoteFile, discard, find
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
        paths = find(name, forms, instead=instead)
        try:
            items, shared = read(*paths)
            trouble = None if items else ValueError("no structures")
        except Exception as error:  # As many kinds as there are readers.
            trouble = error
        if trouble is not None:
            raise ValueError(unreadable(name, paths, discard(forms), trouble)) from trouble
        return items[:count], shared

    return Source(kind="public", cutoff=cutoff, card=dict(card) | {"instead": instead}, read=fetch)


def unreadable(name: str, paths: Sequence[Path], deleted: Sequence[Path], trouble: Exception) -> str:
    """One sentence for files that are not what their publisher offers."""
    files = ", ".join(path.name for path in paths)
    reason = f"{type(trouble).__name__}: {trouble}".splitlines()[0]
    cure = (
        "what came is deleted; a network that wants a log-in answers so: log in, and load again"
        if deleted
        else f"look at {paths[0].parent}, and put the right ones there"
    )
    return f"The files of the set {name!r} ({files}) must hold its structures, but they do not ({reason}); {cure}."


def packed(name: str, url: str, sha256: str, packed_sha256: str) -> list[list[RemoteFile]]:
    """Two forms of one file: the publisher's, or the same gzipped in a mirror."""
    return [
        [RemoteFile(name=name, url=url, sha256=sha256)],
        [RemoteFile(name=name + ".gz", sha256=packed_sha256)],
    ]
