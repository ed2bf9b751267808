"""Figures that stand still: matplotlib as inline SVG that takes its ink from the page, so that dark themes work."""

import io
import re
import uuid
from html import escape
from typing import Any

from equitour.view import style

_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

_SIZE_LIMIT = 2_000_000


def axes(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] | None = None, **subplots: Any
) -> tuple[Any, Any]:
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
        ValueError: If `alt` is empty, or if the drawing would make the notebook heavy.
    """
    if not alt.strip():
        raise ValueError(
            "a picture needs words for those who cannot see it, received an empty alt: say in a sentence what it shows"
        )
    figure = getattr(figure, "figure", None) or figure
    svg = _themed_svg(_svg(figure))
    if len(svg) > _SIZE_LIMIT:
        raise ValueError(
            f"a picture must stay below {_SIZE_LIMIT / 1e6:.0f} MB, received {len(svg) / 1e6:.1f} MB: draw the many points with rasterized=True"
        )
    return Picture(_figure_html(svg, alt), alt)


def _svg(figure: Any) -> str:
    """Draw as SVG with plain words as text in the page's font and formulas as outlines."""
    import matplotlib
    from matplotlib.backends.backend_mixed import MixedModeRenderer
    from matplotlib.backends.backend_svg import RendererSVG

    class Renderer(RendererSVG):
        def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
            # A formula is set glyph by glyph with the widths of one font, so only its outlines come out right everywhere.
            with matplotlib.rc_context({"svg.fonttype": "path" if ismath else "none"}):
                super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)

    buffer, dpi = io.StringIO(), figure.dpi
    with style.rc_context():
        _finish(figure)
        figure.dpi = 72
        width, height = figure.get_size_inches()
        inner = Renderer(72 * width, 72 * height, buffer, image_dpi=150, metadata={"Date": None})
        renderer = MixedModeRenderer(figure, width, height, 150, inner)
        figure.draw(renderer)
        renderer.finalize()
        figure.dpi = dpi
    return buffer.getvalue()


def _finish(figure: Any) -> None:
    """Bring what matplotlib styles at the moment of the call (titles, legends, white grounds) into house style."""
    from matplotlib.colors import to_hex

    for patch in [figure.patch, *[axis.patch for axis in figure.axes]]:
        if to_hex(patch.get_facecolor()) == "#ffffff":
            patch.set_facecolor("none")
    for axis in figure.axes:
        if (title := axis.get_title(loc="center")) and not axis.get_title(loc="left"):
            axis.set_title("", loc="center")
            axis.set_title(title, loc="left", color=style.INK)
        if legend := axis.get_legend():
            legend.get_frame().set(facecolor="none", edgecolor="none")


def _themed_svg(svg: str) -> str:
    """Black and house ink become the page's own text colour; ids become unique to this figure."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(rf"(?i){style.INK}|#000000|(?<=: )black(?=[;\"])", "currentColor", svg)
    svg = re.sub(r"font-family: [^;\"]+;? ?", "", svg)
    svg = re.sub(r"\s+", " ", svg)
    mark = "f" + uuid.uuid4().hex[:6]
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{mark}-", svg)


def _figure_html(svg: str, alt: str) -> str:
    width = float(re.search(r'width="([\d.]+)pt"', svg).group(1))
    opening = (
        f'<svg role="img" aria-label="{escape(alt)}" fill="currentColor" stroke-linejoin="round" '
        f'style="width:100%;max-width:{round(width * 4 / 3)}px;height:auto;overflow:visible;font-family:{_FONTS}" '
    )
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2).replace("<svg ", opening, 1)
    return (
        '<figure style="margin:.5em 0;color:var(--jp-content-font-color1,inherit)">'
        f'{svg}<details style="font-size:.9em;opacity:.85;margin-top:.3em"><summary>In words</summary>{escape(alt)}</details></figure>'
    )
