"""Spectra whose peaks move the atoms: sticks and curves beside the structure, with no kernel behind them."""

from typing import Any

import numpy as np

from equitour.view.figure import Linked, linked
from equitour.view.frames import NUMBER_LIMIT, to_array
from equitour.view.modes import motion

Rows = dict[str, np.ndarray]


def spectrum(
    structure: Any,
    frequencies: Any,
    *,
    intensities: Any,
    displacements: Any,
    curves: Any = None,
    labels: list[str] | None = None,
    title: str = "",
    index: int | None = None,
) -> Linked:
    """A vibrational spectrum beside the moving normal mode: click a peak, or press an arrow key, and see the atoms move.

    Args:
        structure: A graph, ASE's atoms, or a panel from `scene` with one frame (for images, tensors, bonds).
        frequencies: (modes) in cm⁻¹; an imaginary frequency as a negative number.
        intensities: (modes), none negative, or several spectra above each other by name and unit:
            `{"infrared (km/mol)": array, "Raman (Å⁴/amu)": array}`. Less than a millionth of the tallest is shown as 0.
        displacements: (modes, nodes, 3), Cartesian displacements of any length (not mass-weighted).
        curves: A pair (grid, values): grid (points) in cm⁻¹; values (points), `{"computed": array, "predicted": array}`
            laid over each other, or by the names of `intensities` either of these. Within one row the curves keep
            their ratio, and the highest point of them reaches the tallest stick.
        labels: One name per mode (`"A₁"`), shown before its frequency.
        title: Names the slider.
        index: The mode to begin with; by default the strongest of the first spectrum.

    Raises:
        ValueError: For shapes that do not match, values that are not finite, negative intensities, or curves of a
            spectrum that is not among the intensities.
    """
    x = _vector("frequencies", frequencies)
    rows = _rows(intensities, len(x))
    names = _labels(x, labels)
    panel = _panel(x, rows, curves, names)
    still = motion(structure, displacements)
    if still["frames"] != len(x):
        raise ValueError(
            f"every frequency needs its displacements, received {len(x)} frequencies and {still['frames']} modes: "
            "leave the same modes out of both"
        )
    start = int(np.argmax(next(iter(rows.values())))) if index is None else index
    return linked([panel, still], labels=names, title=title or "mode", index=start)


def _vector(what: str, values: Any) -> np.ndarray:
    values = to_array(values)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(
            f"{what} must be finite with the shape (modes), received {_received(values)}: "
            "imaginary frequencies are written as negative numbers"
        )
    return values


def _received(values: np.ndarray) -> str:
    bad = int((~np.isfinite(values)).sum())
    return f"{bad} values that are not finite" if bad else str(values.shape)


def _rows(intensities: Any, modes: int) -> Rows:
    named = intensities if isinstance(intensities, dict) else {"intensity": intensities}
    rows = {str(name): to_array(values) for name, values in named.items()}
    for name, values in rows.items():
        if values.shape != (modes,) or not np.isfinite(values).all():
            raise ValueError(
                f"intensities '{name}' must be finite with the shape ({modes}), received {_received(values)}: "
                "give one number per frequency"
            )
        if values.min() < -1e-9 * max(float(values.max()), 1e-300):
            raise ValueError(
                f"intensities '{name}' must not be negative, received {values.min():.3g}: "
                "they are squares of derivatives along the mode"
            )
        # Where symmetry forbids a peak a calculation leaves its rounding; below a millionth of the tallest a mode is silent.
        rows[name] = np.where(values < 1e-6 * values.max(), 0.0, values)
    if not rows:
        raise ValueError("a spectrum needs intensities, received none: give one number per frequency")
    return rows


