"""What a viewer draws: the atoms of every frame as plain arrays, read from graphs, ASE's atoms or bare positions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

ATOM_LIMIT = 20_000
NUMBER_LIMIT = 6_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """The atoms at one place of the slider; lengths in Å, `cell` rows are vectors, None without a cell."""

    positions: Float[np.ndarray, "atoms 3"]
    numbers: Int[np.ndarray, " atoms"]
    cell: Float[np.ndarray, "3 3"] | None
    pbc: tuple[bool, bool, bool]
    edges: tuple[np.ndarray, np.ndarray, np.ndarray] | None


def to_array(values: Any) -> np.ndarray:
    """A float64 array of a tensor (on any device, with or without gradient), a list or an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, (list, tuple)) and values and hasattr(values[0], "detach"):
        values = [value.detach().cpu().numpy() for value in values]
    return np.asarray(values, dtype=np.float64)


def read_frames(structure: Any) -> list[Frame]:
    """Read one structure, a list of them, positions (frames, atoms, 3), or a pair (structure, positions)."""
    if isinstance(structure, tuple) and len(structure) == 2 and _is_structure(structure[0]):
        return _moved(_read_one(structure[0]), to_array(structure[1]))
    if _is_structure(structure):
        frames = [_read_one(structure)]
    elif isinstance(structure, (list, tuple)) and structure and _is_structure(structure[0]):
        frames = [_read_one(one) for one in structure]
    else:
        frames = _bare(to_array(structure))
    _check(frames)
    return frames


def _is_structure(value: Any) -> bool:
    return hasattr(value, "positions") and (hasattr(value, "atomic_numbers") or hasattr(value, "numbers"))


def _read_one(structure: Any) -> Frame:
    return _from_graph(structure) if hasattr(structure, "senders") else _from_ase(structure)


def _from_graph(graph: Any) -> Frame:
    cells, periodic = to_array(graph.cell).reshape(-1, 3, 3), np.asarray(graph.pbc.cpu()).reshape(-1, 3)
    if len(cells) > 1:
        raise ValueError(
            f"a viewer shows one structure at a time, received a batch of {len(cells)} graphs: "
            "pass graph.split() to see them as frames, or one of them"
        )
    edges = (
        to_array(graph.senders).astype(np.int64),
        to_array(graph.receivers).astype(np.int64),
        to_array(graph.cell_shifts).astype(np.int64).reshape(-1, 3),
    )
    return _frame(to_array(graph.positions), to_array(graph.atomic_numbers), cells[0], periodic[0], edges)


def _from_ase(atoms: Any) -> Frame:
    return _frame(
        to_array(atoms.positions), atoms.numbers, to_array(atoms.cell[:]), np.asarray(atoms.pbc), None
    )


def _frame(positions: np.ndarray, numbers: Any, cell: np.ndarray, periodic: np.ndarray, edges: Any) -> Frame:
    shown = cell if periodic.any() and np.abs(cell).max() > 0 else None
    pbc = tuple(bool(value) for value in periodic) if shown is not None else (False, False, False)
    return Frame(
        positions=positions, numbers=np.asarray(numbers, dtype=np.int64), cell=shown, pbc=pbc, edges=edges
    )


def _bare(positions: np.ndarray) -> list[Frame]:
    if positions.ndim == 2:
        positions = positions[None]
    if positions.ndim != 3 or positions.shape[-1] != 3:
        raise ValueError(
            f"bare positions must have the shape (frames, atoms, 3), received {tuple(positions.shape)}: "
            "pass a graph, a list of graphs, or an array of that shape"
        )
    none = Frame(
        positions=positions[0],
        numbers=np.zeros(positions.shape[1], int),
        cell=None,
        pbc=(False,) * 3,
        edges=None,
    )
    return _moved(none, positions)


def _moved(frame: Frame, positions: np.ndarray) -> list[Frame]:
    """The same atoms and the same cell at other positions (frames, atoms, 3)."""
    if positions.ndim == 2:
        positions = positions[None]
    if positions.shape[1:] != frame.positions.shape:
        raise ValueError(
            f"positions must have the shape (frames, {len(frame.positions)}, 3) for this structure, "
            f"received {tuple(positions.shape)}: give each atom three coordinates in every frame"
        )
    frames = [
        Frame(positions=place, numbers=frame.numbers, cell=frame.cell, pbc=frame.pbc, edges=frame.edges)
        for place in positions
    ]
    _check(frames)
    return frames


def _check(frames: list[Frame]) -> None:
    for index, frame in enumerate(frames):
        atoms = len(frame.positions)
        if atoms == 0:
            raise ValueError(
                f"a structure must have at least one atom, received none in frame {index}: leave this frame out"
            )
        if atoms > ATOM_LIMIT:
            raise ValueError(
                f"a viewer draws at most {ATOM_LIMIT:,} atoms, received {atoms:,}: cut out a region, for example "
                "atoms[distances < 15.0], or thin the sample"
            )
        if not np.isfinite(frame.positions).all():
            bad = int(np.flatnonzero(~np.isfinite(frame.positions).all(axis=1))[0])
            raise ValueError(
                f"positions must be finite, received {frame.positions[bad].tolist()} for atom {bad} of frame {index}: "
                "look for the step that produced it"
            )
    total = 3 * sum(len(frame.positions) for frame in frames)
    if total > NUMBER_LIMIT:
        raise ValueError(
            f"a viewer holds at most {NUMBER_LIMIT:,} coordinates, received {total:,}: show every tenth frame or fewer atoms"
        )
