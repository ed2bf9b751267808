"""The learner's record: one small JSON file in the working folder that outlives the kernel.

Writing reads the file again under a lock, changes it, and puts the new one in its place in one move, so that two
kernels lose nothing and a power cut leaves the old file or the new one. A damaged file is set aside under another
name. Where nothing can be written, the record lives in memory and the learner is told once.
"""

import contextlib
import copy
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

_EMPTY = {"version": 1, "exercises": {}, "predictions": {}}
_memory: dict = {}  # What could not be written, by path.


def place() -> Path:
    """Where the record stands: `EQUITOUR_PROGRESS`, or `.equitour/progress.json` in the working folder."""
    return Path(os.environ.get("EQUITOUR_PROGRESS") or Path.cwd() / ".equitour" / "progress.json")


def now() -> str:
    """The time in UTC, to the second, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read() -> tuple[dict, str]:
    """Read the record and a note about it; the note is empty when all is well."""
    path = place()
    if path in _memory:
        return copy.deepcopy(_memory[path]), ""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return _sound(record), ""
    except FileNotFoundError:
        return copy.deepcopy(_EMPTY), ""
    except ValueError:  # Neither JSON, nor text, nor of the shape of a record.
        return copy.deepcopy(_EMPTY), _set_aside(path)
    except OSError as problem:
        return copy.deepcopy(_EMPTY), _keep_in_memory(path, _EMPTY, problem)


def update(change: Callable[[dict], None]) -> str:
    """Apply `change` to the newest record and save it; returns a note for the learner, mostly empty."""
    path = place()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_name(path.name + ".lock")):
            record, note = read()
            change(record)
            if path in _memory:
                _memory[path] = record
            else:
                _write(path, record)
            return note
    except OSError as problem:
        record, note = read()
        change(record)
        return _keep_in_memory(path, record, problem) or note


def entry(record: dict, name: str) -> dict:
    """The part of the record about one exercise, made when it is not there yet."""
    fresh = {"status": "not tried", "attempts": 0, "hints": 0, "solution": False}
    return record["exercises"].setdefault(name, fresh)


def _sound(record: object) -> dict:
    """Return the record if it has the shape of one, else say so."""
    if not isinstance(record, dict):
        raise ValueError("the record must be a mapping")
    for part in ("exercises", "predictions"):
        entries = record.setdefault(part, {})
        if not isinstance(entries, dict) or not all(isinstance(value, dict) for value in entries.values()):
            raise ValueError(f"the record's {part} must be a mapping of mappings")
    for known in record["exercises"].values():
        counts = [known.setdefault("attempts", 0), known.setdefault("hints", 0)]
        if not all(isinstance(count, int) for count in counts):
            raise ValueError("the record's counts must be whole numbers")
        known.setdefault("status", "not tried")
        known.setdefault("solution", False)
    return record


def _write(path: Path, record: dict) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}-{time.monotonic_ns()}.part")
    try:
        draft.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.stem}.damaged-{time.time_ns()}{path.suffix}")
    try:
        os.replace(path, aside)
    except OSError as problem:
        return _keep_in_memory(path, _EMPTY, problem)
    return f"The record of your progress could not be read; it was set aside as `{aside.name}` and a new one begun."


def _keep_in_memory(path: Path, record: dict, problem: OSError) -> str:
    told = path in _memory
    _memory[path] = copy.deepcopy(record)
    if told:
        return ""
    return (
        f"Your progress cannot be saved at `{path}` ({problem.strerror or problem}); it is kept until the kernel "
        "stops. To save it, set EQUITOUR_PROGRESS to a file that you may write."
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock among kernels; closing the file frees it, and so does the system when a kernel dies."""
    with open(path, "a+b") as handle:
        _lock(handle)
        yield


def _lock(handle: BinaryIO) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has the same under another name.
        import msvcrt

        handle.seek(0)
        with contextlib.suppress(OSError):  # After ten seconds msvcrt gives up waiting; so do we.
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        return
    with contextlib.suppress(OSError):  # Some network file systems know no locks; reading again still helps.
        fcntl.flock(handle, fcntl.LOCK_EX)
