"""Generated crystals: what their scores mean.

    python -m tests.benchmarks.crystals ceilings [--data FILE] [--splits 10] [--fingerprints KEPT.npz]
    python -m tests.benchmarks.crystals oxidation [--data FILE]

FILE holds ordered crystals, csv with a column `cif` or extxyz; by default the validation part of Perov-5 (EQUITOUR_DATA).
Fingerprints of its 3,787 crystals take about four minutes of one core; KEPT.npz holds them for the next time.
"""

import argparse
import os
from pathlib import Path

from .crystal_ceilings import ceilings, oxidation

PEROVSKITE = Path("perov_5") / "val.csv.gz"
PARTS = {"ceilings": ceilings, "oxidation": oxidation}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("EQUITOUR_DATA", ".")) / PEROVSKITE)
    parser.add_argument(
        "--splits", type=int, default=10, help="random divisions of the data (default: %(default)s)"
    )
    parser.add_argument("--fingerprints", type=Path, metavar="NPZ", help="where fingerprints are kept")
    arguments = parser.parse_args()
    PARTS[arguments.part](arguments)


if __name__ == "__main__":
    main()
