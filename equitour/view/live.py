"""The figure's twin with a wire to Python: the same module, run by anywidget."""

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

    return LiveFigure


def live_figure(spec: dict) -> Any:
    """A widget for this figure: observe `index` for the slider, `atom` (with `panel`) for clicks."""
    return _live_class()(spec=page.encode(spec), index=spec["index"])
