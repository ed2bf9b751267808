"""What atoms carry: vectors as arrows, 3x3 tensors as ellipsoids, scalars as colours."""

from typing import Any

import numpy as np

from equitour.view.frames import to_array
from equitour.view.style import CYCLE, VERMILLION, rgb

# What the arrows of a normal mode wear.
DISPLACEMENT_COLOUR = rgb(VERMILLION)

_SHAPES = {"vectors": (3,), "tensors": (3, 3), "scalars": ()}
_CURES = {
    "vectors": "give every atom three components",
    "tensors": "give every atom a 3x3 matrix (irreps: convert them with CartesianTensor.from_irreps)",
    "scalars": "give every atom one number",
}


def field(
    name: str,
    values: Any,
    *,
    scale: float | None = None,
    limits: tuple[float, float] | None = None,
    colour: str | None = None,
) -> dict:
    """A named field on the atoms, where the defaults of `scene` are not enough.

    Args:
        name: What it is, with its unit: `"force (eV/Å)"`.
        values: (atoms, ...) for all frames or (frames, atoms, ...), or a list with one array per frame.
        scale: Å drawn per unit of the field (arrows and ellipsoids); by default the longest arrow has 1.0 to 1.6 Å
            with the size of the structure, the longest half axis of an ellipsoid 0.9 Å.
        limits: The two ends of the colour bar (scalars).
        colour: `"#rrggbb"` of the arrows.
    """
    return {"name": name, "values": values, "scale": scale, "limits": limits, "colour": colour}


def read_fields(kind: str, given: Any, counts: list[int], size: float) -> list[dict]:
    """Fields with flat values (all atoms of all frames, ...) out of whatever `scene` was given for this kind.

    `size` is the radius of the structure in Å: in a small molecule arrows are shorter than in a crystal.
    """
    if given is None:
        return []
    if isinstance(given, dict) and "values" in given:
        given = [given]
    if isinstance(given, dict):
        given = [field(str(name), values) for name, values in given.items()]
    if not (isinstance(given, list) and given and isinstance(given[0], dict)):
        given = [field(kind[:-1], given)]
    fields = [one | {"values": _flat(kind, one, counts)} for one in given]
    return _with_defaults(kind, fields, size)


def _flat(kind: str, one: dict, counts: list[int]) -> np.ndarray:
    tail, values = _SHAPES[kind], one["values"]
    if isinstance(values, list) and len(values) == len(counts) and len(set(counts)) > 1:
        parts = [to_array(value) for value in values]
        if all(part.shape == (count, *tail) for part, count in zip(parts, counts, strict=True)):
            return _finite(kind, one["name"], np.concatenate(parts))
        raise _wrong_shape(kind, one["name"], counts, [part.shape for part in parts])
    values = to_array(values)
    if len(set(counts)) == 1 and values.shape == (counts[0], *tail):
        values = np.broadcast_to(values, (len(counts), counts[0], *tail))
    if len(set(counts)) > 1 or values.shape != (len(counts), counts[0], *tail):
        raise _wrong_shape(kind, one["name"], counts, values.shape)
    return _finite(kind, one["name"], values.reshape(-1, *tail))


def _wrong_shape(kind: str, name: str, counts: list[int], received: Any) -> ValueError:
    atoms = f"{counts[0]}" if len(set(counts)) == 1 else "one list entry per frame, its atoms"
    tail = "".join(f", {size}" for size in _SHAPES[kind])
    return ValueError(
        f"{kind} '{name}' must have the shape ({atoms}{tail}) or ({len(counts)}, {atoms}{tail}), received {received}: {_CURES[kind]}"
    )


def _finite(kind: str, name: str, values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError(
            f"{kind} '{name}' must be finite, received {int((~np.isfinite(values)).sum())} values that are not: "
            "look for the step that produced them"
        )
    return values


def _with_defaults(kind: str, fields: list[dict], size: float) -> list[dict]:
    drawn = min(max(0.7 * size, 1.0), 1.6) if kind == "vectors" else 0.9
    longest = max((_longest(kind, one["values"]) for one in fields), default=0.0) or 1.0
    for index, one in enumerate(fields):
        one["scale"] = one["scale"] or drawn / longest
        colours = (VERMILLION, *[colour for colour in CYCLE if colour != VERMILLION])
        one["colour"] = rgb(one["colour"] or colours[index % len(colours)])
        if kind == "scalars":
            one["limits"], one["signed"] = colour_limits(one["values"], one["limits"])
    return fields


def _longest(kind: str, values: np.ndarray) -> float:
    if kind == "vectors":
        return float(np.linalg.norm(values, axis=-1).max())
    if kind == "tensors":
        return float(np.abs(np.linalg.eigvalsh((values + values.swapaxes(-1, -2)) / 2)).max())
    return 0.0


def colour_limits(values: np.ndarray, limits: tuple[float, float] | None = None) -> tuple[list[float], bool]:
    """Ends of a colour bar, and whether its colours diverge from zero: they do when the values have both signs."""
    low, high = (float(values.min()), float(values.max())) if limits is None else map(float, limits)
    signed = low < 0 < high
    if signed and limits is None:
        low, high = -max(-low, high), max(-low, high)
    if limits is None and 0 <= low < 0.1 * high:
        low = 0.0
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    return [low, high], signed


def ellipsoid_axes(tensors: np.ndarray) -> np.ndarray:
    """Symmetric part of each tensor with eigenvalues kept off zero, so that a flat ellipsoid stays visible."""
    symmetric = (tensors + tensors.swapaxes(-1, -2)) / 2
    values, vectors = np.linalg.eigh(symmetric)
    thin = 0.05 * np.abs(values).max(axis=-1, keepdims=True)
    kept = np.where(values < 0, -1.0, 1.0) * np.maximum(np.abs(values), thin)
    return np.einsum("nij,nj,nkj->nik", vectors, kept, vectors)
