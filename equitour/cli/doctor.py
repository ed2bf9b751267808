"""`equitour doctor`, and `doctor()` in a notebook: is the set-up sound, and if not, what mends it?"""

import argparse
import json
from dataclasses import dataclass
from html import escape

from equitour.cli.checkup import all_findings
from equitour.cli.finding import Finding

HELP = "check the set-up and say how to mend what is wrong"
_SIGNS = {"ok": "✓", "note": "i", "wrong": "✗"}


@dataclass(frozen=True)
class Report:
    """All findings; shows itself as a table in a notebook and as lines elsewhere."""

    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.status != "wrong" for finding in self.findings)

    @property
    def verdict(self) -> str:
        """The report in one sentence."""
        wrong = [finding.what for finding in self.findings if finding.status == "wrong"]
        if not wrong:
            return f"The set-up is sound: {len(self.findings)} checks passed."
        return f"{len(wrong)} of {len(self.findings)} checks found something wrong: {', '.join(wrong)}."

    def as_json(self) -> str:
        """The report for programs."""
        findings = [finding.as_json() for finding in self.findings]
        return json.dumps(
            {"sound": self.sound, "verdict": self.verdict, "findings": findings}, indent=1, ensure_ascii=False
        )

    def __str__(self) -> str:
        """One line a finding, and below what is wrong the cure."""
        width = max(len(finding.what) for finding in self.findings)
        lines = []
        for finding in self.findings:
            lines.append(f"{_SIGNS[finding.status]} {finding.what.ljust(width)}  {finding.found}")
            lines += [f"  {' ' * width}  -> {finding.cure}"] if finding.cure else []
        return "\n".join([*lines, "", self.verdict])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # What is sound folds away: a reader needs the verdict, and the rows only when something is wrong.
        rows = "".join(_row(finding) for finding in self.findings)
        table = f'<table style="margin:0.4em 0"><thead><tr><th></th><th>checked</th><th>found</th></tr></thead><tbody>{rows}</tbody></table>'
        opened = "" if self.sound else " open"
        return (
            f'<div role="status"><p><strong>{_SIGNS["ok" if self.sound else "wrong"]} {escape(self.verdict)}</strong></p>'
            f"<details{opened}><summary>What was checked</summary>{table}</details></div>"
        )


def doctor() -> Report:
    """Check Python, packages, Jupyter, widgets, data files, lessons, disk and memory."""
    return Report(tuple(all_findings()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `equitour doctor`."""
    parser.add_argument("--json", action="store_true", help="the report as JSON, for programs")


def main(arguments: argparse.Namespace) -> int:
    """Print the report; 1 when something is wrong."""
    report = doctor()
    print(report.as_json() if arguments.json else report)
    return 0 if report.sound else 1


def _row(finding: Finding) -> str:
    cure = f"<br><em>{escape(finding.cure)}</em>" if finding.cure else ""
    left = 'style="text-align:left"'
    return f"<tr><td>{_SIGNS[finding.status]}</td><td {left}>{escape(finding.what)}</td><td {left}>{escape(finding.found)}{cure}</td></tr>"
