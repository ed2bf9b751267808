"""`progress`: what has been tried, passed and predicted, as a table and as a file for a teacher."""

import html
import json
from dataclasses import dataclass
from pathlib import Path

from equitour.learn import record
from equitour.learn.definition import every


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The learner's record beside the list of all exercises; shown as a table.

    Attributes:
        rows: One mapping per exercise: name, lesson, title, status, attempts, hints, solution.
        predictions: The first prediction of each question: choice, right, at.
        note: What the learner must know about the record's file, mostly empty.
    """

    rows: tuple[dict, ...]
    predictions: dict
    note: str = ""

    @property
    def passed(self) -> int:
        """How many exercises have been passed."""
        return sum(row["status"] == "passed" for row in self.rows)

    def export(self, path: str | Path, *, learner: str = "") -> Path:
        """Write the record for a teacher as JSON; it holds no answers and no code.

        Raises:
            OSError: If the file cannot be written there.
        """
        path = Path(path)
        content = {
            "version": 1,
            "learner": learner,
            "exported_at": record.now(),
            "passed": self.passed,
            "of": len(self.rows),
            "exercises": list(self.rows),
            "predictions": self.predictions,
        }
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as problem:
            reason = problem.strerror or problem
            raise OSError(
                f"the path must be a file that can be written, received {str(path)!r} ({reason}); choose another"
            ) from None
        return path

    def _summary(self) -> str:
        right = sum(bool(kept.get("right")) for kept in self.predictions.values())
        text = f"{self.passed} of {len(self.rows)} exercises passed"
        return text + (f"; {right} of {len(self.predictions)} predictions right" if self.predictions else "")

    def __repr__(self) -> str:
        """The table in plain text."""
        lines = [f"{row['name']:<28} {row['status']:<10} {row['attempts']:>3} tries" for row in self.rows]
        return "\n".join(filter(None, [self._summary(), *lines, self.note]))

    def _repr_html_(self) -> str:
        cell = "text-align:left;vertical-align:top;padding:0.15em 0.9em 0.15em 0;color:inherit"
        heads = ("exercise", "what", "status", "tries", "hints", "solution read")
        top = "".join(f'<th scope="col" style="{cell}">{head}</th>' for head in heads)
        body = "".join(_row(row, cell) for row in self.rows)
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return (
            '<table style="border-collapse:collapse;color:inherit;background:transparent">'
            f'<caption style="text-align:left;color:inherit"><strong>{self._summary()}</strong></caption>'
            f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{note}"
        )


def _row(row: dict, cell: str) -> str:
    sign = {"passed": "✓\u00a0", "wrong": "✗\u00a0", "error": "!\u00a0"}.get(row["status"], "")
    words = (
        row["title"],
        sign + row["status"].replace(" ", "\u00a0"),
        row["attempts"],
        row["hints"],
        "yes" if row["solution"] else "",
    )
    name = f'<th scope="row" style="{cell}"><code>{html.escape(row["name"])}</code></th>'
    return (
        f"<tr>{name}"
        + "".join(f'<td style="{cell}">{html.escape(str(word))}</td>' for word in words)
        + "</tr>"
    )


def progress(lesson: str = "") -> Progress:
    """Read the learner's record, of one lesson ("102") or of all.

    `progress().export("me.json", learner="Ada")` writes it for a teacher.
    """
    kept, note = record.read()
    titles = {entry.name: entry.title for entry in every()}
    rows = []
    for name in sorted({*titles, *kept["exercises"]}):
        entry = record.entry(kept, name)
        row = {"name": name, "lesson": name.partition(".")[0], "title": titles.get(name, "")}
        if lesson not in ("", row["lesson"]):
            continue
        rows.append(row | {key: entry[key] for key in ("status", "attempts", "hints", "solution")})
    asked = {
        name: kind for name, kind in kept["predictions"].items() if lesson in ("", name.partition(".")[0])
    }
    return Progress(rows=tuple(rows), predictions=asked, note=note)
