"""A line of the doctor's report: what was checked, what was found, what mends it."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report: `status` is "ok", "note" (works, but know it) or "wrong"; `cure` says how to mend it."""

    what: str
    status: str
    found: str
    cure: str = ""

    def as_json(self) -> dict[str, str]:
        """Plain values."""
        return asdict(self)


def ok(what: str, found: str) -> Finding:
    """All is well."""
    return Finding(what=what, status="ok", found=found)


def wrong(what: str, found: str, cure: str) -> Finding:
    """Something keeps the course from working."""
    return Finding(what=what, status="wrong", found=found, cure=cure)


def note(what: str, found: str, cure: str) -> Finding:
    """The course works, but more slowly or with less."""
    return Finding(what=what, status="note", found=found, cure=cure)


def pip() -> str:
    """The installer of this very Python, to stand in a cure."""
    return f"{sys.executable} -m pip"
