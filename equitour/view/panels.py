"""Flat panels as plain data: a matrix as a heat map, bars, curves and points in the plane."""

from typing import Any

import numpy as np

from equitour.view.fields import colour_limits
from equitour.view.frames import NUMBER_LIMIT, to_array

_CELL_LIMIT = 10_000


def matrix(
    values: Any,
    *,
    title: str = "",
    rows: list[str] | None = None,
    columns: list[str] | None = None,
    blocks: list[int] | None = None,
    limits: tuple[float, float] | None = None,
    alt: str | None = None,
) -> dict:
    """A heat map that follows the slider: a Wigner matrix, a Gram matrix, any matrix.

    Args:
        values: (rows, columns) or (frames, rows, columns).
        title: Stands above the panel.
        rows: One label per row.
        columns: One label per column.
        blocks: Sizes of diagonal blocks, `[1, 3, 5]`, whose borders are drawn.
        limits: The two ends of the colour bar.
        alt: Words for the picture.

    Raises:
        ValueError: For another shape, more than 10,000 cells, or values that are not finite.
    """
    values = _frames_of(values, 2, "matrix values", "(rows, columns) or (frames, rows, columns)")
    frames, height, width = values.shape
    if height * width > _CELL_LIMIT:
        raise ValueError(
            f"a matrix panel draws at most {_CELL_LIMIT:,} cells, received {height} x {width}: show a block of it"
        )
    _match(rows, height, "rows")
    _match(columns, width, "columns")
    ends, signed = colour_limits(values, limits)
    panel = {
        "kind": "matrix",
        "title": title,
        "frames": frames,
        "shape": [height, width],
        "values": values.astype(np.float32),
    }
    panel |= {"rows": rows, "columns": columns, "blocks": blocks, "limits": ends, "signed": signed}
    return panel | {"alt": alt or f"A heat map of {height} rows and {width} columns."}


def bars(
    values: Any,
    *,
    labels: list[str] | None = None,
    title: str = "",
    limits: tuple[float, float] | None = None,
    groups: list[int] | None = None,
    alt: str | None = None,
) -> dict:
    """Bars that follow the slider, with a thin mark at the height of the first frame: what is invariant stays on it.

    Args:
        values: (bars) or (frames, bars).
        labels: One label per bar.
        title: Stands above the panel.
        limits: Lower and upper end of the axis.
        groups: Sizes of neighbouring groups, `[1, 3, 5]`, coloured in turn.
        alt: Words for the picture.

    Raises:
        ValueError: For another shape, labels that do not match, or values that are not finite.
    """
    values = _frames_of(values, 1, "bar values", "(bars) or (frames, bars)")
    frames, count = values.shape
    _match(labels, count, "labels")
    low, high = limits or (min(float(values.min()), 0.0), max(float(values.max()), 0.0))
    if high - low < 1e-12:
        low, high = 0.0, 1.0
    group = np.repeat(np.arange(len(groups)), groups).tolist() if groups else [0] * count
    _match(group, count, "groups")
    panel = {
        "kind": "bars",
        "title": title,
        "frames": frames,
        "count": count,
        "values": values.astype(np.float32),
    }
    return panel | {"labels": labels, "limits": [low, high], "group": group, "alt": alt or f"{count} bars."}


