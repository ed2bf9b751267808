"""What `equitour doctor` looks at: each check returns plain findings, and each trouble comes with its cure."""

import importlib
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from equitour.cli.checkup_files import course_files, memory, room_on_disk, shipped_files
from equitour.cli.finding import PACKAGE, Finding, ok, pip, wrong

OLDEST_PYTHON = (3, 11)
# Imported for real, since an installed package may still lack a system library.
_TRY_IMPORT = ("torch", "e3nn", "ase", "vesin", "spglib", "ipywidgets", "anywidget")
_WIDGETS = {"ipywidgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}


def all_findings() -> list[Finding]:
    """Run every check. A check that itself breaks is a finding too, so the report always appears."""
    findings = []
    for check in CHECKS:
        try:
            findings += check()
        except Exception as problem:
            what = check.__name__.replace("_", " ")
            findings.append(
                wrong(
                    what, f"the check broke: {type(problem).__name__}: {problem}", "please report this line"
                )
            )
    return findings


def python() -> Iterator[Finding]:
    """The interpreter that runs this."""
    found = f"{sys.version.split()[0]} at {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield wrong(
            "Python",
            f"{found}, but equitour needs {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer",
            "install a newer Python and make a new environment with it",
        )
    else:
        yield ok("Python", found)
    try:
        yield ok("equitour", f"{importlib.metadata.version('equitour')} at {PACKAGE}")
    except importlib.metadata.PackageNotFoundError:
        cure = f"run `{pip()} install -e {PACKAGE.parent}`"
        yield wrong("equitour", f"it runs from {PACKAGE} without being installed", cure)


def packages() -> Iterator[Finding]:
    """Every package that equitour needs: there, in the tested range, and able to start."""
    from packaging.requirements import Requirement

    # Colab brings its own notebook page, so nothing of the extra `lab` is asked for there.
    extras = ("",) if "google.colab" in sys.modules else ("", "lab")
    for line in importlib.metadata.requires("equitour") or ():
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            yield _package(needed.name, needed.specifier)


def _package(name: str, needed) -> Finding:
    cure = f"run `{pip()} install '{name}{needed}'`"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return wrong(name, "it is not installed", cure)
    # A local build such as 2.9.1+cpu counts as 2.9.1, a pre-release as what it precedes.
    if not needed.contains(version, prereleases=True):
        return wrong(name, f"version {version} is installed, but equitour is tested with {needed}", cure)
    if name in _TRY_IMPORT:
        try:
            importlib.import_module(name)
        except Exception as problem:
            reason = (str(problem).splitlines() or [type(problem).__name__])[0]
            return wrong(
                name,
                f"version {version} is installed but does not start: {reason}",
                cure.replace("install", "install --force-reinstall"),
            )
    return ok(name, version)


def arithmetic() -> Iterator[Finding]:
    """Torch and e3nn together give the one result that every lesson builds on: l = 1 is the vector itself."""
    import torch
    from e3nn import o3

    vector = torch.tensor([[0.36, 0.48, 0.8]], dtype=torch.float64)
    harmonics = o3.spherical_harmonics(1, vector, normalize=False, normalization="norm")
    error = float((harmonics - vector).abs().max())
    if error > 1e-12:
        yield wrong(
            "e3nn with torch",
            f"l = 1 harmonics differ from the vector by {error:.1e}",
            f"run `{pip()} install --force-reinstall 'e3nn>=0.6,<0.7'`",
        )
    else:
        yield ok(
            "e3nn with torch",
            f"l = 1 harmonics equal the vector to {error:.0e}; {torch.get_num_threads()} threads",
        )
    if torch.cuda.is_available():
        yield ok("CUDA", torch.cuda.get_device_name(0))


def jupyter() -> Iterator[Finding]:
    """The kernel that a notebook starts must be this Python, and Lab must know the widgets."""
    if "google.colab" in sys.modules:
        yield ok("Jupyter", "Colab brings its own")
        return
    yield _kernel()
    from jupyter_core.paths import jupyter_path

    for name, extension in _WIDGETS.items():
        places = [Path(path) / extension for path in jupyter_path("labextensions")]
        if any((place / "package.json").is_file() for place in places):
            yield ok(f"{name} in JupyterLab", "installed")
        else:
            cure = f"run `{pip()} install --force-reinstall jupyterlab_widgets anywidget` and reload the page"
            yield wrong(
                f"{name} in JupyterLab", "its part for the browser is missing, so widgets stay blank", cure
            )


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    cure = f"run `{sys.executable} -m ipykernel install --sys-prefix` and choose the kernel Python 3"
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return wrong("notebook kernel", "Jupyter finds no kernel named python3", cure)
    if shutil.which(command) is None:
        return wrong("notebook kernel", f"the kernel python3 starts {command}, which does not exist", cure)
    # python and python3 of one environment are the same Python under two names.
    if os.path.isabs(command) and Path(command).parent != Path(sys.executable).parent:
        return wrong("notebook kernel", f"the kernel python3 starts {command}, not this Python", cure)
    return ok("notebook kernel", "python3 starts this Python")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    python,
    packages,
    arithmetic,
    jupyter,
    shipped_files,
    course_files,
    room_on_disk,
    memory,
)
