"""`check`: run the learner's answer on fresh inputs and name what is wrong with it."""

import inspect
from collections.abc import Callable

import torch

from equitour.graph import AtomicGraph
from equitour.learn import record
from equitour.learn.arrays import widen
from equitour.learn.definition import Exercise, find
from equitour.learn.diagnosis import diagnose
from equitour.learn.finding import Finding, short
from equitour.learn.page import Message
from equitour.learn.trial import NOT_YET, Stopped, call, fresh, nothing_returned, unfilled, wrong_arguments

DRAWS = 8  # Fresh inputs per check: even a coin for an answer that is +1 or -1 passes once in 256 times only.
# Mistakes that a failed symmetry may explain better than the numbers do.
_LOOSE = ("different", "some inputs", "offset", "constant", "factor")


def check(name: str, answer: object = ..., *, generator: torch.Generator | None = None) -> Message:
    """Check an answer: `check("102.compose", compose)`.

    Args:
        name: The exercise.
        answer: The function itself, not called; or the value, where the exercise asks for one.
        generator: Source of the random inputs; fresh ones at each check without it.

    Returns:
        A message with `.passed`, `.status` ("passed", "not yet", "wrong", "error") and, if there is a mistake, its
        name as `.kind`. A learner's mistake never raises.

    Raises:
        LookupError: If there is no exercise of that name.
    """
    exercise = find(name)
    try:
        finding = _examine(exercise, answer, generator)
    except Stopped as stopped:
        finding = stopped.finding
    status = (
        "passed" if finding is None else finding.kind if finding.kind in ("not yet", "error") else "wrong"
    )
    note, hints = _remember(name, status)
    praise = "Right." if exercise.inputs is None else f"Right on {DRAWS} fresh random inputs."
    return Message(
        status=status,
        name=name,
        title=exercise.title,
        sentence=finding.sentence if finding else praise,
        kind=finding.kind if finding else "",
        notes=tuple(filter(None, [_next_step(exercise, status, hints), note])),
    )


def _remember(name: str, status: str) -> tuple[str, int]:
    """Count the attempt; returns a note about the record and how many hints have been read."""
    if status == "not yet":  # Running the untouched notebook is no attempt.
        kept, note = record.read()
        return note, record.entry(kept, name)["hints"]
    hints = 0

    def change(kept: dict) -> None:
        nonlocal hints
        entry = record.entry(kept, name)
        hints = entry["hints"]
        entry["attempts"] += 1
        if status == "passed":
            entry.setdefault("passed_at", record.now())
        if entry["status"] != "passed":  # Once passed stays passed, whatever is tried later.
            entry["status"] = status

    return record.update(change), hints


def _next_step(exercise: Exercise, status: str, hints: int) -> str:
    if status == "passed":
        return f'`solution("{exercise.name}")` shows how we wrote it.'
    left = len(exercise.hints) - hints
    if left > 0:
        return f'`hint("{exercise.name}")` helps: {left} of {len(exercise.hints)} hints left.'
    return f'`solution("{exercise.name}")` shows the solution.'


def _examine(exercise: Exercise, answer: object, generator: torch.Generator | None) -> Finding | None:
    if unfilled(answer):
        return NOT_YET
    if exercise.inputs is None:
        return _value(exercise, answer)
    wanted = exercise.solution.__name__
    if not callable(answer):
        return Finding(
            "type",
            f'Hand over the function itself, without calling it: `check("{exercise.name}", {wanted})`; '
            f"received a value, `{short(answer)}`.",
        )
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    draws = [_draw(exercise, generator, number) for number in range(DRAWS)]
    return wrong_arguments(answer, exercise.solution, draws[0]) or _function(exercise, answer, draws)


def _draw(exercise: Exercise, generator: torch.Generator, number: int) -> tuple:
    kinds = exercise.inputs if isinstance(exercise.inputs, tuple) else (exercise.inputs,)
    drawn = kinds[number % len(kinds)](generator)
    return drawn if isinstance(drawn, tuple) else (drawn,)


def _value(exercise: Exercise, answer: object) -> Finding | None:
    expected = exercise.solution()
    if callable(answer) and not callable(expected):
        answer = call(answer, ())
    if unfilled(answer):
        return NOT_YET
    finding = _verdict(exercise, [answer], [expected], [()])
    return finding and (_foreseen(exercise, [answer], [expected], [()]) or finding)


