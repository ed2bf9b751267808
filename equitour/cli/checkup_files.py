"""The doctor's checks of what lies on the disk, and of how much room there is."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from equitour.cli import lessons
from equitour.cli.finding import PACKAGE, Finding, note, ok, pip, wrong
from equitour.cli.trouble import Trouble

GIB = 2**30


def shipped_files() -> Iterator[Finding]:
    """Data sets and checkpoints, compared with the sha256 that their manifests vouch for."""
    manifests = sorted(PACKAGE.rglob("manifest.json"))
    cure = _restore("equitour")
    if not manifests:
        yield wrong("data files", f"no manifest lies under {PACKAGE}, so no data set came along", cure)
    for manifest in manifests:
        room = str(manifest.parent.relative_to(PACKAGE))
        try:
            entries = dict(_entries(json.loads(manifest.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            yield wrong(f"files in {room}", "the manifest cannot be read", cure)
            continue
        troubles = [
            trouble
            for name, card in entries.items()
            if (trouble := _file_trouble(manifest.parent / name, card))
        ]
        total = sum(card["bytes"] or 0 for card in entries.values()) / 1e6
        if troubles:
            yield wrong(f"files in {room}", "; ".join(troubles), cure)
        else:
            yield ok(f"files in {room}", f"{len(entries)} files, {total:.1f} MB, every sha256 right")


def _entries(manifest: dict) -> Iterator[tuple[str, dict]]:
    for name, card in manifest.get("files", manifest).items():
        # A card may name its file, or stand under the file's own name.
        size = card.get("bytes", card.get("size"))
        yield card.get("file", name), {"sha256": card["sha256"], "bytes": size}


def _file_trouble(path: Path, card: dict) -> str:
    if not path.is_file():
        return f"{path.name} is missing"
    size = card["bytes"]
    if size is not None and path.stat().st_size != size:
        return f"{path.name} has {path.stat().st_size} bytes instead of {size}"
    if hashlib.sha256(path.read_bytes()).hexdigest() != card["sha256"]:
        return f"{path.name} was changed or damaged (its sha256 differs)"
    return ""


def course_files() -> Iterator[Finding]:
    """The lessons themselves."""
    cure = _restore("tutorials")
    try:
        course = lessons.course()
    except Trouble as trouble:
        yield wrong("lessons", str(trouble), cure)
        return
    if any(lesson.name == "start" for lesson in course):
        yield ok("lessons", f"{len(course)} in {lessons.folder()}")
    else:
        yield wrong("lessons", f"the first lesson, start.ipynb, is not in {lessons.folder()}", cure)


def room_on_disk() -> Iterator[Finding]:
    """Space and permission where notebooks and progress are saved, and in the folder for temporary files."""
    for what, place in (("working folder", Path.cwd()), ("temporary folder", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(place).free / GIB
        if not os.access(place, os.W_OK):
            yield wrong(
                what, f"{place} cannot be written, so no work is saved", "start from a folder of your own"
            )
        elif free < 0.2:
            yield wrong(
                what,
                f"{place} has {free:.2f} GiB free, too little to save notebooks",
                "free at least 1 GiB there",
            )
        elif free < 1:
            yield note(
                what,
                f"{place} has {free:.2f} GiB free",
                "free at least 1 GiB before the lessons with public data",
            )
        else:
            yield ok(what, f"{place}, {free:.0f} GiB free")


def memory() -> Iterator[Finding]:
    """Memory that a kernel may still take."""
    available = _available_memory()
    if available is None:
        yield note(
            "memory", "this system does not say how much is free", "keep at least 2 GiB free for a lesson"
        )
    elif available < 0.75:
        yield wrong(
            "memory",
            f"{available:.1f} GiB free, and kernels will be killed",
            "close other programs and kernels that you no longer use",
        )
    elif available < 2:
        yield note(
            "memory", f"{available:.1f} GiB free", "shut down a lesson's kernel before you open the next one"
        )
    else:
        yield ok("memory", f"{available:.1f} GiB free")


def _available_memory() -> float | None:
    try:
        import psutil  # It comes with ipykernel.

        return psutil.virtual_memory().available / GIB
    except ImportError:
        return None


def _restore(part: str) -> str:
    if lessons.in_checkout():
        return f"run `git checkout -- {part}` in the checkout {PACKAGE.parent}"
    return f"run `{pip()} install --force-reinstall --no-deps equitour`"
