"""What is wrong with an answer, said by name: its kind, its shape, its numbers."""

import dataclasses
import numbers
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from equitour.learn.explanations import explain_numbers


@dataclasses.dataclass(frozen=True)
class Finding:
    """A mistake: its name and the sentence for the learner."""

    kind: str
    sentence: str


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
        return _numbers(answers, expected, tolerance=tolerance, axes=axes)
    if dataclasses.is_dataclass(model):
        return _fields(answers, expected, tolerance)
    if isinstance(model, Mapping):
        return _mapping(answers, expected, tolerance)
    if isinstance(model, Sequence):
        return _positions(answers, expected, tolerance=tolerance, axes=axes)
    wrong = [answer for answer, right in zip(answers, expected, strict=True) if answer != right]
    return Finding("different", f"`{short(wrong[0])}` is not the answer.") if wrong else None


def short(value: object) -> str:
    """One line of at most 80 characters that shows a value."""
    text = " ".join(repr(value).split())
    return text if len(text) < 80 else text[:77] + "..."


def _called(value: object) -> str:
    names = {"Tensor": "a torch.Tensor", "ndarray": "a numpy array", "NoneType": "nothing"}
    name = type(value).__name__
    return names.get(name, f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}")


def _type_finding(answer: object, model: object, cure: str = "") -> Finding:
    return Finding(
        "type", f"The answer must be {_called(model)}, received {_called(answer)}{cure and '; ' + cure}."
    )


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
                return _type_finding(answer, model, "reduce it to one value, with `.all()` for example")
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
        extra, missing = set(answer) - model, model - set(answer)
        if extra:
            return Finding("different", f"`{short(sorted(extra, key=repr)[0])}` does not belong to the set.")
        return Finding("different", f"{len(missing)} of {len(model)} are missing.") if missing else None
    if type(answer) is not type(model):
        return _type_finding(answer, model)
    if isinstance(model, str):
        answer, model = (" ".join(text.casefold().split()) for text in (answer, model))
    return None if answer == model else Finding("different", f"`{short(answer)}` is not the answer.")


def _fields(answers: Sequence, expected: Sequence, tolerance: float) -> Finding | None:
    if type(answers[0]) is not type(expected[0]):
        return _type_finding(answers[0], expected[0])
    names = [field.name for field in dataclasses.fields(expected[0])]
    as_mappings = [
        [{name: getattr(x, name) for name in names} for x in group] for group in (answers, expected)
    ]
    return _mapping(*as_mappings, tolerance)


def _mapping(answers: Sequence, expected: Sequence, tolerance: float) -> Finding | None:
    for answer, model in zip(answers, expected, strict=True):
        if not isinstance(answer, Mapping):
            return _type_finding(answer, model)
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
            return _type_finding(answer, model, f"return {len(model)} values")
        if len(answer) != len(model):
            return Finding("shape", f"There must be {len(model)} values, received {len(answer)}.")
    for k in range(len(expected[0])):
        finding = diagnose([a[k] for a in answers], [e[k] for e in expected], tolerance=tolerance, axes=axes)
        if finding:
            place = f"Value {k + 1} of {len(expected[0])}: "
            return Finding(finding.kind, place + finding.sentence)
    return None


def _numbers(
    answers: Sequence, expected: Sequence, *, tolerance: float, axes: Sequence[str]
) -> Finding | None:
    for check in (_number_type, _shape, _not_a_number):
        for answer, right in zip(answers, expected, strict=True):
            if finding := check(answer, right, axes):
                return finding
    single = _is_single(expected[0]) or _is_single(answers[0])
    explained = explain_numbers(
        [_wide(answer) for answer in answers],
        [_wide(right) for right in expected],
        tolerance=max(tolerance, 1e-5) if single else tolerance,
        axes=axes,
    )
    if explained:
        return Finding(*explained)
    dtypes = {
        (str(a.dtype), str(e.dtype)) for a, e in zip(answers, expected, strict=True) if _have_dtype(a, e)
    }
    for received, wanted in dtypes:
        if received != wanted:
            return Finding(
                "dtype", f"The numbers are right, but the dtype must be {wanted}, received {received}."
            )
    return None


def _have_dtype(*values: object) -> bool:
    return all(hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0 for value in values)


def _is_single(value: object) -> bool:
    return str(getattr(value, "dtype", "")).endswith(("float32", "complex64", "float16"))


def _wide(value: object) -> torch.Tensor:
    # By way of numpy, because torch would read a Python float in single precision.
    tensor = value.detach().cpu() if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _number_type(answer: object, right: object, axes: Sequence[str]) -> Finding | None:
    if isinstance(right, torch.Tensor) and right.ndim and not isinstance(answer, torch.Tensor):
        cure = {np.ndarray: "use torch.from_numpy", list: "use torch.tensor", tuple: "use torch.stack"}
        return _type_finding(answer, right, cure.get(type(answer), ""))
    if isinstance(right, np.ndarray) and right.ndim and not isinstance(answer, np.ndarray | torch.Tensor):
        return _type_finding(answer, right)
    if not isinstance(answer, torch.Tensor | np.ndarray | np.generic | numbers.Number) or isinstance(
        answer, bool
    ):
        return Finding("type", f"The answer must be a number, received {_called(answer)}.")
    return None


def _shape(answer: object, right: object, axes: Sequence[str]) -> Finding | None:
    received, wanted = tuple(np.shape(_wide(answer))), tuple(np.shape(_wide(right)))
    if received == wanted or (not wanted and np.prod(received) == 1):
        return None
    if len(received) == len(wanted) >= 2 and received == wanted[:-2] + wanted[:-3:-1]:
        same = torch.allclose(_wide(answer).mT, _wide(right))
        if same:
            return Finding(
                "transposed", f"The answer is transposed: {_describe(wanted, axes)}, received {received}."
            )
    return Finding("shape", f"The shape must be {_describe(wanted, axes)}, received {received}.")


def _describe(shape: tuple, axes: Sequence[str]) -> str:
    if len(axes) != len(shape) or not shape:
        return str(shape)
    return f"{shape} = ({', '.join(axes)}{',' if len(axes) == 1 else ''})"


def _not_a_number(answer: object, right: object, axes: Sequence[str]) -> Finding | None:
    bad = ~torch.isfinite(_wide(answer)) & torch.isfinite(_wide(right).reshape(_wide(answer).shape))
    if not bad.any():
        return None
    what = "NaN (not a number)" if torch.isnan(_wide(answer)[bad]).any() else "infinite"
    cure = "look for a division by zero, a root or logarithm of a negative number, an arccos beyond 1"
    return Finding("nan", f"{int(bad.sum())} of {bad.numel()} numbers are {what}; {cure}.")
