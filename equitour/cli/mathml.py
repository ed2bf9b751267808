"""Formulas for a page without scripts: LaTeX to MathML, which every current browser draws by itself."""

from functools import cache
from html import escape

# MathJax numbers no equation in JupyterLab unless told to, and a page without numbers reads the same.
_UNNUMBERED = {"equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign"}
_BRACKETS = (("$$", "$$", True), (r"\[", r"\]", True), ("$", "$", False), (r"\(", r"\)", False))


def render(tex: str, *, block: bool) -> str:
    """LaTeX (without its dollar signs) as a MathML element; what cannot be translated stays readable as code."""
    from math_core import LatexError

    try:
        return _translator().convert_with_local_state(tex.strip(), displaystyle=block)
    except LatexError:
        # A formula that the translator does not know must not cost the reader the page.
        return f'<code class="equitour-tex">{escape(tex.strip())}</code>'


def environment(name: str, body: str) -> str:
    r"""A display that LaTeX writes without dollar signs: `\begin{align} ... \end{align}`."""
    name = f"{name}*" if name in _UNNUMBERED else name
    return render(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


def unwrapped(text: str) -> str:
    """Translate an output of type text/latex, whose dollar signs or brackets belong to it."""
    text = text.strip()
    for opening, closing, block in _BRACKETS:
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing):
            inside = text[len(opening) : -len(closing)].strip()
            # IPython and sympy ask for a display in this way.
            displayed = inside.startswith(r"\displaystyle")
            return render(inside.removeprefix(r"\displaystyle"), block=block or displayed)
    return render(text, block=True)


@cache
def _translator():
    from math_core import LatexToMathML

    # The source goes along as an annotation, for whoever wants to read or copy the formula.
    return LatexToMathML(annotation=True, allow_unreliable_rendering=True, fancy_error=False)
