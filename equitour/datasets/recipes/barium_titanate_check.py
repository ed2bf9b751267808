"""How far are the Born charges of `barium_titanate` from a finer mesh? One distorted cell of it on 6x6x6 points.

The first distorted cell, all else as in the set, so that a test can hold the two beside each other. A quarter of an hour.
"""

from functools import partial
from pathlib import Path

from equitour.datasets.recipes import abinit, barium_titanate
from equitour.datasets.recipes.bench import Bench, versions
from equitour.datasets.shelf import SHIPPED

KEY, MESH = "01", 6
CARD = barium_titanate.CARD | {
    "title": "Born charges of one barium titanate cell on a finer mesh",
    "method": barium_titanate.CARD["method"].replace("4x4x4", f"{MESH}x{MESH}x{MESH}"),
    "caveats": f"Cell {KEY} of `barium_titanate` once more: a check, and nothing to learn from.",
}


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing."""
    card = CARD | {"codes": versions("numpy") | {"abinit": abinit.version()}}
    bench = Bench(name="barium_titanate_check", card=card, folder=folder, minutes=minutes)
    bench.make([KEY], partial(barium_titanate.crystal, mesh=MESH))


if __name__ == "__main__":
    make()
