"""The command `equitour`: opens the course, checks the set-up, runs lessons without a page.

One file a command. To add one, write `equitour/cli/NAME.py` with three things, and put NAME into `COMMANDS`:

- `HELP`: what the command does, in one line;
- `add_arguments(parser)`: its options, in the words of argparse;
- `main(arguments) -> int`: the work; 0 when all is well. A sentence for the user is raised as `Trouble`.

Heavy imports (torch, Jupyter) belong inside the functions that need them, so that `equitour --help` answers at once.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from equitour.cli.trouble import Trouble

COMMANDS = ("lab", "list", "run", "fit", "evaluate", "fit-crystals", "generate", "score", "data", "doctor")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `equitour ...` and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A Windows console that knows no Å shows a question mark instead of stopping.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    arguments = _parser().parse_args(argv)
    try:
        status = arguments.command(arguments)
        sys.stdout.flush()
        return status
    except Trouble as trouble:
        print(f"equitour: {trouble}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="equitour", description="Machine learning on atoms that respects symmetry."
    )
    parser.add_argument("--version", action="version", version=f"equitour {version('equitour')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for name in COMMANDS:
        module = importlib.import_module(f"equitour.cli.{name.replace('-', '_')}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(command=module.main)
    return parser
