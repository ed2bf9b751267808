"""Train on part of the data, generate, and score against the rest: the bars of crystal generation, by the commands themselves."""

import argparse
import csv
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

from equitour.cli import main
from equitour.datasets.formats import rows_of

# What was published for the test part (3,785 crystals) of Perov-5 after training on 11,356 (CDVAE, ICLR 2022; DiffCSP, NeurIPS 2023),
# the better of the two; the match rate is DiffCSP's.
PUBLISHED = {
    "structural_validity": 100.0,
    "composition_validity": 98.85,
    "coverage_recall": 99.74,
    "coverage_precision": 98.46,
    "wdist_density": 0.111,
    "wdist_num_elems": 0.013,
    "match_rate": 52.02,
    "match_rmse": 0.076,
}


def bars(arguments: argparse.Namespace) -> None:
    """Split, train, generate twice, score twice, print; what stands in the folder already is not made again."""
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    learnt, held, model = (folder / name for name in ("learnt.csv", "held.csv", "model.safetensors"))
    if not held.exists():
        split(arguments.data, learnt, held)
    if not (folder / "trained").exists():
        run("fit-crystals", "--data", learnt, "--out", model, "--minutes", arguments.minutes, "--resume")
        (folder / "trained").touch()
    count = ("--n", arguments.n)
    found = {
        "from noise": scored(folder / "noise", (learnt, held), ("--model", model, *count)),
        "by composition": scored(
            folder / "match", (learnt, held), ("--model", model, "--composition-from", held)
        ),
    }
    print(table(found))


def split(data: Path, learnt: Path, held: Path, *, share: float = 0.2, seed: int = 0) -> None:
    """A random fifth of the rows is held back."""
    rows = rows_of(data)
    random.Random(seed).shuffle(rows)
    cut = round(share * len(rows))
    for path, some in ((learnt, rows[cut:]), (held, rows[:cut])):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=[name for name in rows[0] if name])
            writer.writeheader()
            writer.writerows({name: value for name, value in row.items() if name} for row in some)


def scored(name: Path, data: tuple[Path, Path], options: Sequence[object]) -> dict[str, float]:
    """Scores of what generate makes with these options, and its seconds."""
    learnt, held = data
    made, scores = name.with_suffix(".extxyz"), name.with_suffix(".json")
    start = time.perf_counter()
    if not made.exists():
        run("generate", "--out", made, "--resume", *options)
        name.with_suffix(".seconds").write_text(f"{time.perf_counter() - start:.1f}")
    if not scores.exists():
        run("score", "--generated", made, "--reference", held, "--training", learnt, "--out", scores)
    found = json.loads(scores.read_text())
    return found["published"] | found | {"seconds": float(name.with_suffix(".seconds").read_text())}


def run(*words: object) -> None:
    """A command of equitour, which must succeed."""
    if main([str(word) for word in words]) != 0:
        raise SystemExit(f"equitour {words[0]} failed")


def table(found: dict[str, dict[str, float]]) -> str:
    """Markdown: a row for each score, with what was published."""
    lines = ["| | published | " + " | ".join(found) + " |", "| --- " * (2 + len(found)) + "|"]
    for name, goal in PUBLISHED.items():
        got = " | ".join(
            f"{scores[name]:.3f}" if scores.get(name) is not None else "" for scores in found.values()
        )
        lines.append(f"| {name} | {goal} | {got} |")
    for name in ("unique", "novel", "generated", "seconds"):
        lines.append(f"| {name} | | " + " | ".join(f"{scores[name]:.1f}" for scores in found.values()) + " |")
    return "\n".join(lines)
