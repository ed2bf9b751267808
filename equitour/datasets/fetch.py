"""Published files: fetched once from a pinned address, checked by sha256, kept in a cache, never half-written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIRROR, CACHE = "EQUITOUR_DATA", "EQUITOUR_CACHE"


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file of a published set.

    Attributes:
        name: Where it lies in a mirror folder and in the cache, ``acac/train_300K.xyz``.
        url: Its address at a fixed commit; None when it is only to be had from a mirror.
        sha256: Of its content; None when the publisher's whole file was never at hand, and then the hash of the
            first download is kept beside it and asked for ever after.
    """

    name: str
    url: str | None = None
    sha256: str | None = None


class UnwritableCache(OSError):
    """The cache folder refuses a file: no place on the internet mends that."""


def cache_folder() -> Path:
    """Where fetched files are kept: ``EQUITOUR_CACHE``, or the system's usual place."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("equitour"))


def digest(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def expected(file: RemoteFile, path: Path) -> str | None:
    """The hash that a file must have: the pinned one, or that of its first download."""
    noted = note_of(path)
    return file.sha256 or (noted.read_text().strip() if noted.exists() else None)


def intact(file: RemoteFile, path: Path) -> bool:
    """Whether the file is there and is the right one.

    Raises:
        ValueError: when it is there and is another one.
    """
    if not path.is_file():
        return False
    wanted = expected(file, path)
    if wanted is not None and digest(path) != wanted:
        raise ValueError(
            f"The file {path} must have the sha256 {wanted[:12]}…, but it has {digest(path)[:12]}…; "
            "it is damaged or another version, so delete it and load again."
        )
    return True


def find(name: str, forms: Sequence[Sequence[RemoteFile]], *, instead: str) -> list[Path]:
    """Local paths of a set's files, in the first form that can be had; fetches what is missing.

    A set may be had in several forms: the publisher's own files, or parts of them in a mirror. The cache is asked
    first, then the mirror that ``EQUITOUR_DATA`` names (a folder or an address), else the publisher.

    Raises:
        FileNotFoundError: when no form can be had; the sentence names the file, the folder where it may be put by
            hand and a set that is always at hand, or that the cache cannot be written.
        ValueError: when a file is not what its sha256 says.
    """
    mirror, failures = os.environ.get(MIRROR, ""), []
    for place in [cache_folder()] + ([Path(mirror)] if mirror and "://" not in mirror else []):
        for form in forms:
            if all(intact(file, place / file.name) for file in form):
                return [place / file.name for file in form]
    for form in forms:
        sources = [address(file, mirror) for file in form]
        if None in sources:
            continue
        try:
            return [download(file, source) for file, source in zip(form, sources, strict=True)]
        except UnwritableCache as failure:
            raise FileNotFoundError(f"The set {name!r} must be kept somewhere, but {failure}.") from None
        except OSError as failure:
            failures.append(f"{failure}")
    missing = forms[0][0]
    tried = "; ".join(failures) or (
        f"{mirror} does not hold it" if mirror else "its publisher offers no plain file"
    )
    raise FileNotFoundError(
        f"The set {name!r} needs the file {Path(missing.name).name}, which could not be had ({tried}); put it by hand "
        f"into {(cache_folder() / missing.name).parent}, or name a folder or server that has it in {MIRROR}; "
        f"in its place use {instead}."
    )


def address(file: RemoteFile, mirror: str) -> str | None:
    """Where to fetch a file from: the mirror server when one is named, nowhere else then."""
    if mirror:
        return f"{mirror.rstrip('/')}/{file.name}" if "://" in mirror else None
    return file.url


def download(file: RemoteFile, url: str) -> Path:
    """Fetch one file into the cache; only a whole and right file ever gets its final name.

    Raises:
        UnwritableCache: when the cache cannot be written.
        OSError: when the server cannot be reached, stops half-way or has no such file.
        ValueError: when what came is not what the sha256 says.
    """
    import pooch
    from requests.exceptions import RequestException

    path = cache_folder() / file.name
    # Two kernels that fetch the same file at the same time do not write into each other's.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        quiet = os.environ.get("EQUITOUR_QUIET") == "1"
        pooch.HTTPDownloader(progressbar=not quiet, timeout=30)(url, str(part), None)
        found = digest(part)
        if file.sha256 is not None and found != file.sha256:
            raise ValueError(
                f"The file from {url} must have the sha256 {file.sha256[:12]}…, but what came has {found[:12]}…; "
                "it was cut short or changed on the way, so try again or put the file in by hand."
            )
        os.replace(part, path)
        if file.sha256 is None:
            note_of(path).write_text(found + "\n")
    except RequestException as failure:
        raise ConnectionError(f"{url}: {reason(failure)}") from None
    except OSError as failure:
        raise UnwritableCache(
            f"the cache folder {path.parent} cannot be written ({failure.strerror}); name another one in {CACHE}"
        ) from None
    finally:
        if part.is_file():
            part.unlink()
    return path


def note_of(path: Path) -> Path:
    """Where the hash of a first download stands."""
    return path.with_name(path.name + ".sha256")


def discard(forms: Sequence[Sequence[RemoteFile]]) -> list[Path]:
    """Delete from the cache what no pinned hash vouches for, when it turns out to be something else; the paths.

    A network that wants a log-in answers every request with its own page, and would be believed for ever.
    """
    kept = [cache_folder() / file.name for form in forms for file in form if file.sha256 is None]
    doubtful = [path for path in kept if path.is_file()]
    for path in doubtful:
        path.unlink()
        note_of(path).unlink(missing_ok=True)
    return doubtful


def reason(failure: Exception) -> str:
    """One short clause instead of a library's whole story."""
    response = getattr(failure, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    kinds = {
        "ConnectTimeout": "no answer in time",
        "ReadTimeout": "the server fell silent",
        "ChunkedEncodingError": "the server stopped half-way",
        "ConnectionError": "no connection",
    }
    return kinds.get(type(failure).__name__, type(failure).__name__)
