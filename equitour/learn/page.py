"""What a learner sees: plain HTML that needs no kernel, script, network or style sheet, and its text twin."""

import html
import re
from dataclasses import dataclass

# A word, a sign and a line style carry the status, so that colour is never alone in saying it.
_LOOKS = {
    "passed": ("Passed", "✓", "solid", "#009E73"),
    "not yet": ("Not yet", "…", "dotted", "#56B4E9"),
    "wrong": ("Wrong", "✗", "dashed", "#E69F00"),
    "error": ("Error", "!", "double", "#D55E00"),
    "hint": ("Hint", "?", "dotted", "#56B4E9"),
    "solution": ("Solution", "=", "solid", "#56B4E9"),
    "prediction": ("Prediction", "→", "dotted", "#56B4E9"),
    "note": ("Note", "i", "dotted", "#56B4E9"),
}


def inline(text: str) -> str:
    """Escape text for HTML and set `code` between backticks; nothing else is markup."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(text)))


def frame(status: str, heading: str, body: str) -> str:
    """Draw the box in which every message of the tutor stands; heading is text, body is HTML."""
    word, sign, line, colour = _LOOKS[status]
    return (
        f'<div role="status" style="border-left:0.3em {line} {colour};padding:0.3em 0.9em;margin:0.4em 0;'
        f'color:inherit;background:transparent;font-family:inherit">'
        f'<strong><span aria-hidden="true">{sign}</span> {word}</strong> '
        f'<span style="opacity:0.75">{inline(heading)}</span>{body}</div>'
    )


@dataclass(frozen=True, kw_only=True)
class Message:
    """One answer of the tutor, shown as HTML in a notebook and as text elsewhere.

    Attributes:
        status: "passed", "not yet", "wrong" or "error" for a check; "hint", "solution", "prediction", "note".
        name: The exercise, "102.compose".
        sentence: What there is to say.
        kind: The name of the mistake, "sign", "transposed", "factor"; empty when there is none.
        notes: What to do next, one sentence each.
        code: Source to show below, if any.
    """

    status: str
    name: str
    sentence: str
    title: str = ""
    kind: str = ""
    notes: tuple[str, ...] = ()
    code: str = ""

    @property
    def passed(self) -> bool:
        """Whether this says that the answer is right."""
        return self.status == "passed"

    @property
    def heading(self) -> str:
        """The exercise's name and title on one line."""
        return f"{self.name} · {self.title}" if self.title else self.name

    def _repr_html_(self) -> str:
        paragraphs = [f'<p style="margin:0.3em 0">{inline(self.sentence)}</p>']
        if self.code:
            paragraphs.append(
                '<pre tabindex="0" style="overflow-x:auto;color:inherit;background:transparent">'
                f"<code>{html.escape(self.code)}</code></pre>"
            )
        paragraphs += [f'<p style="margin:0.3em 0;opacity:0.75">{inline(note)}</p>' for note in self.notes]
        return frame(self.status, self.heading, "".join(paragraphs))

    def __repr__(self) -> str:
        """Say the same in plain text."""
        parts = [f"[{self.status}] {self.heading}", self.sentence, self.code, *self.notes]
        return "\n".join(part for part in parts if part)
