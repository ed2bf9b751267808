"""What `equitour doctor` looks at: each check returns plain findings, and each trouble comes with its cure."""

import hashlib
import importlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
GIB = 2**30
# Imported for real, since an installed package may still lack a system library.
_TRY_IMPORT = ("torch", "e3nn", "ase", "vesin", "spglib", "ipywidgets", "anywidget")
_WIDGETS = {"ipywidgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report: `status` is "ok", "note" (works, but know it) or "wrong"; `cure` says how to mend it."""

    what: str
    status: str
    found: str
    cure: str = ""

    def as_json(self) -> dict[str, str]:
        """Plain values."""
        return asdict(self)


def ok(what: str, found: str) -> Finding:
    """All is well."""
    return Finding(what=what, status="ok", found=found)


def wrong(what: str, found: str, cure: str) -> Finding:
    """Something keeps the course from working."""
    return Finding(what=what, status="wrong", found=found, cure=cure)


def note(what: str, found: str, cure: str) -> Finding:
    """The course works, but more slowly or with less."""
    return Finding(what=what, status="note", found=found, cure=cure)


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
    if sys.version_info < (3, 11):
        yield wrong(
            "Python",
            f"{found}, but equitour needs 3.11 or newer",
            "install a newer Python and make a new environment with it",
        )
    else:
        yield ok("Python", found)
    yield ok("equitour", f"{importlib.metadata.version('equitour')} at {PACKAGE}")


def packages() -> Iterator[Finding]:
    """Every package that equitour needs: there, in the tested range, and able to start."""
    from packaging.requirements import Requirement

    in_colab = "google.colab" in sys.modules
    for line in importlib.metadata.requires("equitour") or ():
        requirement = Requirement(line)
        extra = (
            "lab"
            if not in_colab and requirement.marker and requirement.marker.evaluate({"extra": "lab"})
            else ""
        )
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield _package(requirement.name, requirement.specifier)


def _package(name: str, needed) -> Finding:
    cure = f"run `{_pip()} install '{name}{needed}'`"
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
            f"run `{_pip()} install --force-reinstall 'e3nn>=0.6,<0.7'`",
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
            cure = (
                f"run `{_pip()} install --force-reinstall jupyterlab_widgets anywidget` and reload the page"
            )
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
    if Path(shutil.which(command)).absolute() != Path(sys.executable).absolute() and os.path.isabs(command):
        return wrong("notebook kernel", f"the kernel python3 starts {command}, not this Python", cure)
    return ok("notebook kernel", "python3 starts this Python")


def shipped_files() -> Iterator[Finding]:
    """Data sets and checkpoints, compared with the sha256 that their manifests vouch for."""
    manifests = sorted(PACKAGE.rglob("manifest.json"))
    cure = _restore("equitour")
    if not manifests:
        yield wrong("data files", f"no manifest lies under {PACKAGE}, so no data set came along", cure)
    for manifest in manifests:
        room = str(manifest.parent.relative_to(PACKAGE))
        try:
            entries = dict(_entries(json.loads(manifest.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            yield wrong(f"files in {room}", "the manifest cannot be read", cure)
            continue
        troubles = [
            trouble
            for name, card in entries.items()
            if (trouble := _file_trouble(manifest.parent / name, card))
        ]
        total = sum(card.get("bytes", card.get("size", 0)) for card in entries.values()) / 1e6
        if troubles:
            yield wrong(f"files in {room}", "; ".join(troubles), cure)
        else:
            yield ok(f"files in {room}", f"{len(entries)} files, {total:.1f} MB, every sha256 right")


def _entries(manifest: dict) -> Iterator[tuple[str, dict]]:
    for name, card in manifest.get("files", manifest).items():
        # A card may name its file, or stand under the file's own name.
        yield card.get("file", name), card


def _file_trouble(path: Path, card: dict) -> str:
    if not path.is_file():
        return f"{path.name} is missing"
    size = card.get("bytes", card.get("size"))
    if size is not None and path.stat().st_size != size:
        return f"{path.name} has {path.stat().st_size} bytes instead of {size}"
    if hashlib.sha256(path.read_bytes()).hexdigest() != card["sha256"]:
        return f"{path.name} was changed or damaged (its sha256 differs)"
    return ""


def course_files() -> Iterator[Finding]:
    """The lessons themselves."""
    from equitour.cli import lessons
    from equitour.cli.trouble import Trouble

    cure = _restore("tutorials")
    try:
        course = lessons.course()
    except Trouble as trouble:
        yield wrong("lessons", str(trouble), cure)
        return
    if any(lesson.name == "start" for lesson in course):
        yield ok("lessons", f"{len(course)} in {lessons.folder()}")
    else:
        yield wrong("lessons", f"the first lesson, start.ipynb, is not in {lessons.folder()}", cure)


def room_on_disk() -> Iterator[Finding]:
    """Space and permission where notebooks and progress are saved, and in the folder for temporary files."""
    for what, place in (("working folder", Path.cwd()), ("temporary folder", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(place).free / GIB
        if not os.access(place, os.W_OK):
            yield wrong(
                what, f"{place} cannot be written, so no work is saved", "start from a folder of your own"
            )
        elif free < 0.2:
            yield wrong(
                what,
                f"{place} has {free:.2f} GiB free, too little to save notebooks",
                "free at least 1 GiB there",
            )
        elif free < 1:
            yield note(
                what,
                f"{place} has {free:.2f} GiB free",
                "free at least 1 GiB before the lessons with public data",
            )
        else:
            yield ok(what, f"{place}, {free:.0f} GiB free")


def memory() -> Iterator[Finding]:
    """Memory that a kernel may still take."""
    available = _available_memory()
    if available is None:
        yield note(
            "memory", "this system does not say how much is free", "keep at least 2 GiB free for a lesson"
        )
    elif available < 0.75:
        yield wrong(
            "memory",
            f"{available:.1f} GiB free, and kernels will be killed",
            "close other programs and kernels that you no longer use",
        )
    elif available < 2:
        yield note(
            "memory", f"{available:.1f} GiB free", "shut down a lesson's kernel before you open the next one"
        )
    else:
        yield ok("memory", f"{available:.1f} GiB free")


def _available_memory() -> float | None:
    try:
        import psutil  # It comes with ipykernel.

        return psutil.virtual_memory().available / GIB
    except ImportError:
        return None


def _restore(part: str) -> str:
    from equitour.cli import lessons

    if lessons.in_checkout():
        return f"run `git checkout -- {part}` in the checkout {PACKAGE.parent}"
    return f"run `{_pip()} install --force-reinstall --no-deps equitour`"


def _pip() -> str:
    return f"{sys.executable} -m pip"


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
