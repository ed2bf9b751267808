"""What the learner does outlives the kernel: hints, solutions, attempts, in a file that nothing can break."""

import json
import os
import subprocess
import sys
import threading

import pytest
from toy_exercises import HINTS, lengths, turn

from equitour.learn import by_mode, check, hint, progress, quiz, record, solution


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    path = tmp_path / "room" / "progress.json"
    monkeypatch.setenv("EQUITOUR_PROGRESS", str(path))
    return path


def test_hints_come_one_by_one_and_stay_visible():
    texts = [hint("test.turn") for _ in range(4)]
    assert [message.sentence for message in texts] == [*HINTS, HINTS[-1]]
    assert f"Hint 1: {HINTS[0]}" in texts[2].notes
    assert "2 more" in texts[0].notes[-1]
    assert 'solution("test.turn")' in texts[3].notes[-1]
    assert "1 of 3 hints left" not in repr(check("test.turn", lambda a, b: a))


def test_the_solution_is_the_references_own_source_and_is_counted():
    message = solution("test.turn")
    assert message.code == 'def turn(a, b):\n    """Do b, then a."""\n    return a @ b\n'
    assert "write your own from memory" in message.notes[0]
    assert next(row for row in progress().rows if row["name"] == "test.turn")["solution"] is True


def test_the_solution_of_a_value_is_a_statement_that_runs():
    code = solution("test.order").code
    assert code == "turns = 3  # By 0, 1/3 and 2/3.\norder = 2 * turns\n"
    space = {}
    exec(code, space)
    assert check("test.order", space["order"]).passed


@pytest.mark.parametrize(("mode", "value"), [("quick", 1), ("normal", 2), ("full", 3), (None, 2), ("", 2)])
def test_the_mode_picks_the_size_of_a_computation(mode, value, monkeypatch):
    monkeypatch.delenv("EQUITOUR_MODE")
    if mode is not None:
        monkeypatch.setenv("EQUITOUR_MODE", mode)
    assert by_mode(quick=1, normal=2, full=3) == value
    assert by_mode(quick=1, normal=2) == min(value, 2)


def test_an_unknown_mode_is_refused(monkeypatch):
    monkeypatch.setenv("EQUITOUR_MODE", "fast")
    with pytest.raises(
        ValueError, match="EQUITOUR_MODE must be quick, normal or full, received 'fast'; unset it"
    ):
        by_mode(quick=1, normal=2)


def test_progress_survives_the_kernel_and_a_pass_is_never_lost(own_record):
    check("test.turn", lambda a, b: -a)
    check("test.turn", turn)
    check("test.turn", lambda a, b: -a)
    check("test.turn", ...)
    kept = json.loads(own_record.read_text())["exercises"]["test.turn"]
    assert kept["status"] == "passed"
    assert kept["attempts"] == 3
    assert kept["passed_at"].startswith("20")
    row = next(row for row in progress().rows if row["name"] == "test.turn")
    assert (row["status"], row["attempts"], row["title"]) == ("passed", 3, "Do b, then a")


def test_running_an_untouched_notebook_writes_nothing(own_record):
    check("test.turn", ...)
    assert not own_record.exists()


DAMAGED = [
    b"{",
    b"\xff\xfe\x00",
    b"[]",
    b'{"exercises": 3}',
    b'{"exercises": {"test.turn": {"attempts": "x"}}}',
    b"",
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_record_is_set_aside_and_never_lost(own_record, content):
    own_record.parent.mkdir()
    own_record.write_bytes(content)
    message = check("test.turn", turn)
    assert message.passed
    assert "could not be read; it was set aside as" in message.notes[-1]
    aside = [path for path in own_record.parent.iterdir() if "damaged" in path.name]
    assert [path.read_bytes() for path in aside] == [content]
    assert check("test.turn", turn).notes == message.notes[:1]  # Said once; the new record is sound.
    assert json.loads(own_record.read_text())["exercises"]["test.turn"]["attempts"] == 2


def test_a_folder_that_cannot_be_written_is_told_once_and_costs_nothing(own_record):
    own_record.parent.write_text("a file where the folder should be")
    first, second = check("test.turn", lambda a, b: -a), check("test.turn", turn)
    assert "cannot be saved" in first.notes[-1]
    assert "set EQUITOUR_PROGRESS" in first.notes[-1]
    assert not any("cannot be saved" in note for note in second.notes)
    row = next(row for row in progress().rows if row["name"] == "test.turn")
    assert (row["status"], row["attempts"]) == ("passed", 2)
    assert hint("test.turn").sentence == HINTS[0]
    assert hint("test.turn").sentence == HINTS[1]


def test_a_full_disk_leaves_the_old_record_whole(own_record, monkeypatch):
    check("test.turn", turn)
    before = own_record.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    message = check("test.lengths", lengths)
    assert "No space left on device" in message.notes[-1]
    assert own_record.read_bytes() == before
    assert sorted(path.name for path in own_record.parent.iterdir()) == [
        "progress.json",
        "progress.json.lock",
    ]
    assert progress().passed == 2  # In memory, both.


COUNTING = """
from equitour.learn import record
for k in range(50):
    record.update(lambda kept: record.entry(kept, "test.turn").update(
        attempts=record.entry(kept, "test.turn")["attempts"] + 1))
"""


def test_two_kernels_at_once_lose_nothing(own_record):
    kernels = [subprocess.Popen([sys.executable, "-c", COUNTING], env=dict(os.environ)) for _ in range(2)]

    def count_here():
        exec(COUNTING, {})

    threads = [threading.Thread(target=count_here) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [kernel.wait(timeout=60) for kernel in kernels] == [0, 0]
    assert json.loads(own_record.read_text())["exercises"]["test.turn"]["attempts"] == 200
    assert record.read()[1] == ""


def test_a_teacher_gets_the_record_as_a_file(tmp_path):
    check("test.turn", turn)
    quiz("test.q", "Does it turn?", options={"Yes": "It does.", "No": "Look again."}, answer="Yes")
    quiz("test.q", "b")
    path = progress().export(tmp_path / "ada.json", learner="Ada")
    content = json.loads(path.read_text())
    assert (content["learner"], content["passed"]) == ("Ada", 1)
    assert content["of"] >= 13
    assert content["predictions"]["test.q"]["right"] is False
    with pytest.raises(OSError, match=r"must be a file that can be written, received .*; choose another"):
        progress().export(tmp_path)


def test_progress_can_be_asked_for_one_lesson():
    check("test.turn", turn)
    assert {row["lesson"] for row in progress("test").rows} == {"test"}
    assert progress("test").passed == 1
    assert progress("nowhere").rows == ()
