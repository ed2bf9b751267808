"""`hint` and `solution`: help in steps, given freely and noted in the record."""

from equitour.learn import record
from equitour.learn.definition import find
from equitour.learn.page import Message


def hint(name: str) -> Message:
    """Show one hint more at each call, with those before it.

    Raises:
        LookupError: If there is no exercise of that name.
    """
    exercise = find(name)
    shown = 0

    def change(kept: dict) -> None:
        nonlocal shown
        entry = record.entry(kept, name)
        shown = entry["hints"] = min(entry["hints"] + 1, len(exercise.hints))

    note = record.update(change)
    more = len(exercise.hints) - shown
    after = (
        f"{more} more: run this again."
        if more
        else f'That was the last one; `solution("{name}")` shows the rest.'
    )
    return Message(
        status="hint",
        name=name,
        title=f"{exercise.title}, {shown} of {len(exercise.hints)}",
        sentence=exercise.hints[shown - 1],
        notes=tuple(filter(None, [*_before(exercise.hints[: shown - 1]), after, note])),
    )


def _before(hints: tuple[str, ...]) -> list[str]:
    return [f"Hint {k}: {text}" for k, text in enumerate(hints, start=1)]


def solution(name: str) -> Message:
    """Show the reference solution's own source. It is always shown; the record notes that it was read.

    Raises:
        LookupError: If there is no exercise of that name.
    """
    exercise = find(name)
    tried = True

    def change(kept: dict) -> None:
        nonlocal tried
        entry = record.entry(kept, name)
        tried = entry["attempts"] > 0
        entry["solution"] = True

    note = record.update(change)
    advice = (
        ""
        if tried
        else "Reading is fine; close it then and write your own from memory, that is when it stays."
    )
    return Message(
        status="solution",
        name=name,
        title=exercise.title,
        sentence="One way to write it; yours may look different and be as good.",
        code=exercise.source,
        notes=tuple(filter(None, [advice, note])),
    )