def _labels(x: np.ndarray, labels: list[str] | None) -> list[str]:
    if labels is not None and len(labels) != len(x):
        raise ValueError(
            f"labels must name each of the {len(x)} modes, received {len(labels)}: give one label per frequency"
        )
    told = [f"{value:.0f} cm⁻¹" if value >= -0.5 else f"{-value:.0f}i cm⁻¹" for value in x]
    return (
        told
        if labels is None
        else [f"{name} {value}".strip() for name, value in zip(labels, told, strict=True)]
    )


def _panel(x: np.ndarray, rows: Rows, curves: Any, names: list[str]) -> dict:
    grid, drawn = _curves(curves, list(rows))
    low, high = min([x.min(), *grid[:1]]), max([x.max(), *grid[-1:]])
    room = 0.04 * (high - low) or 50.0
    legend = list(dict.fromkeys(name for series in drawn.values() for name in series))
    panel = {"kind": "spectrum", "title": "", "frames": len(x), "labels": names, "legend": legend}
    panel |= {"x": x.astype(np.float32), "grid": grid.astype(np.float32)}
    panel["limits"] = [float(low - room), float(high + room)]
    panel["rows"] = [
        {
            "name": name.removesuffix(f"({_unit(name)})").strip(),
            "unit": _unit(name),
            "heights": values.astype(np.float32),
            "top": float(values.max()) or 1.0,
            "curves": [
                {"style": legend.index(one), "values": points.astype(np.float32)}
                for one, points in drawn.get(name, {}).items()
            ],
        }
        for name, values in rows.items()
    ]
    return panel | {"alt": _words(x, rows, legend, names)}


def _unit(name: str) -> str:
    """What stands in brackets at the end of a name."""
    return name[:-1].rpartition("(")[2] if name.endswith(")") and "(" in name else ""


def _curves(curves: Any, rows: list[str]) -> tuple[np.ndarray, dict[str, Rows]]:
    if curves is None:
        return np.zeros(0), {}
    if not isinstance(curves, (tuple, list)) or len(curves) != 2:
        raise ValueError(
            f"curves must be a pair (grid, values), received {type(curves).__name__}: grid is in cm⁻¹, values as high as you like"
        )
    grid, given = to_array(curves[0]), curves[1]
    by_row = isinstance(given, dict) and (
        any(isinstance(one, dict) for one in given.values()) or set(given) <= set(rows)
    )
    given = given if by_row else {rows[0]: given}
    if unknown := sorted(set(given) - set(rows)):
        raise ValueError(
            f"curves belong to the spectra {rows}, received curves of {unknown[0]!r}: use the names of intensities"
        )
    drawn = {}
    for name, series in given.items():
        series = series if isinstance(series, dict) else {"spectrum": series}
        drawn[name] = {str(one): _points(str(one), values, grid) for one, values in series.items()}
    return grid, drawn


def _points(name: str, values: Any, grid: np.ndarray) -> np.ndarray:
    values = to_array(values)
    if grid.ndim != 1 or len(grid) < 2 or not (np.diff(grid) > 0).all():
        raise ValueError(
            f"the grid of curves must rise, with the shape (points), received {grid.shape}: use linspace in cm⁻¹"
        )
    if values.shape != grid.shape or not np.isfinite(values).all():
        raise ValueError(
            f"curve '{name}' must be finite with the shape {grid.shape} of its grid, received {_received(values)}: evaluate it on the grid"
        )
    if len(values) > NUMBER_LIMIT // 100:
        raise ValueError(
            f"a curve holds at most {NUMBER_LIMIT // 100:,} points, received {len(values):,}: take a coarser grid"
        )
    return values


def _words(x: np.ndarray, rows: Rows, legend: list[str], names: list[str]) -> str:
    words = f"Spectrum of {len(x)} modes from {x.min():.0f} to {x.max():.0f} cm⁻¹"
    for name, values in rows.items():
        words += f"; {name}: strongest {names[int(values.argmax())]} with {values.max():.3g}"
    if legend:
        words += f"; curves: {', '.join(legend)}"
    return words + ". A click on a peak or an arrow key chooses the mode."
