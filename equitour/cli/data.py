"""`equitour data`: which sets there are, what is known of each, and how to make the shipped ones again."""

import argparse
import signal
from pathlib import Path

from equitour.cli.trouble import Trouble

HELP = "list, describe and make the data sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three verbs of `equitour data`."""
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb", title="verbs")
    listing = verbs.add_parser("list", help="all sets as a table")
    listing.add_argument("--kind", choices=("closed form", "shipped", "public"), help="only this kind")
    card = verbs.add_parser("describe", help="the data card of one set: units, method, licence, citation")
    card.add_argument("name", help="a set, for example molecules_md/ethanol")
    card.add_argument("--markdown", action="store_true", help="as Markdown")
    make = verbs.add_parser(
        "make", help="run a recipe; what stands already is kept, so it can be stopped at any time"
    )
    make.add_argument(
        "name", help="a recipe, for example phonons (needs the extra: pip install equitour[recipes])"
    )
    make.add_argument("--minutes", type=float, help="begin no further item after this time")
    make.add_argument("--into", type=Path, help="folder of the files (the shelf of the installed package)")


def main(arguments: argparse.Namespace) -> int:
    """Do what the verb says; wrong names and missing codes end in one sentence."""
    from equitour import datasets

    try:
        if arguments.verb == "list":
            print(datasets.available(arguments.kind))
        elif arguments.verb == "describe":
            card = datasets.describe(arguments.name)
            print(card.markdown() if arguments.markdown else card)
        else:
            make(arguments)
    except (ValueError, ModuleNotFoundError, FileNotFoundError) as trouble:
        raise Trouble(str(trouble)) from None
    except KeyboardInterrupt:
        raise Trouble("stopped; what was made is kept, and the same command goes on from there.") from None
    return 0


def make(arguments: argparse.Namespace) -> None:
    """Run one recipe."""
    from equitour.datasets.recipes import recipe
    from equitour.datasets.shelf import SHIPPED

    if arguments.minutes is not None and arguments.minutes <= 0:
        raise ValueError(
            f"--minutes must be positive, received {arguments.minutes:g}; leave it out to run to the end."
        )
    chosen = recipe(arguments.name)
    # A batch system's request to end is treated as Ctrl-C, so that the last items are still written.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen(arguments.into or SHIPPED, arguments.minutes)
