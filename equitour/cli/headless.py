"""Run a lesson without a page: cell by cell in a kernel of this Python, and keep what came out when it stops early."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from equitour.cli.trouble import Trouble


@dataclass
class Outcome:
    """An executed notebook, and what stopped it, if anything did."""

    notebook: Any
    trouble: str = ""
    interrupted: bool = False
    seconds: list[float] = field(default_factory=list)


def open_notebook(path: Path) -> Any:
    """Read a notebook in the current format.

    Raises:
        Trouble: If it cannot be read.
    """
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, nbformat.reader.NotJSONError) as problem:
        reason = str(problem).splitlines()[0][:120] if str(problem) else type(problem).__name__
        raise Trouble(
            f"{path} must be a Jupyter notebook, but it cannot be read as one ({reason}); choose another file"
        ) from None


def execute(path: Path, *, mode: str | None = None, quiet: bool = False) -> Outcome:
    """Run all cells of the lesson at `path` in its own folder, with a progress bar on standard error.

    `mode` (quick, normal, full) is what the lesson reads as `EQUITOUR_MODE`. The learner's record of exercises is
    neither read nor written, unless `EQUITOUR_PROGRESS` names one.
    """
    from nbclient import NotebookClient

    outcome = Outcome(open_notebook(path))
    with _kernel_environment(mode) as environment, _this_python() as manager:
        client = NotebookClient(
            outcome.notebook,
            km=manager,
            timeout=None,
            resources={"metadata": {"path": str(path.parent)}},
            # Widget state would make the page ask a server for the widgets' code.
            store_widget_state=False,
        )
        try:
            with client.setup_kernel(env=environment):
                _run_cells(client, outcome, path.stem, quiet=quiet)
        except KeyboardInterrupt:
            outcome.interrupted = True
            outcome.trouble = f"interrupted in cell {len(outcome.seconds) + 1}"
    return outcome


def _run_cells(client: Any, outcome: Outcome, name: str, *, quiet: bool) -> None:
    from time import perf_counter

    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from tqdm import tqdm

    cells = [(index, cell) for index, cell in enumerate(outcome.notebook.cells) if cell.cell_type == "code"]
    with tqdm(cells, desc=name, unit="cell", disable=quiet, file=sys.stderr) as bar:
        for number, (index, cell) in enumerate(bar, start=1):
            started = perf_counter()
            try:
                client.execute_cell(cell, index, execution_count=number)
            except CellExecutionError as error:
                outcome.trouble = _failure(number, cell, f"{error.ename}: {error.evalue}")
            except DeadKernelError:
                outcome.trouble = _failure(number, cell, "the kernel died, perhaps for want of memory")
            outcome.seconds.append(perf_counter() - started)
            if outcome.trouble:
                return


def _failure(number: int, cell: Any, error: str) -> str:
    first_line = next((line for line in cell.source.splitlines() if line.strip()), "")
    return f"code cell {number} (id {cell.get('id', '?')}, beginning {first_line[:60]!r}) failed with {error}"


def share_the_cores(environment: MutableMapping[str, str]) -> None:
    """Let torch's threads sleep while they wait for each other, which by default they do not.

    On a machine that others use as well, lesson 101 took 264 s with threads that spin, 47 s with threads that sleep.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def _kernel_environment(mode: str | None) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="equitour-run-") as scratch:
        environment = dict(os.environ)
        environment.setdefault("EQUITOUR_PROGRESS", str(Path(scratch) / "progress.json"))
        if mode is not None:
            environment["EQUITOUR_MODE"] = mode
        share_the_cores(environment)
        yield environment


@contextmanager
def _this_python() -> Iterator[Any]:
    """A kernel manager whose kernel is the Python that runs this command, whatever kernels the user has installed."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    with tempfile.TemporaryDirectory(prefix="equitour-kernel-") as scratch:
        folder = Path(scratch) / "equitour"
        folder.mkdir()
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        (folder / "kernel.json").write_text(
            json.dumps({"argv": command, "display_name": "equitour", "language": "python"})
        )
        specs = KernelSpecManager(kernel_dirs=[scratch], ensure_native_kernel=False)
        yield AsyncKernelManager(kernel_name="equitour", kernel_spec_manager=specs)
