"""What is known about a set, in words: for a cell of a notebook, a terminal, and the data cards of the course."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


def size_in_words(card: Mapping[str, object]) -> str:
    """Items, atoms and bytes of a shipped set; nothing for the others, whose size is known when they are loaded."""
    if "items" not in card:
        return ""
    # What a recipe refused (an unstable crystal, say) is not missing.
    whole = card["planned"] - len(card.get("refused", [])) if "planned" in card else card["items"]
    planned = f" of {whole} planned" if whole != card["items"] else ""
    return f"{card['items']} items{planned}, {card['atoms']} atoms, {card['bytes'] / 1e6:.2f} MB"


def unfinished(card: Mapping[str, object]) -> str:
    """Which labels are nan in part of the items."""
    known = dict(card.get("known", {}))
    return ", ".join(f"{label} of {count} items so far, nan elsewhere" for label, count in known.items())


def lines_of(card: Mapping[str, object]) -> list[tuple[str, str]]:
    """The card as pairs of heading and sentence, in the order that a reader asks."""
    codes = ", ".join(f"{code} {version}" for code, version in dict(card.get("codes", {})).items())
    refused = f"{len(card['refused'])} were tried and refused" if card.get("refused") else ""
    pairs = [
        ("Size", size_in_words(card)),
        ("How it was made", str(card.get("method", ""))),
        ("Known", unfinished(card)),
        ("Mind", str(card.get("caveats", ""))),
        ("Refused", refused),
        ("Codes", codes),
        ("Seed", str(card.get("seed", ""))),
        ("Computing time", f"{card['cpu_hours']:.2f} CPU hours" if card.get("cpu_hours") else ""),
        ("Licence", str(card.get("licence", ""))),
        ("Cite", str(card.get("citation", ""))),
        ("Without it", str(card.get("instead", ""))),
        ("sha256", str(card.get("sha256", ""))),
    ]
    return [(heading, text) for heading, text in pairs if text]


@dataclass(frozen=True, kw_only=True)
class Description:
    """A set's data card; prints as text, shows as a page in a notebook, `markdown` is for files."""

    name: str
    kind: str
    card: Mapping[str, object]

    def labels(self) -> list[tuple[str, str, str]]:
        """Label, unit, meaning."""
        meaning = dict(self.card.get("labels", {}))
        return [
            (label, unit, meaning.get(label, "")) for label, unit in dict(self.card.get("units", {})).items()
        ]

    def __repr__(self) -> str:
        head = f"{self.name} ({self.kind}): {self.card.get('title', '')}"
        body = [f"  {label} [{unit}] {meaning}".rstrip() for label, unit, meaning in self.labels()]
        return "\n".join([head, *body, *(f"  {heading}: {text}" for heading, text in lines_of(self.card))])

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.labels()
        )
        facts = "".join(f"<dt>{html.escape(h)}</dt><dd>{html.escape(t)}</dd>" for h, t in lines_of(self.card))
        return (
            f"<h4>{html.escape(str(self.card.get('title', self.name)))}</h4><p><code>{html.escape(self.name)}</code>, "
            f"{self.kind}</p><table><thead><tr><th>label</th><th>unit</th><th>meaning</th></tr></thead><tbody>{rows}"
            f"</tbody></table><dl>{facts}</dl>"
        )

    def markdown(self) -> str:
        """The data card as a page of Markdown."""
        table = "".join(f"| `{label}` | {unit} | {meaning} |\n" for label, unit, meaning in self.labels())
        facts = "\n".join(f"- **{heading}.** {text}" for heading, text in lines_of(self.card))
        return (
            f'# {self.card.get("title", self.name)}\n\n`load("{self.name}")`, {self.kind}\n\n'
            f"| label | unit | meaning |\n| --- | --- | --- |\n{table}\n{facts}\n"
        )


@dataclass(frozen=True)
class Catalogue:
    """A table of sets; iterates over their names."""

    rows: list[tuple[str, str, Mapping[str, object]]]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _, _ in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def cells(self) -> list[tuple[str, str, str, str]]:
        """Name, kind, title and size of each set."""
        return [
            (name, kind, str(card.get("title", "")), size_in_words(card)) for name, kind, card in self.rows
        ]

    def __repr__(self) -> str:
        widths = [max(len(row[i]) for row in self.cells()) for i in range(3)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip()
            for row in self.cells()
        )

    def _repr_html_(self) -> str:
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.cells()
        )
        return f"<table><thead><tr><th>name</th><th>kind</th><th>what</th><th>size</th></tr></thead><tbody>{body}</tbody></table>"
