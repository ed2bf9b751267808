"""Numbers of the right shape that are wrong: which one simple change makes them right?

Each explanation is a hypothesis tried on all draws at once: "the answer is the negative of the solution". The first
that holds everywhere is named. The order goes from the precise hypothesis to the loose one.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from equitour.learn.orders import Named, Pairs, as_matrix, axis_order, component_signs

_ELEMENTWISE: list[tuple[str, str, Callable[[Tensor], Tensor]]] = [
    ("sign", "The sign is wrong: every number is the negative of what it must be.", lambda e: -e),
    ("absolute", "The signs are lost: these are the absolute values.", lambda e: e.abs()),
    ("conjugate", "This is the complex conjugate of the answer.", lambda e: e.conj()),
    ("squared", "This is the square of the answer: a root is missing.", lambda e: e * e),
    ("root", "This is the square root of the answer.", lambda e: e.abs().sqrt()),
    ("reciprocal", "This is one over the answer.", lambda e: 1 / e),
]

_FACTORS = {
    "2": 2, "1/2": 1 / 2, "3": 3, "1/3": 1 / 3, "4": 4, "1/4": 1 / 4, "3/2": 3 / 2, "2/3": 2 / 3,
    "√2": 2**0.5, "1/√2": 0.5**0.5, "√3": 3**0.5, "1/√3": 3**-0.5, "√5": 5**0.5, "1/√5": 5**-0.5,
    "√(2/3)": (2 / 3) ** 0.5, "√(3/2)": 1.5**0.5,
    "π": math.pi, "1/π": 1 / math.pi, "2π": 2 * math.pi, "1/(2π)": 0.5 / math.pi,
    "4π": 4 * math.pi, "1/(4π)": 0.25 / math.pi, "√(4π)": (4 * math.pi) ** 0.5, "1/√(4π)": (4 * math.pi) ** -0.5,
    "√(4π/3)": (4 * math.pi / 3) ** 0.5, "√(3/4π)": (0.75 / math.pi) ** 0.5,
    "180/π, degrees for radians": 180 / math.pi, "π/180, radians for degrees": math.pi / 180,
    "10": 10, "1/10": 0.1, "1000": 1e3, "1/1000": 1e-3,
    "27.2114, eV for hartree": 27.211386, "1/27.2114, hartree for eV": 1 / 27.211386,
    "0.529177, Å for bohr": 0.52917721, "1.889726, bohr for Å": 1 / 0.52917721,
}  # fmt: skip


def explain_numbers(
    answers: Sequence[Tensor], expected: Sequence[Tensor], *, tolerance: float, axes: Sequence[str] = ()
) -> Named | None:
    """Name the mistake in numbers of the right shape, or return None if they are right."""
    answers = [answer.reshape(right.shape) for answer, right in zip(answers, expected, strict=True)]
    wide = torch.complex128 if any(x.is_complex() for x in (*answers, *expected)) else torch.float64
    pairs = [_without_common_gaps(a.to(wide), e.to(wide)) for a, e in zip(answers, expected, strict=True)]
    scale = max([float(e.abs().max()) for _, e in pairs if e.numel()] + [1e-6])

    def same(a: Tensor, e: Tensor) -> bool:
        return bool(((a - e).abs() <= tolerance * scale).all())

    failing = [pair for pair in pairs if not same(*pair)]
    if not failing:
        return None
    explained = _first_that_holds(pairs, same, axes) or _loose(pairs, same, scale)
    if explained:
        return explained
    why = _first_that_holds(failing, same, axes) or _difference(failing)
    if len(failing) == len(pairs):
        return why
    right = len(pairs) - len(failing)
    return "some inputs", f"Right for {right} of {len(pairs)} inputs only; for the others: {why[1]}"


def _without_common_gaps(a: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """Where both are NaN, or both the same infinity, they agree."""
    gaps = (a.isnan() & e.isnan()) | (a.isinf() & (a == e))
    return a.masked_fill(gaps, 0.0), e.masked_fill(gaps, 0.0)


def _first_that_holds(pairs: Pairs, same: Callable, axes: Sequence[str]) -> Named | None:
    if all(same(a, torch.zeros_like(a)) for a, _ in pairs):
        return "zero", "The answer is zero everywhere."
    for name, sentence, change in _ELEMENTWISE:
        if all(same(a, change(e)) for a, e in pairs):
            return name, sentence
    return as_matrix(pairs, same) or axis_order(pairs, same, axes) or component_signs(pairs, same, axes)


def _loose(pairs: Pairs, same: Callable, scale: float) -> Named | None:
    """Hypotheses with a free number in them need more equations than unknowns."""
    a = torch.cat([a.flatten() for a, _ in pairs])
    e = torch.cat([e.flatten() for _, e in pairs])
    return (
        _factor(a, e, same)
        or _offset(a, e, same)
        or _constant(pairs, same)
        or _factor_per_draw(pairs, same)
        or _shift_per_draw(pairs, same)
        or _imprecise(a, e, scale)
    )


def _factor(a: Tensor, e: Tensor, same: Callable) -> Named | None:
    factor = (e.conj() @ a) / (e.conj() @ e).real.clamp_min(1e-300)
    if factor.is_complex() and abs(factor.imag) < 1e-9 * abs(factor.real):
        factor = factor.real
    if not same(a, factor * e):
        return None
    name = _name_of(factor)
    # One number alone is proportional to every other; then only a factor that has a name explains anything.
    if name or _varied(e.abs()):
        value = f"{factor.item():.6g}" if name is None else name
        return "factor", f"Right up to a constant factor: the answer is {value} times what it must be."
    return None


def _varied(e: Tensor) -> bool:
    return len(e) > 1 and bool((e - e[0]).abs().max() > 1e-9 * e.abs().max())


def _name_of(factor: Tensor) -> str | None:
    if factor.is_complex():
        return None
    for name, value in _FACTORS.items():
        if math.isclose(abs(factor.item()), value, rel_tol=1e-6):
            text = name if name.replace(".", "").isdigit() else f"{factor.abs().item():.6g} ({name})"
            return f"-{text}" if factor < 0 else text
    return None


def _offset(a: Tensor, e: Tensor, same: Callable) -> Named | None:
    shift = (a - e).mean()
    if _varied(e) and same(a, e + shift):
        return "offset", f"Right up to an additive constant: every number is {shift.item():+.6g} off."
    if len(a) == 1 and shift.abs() == 1 and e.real == e.real.round():
        return "offset", f"Off by one: one too {'many' if shift.real > 0 else 'few'}."
    return None


def _constant(pairs: Pairs, same: Callable) -> Named | None:
    first, solution = pairs[0]
    if len(pairs) < 2 or any(e.shape != solution.shape for _, e in pairs):
        return None
    if all(same(a, first) for a, _ in pairs) and not all(same(e, solution) for _, e in pairs):
        return "constant", "The answer is the same for every input: it does not depend on its arguments."
    return None


def _factor_per_draw(pairs: Pairs, same: Callable) -> Named | None:
    for a, e in pairs:
        flat_a, flat_e = a.flatten(), e.flatten()
        factor = (flat_e.conj() @ flat_a) / (flat_e.conj() @ flat_e).real.clamp_min(1e-300)
        if int((e != 0).sum()) < 2 or not same(a, factor * e):
            return None
    return (
        "factor",
        "Right up to a factor that changes from input to input: a norm, a sum or a count is mistaken.",
    )


def _shift_per_draw(pairs: Pairs, same: Callable) -> Named | None:
    for a, e in pairs:
        if e.ndim < 2 or e.shape[0] < 2 or not same(a, e + (a - e).mean(0, keepdim=True)):
            return None
    return "offset", "Right up to one shift that all rows share: an origin or a mean is mistaken."


def _imprecise(a: Tensor, e: Tensor, scale: float) -> Named | None:
    error = float((a - e).abs().max()) / scale
    if error > 1e-3:
        return None
    return (
        "precision",
        f"Close, but not equal: the relative error is {error:.1g}. Was something rounded or cut off early?",
    )


def _difference(pairs: Pairs) -> Named:
    a, e = pairs[0]
    gap = (a - e).abs()
    if a.numel() == 1:
        return "different", f"{a.item():.6g} is not the answer."
    where = tuple(int(k) for k in torch.unravel_index(gap.argmax(), gap.shape))
    count = int((gap > 1e-8 * float(e.abs().max())).sum())
    worst = f"entry [{', '.join(map(str, where))}] is {a[where].item():.6g} and must be {e[where].item():.6g}"
    return "different", f"{count} of {a.numel()} numbers are wrong; {worst}."
