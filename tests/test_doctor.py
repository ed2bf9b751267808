"""Every part of the set-up is broken on purpose, and the doctor must say which, in words, and what mends it."""

import importlib.metadata
import json
import sys
import types

import pytest
import torch

from equitour import cli
from equitour.cli import checkup, doctor
from equitour.cli.finding import Finding


def only(findings):
    """The single finding that is not ok."""
    troubles = [finding for finding in findings if finding.status != "ok"]
    assert len(troubles) == 1, troubles
    assert troubles[0].cure
    return troubles[0]


@pytest.fixture
def versions(monkeypatch):
    """Pretend that a package has another version, or (None) is missing."""
    true = importlib.metadata.version

    def pretend(package, version):
        def told(name):
            if name != package:
                return true(name)
            if version is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return version

        monkeypatch.setattr(importlib.metadata, "version", told)

    return pretend


def test_a_sound_set_up_has_nothing_to_mend(capsys):
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "The set-up is sound" in said
    for part in (
        "Python",
        "torch",
        "e3nn",
        "notebook kernel",
        "ipywidgets in JupyterLab",
        "lessons",
        "memory",
    ):
        assert part in said


def test_the_report_for_programs_and_the_exit_status_agree(capsys, monkeypatch):
    assert cli.main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sound"] is True
    monkeypatch.setattr(checkup, "OLDEST_PYTHON", (4, 0))
    assert cli.main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["sound"] is False
    assert "checks found something wrong: Python." in report["verdict"]


def test_an_old_python_is_named(monkeypatch):
    monkeypatch.setattr(checkup, "OLDEST_PYTHON", (4, 0))
    assert "but equitour needs 4.0 or newer" in only(checkup.python()).found


def test_equitour_that_is_not_installed_is_named(versions):
    versions("equitour", None)
    trouble = only(checkup.python())
    assert "without being installed" in trouble.found
    assert "pip install -e" in trouble.cure


@pytest.mark.parametrize("package", ["torch", "e3nn", "jupyterlab", "nbclient", "plotly", "math-core"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(versions, package):
    versions(package, None)
    trouble = only(checkup.packages())
    assert (trouble.what, trouble.found) == (package, "it is not installed")
    assert f"-m pip install '{package}" in trouble.cure


@pytest.mark.parametrize(
    ("package", "version"), [("torch", "2.8.1"), ("e3nn", "0.5.1"), ("ipywidgets", "7.6.0")]
)
def test_an_untested_version_is_named_with_the_range_that_is(versions, package, version):
    versions(package, version)
    trouble = only(checkup.packages())
    assert trouble.what == package
    assert f"version {version} is installed, but equitour is tested with" in trouble.found


def test_builds_for_one_machine_count_as_their_version(versions):
    versions("torch", "2.9.1+cpu")
    assert all(finding.status == "ok" for finding in checkup.packages())


def test_a_package_that_is_there_but_does_not_start_is_named_with_its_own_reason(monkeypatch):
    true = checkup.importlib.import_module

    def broken(name):
        if name == "vesin":
            raise OSError("libgomp.so.1: cannot open shared object file")
        return true(name)

    monkeypatch.setattr(checkup.importlib, "import_module", broken)
    trouble = only(checkup.packages())
    assert trouble.what == "vesin"
    assert "does not start: libgomp.so.1" in trouble.found


def test_wrong_spherical_harmonics_are_noticed(monkeypatch):
    from e3nn import o3

    monkeypatch.setattr(o3, "spherical_harmonics", lambda l, vector, **_: vector.roll(1, -1))
    assert "l = 1 harmonics differ from the vector by" in only(checkup.arithmetic()).found


def kernel(tmp_path, monkeypatch, command):
    """Let Jupyter know no kernel but this one."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

    def told(self, name):
        if command is None:
            raise NoSuchKernel(name)
        return KernelSpec(argv=[command, "-m", "ipykernel_launcher"])

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", told)


def test_a_kernel_of_another_python_is_named(tmp_path, monkeypatch):
    other = tmp_path / "python3"
    other.write_text("")
    other.chmod(0o755)
    kernel(tmp_path, monkeypatch, str(other))
    assert f"the kernel python3 starts {other}, not this Python" in only(checkup.jupyter()).found


def test_a_kernel_whose_python_is_gone_is_named(tmp_path, monkeypatch):
    kernel(tmp_path, monkeypatch, "/nowhere/bin/python3")
    assert "which does not exist" in only(checkup.jupyter()).found


def test_a_missing_kernel_is_named(tmp_path, monkeypatch):
    kernel(tmp_path, monkeypatch, None)
    trouble = only(checkup.jupyter())
    assert "Jupyter finds no kernel named python3" in trouble.found
    assert "ipykernel install" in trouble.cure


def test_widgets_without_their_part_for_the_browser_are_named(monkeypatch):
    monkeypatch.setitem(checkup._WIDGETS, "anywidget", "not-there")
    trouble = only(checkup.jupyter())
    assert trouble.what == "anywidget in JupyterLab"
    assert "widgets stay blank" in trouble.found


def test_in_colab_nothing_of_jupyterlab_is_asked_for(monkeypatch, versions):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    versions("jupyterlab", None)
    findings = [*checkup.packages(), *checkup.jupyter()]
    assert all(finding.status == "ok" for finding in findings)
    assert "jupyterlab" not in {finding.what for finding in findings}


# The report


def test_a_check_that_breaks_is_a_finding_and_not_the_end_of_the_report(monkeypatch):
    def disk_full_of_bees():
        raise RuntimeError("bzz")
        yield

    monkeypatch.setattr(checkup, "CHECKS", (disk_full_of_bees, checkup.python))
    findings = checkup.all_findings()
    assert findings[0].found == "the check broke: RuntimeError: bzz"
    assert findings[1].what == "Python"


def test_in_a_notebook_the_report_is_a_table_that_opens_when_something_is_wrong():
    sound = doctor.Report((Finding(what="Python", status="ok", found="3.11"),))
    broken = doctor.Report((Finding(what="<b>", status="wrong", found="a & b", cure="mend <it>"),))
    assert "<details><summary>" in sound._repr_html_()
    assert "<details open><summary>" in broken._repr_html_()
    assert "&lt;b&gt;" in broken._repr_html_()
    assert "mend &lt;it&gt;" in broken._repr_html_()
    assert "-> mend <it>" in str(broken)


def test_looking_changes_nothing_about_the_machine():
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    doctor.doctor()
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)
