"""A button that runs a function and shows what comes of it, without ipywidgets.Output."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from html import escape
from types import GeneratorType
from typing import Any


class Press:
    """A button and the place below it; in an exported page it shows what it would have done."""

    def __init__(self, label: str, function: Callable[[], Any], before: str):
        """Keep what the button says and does; no widget exists until somebody looks."""
        self.label, self.function, self.before = label, function, before
        self._box: Any = None

    def widget(self) -> Any:
        """The ipywidgets box (made once): a button above an HTML field above what a figure needs."""
        import ipywidgets

        if self._box is None:
            self._button = ipywidgets.Button(
                description=self.label, button_style="primary", tooltip=self.label
            )
            self._button.layout.width = "auto"
            self._html = ipywidgets.HTML(_note(self.before))
            self._box = ipywidgets.VBox([self._button, self._html])
            self._button.on_click(lambda _: self.press())
        return self._box

    def press(self) -> None:
        """Run the function as a click would; what it prints, yields or returns appears below the button."""
        self.widget()
        self._button.disabled = True
        printed = io.StringIO()
        try:
            with redirect_stdout(printed):
                self._show(self.function(), printed)
        except Exception as error:
            # A traceback inside a callback reaches no reader, so the sentence goes where the result would stand.
            self._say(_text(printed) + f"<p><b>{escape(type(error).__name__)}</b>: {escape(str(error))}</p>")
        finally:
            self._button.disabled = False

    def _show(self, result: Any, printed: io.StringIO) -> None:
        if isinstance(result, GeneratorType):
            for step in result:
                self._show(step, printed)
            return
        live = result.live() if hasattr(result, "live") else result
        if hasattr(live, "comm") and hasattr(live, "layout"):
            self._box.children = [self._button, self._html, live]
            self._say(_text(printed))
        else:
            self._say(_text(printed) + as_html(result))

    def _say(self, html: str) -> None:
        self._html.value = html

    def _repr_mimebundle_(self, **_: Any) -> dict:
        bundle = {"text/plain": repr(self), "text/html": self._static_html()}
        # Written out because ipywidgets 7 knows no bundle; Colab would take the HTML for the richer of the two.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget().model_id}
        if "google.colab" in sys.modules:
            del bundle["text/html"]
        return bundle | {"application/vnd.jupyter.widget-view+json": view}

    def _static_html(self) -> str:
        return f'<p><button type="button" disabled>{escape(self.label)}</button> {escape(self.before)} Run this cell to use the button.</p>'

    def __repr__(self) -> str:
        return f"Button {self.label!r}: {self.before}"


def press(label: str, function: Any, *, before: str = "Not pressed yet.") -> Press:
    """A button that runs `function()`, for what a reader should start on purpose, such as a training run.

    Args:
        label: What the button says.
        function: Called without arguments. It may return text, a number, a picture or a linked figure; a generator
            shows each value as it comes, so a training loop can `yield` its progress.
        before: Stands below the button until it is pressed.

    Raises:
        TypeError: If `function` cannot be called.
    """
    if not callable(function):
        raise TypeError(
            f"a button needs a function to call, received {type(function).__name__}: pass the function itself, without brackets"
        )
    return Press(label, function, before)


def as_html(result: Any) -> str:
    """A result as HTML: its own if it has one, else its text, escaped."""
    if result is None:
        return ""
    own = getattr(result, "_repr_html_", None)
    html = own() if own is not None else None
    return html or f'<pre style="margin:.3em 0">{escape(str(result))}</pre>'


def _text(printed: io.StringIO) -> str:
    text = printed.getvalue().rstrip()
    return f'<pre style="margin:.3em 0">{escape(text)}</pre>' if text else ""


def _note(words: str) -> str:
    return f'<span style="opacity:.7">{escape(words)}</span>'