def curve(
    x: Any,
    y: Any,
    *,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    alt: str | None = None,
) -> dict:
    """Curves with a marker that follows the slider, or curves that change with it.

    Args:
        x: (points).
        y: (points), with a marker at the frame's point when there are as many points as frames; (frames, points) for
            a curve that changes; or `{"name": array}` for several.
        title: Stands above the panel.
        xlabel: Of the horizontal axis, with its unit.
        ylabel: Of the vertical axis, with its unit.
        alt: Words for the picture.

    Raises:
        ValueError: For shapes that do not match x, or values that are not finite.
    """
    x = _frames_of(x, 1, "x", "(points)")[0]
    named = y if isinstance(y, dict) else {ylabel or "y": y}
    series = {
        str(name): _frames_of(values, 1, f"curve '{name}'", f"({len(x)}) or (frames, {len(x)})")
        for name, values in named.items()
    }
    if wrong := [values.shape for values in series.values() if values.shape[1] != len(x)]:
        raise ValueError(
            f"every curve must have as many points as x, {len(x)}, received {wrong[0]}: evaluate it at x"
        )
    changing = max(len(values) for values in series.values())
    panel = {
        "kind": "curve",
        "title": title,
        "frames": changing if changing > 1 else len(x),
        "moving": changing == 1,
    }
    panel |= {
        "x": x.astype(np.float32),
        "series": [{"name": name, "values": values.astype(np.float32)} for name, values in series.items()],
    }
    panel |= {"xlabel": xlabel, "ylabel": ylabel, "named": isinstance(y, dict)}
    stacked = np.concatenate([values.ravel() for values in series.values()])
    panel["limits"] = [float(x.min()), float(x.max()), float(stacked.min()), float(stacked.max())]
    return panel | {"alt": alt or f"Curves of {', '.join(series)} against {xlabel or 'x'}."}


def points2d(
    points: Any,
    *,
    groups: list[str] | None = None,
    scalars: Any = None,
    lines: Any = None,
    title: str = "",
    labels: tuple[str, str] = ("", ""),
    alt: str | None = None,
) -> dict:
    """Points in the plane that follow the slider, both axes at the same scale.

    Args:
        points: (points, 2) or (frames, points, 2).
        groups: One name per point; each name has its colour and its shape.
        scalars: One number per point, (points) or (frames, points), as colour instead of groups.
        lines: Resting lines behind the points: a list of (corners, 2).
        title: Stands above the panel.
        labels: Of the horizontal and the vertical axis.
        alt: Words for the picture.

    Raises:
        ValueError: For another shape, groups that do not match, or values that are not finite.
    """
    points = _frames_of(points, 2, "points", "(points, 2) or (frames, points, 2)")
    if points.shape[2] != 2:
        raise ValueError(
            f"points in the plane must have two coordinates, received {points.shape[2]}: use view.scene for three"
        )
    frames, count, _ = points.shape
    _match(groups, count, "groups")
    lines = [to_array(line) for line in (lines or [])]
    names = list(dict.fromkeys(groups or [""]))
    panel = {
        "kind": "points",
        "title": title,
        "frames": frames,
        "count": count,
        "points": points.astype(np.float32),
    }
    panel |= {
        "names": names,
        "group": [names.index(name) for name in groups] if groups else [0] * count,
        "scalars": None,
    }
    if scalars is not None:
        colours = _frames_of(scalars, 1, "scalars", f"({count}) or ({frames}, {count})")
        ends, signed = colour_limits(colours)
        panel |= {"scalars": colours.astype(np.float32), "colour_limits": ends, "signed": signed}
    everything = np.concatenate([points.reshape(-1, 2), *[line.reshape(-1, 2) for line in lines]])
    (left, bottom), (right, top) = everything.min(axis=0), everything.max(axis=0)
    panel |= {
        "lines": [line.astype(np.float32) for line in lines],
        "limits": [left, right, bottom, top],
        "labels": list(labels),
    }
    panel["limits"] = [float(value) for value in panel["limits"]]
    return panel | {"alt": alt or f"{count} points in the plane."}


def _frames_of(values: Any, dimensions: int, what: str, shape: str) -> np.ndarray:
    values = to_array(values)
    if values.ndim == dimensions:
        values = values[None]
    if values.ndim != dimensions + 1 or values.size == 0:
        raise ValueError(
            f"{what} must have the shape {shape}, received {values.shape}: add or take away an axis"
        )
    if values.size > NUMBER_LIMIT:
        raise ValueError(
            f"a panel holds at most {NUMBER_LIMIT:,} numbers, received {values.size:,}: show every tenth frame"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{what} must be finite, received {int((~np.isfinite(values)).sum())} values that are not: look for their source"
        )
    return values


def _match(labels: Any, count: int, what: str) -> None:
    if labels is not None and len(labels) != count:
        raise ValueError(
            f"{what} must name each of the {count} entries, received {len(labels)}: give one label per entry"
        )
