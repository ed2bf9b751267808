"""The door for structures: what comes in is read, checked, and refused in one clear sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ase import Atoms

READABLE = ("cif", "vasp", "xyz", "extxyz")


def read_structure(path: Path) -> Atoms:
    """The last structure of a CIF, POSCAR, xyz or extxyz file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is of another kind or cannot be understood.
    """
    from ase.io import read
    from ase.io.formats import UnknownFileTypeError, filetype

    if not path.is_file():
        raise FileNotFoundError(
            f"a structure file must exist, received {path}: check the name and the folder"
        )
    try:
        kind = filetype(str(path))
    except (UnknownFileTypeError, OSError, UnicodeDecodeError):
        kind = "unknown"
    # Only plain-text formats pass: some that ASE reads are pickles, which run whatever they carry.
    if kind not in READABLE:
        raise ValueError(
            f"a structure file must be CIF, POSCAR, xyz or extxyz, received {path.name} ({kind}): "
            "convert it, or read it with ase.io.read and pass the Atoms"
        )
    try:
        return read(path, index=-1, format=kind)
    except Exception as error:  # ASE's readers fail in as many ways as there are broken files.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"a structure file must be readable as {kind}, received {path.name} ({reason}): "
            "mend it or export it again"
        ) from None


def require_structure(positions: Tensor, atomic_numbers: Tensor, cell: Tensor, pbc: Tensor) -> None:
    """Raise ValueError unless these arrays describe atoms of known elements in a cell with a volume."""
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise ValueError(
            f"positions must have shape (nodes, 3), received {tuple(positions.shape)}: one row of x, y, z an atom"
        )
    if len(positions) == 0:
        raise ValueError("a structure must have at least one atom, received none: check how it was read")
    if atomic_numbers.shape != positions.shape[:1]:
        raise ValueError(
            f"atomic_numbers must have shape ({len(positions)},), received {tuple(atomic_numbers.shape)}: "
            "one number an atom"
        )
    _require_finite(positions)
    _require_elements(atomic_numbers)
    _require_volume(cell, pbc)


def require_apart(lengths: Tensor, pairs: Tensor, *, min_distance: float) -> None:
    """Raise ValueError when an edge (its length in Å, its two atoms) is shorter than min_distance."""
    close = (lengths < min_distance).nonzero().flatten()
    if len(close) == 0:
        return
    first, second = sorted(pairs[:, close[0]].tolist())
    raise ValueError(
        f"atoms must be at least {min_distance} Å apart, received atoms {first} and {second} at "
        f"{float(lengths[close[0]]):.3f} Å: remove the duplicate, or pass min_distance=0 to let them overlap"
    )


def _require_finite(positions: Tensor) -> None:
    bad = (~torch.isfinite(positions).all(dim=1)).nonzero().flatten().tolist()
    if bad:
        raise ValueError(
            f"positions must be finite, received NaN or infinity at {_some(bad)}: mend or drop the structure"
        )


def _require_elements(atomic_numbers: Tensor) -> None:
    bad = ((atomic_numbers < 1) | (atomic_numbers > 118)).nonzero().flatten().tolist()
    if bad:
        raise ValueError(
            f"atomic numbers must lie between 1 and 118, received {int(atomic_numbers[bad[0]])} at {_some(bad)}: "
            "name the element (ASE's unknown element X has number 0)"
        )


def _require_volume(cell: Tensor, pbc: Tensor) -> None:
    if cell.shape != (3, 3):
        raise ValueError(
            f"cell must have shape (3, 3), received {tuple(cell.shape)}: rows are lattice vectors"
        )
    if not bool(torch.isfinite(cell).all()):
        raise ValueError("cell must be finite, received NaN or infinity: give lattice vectors in Å")
    repeating = cell[pbc].double()
    if len(repeating) == 0:
        return
    # Heights relative to lengths, so that neither units nor cell size matter.
    lengths = torch.linalg.vector_norm(repeating, dim=1)
    flatness = torch.linalg.svdvals(repeating).min() / lengths.max().clamp_min(1e-300)
    if lengths.min() == 0 or flatness < 1e-8:
        raise ValueError(
            "a periodic cell must have a volume, received lattice vectors that are zero or linearly dependent: "
            "give independent rows, or pbc=False for a molecule"
        )


def _some(indices: list[int], shown: int = 3) -> str:
    text = ", ".join(str(index) for index in indices[:shown])
    more = f" and {len(indices) - shown} more" if len(indices) > shown else ""
    return f"atom{'s' if len(indices) > 1 else ''} {text}{more}"