def _function(exercise: Exercise, answer: Callable, draws: list[tuple]) -> Finding | None:
    answers = [call(answer, draw, watch=True, quiet=k > 0) for k, draw in enumerate(draws)]
    if any(unfilled(value) for value in answers):
        return nothing_returned(answer)
    expected = [exercise.solution(*fresh(draw)) for draw in draws]
    finding = _verdict(exercise, answers, expected, draws)
    if finding is None:
        # With an own comparison chance may be part of the answer, and the symmetry is not yet proven.
        if exercise.compare:
            return _symmetry(exercise, answer, draws[0], expected[0])
        return _repeated(exercise, answer, draws[0], answers[0])
    if foreseen := _foreseen(exercise, answers, expected, draws):
        return foreseen
    if finding.kind not in _LOOSE:
        return finding
    return (
        _repeated(exercise, answer, draws[0], answers[0])
        or _symmetry(exercise, answer, draws[0], expected[0])
        or _with_example(exercise, finding, draws, answers, expected)
    )


def _verdict(exercise: Exercise, answers: list, expected: list, draws: list[tuple]) -> Finding | None:
    if exercise.compare is None:
        return _differ(exercise, answers, expected)
    for answer, right, draw in zip(answers, expected, draws, strict=True):
        try:
            sentence = exercise.compare(answer, right, *fresh(draw))
        except Exception as problem:
            return _incomparable(answer, problem)
        if sentence:
            return Finding("different", sentence)
    return None


def _differ(exercise: Exercise, answers: list, expected: list) -> Finding | None:
    try:
        return diagnose(answers, expected, tolerance=exercise.tolerance, axes=exercise.axes)
    except Exception as problem:
        return _incomparable(answers[0], problem)


def _incomparable(answer: object, problem: Exception) -> Finding:
    """An answer may be anything, and it is not the learner's fault when a comparison expects less than that."""
    text = " ".join(str(problem).split())[:200]
    return Finding("type", f"`{short(answer)}` cannot be compared with the solution: {text}")


def _foreseen(exercise: Exercise, answers: list, expected: list, draws: list[tuple]) -> Finding | None:
    """The mistakes that the exercise's author knows by name, in whatever precision they are made."""
    for sentence, wrong in exercise.mistakes.items():
        outcomes = [wrong(*fresh(draw)) for draw in draws]
        if _agree(answers, outcomes) and not _agree(outcomes, expected):
            return Finding("named", sentence)
    return None


def _agree(left: list, right: list) -> bool:
    try:
        return diagnose(widen(left), widen(right), tolerance=1e-5) is None
    except Exception:  # What cannot be compared does not agree.
        return False


def _repeated(exercise: Exercise, function: Callable, draw: tuple, first: object) -> Finding | None:
    again = [call(function, draw, quiet=True) for _ in range(3)]
    if exercise.compare or _differ(exercise, again, [first] * 3) is None:
        return None
    return Finding(
        "not deterministic",
        "Your function answers differently when it is called twice with the same arguments; take chance from "
        "an argument, or leave it out.",
    )


def _symmetry(exercise: Exercise, function: Callable, draw: tuple, expected: object) -> Finding | None:
    """Ask the equivariance report, where the answer is a function of a graph that must turn."""
    if exercise.irreps_out is None or not isinstance(draw[0], AtomicGraph):
        return None
    from equitour.checks import ProvesNothing, equivariance_report

    graph, rest = draw[0], draw[1:]
    per_node = expected.ndim > 0 and expected.shape[0] == graph.num_nodes != graph.num_graphs
    per = "node" if per_node else "graph"
    try:
        report = equivariance_report(
            lambda g: call(function, (g, *rest), quiet=True), graph, exercise.irreps_out, per=per
        )
    except Stopped as stopped:
        which = "works on one structure, but not on the same turned, renumbered or beside others in a batch"
        return Finding("not equivariant", f"Your function {which}. {stopped.finding.sentence}")
    except ProvesNothing as nothing:
        return Finding("proves nothing", f"{str(nothing)[0].upper()}{str(nothing)[1:]}.")
    except ValueError as problem:
        return Finding("shape", f"{str(problem)[0].upper()}{str(problem)[1:]}.") if exercise.compare else None
    return None if report.ok else Finding("not equivariant", f"Not equivariant: {report.verdict}.")


def _with_example(
    exercise: Exercise, finding: Finding, draws: list[tuple], answers: list, expected: list
) -> Finding:
    """Add the first input that goes wrong and what it must give, where both are short enough to read."""
    names = list(inspect.signature(exercise.solution).parameters)
    for draw, answer, right in zip(draws, answers, expected, strict=True):
        if _verdict(exercise, [answer], [right], [draw]):
            given = ", ".join(f"{name} = {short(value)}" for name, value in zip(names, draw, strict=False))
            example = f"For `{given}` it must be `{short(right)}`, received `{short(answer)}`."
            if "..." not in example:
                return Finding(finding.kind, f"{finding.sentence} {example}")
            break
    return finding
