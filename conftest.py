"""Set the scene for every test and every notebook: quick mode, calm threads, and nothing written into the checkout."""

import os
import tempfile
from pathlib import Path

# Kernels that nbval starts inherit this environment, so it stands before any of them is born.
_scratch = tempfile.TemporaryDirectory(prefix="equitour-tests-", ignore_cleanup_errors=True)
os.environ.setdefault("EQUITOUR_MODE", "quick")
os.environ["EQUITOUR_PROGRESS"] = str(Path(_scratch.name) / "progress.json")
# A reader's own IPython start-up files and Jupyter settings must not decide whether a lesson passes.
os.environ["IPYTHONDIR"] = str(Path(_scratch.name) / "ipython")
os.environ["JUPYTER_CONFIG_DIR"] = str(Path(_scratch.name) / "jupyter")
# The test runner and the kernel it drives take turns, so each may use all cores; under pytest-xdist they share.
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _workers)))


def pytest_unconfigure():
    """Take the scratch folder away when the last test is done."""
    _scratch.cleanup()
