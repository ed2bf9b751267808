"""The first cell of every lesson: in Colab it adds only what is missing, elsewhere it only imports."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TUTORIALS = Path(__file__).parents[1] / "tutorials"
FIRST_CELL = (TUTORIALS / "_first_cell.py").read_text().strip()
COLABS_OWN = {"torch", "numpy", "plotly", "ipywidgets", "matplotlib", "tqdm", "scipy", "sympy"}


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """Run the first cell in a Colab that has nothing of what `missing` names; returns pip's command lines."""
    monkeypatch.chdir(tmp_path)
    # Only the name: were the stand-in imported here, it would stay and every later test would run in Colab.
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))

    def run(missing):
        calls, asked = [], []

        def find_spec(name):
            asked.append(name)
            return None if missing is all or name in missing else object()

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)
        monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append((command, check)))
        exec(FIRST_CELL, {})
        assert not COLABS_OWN & set(asked)
        return calls

    return run


def names(command):
    """The packages that a pip command line installs."""
    return [re.split(r"[<>=-]", word)[0] for word in command[command.index("--no-deps") + 1 :]]


@pytest.mark.parametrize("lesson", sorted(TUTORIALS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_lesson_begins_with_the_same_first_cell_and_no_other_cell_installs(lesson):
    cells = [cell for cell in json.loads(lesson.read_text())["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    cure = "run `python tests/colab/stamp_first_cell.py`"
    assert sources[0].strip() == FIRST_CELL, cure
    assert cells[0]["metadata"] == {"jupyter": {"source_hidden": True}, "tags": ["setup"]}, cure
    for source in sources[1:]:
        assert not re.search(r"pip\W+install|conda\W+install", source)


def test_the_first_cell_is_short_enough_to_be_read():
    assert len([line for line in FIRST_CELL.splitlines() if line.strip()]) <= 13
    assert max(map(len, FIRST_CELL.splitlines())) <= 115


def test_a_bare_colab_gets_what_it_lacks_and_keeps_its_own_packages(colab):
    ((command, check),) = colab(missing=all)
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert "--no-deps" in command
    assert check
    assert not COLABS_OWN & set(names(command))
    assert "e3nn<0.7" in command
    assert names(command)[-1] == "equitour"


def test_only_what_is_missing_is_installed(colab):
    ((command, _),) = colab(missing={"vesin", "py3Dmol"})
    assert names(command) == ["vesin", "py3Dmol"]


def test_a_colab_that_has_everything_starts_no_installer(colab):
    assert colab(missing=set()) == []


def test_a_wheel_beside_the_notebook_is_preferred_to_the_package_index(colab, tmp_path):
    (tmp_path / "equitour-0.1.0-py3-none-any.whl").write_text("")
    ((command, _),) = colab(missing={"equitour"})
    assert command[-1] == "equitour-0.1.0-py3-none-any.whl"


def test_outside_colab_the_first_cell_only_imports(monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("the first cell started a program"))
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    exec(FIRST_CELL, {})
    assert capsys.readouterr().out.startswith("equitour ")


def test_the_first_cell_leaves_out_nothing_that_equitour_needs():
    """Since the cell asks for no dependencies, all of them, direct or not, must be in it or Colab's own."""
    listed = set(re.findall(r"\w+", re.search(r'needed = "(.*?)"', FIRST_CELL)[1])) | {
        "anywidget",
        "psygnal",
        "py3Dmol",
    }
    known = {_canonical(name) for name in listed | COLABS_OWN}
    # What comes with Colab's own packages, or with its notebook server.
    known |= {"packaging", "platformdirs", "requests", "typing-extensions", "opt-einsum"}
    missing = {name for name in _needed_by("equitour", COLABS_OWN) if name not in known}
    assert missing == set()


def _needed_by(package, stop):
    """All dependencies, direct or not, without what Colab's own packages bring along."""
    found, todo = set(), [package]
    while todo:
        for line in importlib.metadata.requires(todo.pop()) or ():
            needed = Requirement(line)
            name = _canonical(needed.name)
            if needed.marker and not needed.marker.evaluate({"extra": ""}):
                continue
            if name not in found:
                found.add(name)
                todo += [] if name in {_canonical(one) for one in stop} | {"requests"} else [name]
    return found


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()
