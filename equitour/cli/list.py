"""`equitour list`: the course at a glance, generated from the notebooks' metadata."""

import argparse
import json
from collections.abc import Sequence

from equitour.cli.lessons import Lesson, course

HELP = "show the lessons: minutes, level, prerequisites"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `equitour list`."""
    parser.add_argument("--json", action="store_true", help="the same as JSON, for programs")


def main(arguments: argparse.Namespace) -> int:
    """Print the course and the time it takes."""
    lessons = course()
    if arguments.json:
        print(json.dumps([lesson.as_json() for lesson in lessons], indent=1, ensure_ascii=False))
        return 0
    rows = [_row(lesson) for lesson in lessons]
    print(_table([("lesson", "minutes", "level", "needs", "after"), *rows]))
    minutes = sum(lesson.minutes or 0 for lesson in lessons)
    print(
        f"\n{len(lessons)} lessons, {minutes // 60} h {minutes % 60:02d} min. Open them with `equitour lab`."
    )
    return 0


def _row(lesson: Lesson) -> tuple[str, ...]:
    minutes = "?" if lesson.minutes is None else str(lesson.minutes)
    return lesson.name, minutes, lesson.level, lesson.needs, ", ".join(lesson.prerequisites)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(len(line) for line in lines), *lines[1:]])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    # Only the minutes are numbers, and numbers stand right.
    return [
        cell.rjust(width) if i == 1 else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
