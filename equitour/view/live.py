"""The figure's twin with a wire to Python: the same module, run by anywidget."""

import sys
from functools import cache
from typing import Any

from equitour.view import page


@cache
def _live_class() -> type:
    """The widget class, made on first use so that importing `view` does not import anywidget."""
    import anywidget
    import traitlets

    class LiveFigure(anywidget.AnyWidget):
        """A linked figure whose slider and clicks reach Python."""

        _esm = page.widget_module()
        spec = traitlets.Dict().tag(sync=True)
        index = traitlets.Int(0).tag(sync=True)
        panel = traitlets.Int(0).tag(sync=True)
        atom = traitlets.Int(None, allow_none=True).tag(sync=True)

        def _repr_mimebundle_(self, **options: Any) -> Any:
            """The widget, and for pages without a kernel the same figure as plain HTML."""
            bundle, metadata = _split(super()._repr_mimebundle_(**options))
            if bundle and "google.colab" not in sys.modules:
                bundle = bundle | {"text/html": page.figure_html(self.plain | {"index": self.index})}
            return bundle, metadata

    return LiveFigure


def _split(bundle: Any) -> tuple[dict, dict]:
    return bundle if isinstance(bundle, tuple) else (bundle or {}, {})


def live_figure(spec: dict) -> Any:
    """A widget for this figure: observe `index` for the slider, `atom` (with `panel`) for clicks."""
    figure = _live_class()(spec=page.encode(spec), index=spec["index"])
    figure.plain = spec
    return figure
