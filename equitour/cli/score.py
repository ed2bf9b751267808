"""`equitour score`: how good generated crystals are, in the scores that the field publishes."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.generative import CrystalScores

HELP = "score generated crystals against a reference: validity, coverage, match, uniqueness, novelty"
FILES = "csv or csv.gz with a column cif, extxyz, CIF or another format that ASE reads"
# Name, unit, and what it says.
WORDS = {
    "structural_validity": ("%", "of the generated: atoms at least 0.5 Å apart"),
    "composition_validity": ("%", "of the generated: charges can balance (smact 2.2.1)"),
    "coverage_recall": ("%", "of the reference: a generated crystal is near"),
    "coverage_precision": ("%", "of the generated: a reference crystal is near"),
    "wasserstein_density": ("g/cm³", "between the densities"),
    "wasserstein_elements": ("", "between the numbers of elements"),
    "match_rate": ("%", "of the pairs in order: the same crystal"),
    "match_rmse": ("", "displacement of matched atoms, over (V/N)^(1/3)"),
    "unique": ("%", "of the generated: the first of their kind"),
    "novel": ("%", "of the generated: not in the training set"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files and the form of the answer."""
    parser.epilog = (
        "Validity, coverage, match_rate, unique and novel are percentages from 0 to 100, as the tables of CDVAE and DiffCSP "
        "print them. The key `published` holds the same in the words of their programs: shares from 0 to 1, distances of "
        "distributions to all reference crystals instead of the valid ones. match pairs the rows in order and is null when "
        "the files differ in length. Without pymatgen (pip install 'equitour[crystals]') what needs it is null."
    )
    parser.add_argument(
        "--generated", type=Path, required=True, metavar="FILE", help=f"what to judge: {FILES}"
    )
    parser.add_argument(
        "--reference", type=Path, required=True, metavar="FILE", help="what it should be like"
    )
    parser.add_argument(
        "--training", type=Path, metavar="FILE", help="crystals that are not novel (default: the reference)"
    )
    parser.add_argument(
        "--cutoffs",
        choices=("perov", "carbon", "mp20"),
        default="perov",
        help="what counts as near, for structure and composition: perov and carbon 0.2 and 4, mp20 0.4 and 10 (default: perov)",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON to FILE")


def main(arguments: argparse.Namespace) -> int:
    """Print the scores; files that cannot be scored end in one sentence."""
    from tqdm import tqdm

    from equitour.cli.crystal_files import read_crystals
    from equitour.generative import score_crystals

    if arguments.out is not None and not arguments.out.absolute().parent.is_dir():
        raise Trouble(
            f"--out must name a file in a folder that exists, received {arguments.out}: make the folder first"
        )
    generated = read_crystals(arguments.generated, keep_broken=True)
    reference = read_crystals(arguments.reference)
    training = None if arguments.training is None else read_crystals(arguments.training)
    scores = score_crystals(
        generated,
        reference,
        training=training,
        cutoffs=arguments.cutoffs,
        # Bars go to the standard error stream, and only when somebody looks.
        progress=lambda title: partial(tqdm, desc=title, unit="crystal", leave=False, disable=None),
    )
    report = json.dumps(as_json(scores, len(generated), len(reference), arguments.cutoffs), indent=2)
    if arguments.out is not None:
        arguments.out.write_text(report + "\n", encoding="utf-8")
    for reason in dict.fromkeys(scores.reasons.values()):
        names = ", ".join(name for name, why in scores.reasons.items() if why == reason)
        print(f"equitour: no {names}: {reason}", file=sys.stderr)
    print(report if arguments.json else table(scores))
    return 0


def as_json(scores: CrystalScores, generated: int, reference: int, cutoffs: str) -> dict:
    """The ten scores, and what they were made from."""
    return scores.numbers() | {
        "units": {name: unit or "1" for name, (unit, _) in WORDS.items()},
        "generated": generated,
        "reference": reference,
        "cutoffs": cutoffs,
        "published": scores.published,
        "reasons": scores.reasons,
    }


def table(scores: CrystalScores) -> str:
    """One line a score, with its unit and what it says."""
    lines = []
    for name, value in scores.numbers().items():
        unit, meaning = WORDS[name]
        number = "-" if value is None else f"{value:.2f}" if unit == "%" else f"{value:.4f}"
        lines.append(f"{name:22}{number:>9} {unit:6} {meaning}")
    return "\n".join(lines)
