"""The map of the course and the tracks follow from what the notebooks say of themselves."""

import json
from dataclasses import replace

import pytest

from equitour.cli.course_map import CourseMap, Tracks, course_map, track
from equitour.cli.lessons import read


def _lesson(folder, name, minutes, prerequisites=(), sections=()):
    """A notebook of sections (heading, minutes); the teacher's notes carry the minutes."""
    cells, notes = [], []
    for number, (heading, spent) in enumerate(sections):
        text = ["Words that end the section before.\n", "\n", f"## {heading}\n", "text"]
        cells += [{"cell_type": "markdown", "id": f"m{number}", "source": text[2 * (number < 2) :]}]
        cells += [{"cell_type": "code", "id": f"c{number}", "source": ["1"]}]
        notes += [{"cell": f"c{number}", "minutes": spent}]
    about = {
        "title": name.title(),
        "minutes": minutes,
        "prerequisites": list(prerequisites),
        "teacher": notes,
    }
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {"equitour": about}, "nbformat": 4}))
    return read(path)


def test_a_track_never_exceeds_its_time_and_never_skips_a_prerequisite(tmp_path):
    lessons = [
        _lesson(tmp_path, "start", 15),
        _lesson(tmp_path, "101_a", 60, ["start"]),
        _lesson(tmp_path, "102_b", 50, ["101_a"]),
        _lesson(tmp_path, "104_c", 20, ["start"]),
    ]
    names = {
        minutes: [stop.lesson.name for stop in track(minutes, lessons)] for minutes in (10, 40, 100, 200)
    }
    assert names == {
        10: [],
        40: ["start", "104_c"],
        100: ["start", "101_a", "104_c"],
        200: [x.name for x in lessons],
    }
    assert all(
        sum(stop.minutes for stop in track(minutes, lessons)) <= minutes for minutes in range(1, 200, 7)
    )


def test_a_lesson_too_long_for_the_track_stops_before_a_section_and_nothing_builds_on_it(tmp_path):
    sections = [("One", 20), ("Two", 15), ("Three", 25)]
    lessons = [_lesson(tmp_path, "101_a", 60, sections=sections), _lesson(tmp_path, "102_b", 5, ["101_a"])]
    (stop,) = track(40, lessons)
    assert (stop.minutes, stop.before) == (35, "Three")
    assert "up to “Three”" in repr(Tracks({"One hour": [stop]}))
    short = _lesson(tmp_path, "103_c", 60, sections=[("One", 10), ("Two", 50)])
    assert track(12, [short]) == []  # Ten minutes of sixty are no lesson.


def test_a_track_without_time_says_so():
    with pytest.raises(ValueError, match="a track must have time, received 0 minutes; give at least 1"):
        track(0, [])


def test_the_map_names_what_is_planned_and_escapes_titles(tmp_path):
    shown = CourseMap((_lesson(tmp_path, "201_<b>", 5),))._repr_html_()
    assert "<b>" not in shown.lower().replace("<body", "")
    assert shown.count(">planned<") == 5  # of six parts all but one


def test_the_map_begins_with_the_start_and_ends_with_what_is_looked_up(tmp_path):
    lessons = [_lesson(tmp_path, name, 5) for name in ("start", "conventions", "104_crystals")]
    parts = [title for title, held in CourseMap(tuple(lessons)).parts().items() if held]
    assert parts == ["Begin here", "Symmetry", "To look things up"]


def test_goals_end_the_sentence_that_the_heading_begins(tmp_path):
    lesson = _lesson(tmp_path, "101_a", 5)
    for goal, shown in (("Turn a crystal.", "turn a crystal"), ("NMR: read it", "NMR: read it"), ("", "")):
        told = CourseMap((replace(lesson, goal=goal),))
        assert f": {shown}" in repr(told)
        assert f">{shown}</td></tr>" in told._repr_html_()


def test_the_hour_of_the_course_is_an_hour():
    (start, *more) = track(60)
    assert start.lesson.name == "start"
    assert more
    assert 40 <= start.minutes + sum(stop.minutes for stop in more) <= 60


def test_every_lesson_stands_on_the_map_once_and_its_prerequisites_exist():
    lessons = course_map().lessons
    placed = [lesson.name for part in course_map().parts().values() for lesson in part]
    assert sorted(placed) == sorted(lesson.name for lesson in lessons)
    names = {lesson.name for lesson in lessons}
    assert {needed for lesson in lessons for needed in lesson.prerequisites} <= names
