"""A wheel carries the course: build it, look inside, install it elsewhere, and work from there."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from colab.run_lessons import checkout_copy
from labserver import lab_server

__all__ = ["lab_server"]
CHECKOUT = Path(__file__).parents[1]
LESSONS = sorted(path.name for path in (CHECKOUT / "tutorials").glob("*.ipynb"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of this checkout, built by the tools that are here, so without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder]
    subprocess.run([*command, checkout_copy(folder)], check=True)
    (built,) = folder.glob("equitour-*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """An environment in which only the wheel is installed; the packages that it needs are lent from this one."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(
        subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    )
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        wheel,
    ]
    subprocess.run(install, check=True)
    # Appended, so that the wheel's equitour comes before the editable one of this environment.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def command(python, *words, **options):
    """Run `equitour ...` of that environment, away from the checkout."""
    return subprocess.run(
        [python, "-P", "-m", "equitour.cli", *words], capture_output=True, text=True, check=False, **options
    )


def test_the_wheel_carries_the_lessons_the_viewer_and_the_data_with_their_manifests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        carried = {name.rpartition("/")[2] for name in names if name.startswith("equitour/tutorials/")}
        assert carried == set(LESSONS)
        for source in (CHECKOUT / "equitour" / "view" / "static").iterdir():
            assert f"equitour/view/static/{source.name}" in names
        manifests = [name for name in names if name.endswith("manifest.json")]
        assert manifests
        for manifest in manifests:
            for name, card in json.loads(archive.read(manifest)).items():
                content = archive.read(f"{manifest.rpartition('/')[0]}/{card.get('file', name)}")
                assert hashlib.sha256(content).hexdigest() == card["sha256"], name


def test_the_wheel_holds_nothing_but_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"equitour", f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"}
    assert wheel.stat().st_size < 60e6


def test_from_a_wheel_the_course_is_listed_from_the_wheel(elsewhere, tmp_path):
    listed = command(elsewhere, "list", "--json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    paths = [Path(row["path"]) for row in json.loads(listed.stdout)]
    assert sorted(path.name for path in paths) == LESSONS
    assert all(elsewhere.parents[1] in path.parents for path in paths)


def test_from_a_wheel_lab_copies_the_lessons_and_keeps_what_the_learner_changed(
    elsewhere, tmp_path, lab_server
):
    course = tmp_path / "equitour-course"
    with lab_server(elsewhere, cwd=tmp_path) as server:
        assert server.status("/api/contents/start.ipynb") == 200
    assert sorted(path.name for path in course.glob("*.ipynb")) == LESSONS
    (course / "start.ipynb").write_text("mine")
    with lab_server(elsewhere, cwd=tmp_path) as server:
        assert server.status("/lab") == 200
    assert (course / "start.ipynb").read_text() == "mine"


def test_an_editable_install_reads_the_lessons_of_the_checkout():
    listed = subprocess.run(
        [sys.executable, "-m", "equitour.cli", "list", "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=os.sep,
    )
    assert {Path(row["path"]).parent for row in json.loads(listed.stdout)} == {CHECKOUT / "tutorials"}


def test_import_of_the_package_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import equitour; print(sorted(set(sys.modules) - before))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "['equitour']\n"
    )
