"""What atoms carry: vectors as arrows, tensors as ellipsoids or glyphs, scalars as colours."""

from typing import Any

import numpy as np

from equitour.view.frames import to_array
from equitour.view.glyphs import with_marks
from equitour.view.style import CYCLE, VERMILLION, rgb

# What the arrows of a normal mode wear.
DISPLACEMENT_COLOUR = rgb(VERMILLION)

_SHAPES = {"vectors": [(3,)], "tensors": [(3, 3), (3, 3, 3)], "scalars": [()]}
_CURES = {
    "vectors": "give every atom three components",
    "tensors": "give every atom a 3x3 matrix or a 3x3x3 tensor (irreps: convert them with CartesianTensor.from_irreps)",
    "scalars": "give every atom one number",
}


def field(
    name: str,
    values: Any,
    *,
    scale: Any = None,
    limits: tuple[float, float] | None = None,
    colour: str | None = None,
    shape: str | None = None,
) -> dict:
    """A named field on the atoms, where the defaults of `scene` are not enough.

    Args:
        name: What it is, with its unit: `"force (eV/Å)"`.
        values: (atoms, ...) for all frames or (frames, atoms, ...), or a list with one array per frame.
        scale: Å drawn per unit of the field; by default the longest arrow has 1.0 to 1.6 Å with the size of the
            structure, the longest half axis or lobe of a tensor 0.7 of the shortest bond. For tensors a pair also sets the scale of the
            axial arrows, whose longest by default is twice as long.
        limits: The two ends of the colour bar (scalars).
        colour: `"#rrggbb"` of the arrows.
        shape: Of tensors, `"ellipsoid"` or `"glyph"`; by default an ellipsoid where all are symmetric.
    """
    return {
        "name": name,
        "values": values,
        "scale": scale,
        "limits": limits,
        "colour": colour,
        "shape": shape,
    }


def read_fields(kind: str, given: Any, counts: list[int], size: float) -> list[dict]:
    """Fields with flat values (all atoms of all frames, ...) out of whatever `scene` was given for this kind.

    `size` is what the marks have to fit to, in Å: the radius of the structure for arrows, which are shorter in a small
    molecule than in a crystal, and the shortest bond for tensors, which should not grow into each other.
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
    tails, values = _SHAPES[kind], one["values"]
    if isinstance(values, list) and len(values) == len(counts) and len(set(counts)) > 1:
        parts = [to_array(value) for value in values]
        for tail in tails:
            if all(part.shape == (count, *tail) for part, count in zip(parts, counts, strict=True)):
                return _finite(kind, one["name"], np.concatenate(parts))
        raise _wrong_shape(kind, one["name"], counts, [part.shape for part in parts])
    values = to_array(values)
    for tail in tails if len(set(counts)) == 1 else []:
        every = (len(counts), counts[0], *tail)
        if values.shape in (every, every[1:]):
            return _finite(kind, one["name"], np.broadcast_to(values, every).reshape(-1, *tail))
    raise _wrong_shape(kind, one["name"], counts, values.shape)


def _wrong_shape(kind: str, name: str, counts: list[int], received: Any) -> ValueError:
    atoms = f"{counts[0]}" if len(set(counts)) == 1 else "one list entry per frame, its atoms"
    tail = "".join(f", {size}" for size in _SHAPES[kind][0])
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
    if kind == "tensors":
        return [with_marks(one, size) for one in fields]
    drawn = min(max(0.7 * size, 1.0), 1.6)
    longest = max((_longest(kind, one["values"]) for one in fields), default=0.0) or 1.0
    for index, one in enumerate(fields):
        one["scale"] = one["scale"] or drawn / longest
        colours = (VERMILLION, *[colour for colour in CYCLE if colour != VERMILLION])
        one["colour"] = rgb(one["colour"] or colours[index % len(colours)])
        if kind == "scalars":
            one["limits"], one["signed"] = colour_limits(one["values"], one["limits"])
    return fields


def _longest(kind: str, values: np.ndarray) -> float:
    return float(np.linalg.norm(values, axis=-1).max()) if kind == "vectors" else 0.0


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
