"""Response tensors from extxyz files, and the physics that tells a right one from a wrong one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equitour.cli.structure_files import StructureFile, frames_in
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from ase import Atoms

    from equitour.models import TensorKind

# Names under which other programs write the same.
ALIASES = {
    "born_effective_charges": ("born_charges", "becs", "bec"),
    "raman_tensors": ("raman",),
    "shielding": ("magnetic_shielding", "ms"),
    "dielectric": ("dielectric_tensor", "epsilon"),
}
# A symmetric pair of indices may differ by so much of the tensors' size: finite differences are not exact.
SYMMETRIC = 0.02


def read_tensors(path: Path, names: Sequence[str]) -> StructureFile:
    """Read structures that carry these tensors, row by row: 9 columns for "ij", 27 for "ijk".

    Rows of nan are tensors that nobody computed; they do not count. A dielectric tensor or polarizability that no
    material can have becomes one of them, and is reported.

    Raises:
        Trouble: The file cannot be read, a tensor is missing, has another shape, or its indices stand in another order.
    """
    from equitour.models import TENSORS

    frames = frames_in(path)
    if not frames:
        raise Trouble(f"a data file must hold structures, received {path.name} without any: export it again")
    labels = [
        {name: _tensors(atoms, name, TENSORS[name], f"structure {place} of {path.name}") for name in names}
        for place, atoms in enumerate(frames)
    ]
    for name in names:
        _require_order(np.concatenate([found[name].reshape(-1, *_shape(TENSORS[name])) for found in labels]),
                       name, TENSORS[name], path)  # fmt: skip
        _drop_impossible(labels, name, path)
    of_atoms = frozenset(name for name in names if TENSORS[name].per == "node")
    return StructureFile(path, frames, labels, {}, of_atoms)


def _shape(kind: TensorKind) -> tuple[int, ...]:
    return (3,) * len(kind.tensor.indices)


def _tensors(atoms: Atoms, name: str, kind: TensorKind, where: str) -> np.ndarray:
    """The tensors of one structure as (atoms, 3, …, 3) or (3, …, 3)."""
    results = atoms.calc.results if atoms.calc is not None else {}
    shelves = (results, atoms.arrays if kind.per == "node" else atoms.info)
    for key in (name, *ALIASES.get(name, ())):
        for shelf in shelves:
            if shelf.get(key) is not None:
                return _shaped(
                    np.asarray(shelf[key], dtype=np.float64), name, kind, len(atoms), f"{key!r} of {where}"
                )
    there = sorted({*results, *atoms.info, *atoms.arrays} - {"numbers", "positions"})
    raise Trouble(
        f"every structure must carry {name}, received {where} without (it has {', '.join(there) or 'no labels'}): "
        f"write atoms.{'arrays' if kind.per == 'node' else 'info'}[{name!r}], with nan where there is none"
    )


def _shaped(value: np.ndarray, name: str, kind: TensorKind, atoms: int, where: str) -> np.ndarray:
    shape = _shape(kind)
    rows = (atoms,) if kind.per == "node" else ()
    wanted = int(np.prod(shape))
    if value.size != wanted * int(np.prod(rows)) or np.isinf(value).any():
        each = "an atom" if rows else "a structure"
        found = (
            "infinite ones" if np.isinf(value).any() else f"{value.size / max(1, np.prod(rows, dtype=int)):g}"
        )
        cure = f"tensors.reshape({'len(atoms), ' if rows else ''}{wanted})"
        raise Trouble(
            f"{name} must hold {wanted} finite numbers {each} ({', '.join(kind.indices)}; row by row), "
            f"received {found} as {where}: write {cure}"
        )
    return value.reshape(*rows, *shape)


def _require_order(tensors: np.ndarray, name: str, kind: TensorKind, path: Path) -> None:
    """Refuse tensors that are symmetric in other indices than their kind is."""
    tensors = tensors[np.isfinite(tensors.reshape(len(tensors), -1)).all(1)]
    wanted = _symmetric_pairs(kind)
    broken = [pair for pair in wanted if _asymmetry(tensors, pair) > SYMMETRIC]
    if not broken:
        return
    rank = len(kind.indices)
    found = [pair for pair in combinations(range(rank), 2) if _asymmetry(tensors, pair) <= SYMMETRIC]
    must = f"{name} must be symmetric in its {_named(wanted[0])} index ({', '.join(kind.indices)})"
    if not found or rank != 3:
        raise Trouble(
            f"{must}, received {path.name}, where they differ by {100 * _asymmetry(tensors, broken[0]):.0f} % of the "
            "tensors' size and no other pair is symmetric: check the file's order of atoms, indices and columns"
        )
    # The index that stands alone goes first, the symmetric pair behind it.
    alone = ({0, 1, 2} - set(found[0])).pop()
    order = (0, alone + 1, *(place + 1 for place in found[0]))
    raise Trouble(
        f"{must}, received {path.name}, where the {_named(found[0])} are: write "
        f"tensors.reshape(-1, 3, 3, 3).transpose{order}.reshape(-1, 27)"
    )


def _asymmetry(tensors: np.ndarray, pair: tuple[int, int]) -> float:
    """Root mean square of what changes when two indices change places, in the size of the tensors."""
    size = np.sqrt((tensors**2).mean()) if tensors.size else 0.0
    difference = tensors - np.swapaxes(tensors, pair[0] + 1, pair[1] + 1)
    return float(np.sqrt((difference**2).mean()) / size) if size else 0.0


def _symmetric_pairs(kind: TensorKind) -> list[tuple[int, int]]:
    """Pairs of indices that the formula lets change places."""
    first, *others = kind.formula.split("=")
    pairs = []
    for other in others:
        moved = [place for place, letter in enumerate(other) if letter != first[place]]
        if len(moved) == 2:
            pairs.append((moved[0], moved[1]))
    return pairs


def _named(pair: tuple[int, int]) -> str:
    ordinals = ("first", "second", "third", "fourth")
    return f"{ordinals[pair[0]]} and {ordinals[pair[1]]}"


def _drop_impossible(labels: list[dict[str, np.ndarray]], name: str, path: Path) -> None:
    """Put nan in the place of tensors that break a law of physics, and say so.

    A constant field never lowers the energy of bound charges less than none does: polarizabilities have positive
    eigenvalues, and dielectric tensors eigenvalues above 1.
    """
    least = {"dielectric": 1.0, "polarizability": 0.0}.get(name)
    if least is None:
        return
    broken = []
    for place, found in enumerate(labels):
        tensor = found[name]
        if np.isfinite(tensor).all() and np.linalg.eigvalsh((tensor + tensor.T) / 2).min() <= least:
            found[name] = np.full_like(tensor, np.nan)
            broken.append(place)
    if broken:
        print(
            f"{path.name}: {len(broken)} of {len(labels)} {name} tensors have an eigenvalue of {least:g} or less, "
            f"which no material has, and are left out (structures {', '.join(map(str, broken))})",
            file=sys.stderr,
        )
