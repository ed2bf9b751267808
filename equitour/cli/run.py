"""`equitour run`: a lesson without a page, for clusters, teachers and automatic checks."""

import argparse
import os
import sys
from pathlib import Path

from equitour.cli import lessons
from equitour.cli.trouble import Trouble

HELP = "execute a lesson and write it as one self-contained HTML page"
MODES = ("quick", "normal", "full")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `equitour run`."""
    parser.add_argument(
        "name", metavar="NAME", help="a lesson (101, 101_symmetry_in_learning) or a notebook file"
    )
    parser.add_argument(
        "--mode", choices=MODES, help="size of the computations (default: EQUITOUR_MODE, else normal)"
    )
    parser.add_argument(
        "--html", type=Path, metavar="OUT", help="file to write (default: NAME.html in this folder)"
    )


def main(arguments: argparse.Namespace) -> int:
    """Execute, write the page, and say what stopped the lesson, if anything did."""
    path = lessons.find(arguments.name)
    out = _page_file(arguments.html, path)
    try:
        from equitour.cli.headless import execute, open_notebook
        from equitour.cli.lesson_page import to_html

        title = open_notebook(path).metadata.get("equitour", {}).get("title", path.stem)
        outcome = execute(path, mode=arguments.mode)
        page = to_html(outcome.notebook, title=title, folder=path.parent)
    except ImportError as missing:
        raise Trouble(
            f"{missing.name} must be installed to run a lesson, but it is not; "
            f"run `{sys.executable} -m pip install 'equitour[lab]'`"
        ) from None
    _write(out, page)
    if outcome.trouble:
        partial = f"the page up to there is in {out}"
        print(f"equitour: {path.stem} stopped: {outcome.trouble}; {partial}", file=sys.stderr)
        return 130 if outcome.interrupted else 1
    print(f"{path.stem}: {len(outcome.seconds)} cells in {sum(outcome.seconds):.1f} s, written to {out}")
    return 0


def _page_file(chosen: Path | None, lesson: Path) -> Path:
    """Where the page goes; refused before an hour of computing rather than after."""
    out = chosen or Path(f"{lesson.stem}.html")
    if out.is_dir():
        out = out / f"{lesson.stem}.html"
    if not out.resolve().parent.is_dir():
        raise Trouble(
            f"the folder of the page must exist, but {out.parent} does not; make it or choose another with --html"
        )
    if not os.access(out.resolve().parent, os.W_OK) or (out.exists() and not os.access(out, os.W_OK)):
        raise Trouble(
            f"the page is written to {out}, but that place cannot be written; choose another with --html"
        )
    return out


def _write(out: Path, page: str) -> None:
    partial = out.with_name(f".{out.name}.part")
    try:
        partial.write_text(page, encoding="utf-8")
        os.replace(partial, out)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise Trouble(
            f"the page could not be written to {out} ({problem.strerror}); make room or choose another with --html"
        ) from None
