"""`equitour lab`: JupyterLab on the course, offline and on this machine only."""

import argparse
import os
import socket
import sys
from pathlib import Path

from equitour.cli import course_copy, lessons
from equitour.cli.headless import share_the_cores
from equitour.cli.trouble import Trouble

HELP = "open the course in JupyterLab"
ADDRESS = "127.0.0.1"
# JupyterLab would ask for its news, for a newer version and for extensions to install; a course in a room with bad
# Wi-Fi asks nobody. These options silence the server and the settings the page, both for this launch only: no file
# of the user is written, and whatever else the user or the classroom has set stays in force.
SETTINGS = Path(__file__).with_name("jupyter_config")
OFFLINE = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `equitour lab`."""
    parser.add_argument(
        "dir",
        nargs="?",
        type=Path,
        metavar="DIR",
        help="folder for your copy of the lessons (default: the checkout's own, else ./equitour-course)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address instead of opening a browser"
    )
    parser.add_argument("--port", type=int, help="port to listen on (default: 8888 or the next free one)")


def main(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on the first lesson and stay until it is closed."""
    lab = _jupyterlab()
    if arguments.port is not None:
        require_free(arguments.port)
    folder = course_folder(arguments.dir)
    if running_as_root():
        print(
            f"Running as root: JupyterLab listens on this machine only ({ADDRESS}), and still asks for its token."
        )
    # In a virtual environment its own kernels come first, so that a lesson never starts in another Python.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    paths = [str(SETTINGS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(paths)
    share_the_cores(os.environ)
    sys.stdout.flush()
    lab.launch_instance(argv=command_line(folder, browser=not arguments.no_browser, port=arguments.port))
    return 0


def course_folder(chosen: Path | None) -> Path:
    """The folder to open: the checkout's lessons, or the learner's copy, brought up to date."""
    carried = lessons.folder()
    if chosen is None and lessons.in_checkout():
        return carried
    target = (chosen or Path("equitour-course")).expanduser().resolve()
    if target == carried.resolve():
        return carried
    if target.exists() and not target.is_dir():
        raise Trouble(f"DIR must be a folder, but {target} is a file; name another one: `equitour lab DIR`")
    print(f"Your copy of the lessons: {target}")
    for sentence in course_copy.bring_up_to_date([lesson.path for lesson in lessons.course()], target):
        print(f"  {sentence}")
    return target


def command_line(folder: Path, *, browser: bool, port: int | None) -> list[str]:
    """JupyterLab's own options for this launch."""
    options = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.ip={ADDRESS}",
        "--LabApp.default_url=/lab/tree/start.ipynb",
        *OFFLINE,
    ]
    if port is not None:
        options += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        options.append("--no-browser")
    if running_as_root():
        options.append("--allow-root")
    return options


def require_free(port: int) -> None:
    """Refuse a port that cannot be had, before anything is started.

    Raises:
        Trouble: If the number is no port, is reserved, or something listens there.
    """
    if not 1 <= port <= 65535:
        raise Trouble(
            f"the port must lie between 1 and 65535, received {port}; leave --port out to take a free one"
        )
    try:
        with socket.socket() as trial:
            if os.name == "posix":
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((ADDRESS, port))
    except PermissionError:
        raise Trouble(
            f"port {port} is reserved for the system; take one above 1023 or leave --port out"
        ) from None
    except OSError:
        raise Trouble(
            f"port {port} must be free, but another program listens there; "
            f"close it, take `--port {port % 65535 + 1}`, or leave --port out to take a free one"
        ) from None


def running_as_root() -> bool:
    """Whether this is the super-user, whom Jupyter serves only when told to."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _jupyterlab() -> type:
    try:
        from jupyterlab.labapp import LabApp
    except ImportError:
        raise Trouble(
            f"JupyterLab must be installed to open the course, but it is not; run `{sys.executable} -m pip install 'equitour[lab]'`"
        ) from None
    return LabApp
