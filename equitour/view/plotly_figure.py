"""Plotly figures that work offline and follow the theme of the page."""

import base64
import gzip
import sys
import uuid
from functools import cache
from html import escape
from typing import Any

from equitour.view.page import script, script_json
from equitour.view.style import CYCLE

_carried = False


class Interactive:
    """A plotly figure as HTML; the script of plotly travels in one output of the notebook for all."""

    def __init__(self, figure: Any, alt: str, embed: bool):
        """Keep the figure, its words, and whether this output carries plotly's script."""
        self.figure, self.alt, self.embed = figure, alt, embed

    def _repr_mimebundle_(self, **_: Any) -> dict:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_html(self) -> str:
        """HTML that asks nothing of the network."""
        mark = "eqp" + uuid.uuid4().hex[:10]
        data = f'{{"mark":"{mark}","alt":{script_json(self.alt)},"figure":{_figure_json(self.figure)}}}'
        carried = f'carryPlotly("{_plotly_script()}");\n' if self.embed else ""
        return (
            f'<figure style="margin:.5em 0;max-width:760px;font-family:system-ui,sans-serif;color:var(--jp-content-font-color1,inherit)"><div data-equitour-plotly="{mark}" '
            f'data-lm-suppress-shortcuts="true" role="group" aria-label="{escape(self.alt)}" style="min-height:60px"><p>{escape(self.alt)}</p></div>'
            f'<details style="font-size:.9em;opacity:.85"><summary>In words</summary>{escape(self.alt)}</details></figure>\n'
            f'<script type="module">\n{script("plotly")}\n{carried}drawPlotly({data});\n</script>'
        )

    def __repr__(self) -> str:
        return f"Interactive picture: {self.alt}"


def interactive(figure: Any, *, alt: str, embed: bool | None = None) -> Interactive:
    """Show a plotly figure that needs no network and takes its ink from the page.

    Args:
        figure: A `plotly.graph_objects.Figure`.
        alt: What the picture shows, in a sentence or two.
        embed: Whether this output carries plotly's script (2 MB). By default the first output of a session does; in
            Colab, where each output stands alone, all do.

    Raises:
        ValueError: If `alt` is empty.
    """
    global _carried
    if not alt.strip():
        raise ValueError(
            "a picture needs words for those who cannot see it, received an empty alt: say in a sentence what it shows"
        )
    if embed is None:
        embed = not _carried or "google.colab" in sys.modules
    _carried = _carried or embed
    return Interactive(figure, alt, embed)


def _figure_json(figure: Any) -> str:
    import plotly.graph_objects as objects

    styled = objects.Figure(figure)
    if styled.layout.template == objects.Figure().layout.template:
        styled.update_layout(
            template="none", colorway=list(CYCLE), margin={"l": 60, "r": 20, "t": 40, "b": 50}
        )
    if styled.layout.height is None:
        styled.update_layout(height=400)
    return styled.to_json().replace("<", "\\u003c")


@cache
def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9)).decode()
