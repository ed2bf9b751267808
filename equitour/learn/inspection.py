"""`check`: run the learner's answer on fresh inputs and name what is wrong with it."""

import copy
import dataclasses
import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from equitour.learn import record
from equitour.learn.definition import Exercise, find
from equitour.learn.diagnosis import Finding, diagnose
from equitour.learn.page import Message

DRAWS = 4  # Fresh inputs per check: enough that no wrong formula is right by chance.
_NOT_YET = Finding(
    "not yet", "Nothing to check yet: replace the `...` by your own answer and run the cell again."
)


class _Stopped(Exception):
    """The learner's function raised; carries what to say."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


def check(name: str, answer: object = ..., *, generator: torch.Generator | None = None) -> Message:
    """Check an answer: `check("102.compose", compose)`.

    Args:
        name: The exercise.
        answer: The function itself, not called; or the value, where the exercise asks for one.
        generator: Source of the random inputs; fresh ones at each check without it.

    Returns:
        A message with `.passed`, `.status` and, if there is a mistake, its name as `.kind`.
        A learner's mistake never raises.

    Raises:
        LookupError: If there is no exercise of that name.
    """
    exercise = find(name)
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    try:
        finding = (
            _value(exercise, answer) if exercise.inputs is None else _function(exercise, answer, generator)
        )
    except _Stopped as stopped:
        finding = stopped.finding
    status = (
        "passed" if finding is None else finding.kind if finding.kind in ("not yet", "error") else "wrong"
    )
    note, hints = _remember(name, status)
    return Message(
        status=status,
        name=name,
        title=exercise.title,
        sentence=finding.sentence if finding else _praise(exercise),
        kind=finding.kind if finding else "",
        notes=tuple(filter(None, [_next_step(exercise, status, hints), note])),
    )


def _remember(name: str, status: str) -> tuple[str, int]:
    hints = 0

    def change(kept: dict) -> None:
        nonlocal hints
        entry = record.entry(kept, name)
        hints = entry["hints"]
        if status == "not yet":  # Running the untouched notebook is no attempt.
            return
        entry["attempts"] += 1
        if status == "passed" and entry["status"] != "passed":
            entry["passed_at"] = record.now()
        if entry["status"] != "passed":  # Once passed stays passed, whatever is tried later.
            entry["status"] = status

    return record.update(change), hints


def _praise(exercise: Exercise) -> str:
    if exercise.inputs is None:
        return "Right."
    return f"Right on {DRAWS} fresh random inputs."


def _next_step(exercise: Exercise, status: str, hints: int) -> str:
    if status == "passed":
        return f'`solution("{exercise.name}")` shows how we wrote it.'
    left = len(exercise.hints) - hints
    if left > 0:
        return f'`hint("{exercise.name}")` helps ({left} of {len(exercise.hints)} hints left).'
    return f'`solution("{exercise.name}")` shows the solution.'


def _unfilled(answer: object) -> bool:
    if isinstance(answer, list | tuple):
        return any(part is ... for part in answer)
    return answer is None or answer is ... or answer is NotImplemented


def _value(exercise: Exercise, answer: object) -> Finding | None:
    if callable(answer) and not callable(expected := exercise.solution()):
        answer = _call(answer, ())
    else:
        expected = exercise.solution()
    if _unfilled(answer):
        return _NOT_YET
    return _compare(exercise, [answer], [expected], [()])


def _function(exercise: Exercise, answer: object, generator: torch.Generator) -> Finding | None:
    if _unfilled(answer):
        return _NOT_YET
    wanted = exercise.solution.__name__
    if not callable(answer):
        return Finding(
            "type",
            f'Hand over the function itself, without calling it: `check("{exercise.name}", {wanted})`; '
            f"received a value of type {type(answer).__name__}.",
        )
    draws = [_draw(exercise, generator) for _ in range(DRAWS)]
    if mismatch := _arguments(exercise, answer, draws[0]):
        return mismatch
    answers = [_call(answer, draw, watch=True) for draw in draws]
    if any(_unfilled(value) for value in answers):
        return _not_returned(answer)
    expected = [_solve(exercise.solution, draw) for draw in draws]
    return _compare(exercise, answers, expected, draws, answer)


def _not_returned(answer: Callable) -> Finding:
    """A body with work in it that returns nothing has lost its `return`; a bare stub has not been begun."""
    try:
        source = inspect.getsource(answer)
    except (OSError, TypeError):
        return _NOT_YET
    if "..." in source or "return" in source or "NotImplemented" in source or "lambda" in source:
        return _NOT_YET
    return Finding("type", "Your function returns nothing: its last line must be `return` and the answer.")


def _draw(exercise: Exercise, generator: torch.Generator) -> tuple:
    drawn = exercise.inputs(generator)
    return drawn if isinstance(drawn, tuple) else (drawn,)


def _arguments(exercise: Exercise, answer: Callable, draw: tuple) -> Finding | None:
    try:
        inspect.signature(answer).bind(*draw)
    except TypeError:
        wanted = ", ".join(inspect.signature(exercise.solution).parameters)
        received = ", ".join(map(str, inspect.signature(answer).parameters.values()))
        return Finding(
            "arguments",
            f"Your function must take the arguments ({wanted}), received one that takes ({received}).",
        )
    except ValueError:  # Built-in functions do not tell their arguments.
        return None
    return None


def _fresh(value: object) -> object:
    """Copy an input, so that nobody's change reaches anybody else."""
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_fresh(part) for part in value)
    return value if callable(value) and not isinstance(value, torch.nn.Module) else copy.deepcopy(value)


