"""Running the learner's function: on its own copy of the inputs, watched, and with every accident put into words."""

import contextlib
import copy
import dataclasses
import inspect
import io
import linecache
import traceback
from collections.abc import Callable, Mapping

import numpy as np
import torch

from equitour.learn.finding import Finding

# What numpy calls otherwise; found by the name in "has no attribute 'copy'".
_IN_TORCH = {
    "copy": "x.clone()",
    "astype": "x.to(torch.float64)",
    "conjugate": "x.conj()",
    "array": "torch.tensor",
    "newaxis": "None, as in x[:, None]",
    "power": "x**n",
}

NOT_YET = Finding(
    "not yet", "Nothing to check yet: replace the `...` by your own answer and run the cell again."
)


class Stopped(Exception):
    """The learner's function could not be run to its end; carries what to say."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


def unfilled(answer: object) -> bool:
    """Whether an answer is the stub's own: nothing, or an ellipsis, alone or among other values."""
    if isinstance(answer, list | tuple):
        return any(part is ... for part in answer)
    return answer is None or answer is ... or answer is NotImplemented


def fresh(value: object) -> object:
    """Copy an input, so that nobody's change reaches anybody else."""
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if type(value) in (list, tuple):
        return type(value)(fresh(part) for part in value)
    return value if callable(value) and not isinstance(value, torch.nn.Module) else copy.deepcopy(value)


def call(function: Callable, draw: tuple, *, watch: bool = False, quiet: bool = False) -> object:
    """Run the learner's function on a copy of the inputs.

    Args:
        function: Anything that can be called.
        draw: Its arguments.
        watch: Look whether it changes them.
        quiet: Drop what it prints; one of the many runs of a check is enough to read.

    Raises:
        Stopped: If it raises, or changes its arguments while watched.
    """
    given = fresh(draw)
    try:
        with contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext():
            result = function(*given)
    except NotImplementedError:
        return None
    except Exception as problem:
        raise Stopped(_accident(function, problem)) from None
    changed = [
        k for k, (before, after) in enumerate(zip(draw, given, strict=True)) if not _same(before, after)
    ]
    if watch and changed:
        raise Stopped(_modified(function, changed[0]))
    return result


def wrong_arguments(function: Callable, solution: Callable, draw: tuple) -> Finding | None:
    """Say which arguments the function must take, if it cannot take these."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Some built-in functions do not tell their arguments.
        return None
    try:
        signature.bind(*draw)
    except TypeError:
        wanted = ", ".join(inspect.signature(solution).parameters)
        return Finding(
            "arguments", f"Your function must take the arguments ({wanted}), received {signature}."
        )
    return None


def nothing_returned(function: Callable) -> Finding:
    """A body with work in it that returns nothing has lost its `return`; a stub has not been begun."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return NOT_YET
    if any(word in source for word in ("...", "return", "NotImplemented", "lambda", "pass\n")):
        return NOT_YET
    return Finding("type", "Your function returns nothing: it must end in `return` and the answer.")


def _same(left: object, right: object) -> bool:
    """Whether two values are equal to the last bit, inside containers too."""
    if isinstance(left, torch.Tensor):
        return left.shape == right.shape and torch.equal(torch.nan_to_num(left), torch.nan_to_num(right))
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    if dataclasses.is_dataclass(left):
        names = [field.name for field in dataclasses.fields(left)]
        pairs = [(getattr(left, name), getattr(right, name)) for name in names]
        # A graph whose positions have begun to ask for gradients is a changed graph; a bare tensor may.
        return all(
            _same(*pair) and _asks_for_gradients(pair[0]) == _asks_for_gradients(pair[1]) for pair in pairs
        )
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return not isinstance(left, set) or left == right


def _asks_for_gradients(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _modified(function: Callable, position: int) -> Finding:
    try:
        name = f"`{list(inspect.signature(function).parameters)[position]}`"
    except (ValueError, TypeError, IndexError):
        name = f"number {position + 1}"
    return Finding(
        "modifies inputs",
        f"Your function changes its argument {name}, which belongs to the caller; make a new tensor, "
        "`x = x + 1` and not `x += 1`, or work on `x.clone()`.",
    )


def _accident(function: Callable, problem: Exception) -> Finding:
    if isinstance(problem, TypeError) and "ellipsis" in str(problem):
        return Finding("not yet", "A `...` still stands in your function: replace it and run the cell again.")
    frames = traceback.extract_tb(problem.__traceback__)[1:]  # The first frame is `call`.
    home = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in frames if frame.filename == home] or frames
    where = ""
    if frames:
        line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
        where = f" in line {frames[-1].lineno}" + (f", `{line}`" if line else "")
    text = " ".join(str(problem).split()) or "it gives no reason"
    habit = _IN_TORCH.get(getattr(problem, "name", None)) if "orch" in text or "Tensor" in text else None
    text += f" (in torch: {habit})" if habit else ""
    return Finding("error", f"Your function stopped with {type(problem).__name__}{where}: {text}")
