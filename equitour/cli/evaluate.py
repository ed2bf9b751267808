"""`equitour evaluate`: how far a trained potential is from the labels of a file."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equitour.cli.tensor_report import require_known_elements
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.cli.structure_files import StructureFile

HELP = "compare a trained model with labelled structures"
KEYS = {name: (f"{name}_mae", f"{name}_rmse") for name in ("energy", "forces", "stress")}
UNITS = {"energy": ("energy per atom", "meV"), "forces": ("forces", "meV/Å"), "stress": ("stress", "meV/Å³")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two files and the form of the answer."""
    parser.add_argument("--model", type=Path, required=True, help="a file written by `equitour fit`")
    parser.add_argument(
        "--data", type=Path, required=True, help="structures with the labels that it learnt (extxyz)"
    )
    parser.add_argument("--batch-size", type=int, help="structures at once (16; tensors fewer)")
    parser.add_argument("--json", action="store_true", help="as JSON, in eV and Å or the units of the labels")


def main(arguments: argparse.Namespace) -> int:
    """Print the errors; files that do not fit end in one sentence."""
    from equitour import models
    from equitour.cli.evaluate_tensors import errors_of_tensors, tensor_table
    from equitour.cli.structure_files import read_structures

    if arguments.batch_size is not None and arguments.batch_size < 1:
        raise Trouble(
            f"--batch-size must be positive, received {arguments.batch_size}: leave it out or mend it."
        )
    try:
        model = models.load(arguments.model)
        if isinstance(model, models.Response):
            report = errors_of_tensors(model, arguments.data, batch_size=arguments.batch_size)
            words = tensor_table(model, report)
        else:
            file = read_structures(arguments.data, needed=["forces"])
            report = errors_of(model, file, batch_size=arguments.batch_size or 16)
            words = table(report)
    except (ValueError, FileNotFoundError) as trouble:
        raise Trouble(str(trouble)) from None
    print(json.dumps(report, indent=2) if arguments.json else words)
    return 0


def errors_of(potential, file: StructureFile, *, batch_size: int = 16) -> dict[str, float | int]:
    """Mean absolute and root mean square errors over all structures that have the label; seconds are the model's.

    Energies per atom in eV, forces in eV/Å, stress in eV/Å³ of structures that repeat in three directions.

    Raises:
        Trouble: A structure holds an element that the model has not learnt.
    """
    from equitour.train import Target, prediction_errors

    require_known_elements(file, potential.elements)
    dtype = next(potential.parameters()).dtype
    sums, seconds = {name: np.zeros(3) for name in KEYS}, 0.0
    for names, part in _alike(file).items():
        examples = part.examples(names, cutoff=float(potential.cutoff), dtype=dtype)
        targets = [Target(name=name, per_atom=name == "energy") for name in names]
        started = time.perf_counter()
        found = prediction_errors(potential, examples, targets, batch_size=batch_size)
        seconds += time.perf_counter() - started
        for name, errors in found.items():
            count = sum(example.labels[name].numel() for example in examples)
            sums[name] += count * np.array([errors.mae, errors.rmse**2, 1.0])
    report: dict[str, float | int] = {}
    for name, (mae, square, count) in sums.items():
        if count:
            report |= dict(zip(KEYS[name], (mae / count, math.sqrt(square / count)), strict=True))
    return report | {"structures": len(file.frames), "seconds": round(seconds, 3)}


def _alike(file: StructureFile) -> dict[tuple[str, ...], StructureFile]:
    """The structures by the labels that they carry; what only some carry is told."""
    places = defaultdict(list)
    for place, (atoms, found) in enumerate(zip(file.frames, file.labels, strict=True)):
        names = (name for name in KEYS if name in found and (name != "stress" or atoms.pbc.all()))
        places[tuple(names)].append(place)
    total = len(file.frames)
    for name in KEYS:
        carrying = sum(len(some) for names, some in places.items() if name in names)
        if 0 < carrying < total:
            print(
                f"{file.path.name}: {carrying} of {total} structures have {name}, the others do not count in its errors",
                file=sys.stderr,
            )
    return {names: file.only(some) for names, some in places.items()}


def table(report: dict[str, float | int]) -> str:
    """The same as a row a label in thousandths, with units."""
    lines = [f"{'':18}{'MAE':>10}{'RMSE':>10}"]
    for name, (mae, rmse) in KEYS.items():
        if mae in report:
            title, unit = UNITS[name]
            lines.append(f"{title:18}{1e3 * report[mae]:10.2f}{1e3 * report[rmse]:10.2f}  {unit}")
    lines.append(f"{report['structures']} structures in {report['seconds']:.1f} s")
    return "\n".join(lines)
