"""From the answers of the sides to numbers, and from numbers to a table."""

import statistics
from collections.abc import Sequence

COLUMNS = (
    ("side", "", "{}"),
    ("times as fast", "ratio", "{0[median]:.2f} ({0[low]:.2f}-{0[high]:.2f})"),
    ("CPU ms/step", "cpu_ms", "{:.1f}"),
    ("wall ms/step", "wall_ms", "{:.1f}"),
    ("parameters", "parameters", "{:,}"),
    ("paths", "paths", "{}"),
    ("edges", "edges", "{:,}"),
    ("import s", "import_seconds", "{:.1f}"),
    ("first step s", "startup_seconds", "{:.1f}"),
    ("its CPU s", "startup_cpu_seconds", "{:.1f}"),
    ("memory MiB", "memory_mib", "{:.0f}"),
)


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Median with the quartiles around it; a single value is all three."""
    if len(values) == 1:
        return dict.fromkeys(("low", "median", "high"), values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"low": low, "median": median, "high": high}


def summarise(firsts: dict[str, dict], answers: dict[str, list[dict]], reference: str) -> dict[str, dict]:
    """For each side what it said of itself, its median times, and its speed as a multiple of the reference's.

    The multiple is taken within each round and its median over rounds, so that a slow minute of the machine,
    which both sides of a round share, leaves it alone.
    """
    summary = {}
    for name, rounds in answers.items():
        summary[name] = firsts[name] | {
            "cpu_ms": 1000 * statistics.median(answer["cpu"] for answer in rounds),
            "wall_ms": 1000 * statistics.median(answer["wall"] for answer in rounds),
            "memory_mib": rounds[-1]["memory_mib"],
            "last_loss": rounds[-1]["loss"],
        }
        if reference in answers:
            pairs = zip(answers[reference], rounds, strict=True)
            summary[name]["ratio"] = quartiles([theirs["cpu"] / ours["cpu"] for theirs, ours in pairs])
    return summary


def table(summary: dict[str, dict]) -> str:
    """One line a side, the fastest first; a fact that a side does not know is left blank."""
    ordered = sorted(summary.items(), key=lambda item: item[1]["cpu_ms"])
    rows = [[title for title, _, _ in COLUMNS]]
    for name, facts in ordered:
        cells = [template.format(facts[key]) if key in facts else "" for _, key, template in COLUMNS[1:]]
        rows.append([name, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
