"""The map of the course and the ways through it, drawn from what the notebooks say of themselves."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from equitour.cli.lessons import Lesson, course

# The hundreds of a lesson's number. A part without a lesson is shown as planned.
PARTS = {
    "1": "Symmetry",
    "2": "Message passing",
    "3": "Properties of atoms and crystals",
    "4": "Dynamics and differential equations",
    "5": "Generating structures",
    "6": "Spectra and scattering",
}
TRACKS = {"One hour": 60, "Half a day": 180, "Three days": 3 * 360}
_CELL = "text-align:left;vertical-align:top;padding:0.25em 1em 0.25em 0;color:inherit"


@dataclass(frozen=True)
class CourseMap:
    """The lessons by part; shown as a table whose names open the notebooks."""

    lessons: tuple[Lesson, ...]

    def parts(self) -> dict[str, list[Lesson]]:
        """Title of each part and its lessons, in order; an empty list is a part that is planned."""
        numbered = {
            title: [one for one in self.lessons if one.name[:1] == digit] for digit, title in PARTS.items()
        }
        first = [one for one in self.lessons if one.name == "start"]
        rest = [one for one in self.lessons if not (one.name[:1].isdigit() or one in first)]
        around = {"Begin here": first, "To look things up": rest}
        begin, look_up = ({title: found} if found else {} for title, found in around.items())
        return begin | numbered | look_up

    def __repr__(self) -> str:
        """The same in plain text."""
        lines = []
        for title, lessons in self.parts().items():
            lines.append(title if lessons else f"{title} (planned)")
            lines += [f"  {one.name}: {one.minutes or '?'} min, {one.level}: {_goal(one)}" for one in lessons]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("lesson", "begin after", "minutes", "level", "afterwards you can")
        top = "".join(f'<th scope="col" style="{_CELL}">{head}</th>' for head in heads)
        body = "".join(_part(title, lessons, len(heads)) for title, lessons in self.parts().items())
        return (
            '<table style="border-collapse:collapse;color:inherit;background:transparent">'
            f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
        )


def _part(title: str, lessons: Sequence[Lesson], columns: int) -> str:
    note = "" if lessons else ' <span style="font-weight:normal;opacity:0.75">planned</span>'
    head = f'<tr><th colspan="{columns}" scope="rowgroup" style="{_CELL};padding-top:0.8em">{html.escape(title)}{note}</th></tr>'
    return head + "".join(_row(lesson) for lesson in lessons)


def _row(lesson: Lesson) -> str:
    link = f'<a href="{html.escape(lesson.name)}.ipynb">{html.escape(_title(lesson))}</a>'
    after = ", ".join(name.partition("_")[0] for name in lesson.prerequisites)
    words = (after, str(lesson.minutes or "?"), lesson.level, _goal(lesson))
    return (
        f'<tr><td style="{_CELL}">{link}</td>'
        + "".join(f'<td style="{_CELL}">{html.escape(w)}</td>' for w in words)
        + "</tr>"
    )


def _goal(lesson: Lesson) -> str:
    """The goal as the end of a sentence, "afterwards you can ...": small first letter, no full stop."""
    goal = lesson.goal.strip().rstrip(".")
    return goal if goal[1:2].isupper() else goal[:1].lower() + goal[1:]


@dataclass(frozen=True)
class Stop:
    """A lesson on a track: how many minutes of it, and the heading to stop before (empty: all of it)."""

    lesson: Lesson
    minutes: int
    before: str = ""


def track(minutes: int, lessons: Sequence[Lesson] | None = None) -> list[Stop]:
    """What fits into so many minutes: lessons in order, each after its prerequisites, the last one in part.

    Raises:
        ValueError: If there is no time.
    """
    if minutes <= 0:
        raise ValueError(f"a track must have time, received {minutes} minutes; give at least 1")
    stops: list[Stop] = []
    for lesson in course() if lessons is None else lessons:
        left = minutes - sum(stop.minutes for stop in stops)
        whole = {stop.lesson.name for stop in stops if not stop.before}
        if lesson.minutes is None or not set(lesson.prerequisites) <= whole or left <= 0:
            continue
        if lesson.minutes <= left:
            stops.append(Stop(lesson, lesson.minutes))
        else:
            stops += _part_of(lesson, left)
    return stops


def _part_of(lesson: Lesson, minutes: int) -> list[Stop]:
    """The sections that can be finished in time, by the minutes in the teacher's notes.

    None if that is less than a quarter of the lesson: nobody begins what must stop at once.
    """
    starts = _sections(lesson.path)
    finished = [spent for _, spent in starts[1:] if spent <= minutes]
    if not finished or finished[-1] < lesson.minutes / 4:
        return []
    heading, spent = starts[len(finished)]
    return [Stop(lesson, spent, heading)]


def _sections(path: Path) -> list[tuple[str, int]]:
    """Headings of a notebook, and the minutes that a class has spent when it reaches each."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notes = {note["cell"]: note["minutes"] for note in notebook["metadata"]["equitour"].get("teacher", ())}
    spent, sections = 0, []
    for cell in notebook["cells"]:
        lines = "".join(cell["source"]).splitlines() if cell["cell_type"] == "markdown" else []
        # A new section may begin below the last words of the one before, in the same cell.
        sections += [(line.removeprefix("## "), spent) for line in lines if line.startswith("## ")]
        spent += notes.get(cell.get("id"), 0)
    return sections


@dataclass(frozen=True)
class Tracks:
    """Several tracks, shown side by side."""

    stops: dict[str, list[Stop]]

    def __repr__(self) -> str:
        """The same in plain text."""
        return "\n".join(f"{name}: {'; '.join(map(_words, stops))}" for name, stops in self.stops.items())

    def _repr_html_(self) -> str:
        items = [
            f"<li><strong>{html.escape(name)}</strong>: {html.escape('; '.join(map(_words, stops)))}</li>"
            for name, stops in self.stops.items()
        ]
        return f"<ul>{''.join(items)}</ul>"


def _words(stop: Stop) -> str:
    until = f", up to “{stop.before}”" if stop.before else ""
    return f"{_title(stop.lesson)} ({stop.minutes} min{until})"


def _title(lesson: Lesson) -> str:
    number = lesson.name.partition("_")[0]
    return f"{number} {lesson.title}" if number.isdigit() else lesson.title


def course_map() -> CourseMap:
    """The map of the course as it stands in the lessons' folder."""
    return CourseMap(tuple(course()))


def tracks() -> Tracks:
    """One hour, half a day and three days through the lessons that there are."""
    return Tracks({name: track(minutes) for name, minutes in TRACKS.items()})
