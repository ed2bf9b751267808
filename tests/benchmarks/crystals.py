"""Generated crystals: how good they are, and what their scores mean.

    python -m tests.benchmarks.crystals bars --folder FOLDER [--data FILE] [--minutes 60] [--n 1000]
    python -m tests.benchmarks.crystals ceilings [--data FILE] [--splits 10] [--fingerprints KEPT.npz]
    python -m tests.benchmarks.crystals oxidation [--data FILE]

FILE holds ordered crystals, csv with a column `cif` or extxyz; by default the validation part of Perov-5 (EQUITOUR_DATA).
`bars` trains on four fifths of them and scores against the rest; run again, it goes on where it was stopped. Fingerprints of 3,787
crystals take about four minutes of one core; KEPT.npz holds them for the next time.
"""

import argparse
import os
from pathlib import Path

from .crystal_bars import bars
from .crystal_ceilings import ceilings, oxidation

PEROVSKITE = Path("perov_5") / "val.csv.gz"
PARTS = {"bars": bars, "ceilings": ceilings, "oxidation": oxidation}


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
    parser.add_argument(
        "--folder", type=Path, default=Path("crystal_bars"), help="where `bars` keeps what it makes"
    )
    parser.add_argument("--minutes", type=float, default=60, help="of training (default: %(default)s)")
    parser.add_argument("--n", type=int, default=1000, help="crystals from noise (default: %(default)s)")
    arguments = parser.parse_args()
    PARTS[arguments.part](arguments)


if __name__ == "__main__":
    main()
