"""A learner's copy of the lessons: brought up to date, and never written over.

The folder keeps, in `.equitour/lessons.json`, a fingerprint of each lesson as it was copied. A file that still has it
is ours and may be replaced by a newer version. Any other file is the learner's: it stays, and the newer version is
laid beside it. The fingerprint covers what a person writes, the cells' text, and not what running a lesson leaves
(outputs, counters), so that merely opening and running a lesson does not freeze it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from equitour.cli.trouble import Trouble

RECORD = Path(".equitour") / "lessons.json"


def fingerprint(path: Path) -> str:
    """The sha256 of a notebook's cells, outputs and counters left out; of the bytes where it is no notebook."""
    content = path.read_bytes()
    try:
        cells = [
            [cell["cell_type"], "".join(cell["source"]), cell.get("attachments")]
            for cell in json.loads(content)["cells"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def bring_up_to_date(lessons: Iterable[Path], target: Path) -> list[str]:
    """Copy the lessons into `target`, leave alone what the learner changed, and say what was done.

    Returns one sentence for each file that was added, updated, or kept because it is the learner's.

    Raises:
        Trouble: If the folder cannot be written.
    """
    try:
        (target / RECORD).parent.mkdir(parents=True, exist_ok=True)
        recorded = _recorded(target)
        said = [sentence for lesson in lessons for sentence in _place(lesson, target, lesson.name, recorded)]
        _write_record(target, recorded)
    except OSError as problem:
        raise Trouble(
            f"the lessons are copied into a folder that can be written, but {target} cannot be "
            f"({problem.strerror or problem}); name another one: `equitour lab DIR`"
        ) from None
    return said


def _place(lesson: Path, target: Path, name: str, recorded: dict[str, str]) -> list[str]:
    """Lay one lesson down under `name`, or, where the learner's own stands there, beside it."""
    copy, new = target / name, fingerprint(lesson)
    known = recorded.get(name)
    if not copy.exists():
        _copy(lesson, copy)
        recorded[name] = new
        return [f"{name}: added"]
    present = fingerprint(copy)
    if present == new:
        recorded[name] = new
        return []
    if present == known:
        _copy(lesson, copy)
        recorded[name] = new
        return [f"{name}: updated (you had not changed it)"]
    if known == new:
        return []  # The learner's changes to this very version: nothing newer to offer.
    return _place_beside(lesson, target, name, recorded)


def _place_beside(lesson: Path, target: Path, name: str, recorded: dict[str, str]) -> list[str]:
    """Offer the newer version next to the learner's file, under a name that is free or still holds our copy."""
    stem = name.removesuffix(".ipynb")
    offered = (
        other
        for other, was in recorded.items()
        if other.startswith(f"{stem}.new") and was == fingerprint(lesson)
    )
    if any(not (target / other).exists() for other in offered):
        return []  # Offered before and thrown away by the learner.
    number, beside = 1, f"{stem}.new.ipynb"
    while (target / beside).exists() and fingerprint(target / beside) not in (
        recorded.get(beside),
        fingerprint(lesson),
    ):
        number += 1
        beside = f"{stem}.new{number}.ipynb"
    if not _place(lesson, target, beside, recorded):
        return []
    return [f"{name}: kept as you changed it; the newer version lies beside it as {beside}"]


def _copy(lesson: Path, copy: Path) -> None:
    # First beside its place, then moved, so that a full disk never leaves half a lesson.
    partial = copy.with_name(f".{copy.name}.part")
    shutil.copyfile(lesson, partial)
    os.replace(partial, copy)


def _recorded(target: Path) -> dict[str, str]:
    try:
        recorded = json.loads((target / RECORD).read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in recorded.items()}
    except (FileNotFoundError, ValueError, AttributeError):
        # Without a readable record every differing file counts as the learner's, which loses nothing.
        return {}


def _write_record(target: Path, recorded: dict[str, str]) -> None:
    partial = target / f"{RECORD}.part"
    partial.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, target / RECORD)
