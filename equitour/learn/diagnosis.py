"""What is wrong with an answer, said by name: its kind, its shape, its numbers."""

import dataclasses
import numbers
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from equitour.learn.arrays import compare_numbers
from equitour.learn.finding import Finding, short, type_finding


def diagnose(
    answers: Sequence, expected: Sequence, *, tolerance: float, axes: Sequence[str] = ()
) -> Finding | None:
    """Compare answers with the solutions of the same draws; None if they agree.

    All draws are compared together, because a factor is only a factor if it is the same for each of them.
    """
    model = expected[0]
    if _is_irreps(model):
        return _irreps(answers, expected)
    if isinstance(model, bool | str | set | frozenset) or model is None:
        return _plain(answers, expected)
    if isinstance(model, torch.Tensor | np.ndarray | numbers.Number):
        return compare_numbers(answers, expected, tolerance=tolerance, axes=axes)
    if dataclasses.is_dataclass(model):
        return _fields(answers, expected, tolerance)
    if isinstance(model, Mapping):
        return _mapping(answers, expected, tolerance)
    if isinstance(model, Sequence):
        return _positions(answers, expected, tolerance=tolerance, axes=axes)
    wrong = [answer for answer, right in zip(answers, expected, strict=True) if answer != right]
    return Finding("different", f"`{short(wrong[0])}` is not the answer.") if wrong else None


def _is_irreps(value: object) -> bool:
    # e3nn is asked only if somebody has imported it already: without it nothing can be an Irreps.
    e3nn = sys.modules.get("e3nn.o3")
    return e3nn is not None and isinstance(value, e3nn.Irreps)


def _irreps(answers: Sequence, expected: Sequence) -> Finding | None:
    from e3nn.o3 import Irreps

    for answer, right in zip(answers, expected, strict=True):
        try:
            given = Irreps(answer)
        except Exception:
            cure = "write irreps as in '2x0e + 1x1o'"
            return Finding("type", f"The answer must name irreps, received `{short(answer)}`; {cure}.")
        if given.sort().irreps.simplify() == right.sort().irreps.simplify():
            continue
        if given.dim != right.dim:
            return Finding(
                "dimension",
                f"The dimension is wrong: `{given}` has {given.dim} components, the space has {right.dim} "
                "(each copy of l counts 2l + 1).",
            )
        if sorted(given.ls) == sorted(right.ls):
            return Finding(
                "parity", f"The parity is wrong: `{given}` has the right l, but an e or o is mistaken."
            )
        return Finding("different", f"`{given}` has the right dimension, but not the right l.")
    return None


def _plain(answers: Sequence, expected: Sequence) -> Finding | None:
    right = 0
    wrong: list = []
    for answer, model in zip(answers, expected, strict=True):
        if isinstance(answer, torch.Tensor | np.generic | np.ndarray) and isinstance(model, bool):
            if np.size(answer) != 1:
                return type_finding(answer, model, "reduce it to one value, with `.all()` for example")
            answer = answer.item()
        finding = _plain_difference(answer, model)
        if finding and finding.kind == "type":
            return finding
        right, wrong = right + (finding is None), wrong + ([finding] if finding else [])
    if wrong and right:
        return Finding("some inputs", f"Right for {right} of {len(answers)} inputs only: {wrong[0].sentence}")
    return wrong[0] if wrong else None


def _plain_difference(answer: object, model: object) -> Finding | None:
    if isinstance(model, set | frozenset) and isinstance(answer, set | frozenset | list | tuple):
        try:
            extra, missing = set(answer) - model, model - set(answer)
        except TypeError:
            return Finding(
                "type", "The members of the set must be numbers, texts or tuples, received lists or sets."
            )
        if extra:
            return Finding("different", f"`{short(sorted(extra, key=repr)[0])}` does not belong to the set.")
        return Finding("different", f"{len(missing)} of {len(model)} are missing.") if missing else None
    if type(answer) is not type(model):
        return type_finding(answer, model)
    if isinstance(model, str):
        answer, model = (" ".join(text.casefold().split()) for text in (answer, model))
    return None if answer == model else Finding("different", f"`{short(answer)}` is not the answer.")


def _fields(answers: Sequence, expected: Sequence, tolerance: float) -> Finding | None:
    if type(answers[0]) is not type(expected[0]):
        return type_finding(answers[0], expected[0])
    names = [field.name for field in dataclasses.fields(expected[0])]
    as_mappings = [
        [{name: getattr(x, name) for name in names} for x in group] for group in (answers, expected)
    ]
    return _mapping(*as_mappings, tolerance)


def _mapping(answers: Sequence, expected: Sequence, tolerance: float) -> Finding | None:
    for answer, model in zip(answers, expected, strict=True):
        if not isinstance(answer, Mapping):
            return type_finding(answer, model)
        if set(answer) != set(model):
            keys = ", ".join(map(str, model))
            return Finding(
                "type", f"The keys must be {keys}, received {', '.join(map(str, answer)) or 'none'}."
            )
    for key in expected[0]:
        finding = diagnose([a[key] for a in answers], [e[key] for e in expected], tolerance=tolerance)
        if finding:
            return Finding(finding.kind, f"In `{key}`: {finding.sentence}")
    return None


def _positions(
    answers: Sequence, expected: Sequence, *, tolerance: float, axes: Sequence[str]
) -> Finding | None:
    for answer, model in zip(answers, expected, strict=True):
        if not isinstance(answer, list | tuple):
            return type_finding(answer, model, f"return {len(model)} values")
        if len(answer) != len(model):
            return Finding("shape", f"There must be {len(model)} values, received {len(answer)}.")
    for k in range(len(expected[0])):
        finding = diagnose([a[k] for a in answers], [e[k] for e in expected], tolerance=tolerance, axes=axes)
        if finding:
            place = f"Value {k + 1} of {len(expected[0])}: "
            return Finding(finding.kind, place + finding.sentence)
    return None
