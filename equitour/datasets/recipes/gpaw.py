"""GPAW as a program: a script for the system's Python, where Debian's packages install it, and a job as JSON."""

import json
import subprocess
from collections.abc import Mapping

SYSTEM_PYTHON = "/usr/bin/python3"


def version() -> str:
    """GPAW's version, for the card; FileNotFoundError when it is not installed."""
    return run('import json, gpaw; print("RESULT", json.dumps(gpaw.__version__))', {})


def run(script: str, job: Mapping):
    """What ``script`` prints as JSON after the word RESULT, or None when the calculation did not converge.

    The script finds ``job`` as JSON in its standard input.

    Raises:
        FileNotFoundError: when GPAW is not installed.
        RuntimeError: when it ends in any other way, as for an element that its files lack.
    """
    command = [SYSTEM_PYTHON, "-c", script]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, check=False)
    if "No module named 'gpaw'" in done.stderr:
        raise FileNotFoundError(
            "This recipe computes with GPAW under the system's Python, where it is not installed; "
            "on Debian or Ubuntu install the packages gpaw and gpaw-data."
        )
    line = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if line:
        return json.loads(line[0].removeprefix("RESULT"))
    if "KohnShamConvergenceError" in done.stderr:
        return None
    raise RuntimeError(
        f"GPAW must end with a result or without convergence, but it said: {done.stderr.strip()[-300:]}"
    )
