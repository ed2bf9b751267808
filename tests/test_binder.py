"""Binder gets what equitour needs, and the CPU build of PyTorch."""

import importlib.metadata
import os
import re
from pathlib import Path

import yaml
from packaging.requirements import Requirement

BINDER = Path(__file__).parents[1] / "binder"
CONDA_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib", "nbconvert-core": "nbconvert"}


def environment():
    """Name and bounds of each package in environment.yml, conda's and pip's."""
    entries = yaml.safe_load((BINDER / "environment.yml").read_text())["dependencies"]
    pips = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    lines = [entry for entry in entries if isinstance(entry, str)] + pips
    found = (re.match(r"([\w.-]+)(.*)", line).groups() for line in lines)
    return {CONDA_NAMES.get(name, name).lower(): bounds for name, bounds in found}


def test_binder_has_every_package_that_equitour_needs_within_its_bounds():
    given = environment()
    for line in importlib.metadata.requires("equitour"):
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": "lab"}):
            name = needed.name.lower()
            assert name in given, f"{name} is missing in binder/environment.yml"
            # Lab needs the newer half of ipywidgets; Colab alone has the older.
            if name != "ipywidgets":
                assert set(given[name].split(",")) == set(str(needed.specifier).split(",")), name


def test_binder_takes_the_cpu_build_and_nothing_replaces_it():
    text = (BINDER / "environment.yml").read_text()
    assert "pytorch-cpu" in text
    assert "--no-deps" in (BINDER / "postBuild").read_text()


def test_binder_s_scripts_can_be_executed():
    assert all(os.access(BINDER / name, os.X_OK) for name in ("postBuild", "start"))
    assert (BINDER / "start").read_text().rstrip().endswith('exec "$@"')
