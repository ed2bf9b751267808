"""An exercise: its reference solution, the inputs it is tried on, its hints and the mistakes it knows by name."""

import ast
import difflib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from equitour.learn import exercises

_REGISTRY: dict[str, "Exercise"] = {}


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What the tutor knows about one exercise; made by the decorator `exercise`."""

    name: str
    solution: Callable
    hints: tuple[str, ...]
    inputs: Callable | tuple[Callable, ...] | None = None
    tolerance: float = 1e-8
    irreps_out: object = None
    axes: tuple[str, ...] = ()
    mistakes: Mapping[str, Callable] = field(default_factory=dict)
    compare: Callable | None = None

    @property
    def lesson(self) -> str:
        """The prefix of the name: "102"."""
        return self.name.partition(".")[0]

    @property
    def title(self) -> str:
        """The first line of the solution's docstring."""
        return (inspect.getdoc(self.solution) or "").partition("\n")[0].rstrip(".")

    @property
    def source(self) -> str:
        """The solution as a learner would type it: a function, or `name = ...` where a value is asked for."""
        text = textwrap.dedent(inspect.getsource(self.solution))
        function = ast.parse(text).body[0]
        lines = text.splitlines()
        # ast counts the line of `def` itself, so the decorator above it is left out.
        definition = "\n".join(lines[function.lineno - 1 :]).rstrip() + "\n"
        return definition if self.inputs else _as_statements(function, lines)


def _as_statements(function: ast.FunctionDef, lines: list[str]) -> str:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    last = body[-1]
    if not isinstance(last, ast.Return):
        raise ValueError(f"the solution of a value must end in `return`, received {ast.unparse(last)!r}")
    lead = textwrap.dedent("\n".join(lines[body[0].lineno - 1 : last.lineno - 1]))
    tail = textwrap.dedent("\n".join(lines[last.lineno - 1 :]))
    return "\n".join(filter(None, [lead, tail.replace("return", f"{function.name} =", 1)])) + "\n"


def exercise(
    name: str,
    *,
    hints: Sequence[str],
    inputs: Callable | tuple[Callable, ...] | None = None,
    tolerance: float = 1e-8,
    irreps_out: object = None,
    axes: Sequence[str] = (),
    mistakes: Mapping[str, Callable] | None = None,
    compare: Callable | None = None,
) -> Callable[[Callable], Callable]:
    """Make the decorated function the reference solution of an exercise.

    Args:
        name: Lesson and exercise, "102.compose".
        hints: From the gentlest to the one that almost says it.
        inputs: Draws fresh arguments, `inputs(generator) -> (a, b)`; None where a value is asked for,
            then the solution takes no argument. Several functions take turns, where each kind must come for sure.
        tolerance: Largest difference, relative to the largest number of the solution.
        irreps_out: Where the first argument is an AtomicGraph and the output must turn: its irreps, "1x1o".
            An answer that differs is then examined by the equivariance report.
        axes: Meaning of the output's axes, ("nodes", "xyz"); letters as many as the axis is long name its entries.
        mistakes: Wrong functions (of the same arguments) by the sentence that names them to the learner.
        compare: Own comparison where many answers are right: `compare(answer, expected, *arguments)` returns
            None or the sentence that says what is wrong. See `same_span`, `up_to_sign`, `any_order`.

    Raises:
        ValueError: If the name has no lesson, or belongs to another solution already, or there is no hint.
    """
    if "." not in name:
        raise ValueError(f"an exercise must be called lesson.name, as in 102.compose, received {name!r}")
    if not hints:
        raise ValueError(
            f"an exercise must have at least one hint, received none for {name!r}; add hints=(...)"
        )

    def register(solution: Callable) -> Callable:
        known = _REGISTRY.get(name)
        # The same function may come again, when its module or its notebook cell is run a second time.
        if known and _origin(known.solution) != _origin(solution):
            raise ValueError(
                f"an exercise's name must be its own, received {name!r} again; choose another name"
            )
        _REGISTRY[name] = Exercise(
            name=name,
            solution=solution,
            hints=tuple(hints),
            inputs=inputs,
            tolerance=tolerance,
            irreps_out=irreps_out,
            axes=tuple(axes),
            mistakes=dict(mistakes or {}),
            compare=compare,
        )
        return solution

    return register


def _origin(function: Callable) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def find(name: str) -> Exercise:
    """Look an exercise up by its name, importing its lesson's definitions on the way.

    Raises:
        LookupError: If there is none of that name; the sentence names the closest one.
    """
    exercises.load(name.partition(".")[0])
    if name not in _REGISTRY:
        raise LookupError(unknown("an exercise", name, [entry.name for entry in every()])) from None
    return _REGISTRY[name]


def every() -> list[Exercise]:
    """All exercises of all lessons, by name."""
    for prefix in exercises.lessons():
        exercises.load(prefix)
    return [_REGISTRY[name] for name in sorted(_REGISTRY)]


def unknown(thing: str, name: str, names: Sequence[str]) -> str:
    """One sentence for a name that does not exist, with the one that was probably meant."""
    closest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
    cure = f"did you mean {closest[0]!r}?" if closest else "none is defined yet"
    return f"the name must be that of {thing}, received {name!r}; {cure}"
