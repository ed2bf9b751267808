"""`equitour evaluate`: how far a trained potential is from the labels of a file."""

import argparse
import json
import time
from pathlib import Path

from equitour.cli.trouble import Trouble

HELP = "compare a trained model with labelled structures"
KEYS = {"energy": ("energy_mae", "energy_rmse"), "forces": ("forces_mae", "forces_rmse")}
UNITS = {"energy": ("energy per atom", "meV"), "forces": ("forces", "meV/Å")}


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


def errors_of(potential, file, *, batch_size: int = 16) -> dict[str, float | int]:
    """Mean absolute and root mean square errors: energies per atom in eV, forces in eV/Å; seconds are the model's."""
    from equitour.train import Target, prediction_errors

    names = [name for name in KEYS if file.has(name)]
    dtype = next(potential.parameters()).dtype
    examples = file.examples(names, cutoff=float(potential.cutoff), dtype=dtype)
    targets = [Target(name=name, per_atom=name == "energy") for name in names]
    started = time.perf_counter()
    found = prediction_errors(potential, examples, targets, batch_size=batch_size)
    seconds = time.perf_counter() - started
    report: dict[str, float | int] = {}
    for name in names:
        report |= dict(zip(KEYS[name], (found[name].mae, found[name].rmse), strict=True))
    return report | {"structures": len(examples), "seconds": round(seconds, 3)}


def table(report: dict[str, float | int]) -> str:
    """The same as two rows in thousandths, with units."""
    lines = [f"{'':18}{'MAE':>10}{'RMSE':>10}"]
    for name, (mae, rmse) in KEYS.items():
        if mae in report:
            title, unit = UNITS[name]
            lines.append(f"{title:18}{1e3 * report[mae]:10.2f}{1e3 * report[rmse]:10.2f}  {unit}")
    lines.append(f"{report['structures']} structures in {report['seconds']:.1f} s")
    return "\n".join(lines)
