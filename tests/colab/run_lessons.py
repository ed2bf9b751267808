"""Run every lesson as Colab would: its versions, its module google.colab, only a wheel and the notebooks to start from.

    python tests/colab/run_lessons.py --environment .venv-colab [LESSON ...]

The environment starts with what Colab brings (requirements.txt). The lessons' own first cell must add the rest, and
may change nothing that was there. Prints the seconds of each lesson; exits 1 when one fails or takes more than a minute.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
LIMIT = 60  # Seconds that a lesson may take in quick mode, kernel start included.


def main() -> int:
    """Make the environment, run the lessons, compare the environment with what it was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter for the environment")
    parser.add_argument(
        "--environment", type=Path, required=True, help="folder of the environment; made if missing"
    )
    parser.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="names, or beginnings of names (default: all)"
    )
    arguments = parser.parse_args()
    python = make_environment(arguments.environment.resolve(), arguments.python)
    with tempfile.TemporaryDirectory(prefix="equitour-colab-") as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        subprocess.run(
            [python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", content, checkout_copy(Path(scratch))],
            check=True,
        )
        before = installed(python)
        # Once for all, so that no lesson's time contains the downloads.
        first_cell = (CHECKOUT / "tutorials" / "_first_cell.py").read_text(encoding="utf-8")
        subprocess.run([python, "-c", first_cell], cwd=content, check=True)
        failed = [name for name in copy_lessons(content, arguments.lessons) if not run(python, content, name)]
        changed = sorted(before - installed(python))
    if changed:
        print(
            f"FAILED: a first cell must add packages only, but these were changed or removed: {', '.join(changed)}"
        )
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    return 1 if failed or changed else 0


def make_environment(folder: Path, interpreter: str) -> Path:
    """Install what Colab brings, and make google.colab present in every Python process, as it is there."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site = subprocess.run(
            [python, "-c", where], check=True, capture_output=True, text=True
        ).stdout.strip()
        (Path(site) / "colab_stub.pth").write_text(f"{HERE / 'stub'}\nimport google.colab\n")
    return python


def checkout_copy(scratch: Path) -> Path:
    """The wheel is built from a copy, so that no build folder appears in the checkout."""
    copy = scratch / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy)
    for name in ("equitour", "tutorials"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return copy


def installed(python: Path) -> set[str]:
    """Names and versions of all packages, as pip tells them."""
    listing = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    )
    return set(listing.stdout.split())


def copy_lessons(content: Path, wanted: list[str]) -> list[str]:
    """Lay the chosen notebooks beside the wheel and return their names in the order of the course."""
    lessons = sorted(path for path in (CHECKOUT / "tutorials").glob("*.ipynb") if path.name[0] not in "._")
    chosen = [path for path in lessons if not wanted or any(path.stem.startswith(name) for name in wanted)]
    for path in chosen:
        shutil.copy(path, content)
    return [path.stem for path in chosen]


def run(python: Path, content: Path, name: str) -> bool:
    """Execute one lesson in quick mode; print its seconds, and its last words when it fails."""
    environment = os.environ | {
        "EQUITOUR_MODE": "quick",
        "EQUITOUR_PROGRESS": str(content / "progress.json"),
        # Only this environment's kernels and settings count, and only its scripts are found.
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "IPYTHONDIR": str(content / ".ipython"),
    }
    command = [
        python,
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        f"--ExecutePreprocessor.timeout={3 * LIMIT}",
    ]
    command += ["--log-level=ERROR", "--output-dir", content / "executed", content / f"{name}.ipynb"]
    started, worked = time.perf_counter(), _cpu_seconds()
    done = subprocess.run(command, cwd=content, env=environment, capture_output=True, text=True, check=False)
    seconds, worked = time.perf_counter() - started, _cpu_seconds() - worked
    # Where other programs take the cores, the seconds of the processor tell what an idle machine would need at most.
    good = done.returncode == 0 and min(seconds, worked) <= LIMIT
    print(f"{'passed' if good else 'FAILED'} {seconds:6.1f} s ({worked:5.1f} s of CPU)  {name}", flush=True)
    if done.returncode:
        print("\n".join((done.stdout + done.stderr).splitlines()[-40:]), flush=True)
    elif not good:
        print(f"a lesson must take at most {LIMIT} s in quick mode; make its quick mode smaller", flush=True)
    return good


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
