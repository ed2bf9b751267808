"""The commands: what they print, what they refuse and in which words, and that nothing of the learner's is lost."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_notebook

from equitour import cli
from equitour.cli import lab, lessons


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook of these cells and return its path."""

    def write(*cells, name="lesson.ipynb", **about):
        path = tmp_path / name
        nbformat.write(new_notebook(cells=list(cells), metadata={"equitour": about} if about else {}), path)
        return path

    return write


@pytest.fixture
def installed(monkeypatch):
    """Pretend that equitour came as a wheel, which changes where the learner works."""
    monkeypatch.setattr(lessons, "in_checkout", lambda: False)
    monkeypatch.setattr(lessons, "folder", lambda: Path(__file__).parents[1] / "tutorials")


def refusal(capsys, *words):
    """The sentence with which a command line is refused; nothing else may be said."""
    assert cli.main([*words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("equitour: ")
    assert err.count("\n") == 1
    return err


# The course


def test_the_list_shows_every_lesson_with_minutes_level_and_prerequisites(capsys):
    assert cli.main(["list"]) == 0
    table = capsys.readouterr().out
    for lesson in lessons.course():
        row = next(line for line in table.splitlines() if line.startswith(lesson.name))
        assert str(lesson.minutes) in row
        assert lesson.level in row
        assert all(needed in row for needed in lesson.prerequisites)


def test_the_list_for_programs_carries_the_same_and_begins_with_the_start(capsys):
    assert cli.main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in listed] == [lesson.name for lesson in lessons.course()]
    assert listed[0]["name"] == "start"


def test_every_lesson_states_what_a_reader_wants_to_know_and_builds_on_lessons_that_exist():
    course = lessons.course()
    names = {lesson.name for lesson in course}
    for lesson in course:
        assert lesson.minutes > 0, lesson.name
        assert lesson.level in {"beginner", "intermediate", "advanced"}, lesson.name
        assert lesson.title, lesson.name
        assert lesson.goal, lesson.name
        assert lesson.needs in {"CPU", "GPU"}, lesson.name
        assert set(lesson.prerequisites) <= names - {lesson.name}, lesson.name


def test_a_lesson_is_found_by_number_by_name_and_by_path(notebook):
    course = {lesson.name: lesson.path for lesson in lessons.course()}
    assert lessons.find("104") == course["104_crystals_as_graphs"]
    assert lessons.find("104_crystals_as_graphs") == course["104_crystals_as_graphs"]
    assert lessons.find("tutorials/104_crystals_as_graphs.ipynb") == course["104_crystals_as_graphs"]
    own = notebook(name="own.ipynb")
    assert lessons.find(str(own)) == own


def test_a_name_that_begins_several_lessons_is_refused_with_their_names(capsys):
    assert "must mean one lesson, but it begins" in refusal(capsys, "run", "1")


def test_a_name_that_is_no_lesson_is_refused_with_the_names_there_are(capsys):
    said = refusal(capsys, "run", "quantum_gravity")
    assert "is no lesson and no notebook file" in said
    assert "104_crystals_as_graphs" in said


def test_a_damaged_notebook_is_named_and_no_traceback_appears(capsys, tmp_path, monkeypatch):
    (tmp_path / "start.ipynb").write_text("{ not a notebook")
    monkeypatch.setattr(lessons, "folder", lambda: tmp_path)
    assert "a lesson must be a Jupyter notebook, but" in refusal(capsys, "list")
    assert "cannot be read as one" in refusal(capsys, "run", "start")


def test_missing_lessons_are_a_sentence(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "_PACKAGE", tmp_path / "equitour")
    assert "the lessons must lie in" in refusal(capsys, "list")


def test_a_reader_who_closes_the_pipe_early_sees_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "equitour.cli", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


# equitour lab


def test_jupyterlab_opens_the_first_lesson_on_this_machine_only_and_asks_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "running_as_root", lambda: False)
    options = lab.command_line(tmp_path, browser=True, port=None)
    assert f"--ServerApp.root_dir={tmp_path}" in options
    assert "--ServerApp.ip=127.0.0.1" in options
    assert "--LabApp.default_url=/lab/tree/start.ipynb" in options
    assert set(lab.OFFLINE) <= set(options)
    assert "--no-browser" not in options
    assert "--allow-root" not in options


def test_only_the_super_user_asks_for_root_and_is_told_so(tmp_path, monkeypatch, capsys, installed):
    launched = []
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PREFER_ENV_PATH", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(lab, "running_as_root", lambda: True)
    monkeypatch.setattr(lab, "_jupyterlab", lambda: _Recorder(launched))
    assert cli.main(["lab", str(tmp_path / "course"), "--no-browser"]) == 0
    assert {"--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1"} <= set(launched)
    assert "Running as root: JupyterLab listens on this machine only (127.0.0.1)" in capsys.readouterr().out


class _Recorder:
    """Stands in for JupyterLab and keeps the options that it was launched with."""

    def __init__(self, options):
        self.options = options

    def launch_instance(self, argv):
        self.options.extend(argv)


def test_a_busy_port_is_refused_before_anything_starts(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refusal(capsys, "lab", "--no-browser", "--port", str(port))
    assert f"port {port} must be free, but another program listens there" in said


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_number_that_is_no_port_is_refused(capsys, port):
    assert f"the port must lie between 1 and 65535, received {port}" in refusal(
        capsys, "lab", f"--port={port}"
    )


def test_without_jupyterlab_the_cure_is_said(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    said = refusal(capsys, "lab")
    assert "JupyterLab must be installed to open the course" in said
    assert "pip install 'equitour[lab]'" in said


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "course").write_text("mine")
    with pytest.raises(lab.Trouble, match=r"DIR must be a folder, but .* is a file"):
        lab.course_folder(tmp_path / "course")


def test_from_a_checkout_the_lessons_open_where_they_stand():
    assert lab.course_folder(None) == Path(__file__).parents[1] / "tutorials"


def test_from_a_wheel_the_lessons_are_copied_into_the_working_folder(
    tmp_path, monkeypatch, capsys, installed
):
    monkeypatch.chdir(tmp_path)
    folder = lab.course_folder(None)
    assert folder == tmp_path / "equitour-course"
    for lesson in lessons.course():
        assert (folder / lesson.path.name).read_bytes() == lesson.path.read_bytes()
    assert "start.ipynb: added" in capsys.readouterr().out
