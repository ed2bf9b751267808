"""Predicted against reference, one small picture per irrep block, with the errors measured from what is drawn."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from equitour.view import style
from equitour.view.frames import to_array
from equitour.view.plots import Picture, axes, picture

# Colour and shape together tell the groups apart.
_MARKS = ("o", "s", "^", "D", "v", "P")
_RASTERIZED_FROM = 1500


class Parity(Picture):
    """A picture that also holds what it says: `rmse`, `r2` and `count` by the name of each block."""

    def __init__(self, drawn: Picture, scores: dict[str, dict]):
        """Keep the drawn picture and the scores of its panels."""
        super().__init__(drawn.html, drawn.alt)
        self.rmse = {name: score["rmse"] for name, score in scores.items()}
        self.r2 = {name: score["r2"] for name, score in scores.items()}
        self.count = {name: score["count"] for name, score in scores.items()}


def parity(
    predicted: Any,
    reference: Any,
    *,
    irreps: Any = None,
    formula: Any = None,
    blocks: Mapping[str, Any] | None = None,
    groups: Any = None,
    unit: str = "",
    title: str = "",
) -> Parity:
    """Predictions against references, one panel per irrep block, each with its own error: which l is learnt, which is not.

    RMSE = sqrt(mean (p - r)²) and R² = 1 - Σ (p - r)² / Σ (r - b)² over all numbers of the block. b is the best guess that
    knows no environment: the mean of the references for l = 0 (of each group, where groups are given), and zero for
    l > 0, because a constant other than zero would not turn with the structure. So R² does not change with the frame.

    Args:
        predicted: (samples, dim) components with `irreps`, or (samples, 3, ..., 3) with `formula`; further axes in
            front are samples too. Without both, all numbers stand in one panel.
        reference: The same shape.
        irreps: `"0e + 1e + 2e"`: which columns belong together.
        formula: Index symmetry of Cartesian tensors, `"ij"` or a `CartesianTensor`; they are taken apart into irreps.
        blocks: Instead of irreps, columns by name: `{"diagonal": [0, 4, 8]}`.
        groups: One name per sample (an element, a molecule), told apart by colour and shape.
        unit: Of the numbers.
        title: Stands above all panels.

    Raises:
        ValueError: For shapes that do not match, values that are not finite, or more than one way to make blocks.
    """
    p, r, columns = _blocks(predicted, reference, irreps, formula, blocks)
    names = _names(groups, p)
    scores = {
        name: _scores(p[:, chosen], r[:, chosen], names, even) for name, (chosen, even) in columns.items()
    }
    drawn = {name: (p[:, chosen], r[:, chosen]) for name, (chosen, _) in columns.items()}
    figure = _figure(drawn, scores, names, unit, title)
    return Parity(picture(figure, alt=_words(scores, names, unit, title)), scores)


def _blocks(predicted: Any, reference: Any, irreps: Any, formula: Any, blocks: Any) -> tuple:
    if sum(option is not None for option in (irreps, formula, blocks)) > 1:
        raise ValueError(
            "parity takes one of irreps, formula and blocks, received several: formula is for Cartesian tensors, irreps for components"
        )
    p, r = _pair(predicted, reference)
    if formula is not None:
        p, r, irreps = _apart(p, r, formula)
    if irreps is not None:
        return (*_flat(p, r, irreps), _irrep_columns(irreps))
    if blocks is not None:
        p, r = p.reshape(-1, p.shape[-1]), r.reshape(-1, r.shape[-1])
        return p, r, {str(name): (_columns(name, one, p.shape[1]), True) for name, one in blocks.items()}
    p, r = (p.reshape(len(p), -1), r.reshape(len(r), -1)) if p.ndim else (p[None, None], r[None, None])
    return p, r, {"all": (np.arange(p.shape[1]), True)}


def _pair(predicted: Any, reference: Any) -> tuple[np.ndarray, np.ndarray]:
    p, r = to_array(predicted), to_array(reference)
    if p.shape != r.shape or p.size == 0:
        raise ValueError(
            f"predicted and reference must have one shape, received {p.shape} and {r.shape}: a parity plot pairs number with number"
        )
    for name, values in (("predicted", p), ("reference", r)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"{name} must be finite, received {int((~np.isfinite(values)).sum())} values that are not: "
                "leave out the samples without a label"
            )
    return p, r


def _apart(p: np.ndarray, r: np.ndarray, formula: Any) -> tuple[np.ndarray, np.ndarray, str]:
    """Cartesian tensors taken apart into irreps."""
    import torch

    from equitour.symmetry import CartesianTensor

    tensor = CartesianTensor(formula) if isinstance(formula, str) else formula
    rank = len(tensor.indices)
    if p.shape[-rank:] != (3,) * rank:
        raise ValueError(
            f"tensors '{tensor.formula}' must have the shape (samples{', 3' * rank}), received {p.shape}: give the Cartesian axes last, each of length 3"
        )
    p, r = (tensor.to_irreps(torch.from_numpy(values)).numpy() for values in (p, r))
    return p, r, str(tensor.irreps)


def _flat(p: np.ndarray, r: np.ndarray, irreps: Any) -> tuple[np.ndarray, np.ndarray]:
    from e3nn import o3

    dim = o3.Irreps(irreps).dim
    if p.ndim < 1 or p.shape[-1] != dim:
        raise ValueError(
            f"components of {irreps} must have the shape (samples, {dim}), received {p.shape}: give one row per sample and one column per component"
        )
    return p.reshape(-1, dim), r.reshape(-1, dim)


def _irrep_columns(irreps: Any) -> dict[str, tuple[np.ndarray, bool]]:
    """The columns of every kind of irrep, and whether its mean may differ from zero."""
    from e3nn import o3

    irreps = o3.Irreps(irreps)
    found: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    for (mul, irrep), part in zip(irreps, irreps.slices(), strict=True):
        found.setdefault(str(irrep), []).extend(range(part.start, part.stop))
        counts[str(irrep)] = counts.get(str(irrep), 0) + mul
    return {
        (name if counts[name] == 1 else f"{counts[name]}x{name}"): (
            np.array(columns),
            o3.Irrep(name).l == 0,
        )
        for name, columns in found.items()
    }


def _columns(name: Any, chosen: Any, width: int) -> np.ndarray:
    columns = np.atleast_1d(np.asarray(chosen, dtype=int))
    if columns.size == 0 or columns.min() < 0 or columns.max() >= width:
        raise ValueError(
            f"block '{name}' must name columns 0 to {width - 1}, received {columns.tolist()}: count the last axis from 0"
        )
    return columns


def _names(groups: Any, p: np.ndarray) -> list[str]:
    if groups is None:
        return [""] * len(p)
    names = [str(name) for name in groups]
    if len(names) != len(p):
        raise ValueError(
            f"groups must name each of the {len(p)} samples, received {len(names)}: give one name per row"
        )
    return names


def _scores(p: np.ndarray, r: np.ndarray, names: list[str], even: bool) -> dict:
    guess = np.zeros_like(r)
    if even:
        for name in dict.fromkeys(names):
            rows = np.array([one == name for one in names])
            guess[rows] = r[rows].mean(axis=0)
    missed, spread = float(((p - r) ** 2).sum()), float(((r - guess) ** 2).sum())
    # References that do not differ from the guess, up to rounding, leave nothing to explain.
    known = spread > 1e-20 * max(float((r**2).sum()), 1e-300)
    return {
        "rmse": math.sqrt(missed / p.size),
        "r2": 1 - missed / spread if known else math.nan,
        "count": int(p.size),
    }


def _figure(drawn: dict, scores: dict, names: list[str], unit: str, title: str) -> Any:
    columns = len(drawn) if len(drawn) <= 4 else math.ceil(len(drawn) / math.ceil(len(drawn) / 4))
    rows = math.ceil(len(drawn) / columns)
    figure, grid = axes(rows, columns, size=(max(2.75 * columns, 3.2), 2.95 * rows), squeeze=False)
    for axis in grid.ravel()[len(drawn) :]:
        axis.set_axis_off()
    for index, (name, axis) in enumerate(zip(drawn, grid.ravel(), strict=False)):
        _panel(axis, *drawn[name], names)
        axis.set_title(name if name != "all" else "", loc="left", fontsize=10.5)
        axis.text(0.04, 0.96, _told(scores[name], unit), transform=axis.transAxes, va="top", fontsize=9)
        axis.set_xlabel(f"reference ({unit})" if unit else "reference")
        if index % columns == 0:
            axis.set_ylabel(f"predicted ({unit})" if unit else "predicted")
    if any(names):
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower left",
            ncols=min(len(labels), 6),
            frameon=False,
            markerscale=1.6,
        )
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=style.INK)
    return figure


def _panel(axis: Any, p: np.ndarray, r: np.ndarray, names: list[str]) -> None:
    low, high = min(p.min(), r.min()), max(p.max(), r.max())
    middle, half = (low + high) / 2, 0.56 * (high - low) or max(abs(low), 1.0) * 0.1
    ends = (middle - half, middle + half)
    axis.plot(ends, ends, color=style.INK, linewidth=1, alpha=0.45, zorder=1)
    size = 26 if p.size < 80 else 12 if p.size < 600 else 5
    for index, name in enumerate(dict.fromkeys(names)):
        rows = np.array([one == name for one in names])
        mark = {"color": style.CYCLE[index % len(style.CYCLE)], "marker": _MARKS[index % len(_MARKS)]}
        axis.scatter(
            r[rows], p[rows], s=size, alpha=0.85, linewidths=0, label=name or None, zorder=2,
            rasterized=p.size > _RASTERIZED_FROM, **mark,
        )  # fmt: skip
    axis.set(xlim=ends, ylim=ends, aspect="equal")
    axis.locator_params(nbins=5)


def _told(score: dict, unit: str) -> str:
    return f"RMSE {_short(score['rmse'])}{' ' + unit if unit else ''}\n{_explained(score['r2'])}"


def _explained(r2: float) -> str:
    if math.isnan(r2):
        return "R²: reference constant"
    # What is nearly perfect keeps digits until it differs from 1.
    return f"R² {r2:.3f}".replace("-", "−") if r2 < 0.9995 else f"R² {r2:.6f}"


def _short(value: float) -> str:
    return f"{value:.3g}".replace("e-0", "e-") if value < 1e-3 else f"{float(f'{value:.3g}'):g}"


def _words(scores: dict, names: list[str], unit: str, title: str) -> str:
    told = "; ".join(
        f"{name}: {_told(score, unit).replace(chr(10), ', ')} ({score['count']} numbers)"
        for name, score in scores.items()
    )
    grouped = f" by {', '.join(dict.fromkeys(names))}" if any(names) else ""
    return f"{title + '. ' if title else ''}Predicted against reference{grouped}, one panel per block, with the diagonal. {told}."
