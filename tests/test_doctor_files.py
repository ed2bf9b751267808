"""Files are damaged, disks filled and memory taken on purpose, and the doctor must say which, and what mends it."""

import hashlib
import json
import shutil

import pytest

from equitour.cli import checkup_files, lessons
from equitour.cli.finding import Finding


def only(findings):
    """The single finding that is not ok."""
    troubles = [finding for finding in findings if finding.status != "ok"]
    assert len(troubles) == 1, troubles
    assert troubles[0].cure
    return troubles[0]


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A room with one file and the manifest that vouches for it."""
    room = tmp_path / "datasets" / "shipped"
    room.mkdir(parents=True)
    (room / "salt.npz").write_bytes(b"NaCl")
    card = {"file": "salt.npz", "sha256": hashlib.sha256(b"NaCl").hexdigest(), "bytes": 4}
    (room / "manifest.json").write_text(json.dumps({"salt": card}))
    monkeypatch.setattr(checkup_files, "PACKAGE", tmp_path)
    return room


def test_files_that_agree_with_their_manifest_are_sound(shelf):
    (finding,) = checkup_files.shipped_files()
    assert finding == Finding(
        what="files in datasets/shipped", status="ok", found="1 files, 0.0 MB, every sha256 right"
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda room: (room / "salt.npz").unlink(), "salt.npz is missing"),
        (lambda room: (room / "salt.npz").write_bytes(b"NaC"), "salt.npz has 3 bytes instead of 4"),
        (lambda room: (room / "salt.npz").write_bytes(b"NaBr"), "salt.npz was changed or damaged"),
        (lambda room: (room / "manifest.json").write_text("{"), "the manifest cannot be read"),
        (lambda room: (room / "manifest.json").write_text('{"salt": {}}'), "the manifest cannot be read"),
        (lambda room: (room / "manifest.json").unlink(), "no data set came along"),
    ],
)
def test_a_damaged_file_is_named(shelf, damage, said):
    damage(shelf)
    assert said in only(checkup_files.shipped_files()).found


@pytest.mark.parametrize(
    ("checkout", "cure"),
    [(True, "git checkout -- equitour"), (False, "--force-reinstall --no-deps equitour")],
)
def test_the_cure_for_a_file_depends_on_how_equitour_came(shelf, monkeypatch, checkout, cure):
    monkeypatch.setattr(lessons, "in_checkout", lambda: checkout)
    (shelf / "salt.npz").unlink()
    assert cure in only(checkup_files.shipped_files()).cure


def test_a_course_without_its_first_page_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "folder", lambda: tmp_path)
    assert "the first lesson, start.ipynb, is not in" in only(checkup_files.course_files()).found


def test_a_damaged_lesson_is_named(tmp_path, monkeypatch):
    (tmp_path / "start.ipynb").write_text("{")
    monkeypatch.setattr(lessons, "folder", lambda: tmp_path)
    assert "start.ipynb cannot be read as one" in only(checkup_files.course_files()).found


@pytest.mark.parametrize(
    ("free", "status", "said"), [(0.05, "wrong", "too little to save"), (0.5, "note", "0.50 GiB free")]
)
def test_a_full_disk_is_named_before_work_is_lost(tmp_path, monkeypatch, free, status, said):
    true = shutil.disk_usage
    usage = true(tmp_path)._replace(free=int(free * 2**30))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage if place == tmp_path else true(place))
    monkeypatch.chdir(tmp_path)
    trouble = only(checkup_files.room_on_disk())
    assert (trouble.what, trouble.status) == ("working folder", status)
    assert said in trouble.found


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkup_files.os, "access", lambda place, how: place != tmp_path)
    assert "cannot be written, so no work is saved" in only(checkup_files.room_on_disk()).found


@pytest.mark.parametrize(
    ("available", "status", "said"),
    [(0.3, "wrong", "kernels will be killed"), (1.0, "note", "1.0 GiB free"), (None, "note", "does not say")],
)
def test_scarce_memory_is_named(monkeypatch, available, status, said):
    monkeypatch.setattr(checkup_files, "_available_memory", lambda: available)
    trouble = only(checkup_files.memory())
    assert trouble.status == status
    assert said in trouble.found
