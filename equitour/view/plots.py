"""Figures that stand still: matplotlib as inline SVG that takes its ink from the page, so that dark themes work."""

import io
import re
import uuid
from html import escape
from typing import Any

from equitour.view import style

_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


def axes(rows: int = 1, columns: int = 1, *, size: tuple[float, float] | None = None, **subplots: Any) -> tuple[Any, Any]:
    """An empty figure in house style, not registered with pyplot, so nothing is drawn twice.

    Args:
        rows: Rows of axes.
        columns: Columns of axes.
        size: Width and height in inches; by default 4.6 by 3.1 for one axes and 3.6 by 2.9 for each of several.
        **subplots: Passed on to `matplotlib.figure.Figure.subplots` (`sharex`, `width_ratios`, ...).

    Returns:
        The figure and its axes, as `matplotlib.pyplot.subplots` returns them.
    """
    from matplotlib.figure import Figure

    alone = rows == columns == 1
    width, height = size or ((4.6, 3.1) if alone else (3.6 * columns, 2.9 * rows))
    with style.rc_context():
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(rows, columns, **subplots)


class Picture:
    """A figure that stands still, as HTML with its description in words."""

    def __init__(self, html: str, alt: str):
        """Keep the drawn HTML and the words that say the same."""
        self.html, self.alt = html, alt

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def picture(figure: Any, *, alt: str) -> Picture:
    """Show a matplotlib figure as inline SVG: sharp at any size, in the ink of the page, with words for a screen reader.

    Args:
        figure: A matplotlib figure (or an axes, whose figure is meant).
        alt: What the picture shows, in a sentence or two; numbers that matter belong here.

    Raises:
        ValueError: If `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("a picture needs words for those who cannot see it, received an empty alt: say in a sentence what it shows")
    figure = getattr(figure, "figure", None) or figure
    return Picture(_figure_html(_themed_svg(_svg(figure)), alt), alt)


def _svg(figure: Any) -> str:
    for axis in figure.axes:
        if legend := axis.get_legend():
            legend.get_frame().set(facecolor="none", edgecolor="none")
    buffer = io.StringIO()
    with style.rc_context():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _themed_svg(svg: str) -> str:
    """Black and house ink become the page's own text colour; ids become unique to this figure."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(rf"(?i){style.INK}|#000000|(?<=: )black", "currentColor", svg)
    svg = re.sub(r"font-family: ?[^;\"]+|font: [^;\"]*", lambda match: _house_font(match.group()), svg)
    mark = "f" + uuid.uuid4().hex[:6]
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{mark}-", svg)


def _house_font(declaration: str) -> str:
    """Replace the family that matplotlib measured with by the page's, which is never wider."""
    if "math" in declaration or "cm" in declaration.split("'")[0].split():
        return declaration
    if declaration.startswith("font-family"):
        return f"font-family: {_FONTS}"
    size = re.search(r"([\w ]*?[\d.]+px)", declaration)
    return f"font: {size.group(1).strip()} {_FONTS}" if size else declaration


def _figure_html(svg: str, alt: str) -> str:
    width = re.search(r'width="([\d.]+)pt"', svg)
    pixels = round(float(width.group(1)) * 4 / 3) if width else 460
    opening = (
        f'<svg role="img" aria-label="{escape(alt)}" fill="currentColor" '
        f'style="width:100%;max-width:{pixels}px;height:auto;overflow:visible" '
    )
    svg = re.sub(r'<svg (.*?)width="[\d.]+pt"', lambda match: opening + match.group(1), svg, count=1, flags=re.DOTALL)
    svg = re.sub(r' height="[\d.]+pt"', "", svg, count=1)
    return (
        '<figure style="margin:.5em 0;color:var(--jp-content-font-color1,inherit)">'
        f'{svg}<details style="font-size:.9em;opacity:.85;margin-top:.3em"><summary>In words</summary>{escape(alt)}</details></figure>'
    )
