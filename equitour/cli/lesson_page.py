"""An executed notebook as one HTML file that needs nothing else: no network, no script from elsewhere, no kernel."""

import re
from pathlib import Path
from typing import Any

from equitour.cli import mathml

# The blocks of nbconvert's JupyterLab template that would ask other servers for scripts are emptied; formulas are
# MathML; and the page follows the reader's choice of a light or dark screen, as our figures do.
_TEMPLATE = """
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
{{ resources.include_css("static/theme-dark.css") | replace("<style ", '<style media="(prefers-color-scheme: dark)" ') }}
<style>
:root { color-scheme: light dark; }
body.jp-Notebook { max-width: 62rem; margin: 0 auto; background: var(--jp-layout-color0); }
math { font-family: "STIX Two Math", "Latin Modern Math", "Cambria Math", "DejaVu Math TeX Gyre", math; }
math[display="block"] { font-size: 110%; margin: 0.8em 0; padding: 0.3em 0; overflow: auto hidden; }
.celltag_setup .jp-Cell-inputWrapper { display: none; }
</style>
{%- endblock -%}
{%- block body_header -%}
<body class="jp-Notebook" data-jp-theme-light="true" data-jp-theme-name="JupyterLab Light">
<script>
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => { document.body.dataset.jpThemeLight = String(!dark.matches); };
  dark.addEventListener("change", follow);
  follow();
})();
</script>
<main>
{%- endblock -%}
{%- block data_latex scoped -%}
<div class="jp-RenderedLatex jp-OutputArea-output {{ extra_class }}" data-mime-type="text/latex">
{{ output.data['text/latex'] | tex2mathml }}
</div>
{%- endblock -%}
"""


def to_html(notebook: Any, *, title: str, folder: Path) -> str:
    """Convert an executed notebook; pictures that its text names are looked for in `folder` and embedded."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["title"] = title
    page, _ = _exporter().from_notebook_node(notebook, {"metadata": {"name": title, "path": str(folder)}})
    # Pages of one course lie beside each other as their notebooks do, so a link to a notebook leads to its page.
    return re.sub(r'(href="[\w.-]+)\.ipynb(?=[#"])', r"\1.html", page)


def _exporter() -> Any:
    from jinja2 import DictLoader, pass_context
    from nbconvert.exporters import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return mathml.render(body, block=True)

        def inline_math(self, body: str) -> str:
            return mathml.render(body, block=False)

        def latex_environment(self, name: str, body: str) -> str:
            return mathml.environment(name, body)

    @pass_context
    def markdown(context: Any, source: str) -> str:
        attachments = context.get("cell", {}).get("attachments", {})
        folder = context["resources"]["metadata"]["path"]
        renderer = Renderer(escape=False, attachments=attachments, embed_images=True, path=folder)
        return MarkdownWithMath(renderer=renderer).render(source)

    return HTMLExporter(
        template_file="lesson.html.j2",
        extra_loaders=[DictLoader({"lesson.html.j2": _TEMPLATE})],
        filters={"markdown2html": markdown, "tex2mathml": mathml.unwrapped},
    )
