"""A learner's copy of the lessons is brought up to date, and nothing of the learner's is ever lost."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from equitour.cli import course_copy
from equitour.cli.trouble import Trouble


@pytest.fixture
def course(tmp_path):
    """A carried lesson, a learner's folder, and what bringing it up to date says."""
    carried = tmp_path / "101.ipynb"
    rewrite(carried, "answer = ...")
    target = tmp_path / "course"

    def bring():
        return course_copy.bring_up_to_date([carried], target)

    bring.carried, bring.copy = carried, target / "101.ipynb"
    assert bring() == ["101.ipynb: added"]
    return bring


def rewrite(path, source, outputs=()):
    """Change a notebook's code, and what running it left."""
    cell = new_code_cell(source, outputs=list(outputs))
    nbformat.write(new_notebook(cells=[cell]), path)
    return path.read_bytes()


def test_a_second_start_changes_nothing(course):
    before = course.copy.read_bytes()
    assert course() == []
    assert course.copy.read_bytes() == before


def test_an_untouched_copy_follows_the_newer_version(course):
    newer = rewrite(course.carried, "answer = ...  # clearer")
    assert course() == ["101.ipynb: updated (you had not changed it)"]
    assert course.copy.read_bytes() == newer


def test_running_a_lesson_is_not_changing_it(course):
    output = nbformat.v4.new_output("stream", text="42")
    rewrite(course.copy, "answer = ...", outputs=[output])
    newer = rewrite(course.carried, "answer = ...  # clearer")
    assert course() == ["101.ipynb: updated (you had not changed it)"]
    assert course.copy.read_bytes() == newer


def test_a_changed_lesson_stays_and_the_newer_version_lies_beside_it(course):
    mine = rewrite(course.copy, "answer = 42")
    assert course() == []
    newer = rewrite(course.carried, "answer = ...  # clearer")
    assert course() == [
        "101.ipynb: kept as you changed it; the newer version lies beside it as 101.new.ipynb"
    ]
    assert course.copy.read_bytes() == mine
    assert course.copy.with_name("101.new.ipynb").read_bytes() == newer
    assert course() == []


def test_work_in_the_copy_beside_it_is_safe_as_well(course):
    mine = rewrite(course.copy, "answer = 42")
    rewrite(course.carried, "answer = ...  # clearer")
    course()
    also_mine = rewrite(course.copy.with_name("101.new.ipynb"), "answer = 43")
    newest = rewrite(course.carried, "answer = ...  # clearest")
    assert course() == [
        "101.ipynb: kept as you changed it; the newer version lies beside it as 101.new2.ipynb"
    ]
    assert course.copy.read_bytes() == mine
    assert course.copy.with_name("101.new.ipynb").read_bytes() == also_mine
    assert course.copy.with_name("101.new2.ipynb").read_bytes() == newest


def test_an_offer_thrown_away_is_not_made_again(course):
    rewrite(course.copy, "answer = 42")
    rewrite(course.carried, "answer = ...  # clearer")
    course()
    course.copy.with_name("101.new.ipynb").unlink()
    assert course() == []
    assert not course.copy.with_name("101.new.ipynb").exists()


@pytest.mark.parametrize(
    "damage", [lambda record: record.unlink(), lambda record: record.write_text("[1, 2")]
)
def test_without_its_record_every_differing_file_counts_as_the_learners(course, damage):
    damage(course.copy.parent / course_copy.RECORD)
    mine = course.copy.read_bytes()
    rewrite(course.carried, "answer = ...  # clearer")
    assert "kept as you changed it" in course()[0]
    assert course.copy.read_bytes() == mine


def test_a_copy_that_is_no_notebook_any_more_is_kept_too(course):
    course.copy.write_text("my notes")
    rewrite(course.carried, "answer = ...  # clearer")
    assert "kept as you changed it" in course()[0]
    assert course.copy.read_text() == "my notes"


def test_a_folder_that_cannot_be_written_is_a_sentence(course):
    (course.copy.parent / "file").write_text("")
    with pytest.raises(Trouble, match="the lessons are copied into a folder that can be written, but"):
        course_copy.bring_up_to_date([course.carried], course.copy.parent / "file" / "course")
