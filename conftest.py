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
# Lessons and tests work on small graphs: a second thread gains little there, and where other programs share the cores,
# threads that wait for each other cost minutes (measured with lesson 101: 33 s with one, 264 s with two).
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_unconfigure():
    """Take the scratch folder away when the last test is done."""
    _scratch.cleanup()
