"""The text twin of every panel: the same numbers in words and tables, for readers who cannot see the picture."""

import math
from html import escape
from typing import Any

import numpy as np

_ROWS = 60


def table(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    """Header and rows of what a panel shows at this frame (at most 60 rows)."""
    return _TABLES[panel["kind"]](panel, min(frame, panel["frames"] - 1))


def html_words(panel: dict, frame: int) -> str:
    """Title, description and table of one panel as escaped HTML."""
    head, rows = table(panel, frame)
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    title = f"<b>{escape(panel['title'])}</b> " if panel["title"] else ""
    heads = "".join(f"<th>{escape(word)}</th>" for word in head)
    return f"<p>{title}{escape(panel['alt'])}</p><details><summary>Numbers</summary><table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table></details>"


def plain_words(panel: dict, frame: int) -> str:
    """The same as plain text."""
    head, rows = table(panel, frame)
    lines = [
        " ".join(part for part in (panel["title"], panel["alt"]) if part),
        "\t".join(head),
        *map("\t".join, rows),
    ]
    return "\n".join(lines)


def _structure(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    start, stop = (int(value) for value in panel["offsets"][frame : frame + 2])
    fields = [one for kind in ("vectors", "tensors", "scalars") for one in panel[kind]]
    head = ["atom", "element", "x (Å)", "y (Å)", "z (Å)", *[one["name"] for one in fields]]
    first = 0 if len(panel["numbers"]) == len(panel["positions"]) else -start
    rows = []
    for atom in range(start, min(stop, start + _ROWS)):
        symbol = panel["elements"][str(int(panel["numbers"][atom + first]))]["symbol"]
        values = [_numbers(one["values"][atom]) for one in fields]
        rows.append(
            [str(atom - start), symbol, *[f"{value:.3f}" for value in panel["positions"][atom]], *values]
        )
    return head, rows


def _harmonics(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    values = panel["values"][frame]
    rows = []
    for degree in range(panel["lmax"] + 1):
        part = values[degree**2 : (degree + 1) ** 2]
        rows.append([str(degree), f"{math.sqrt(float(part @ part)):.4f}", _numbers(part)])
    return ["l", "norm", "components, m = -l to l"], rows


def _matrix(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    columns = panel["columns"] or [str(index) for index in range(panel["shape"][1])]
    rows = panel["rows"] or [str(index) for index in range(panel["shape"][0])]
    values = panel["values"][frame]
    return ["row", *map(str, columns)], [
        [str(name), *[f"{v:.3f}" for v in row]]
        for name, row in zip(rows[:_ROWS], values[:_ROWS], strict=True)
    ]


def _bars(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    labels = panel["labels"] or [str(index) for index in range(panel["count"])]
    values = zip(labels, panel["values"][frame], panel["values"][0], strict=True)
    return ["bar", "value", "first frame"], [
        [str(name), f"{now:.4f}", f"{first:.4f}"] for name, now, first in list(values)[:_ROWS]
    ]


def _curve(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    head = [panel["xlabel"] or "x", *[one["name"] for one in panel["series"]]]
    every = max(1, math.ceil(len(panel["x"]) / _ROWS))
    chosen = [frame] if panel["moving"] and frame < len(panel["x"]) else range(0, len(panel["x"]), every)
    return head, [
        [
            f"{panel['x'][i]:.4g}",
            *[f"{one['values'][min(frame, len(one['values']) - 1)][i]:.4g}" for one in panel["series"]],
        ]
        for i in chosen
    ]


def _points(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    head = ["point", "group", *[label or "xy"[index] for index, label in enumerate(panel["labels"])]]
    names = [panel["names"][group] for group in panel["group"]]
    places = panel["points"][frame]
    return head, [
        [str(i), str(names[i]), *[f"{v:.4g}" for v in places[i]]] for i in range(min(len(places), _ROWS))
    ]


def _numbers(values: Any) -> str:
    return ", ".join(f"{float(value):.4g}" for value in np.ravel(values))


def _motion(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    head, rows = _structure(panel, 0)
    moved = panel["motion"][frame]
    return [*head, "displacement (longest = 1)"], [
        [*row, _numbers(moved[atom])] for atom, row in enumerate(rows)
    ]


def _spectrum(panel: dict, frame: int) -> tuple[list[str], list[list[str]]]:
    head = [
        "mode",
        "frequency",
        *[f"{row['name']} ({row['unit']})" if row["unit"] else row["name"] for row in panel["rows"]],
    ]
    return head, [
        [str(mode), name, *[f"{row['heights'][mode]:.4g}" for row in panel["rows"]]]
        for mode, name in enumerate(panel["labels"][:_ROWS])
    ]


_TABLES = {
    "structure": _structure,
    "harmonics": _harmonics,
    "matrix": _matrix,
    "bars": _bars,
    "curve": _curve,
    "points": _points,
    "motion": _motion,
    "spectrum": _spectrum,
}
