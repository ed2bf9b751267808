"""From plain panels to self-contained HTML: our one module, the numbers, and words for whoever cannot run it."""

import base64
import json
import re
import uuid
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from equitour.view import style, words

# The parts of the module in the order in which they build on each other.
_PARTS = (
    "codec", "colour", "geometry", "harmonic_basis", "shaders", "stage", "camera", "gestures", "solid", "tensors",
    "structure", "surface", "flat", "charts", "twin", "slider", "linked",
)  # fmt: skip
# Parts that only some kinds of panels need; a page carries them where such a panel stands.
_EXTRAS = {"motion": ("motion",), "spectrum": ("spectrum",)}
_WIDGET = "\nexport default { render };\n"


@cache
def module() -> str:
    """Our ES module: the files of `static/`, joined; their imports of each other fall away."""
    folder = files("equitour.view").joinpath("static")
    parts = [script(name) for name in _PARTS]
    sheet = re.sub(
        r"\s+",
        " ",
        re.sub(r"/\*.*?\*/", "", folder.joinpath("viewer.css").read_text(encoding="utf-8"), flags=re.DOTALL),
    )
    colours = {"cividis": style.CIVIDIS, "diverging": style.DIVERGING, "cycle": style.CYCLE}
    colours = {name: [style.rgb(stop) for stop in stops] for name, stops in colours.items()}
    body = (
        "".join(parts)
        .replace('"__STYLE_SHEET__"', json.dumps(sheet))
        .replace('"__COLOURS__"', json.dumps(colours))
    )
    return body.replace("__VERSION__", sha256(body.encode()).hexdigest()[:12])


@cache
def script(name: str) -> str:
    """One file of `static/` without comments, indents and imports."""
    return _joined(files("equitour.view").joinpath("static", f"{name}.js").read_text(encoding="utf-8"))


def widget_module() -> str:
    """The same module as anywidget wants it."""
    return module() + extras(_EXTRAS) + _WIDGET


def extras(kinds: Iterable[str]) -> str:
    """What these kinds of panels need beyond the module."""
    parts = dict.fromkeys(part for kind in kinds for part in _EXTRAS.get(kind, ()))
    return "".join(script(part) for part in parts)


def _joined(source: str) -> str:
    source = re.sub(r"^import [^;]*;\n", "", source, flags=re.MULTILINE)
    source = re.sub(r"^export ", "", source, flags=re.MULTILINE)
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def encode(value: Any) -> Any:
    """Arrays become base64 text with their type and shape; the rest stays what JSON knows."""
    if isinstance(value, np.ndarray):
        kind = "i4" if value.dtype.kind in "iu" else "f4"
        data = base64.b64encode(np.ascontiguousarray(value, dtype=f"<{kind}").tobytes()).decode()
        return {"type": kind, "shape": list(value.shape), "data": data}
    if isinstance(value, dict):
        return {key: encode(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(one) for one in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element: no `<` in it can close the element."""
    return json.dumps(encode(value), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def figure_html(spec: dict) -> str:
    """One figure as HTML that needs nothing from outside."""
    mark = "eq" + uuid.uuid4().hex[:12]
    return (
        f'<div class="equitour-figure" data-equitour="{mark}" data-lm-suppress-shortcuts="true">{words_html(spec)}</div>\n'
        f'<script type="module">\n{module()}{extras(panel["kind"] for panel in spec["panels"])}mountAll("{mark}", {script_json(spec)});\n</script>'
    )


def words_html(spec: dict) -> str:
    """What stands in place of the figure where no script may run, as in a notebook that is not trusted."""
    told = "".join(words.html_words(panel, spec["index"]) for panel in spec["panels"])
    title = f"<p><b>{escape(spec['title'])}</b></p>" if spec["title"] else ""
    return (
        f'<div class="equitour-words">{title}<p>This figure moves once scripts may run: in JupyterLab run the cell, or choose '
        f"File, Trust Notebook. Until then, in words:</p>{told}</div>"
    )


def document(spec: dict) -> str:
    """A complete page with one figure."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(spec['title'] or 'equitour')}</title><style>:root{{color-scheme:light dark}}"
        "body{font-family:system-ui,sans-serif;margin:1.5rem auto;max-width:72rem;padding:0 1rem}</style></head>"
        f"<body>{figure_html(spec)}</body></html>"
    )
