"""What the commands `potentials` and `egnn` share: options, starting the sides, the interleaved run, the report."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from .conversation import Side, SideFailed, Worker, interleave
from .environments import DEFAULT_FOLDER, interpreter
from .report import summarise, table


class Case(Protocol):
    """A workload: says what it is, and writes the task that all sides are handed."""

    def describe(self) -> str:
        """One line for the reader."""

    def task(self, folder: Path) -> dict:
        """Write the arrays into the folder; return the task, without a side's own options."""


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    parser.add_argument(
        "--steps", type=int, default=5, help="of each side in each round; default: %(default)s"
    )
    parser.add_argument(
        "--warmup", type=int, default=10, help="steps before the first round; default: %(default)s"
    )
    parser.add_argument("--sides", help="names, separated by commas; default: all")
    parser.add_argument("--environments", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="another interpreter for an environment",
    )
    parser.add_argument(
        "--processor", type=int, default=max(os.sched_getaffinity(0)), help="that all are pinned to"
    )
    parser.add_argument(
        "--keep-memory",
        action="store_true",
        help="let all sides keep freed memory (glibc's MALLOC_ variables)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything measured to FILE")
    return parser


def run(arguments: argparse.Namespace, cases: dict[str, Case], sides: Sequence[Side], reference: str) -> int:
    """Measure all cases, print a table for each, write the JSON file."""
    measured = {"machine": machine(), "options": printable(arguments), "reference": reference, "cases": {}}
    for name, case in cases.items():
        print(f"\n{name}: {case.describe()}")
        with TemporaryDirectory() as folder:
            workers, skipped = start(
                arguments, case.task(Path(folder)), chosen(arguments, sides), Path(folder)
            )
            answers = interleave(
                workers, rounds=arguments.rounds, steps=arguments.steps, warmup=arguments.warmup
            )
            summary = summarise({worker.side.name: worker.first for worker in workers}, answers, reference)
            for worker in workers:
                worker.close()
        print(table(summary))
        for side, reason in skipped.items():
            print(f"skipped {side}: {reason}")
        measured["cases"][name] = {"title": case.describe(), "sides": summary, "skipped": skipped}
    for side in chosen(arguments, sides):
        print(f"{side.name}: {side.note}")
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1) + "\n")
    return 0


def start(
    arguments: argparse.Namespace, task: dict, sides: Sequence[Side], folder: Path
) -> tuple[list[Worker], dict[str, str]]:
    """Start one side after the other, each alone; those that cannot take part come back with the reason."""
    pythons = dict(pair.split("=", 1) for pair in arguments.python)
    workers, skipped = [], {}
    for number, side in enumerate(sides):
        python = Path(sys.executable)
        if side.environment:
            python = Path(
                pythons.get(side.environment, interpreter(side.environment, arguments.environments))
            )
        if not python.exists():
            skipped[side.name] = (
                f"not installed; `python -m tests.benchmarks.environments {side.environment}`"
            )
            continue
        path = folder / f"task{number}.json"
        path.write_text(json.dumps(task | {"options": side.options}))
        print(f"starting {side.name}", file=sys.stderr)
        try:
            workers.append(
                Worker(side, python, path, processor=arguments.processor, keep_memory=arguments.keep_memory)
            )
        except SideFailed as error:
            skipped[side.name] = str(error)
    return workers, skipped


def chosen(arguments: argparse.Namespace, sides: Sequence[Side]) -> list[Side]:
    """The sides that are asked for."""
    if not arguments.sides:
        return list(sides)
    wanted = [name.strip() for name in arguments.sides.split(",")]
    unknown = set(wanted) - {side.name for side in sides}
    if unknown:
        names = ", ".join(side.name for side in sides)
        raise SystemExit(f"sides must be among {names}, received {', '.join(sorted(unknown))}")
    return [side for side in sides if side.name in wanted]


def machine() -> dict:
    """What the numbers belong to."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown"
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def printable(arguments: argparse.Namespace) -> dict:
    """The options that change numbers; paths of this machine stay out of the file."""
    names = ("rounds", "steps", "warmup", "sides", "keep_memory", "radial_width", "compile")
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
