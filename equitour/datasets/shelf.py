"""The shelf of shipped sets: one compressed npz a set, and a manifest that vouches for each by its sha256.

A set is a list of items of different sizes, so a file holds their atoms end to end, as a catalogue would:

- ``key`` (items) names each item, ``count`` (items) says how many atoms it has;
- ``atomic_numbers`` (nodes), ``positions`` (nodes 3, Å), ``cell`` (items 3 3, Å, rows), ``pbc`` (items 3);
- ``item.NAME`` (items ...) holds a label of the whole item, ``atom.NAME`` (nodes ...) a label of each atom,
  ``shared.NAME`` whatever all items have in common, such as a frequency axis.

Nothing is ever pickled. Files are written beside their final place and then moved, so a reader sees the old
file or the new one, never half of one. The file itself is the state of the recipe that makes it: a recipe reads
which keys are there and makes only the others.
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SHIPPED = Path(__file__).parent / "shipped"
STRUCTURE = ("key", "count", "atomic_numbers", "positions", "cell", "pbc")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One structure and what is known about it, as plain arrays.

    ``item`` holds labels of the whole (energy, dipole), ``atom`` labels with one row an atom (forces).
    """

    key: str
    atomic_numbers: np.ndarray
    positions: np.ndarray
    cell: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))
    pbc: np.ndarray = field(default_factory=lambda: np.zeros(3, dtype=bool))
    item: Mapping[str, np.ndarray | float | str] = field(default_factory=dict)
    atom: Mapping[str, np.ndarray] = field(default_factory=dict)


def pack(items: Sequence[Item], shared: Mapping[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """Lay items end to end in plain arrays.

    Raises:
        ValueError: when the items do not all carry the same labels.
    """
    first = items[0]
    for item in items:
        if set(item.item) != set(first.item) or set(item.atom) != set(first.atom):
            raise ValueError(
                f"All items of a set must carry the same labels, but {first.key!r} and {item.key!r} differ; "
                "give the missing ones as nan."
            )
    arrays = {
        "key": np.array([item.key for item in items]),
        "count": np.array([len(item.atomic_numbers) for item in items], dtype=np.int32),
        "atomic_numbers": np.concatenate([item.atomic_numbers for item in items]).astype(np.uint8),
        "positions": np.concatenate([item.positions for item in items]),
        "cell": np.stack([item.cell for item in items]),
        "pbc": np.stack([item.pbc for item in items]),
    }
    arrays |= {
        f"item.{name}": np.stack([np.asarray(item.item[name]) for item in items]) for name in first.item
    }
    arrays |= {f"atom.{name}": np.concatenate([item.atom[name] for item in items]) for name in first.atom}
    return arrays | {f"shared.{name}": np.asarray(value) for name, value in (shared or {}).items()}


def unpack(arrays: Mapping[str, np.ndarray]) -> list[Item]:
    """Cut the arrays of a file back into items; the inverse of `pack`."""
    ends = np.cumsum(arrays["count"])
    whole = {name.removeprefix("item."): a for name, a in arrays.items() if name.startswith("item.")}
    atoms = {name.removeprefix("atom."): a for name, a in arrays.items() if name.startswith("atom.")}
    return [
        Item(
            key=str(arrays["key"][i]),
            atomic_numbers=arrays["atomic_numbers"][start:end],
            positions=arrays["positions"][start:end],
            cell=arrays["cell"][i],
            pbc=arrays["pbc"][i],
            item={name: a[i] for name, a in whole.items()},
            atom={name: a[start:end] for name, a in atoms.items()},
        )
        for i, (start, end) in enumerate(zip(ends - arrays["count"], ends, strict=True))
    ]


def file_name(name: str) -> str:
    """``molecules_md/ethanol`` lies in ``molecules_md_ethanol.npz``: one flat folder."""
    return name.replace("/", "_") + ".npz"


def write_atomically(path: Path, content: bytes) -> None:
    """Write the whole content or nothing: into a neighbouring file first, then move it over the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_manifest(folder: Path = SHIPPED) -> dict[str, dict]:
    """What stands on the shelf: name -> card (sha256, bytes, items, units, licence, citation, codes, seed)."""
    path = folder / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def read_arrays(name: str, folder: Path = SHIPPED) -> dict[str, np.ndarray]:
    """Read a set's arrays after its sha256 agrees with the manifest.

    Raises:
        FileNotFoundError: when the set is not on the shelf.
        ValueError: when the file is not the one that the manifest vouches for.
    """
    card, path = read_manifest(folder).get(name), folder / file_name(name)
    if card is None or not path.exists():
        raise FileNotFoundError(
            f"The shipped set {name!r} must lie in {path}, but it is not there; "
            f"reinstall equitour or make it with `equitour data make {name.split('/')[0]}`."
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise ValueError(
            f"The file {path} must have the sha256 that the manifest states, but it has another; "
            "it was changed or damaged, so reinstall equitour."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def known_labels(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """How many items carry a label, for labels that are nan elsewhere because their recipe is not done.

    A label that is nan in part of its entries is known: shorter lists are filled up with nan.
    """
    first, found = np.cumsum(arrays["count"]) - arrays["count"], {}
    for name, values in arrays.items():
        kind, _, label = name.partition(".")
        if kind in ("item", "atom") and values.dtype.kind == "f" and len(values):
            finite = np.isfinite(values.reshape(len(values), -1)).any(1)
            known = finite if kind == "item" else np.logical_or.reduceat(finite, first)
            if not known.all():
                found[label] = int(known.sum())
    return found


def write_set(name: str, arrays: Mapping[str, np.ndarray], card: Mapping, folder: Path = SHIPPED) -> None:
    """Put a set on the shelf: the file first, then its line in the manifest."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    content = buffer.getvalue()
    write_atomically(folder / file_name(name), content)
    measured = {
        "file": file_name(name),
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "items": len(arrays["key"]),
        "atoms": int(arrays["count"].sum()),
    }
    known = known_labels(arrays)
    with alone_in(folder):
        manifest = read_manifest(folder) | {name: dict(card) | measured | ({"known": known} if known else {})}
        text = json.dumps(dict(sorted(manifest.items())), indent=1, ensure_ascii=False) + "\n"
        write_atomically(folder / "manifest.json", text.encode())


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process changes the folder: recipes that run side by side share one manifest.

    The system lets go of the lock when a process dies, however it dies. Where there are no such locks (Windows),
    recipes have to take turns.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