def _same(left: object, right: object) -> bool:
    """Whether two values are equal to the last bit, inside containers too."""
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return left.shape == right.shape and torch.equal(torch.nan_to_num(left), torch.nan_to_num(right))
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    if dataclasses.is_dataclass(left):
        names = [field.name for field in dataclasses.fields(left)]
        return all(_same(getattr(left, name), getattr(right, name, None)) for name in names)
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return not isinstance(left, bool | int | float | complex | str | set) or left == right


def _solve(function: Callable, draw: tuple) -> object:
    return function(*_fresh(draw))


def _call(function: Callable, draw: tuple, *, watch: bool = False) -> object:
    """Run the learner's function on its own copy of the inputs."""
    given = _fresh(draw)
    try:
        result = function(*given)
    except NotImplementedError:
        return None
    except Exception as problem:
        raise _Stopped(_stopped(function, problem)) from None
    if watch:
        for k, (before, after) in enumerate(zip(draw, given, strict=True)):
            if not _same(before, after):
                raise _Stopped(_modified(function, k))
    return result


def _modified(function: Callable, position: int) -> Finding:
    try:
        name = f"`{list(inspect.signature(function).parameters)[position]}`"
    except (ValueError, TypeError, IndexError):
        name = f"number {position + 1}"
    cure = "work on a new tensor: `x = x + 1`, not `x += 1`; or on `x.clone()`"
    return Finding(
        "modifies inputs", f"Your function changes its argument {name}, which belongs to the caller; {cure}."
    )


def _stopped(function: Callable, problem: Exception) -> Finding:
    if isinstance(problem, TypeError) and "ellipsis" in str(problem):
        return Finding("not yet", "A `...` still stands in your function: replace it and run the cell again.")
    frames = traceback.extract_tb(problem.__traceback__)[1:]  # The first frame is this file's.
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [entry for entry in frames if entry.filename == home] or frames
    where = ""
    if frames:
        line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
        where = f" in line {frames[-1].lineno}" + (f", `{line}`" if line else "")
    text = " ".join(str(problem).split())
    return Finding(
        "error", f"Your function stopped with {type(problem).__name__}{where}: {text or 'no message'}"
    )


def _compare(
    exercise: Exercise, answers: list, expected: list, draws: list[tuple], function: Callable | None = None
) -> Finding | None:
    finding = _verdict(exercise, answers, expected, draws)
    if finding is None and not (exercise.compare and exercise.irreps_out):
        return _repeat(exercise, answers[0], function, draws[0]) if function else None
    if finding and finding.kind in ("type", "shape"):
        return finding
    return (
        _named(exercise, answers, draws, finding) or _turned(exercise, function, draws[0], finding) or finding
    )


def _verdict(exercise: Exercise, answers: list, expected: list, draws: list[tuple]) -> Finding | None:
    if exercise.compare is None:
        return diagnose(answers, expected, tolerance=exercise.tolerance, axes=exercise.axes) or None
    for answer, right, draw in zip(answers, expected, draws, strict=True):
        try:
            sentence = exercise.compare(answer, right, *_fresh(draw))
        except Exception as problem:
            text = " ".join(str(problem).split())
            return Finding("type", f"The answer cannot be compared: {text} ({type(problem).__name__}).")
        if sentence:
            return Finding("different", sentence)
    return None


def _named(exercise: Exercise, answers: list, draws: list[tuple], finding: Finding | None) -> Finding | None:
    """The mistakes that the exercise's author foresaw."""
    if finding is None:
        return None
    for sentence, wrong in exercise.mistakes.items():
        outcomes = [_solve(wrong, draw) for draw in draws]
        if diagnose(answers, outcomes, tolerance=exercise.tolerance) is None:
            return Finding("named", sentence)
    return None


def _repeat(exercise: Exercise, first: object, function: Callable, draw: tuple) -> Finding | None:
    if exercise.compare or diagnose([_call(function, draw)], [first], tolerance=exercise.tolerance) is None:
        return None
    return Finding(
        "not deterministic", "Called twice with the same arguments, your function answers differently."
    )


def _turned(
    exercise: Exercise, function: Callable | None, draw: Sequence, finding: Finding | None
) -> Finding | None:
    """Ask the equivariance report, where the answer is a function of a graph."""
    return None
