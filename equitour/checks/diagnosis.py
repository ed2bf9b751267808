"""From errors to causes: which mistake turns an output in just this wrong way?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import torch
from e3nn import o3
from torch import Tensor

from equitour.checks.measure import Errors, Probe
from equitour.symmetry import irreps_matrix, random_rotation, rotation_matrix

# A cyclic relabelling of the axes is itself a rotation, so its D also reorders the blocks of higher l.
CYCLES = {
    "(y, z, x)": torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=torch.float64),
    "(z, x, y)": torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.float64),
}
LOST_PARITY = {
    0: "a triple product, which tells left from right, is declared a scalar",
    1: "a cross product lost its parity",
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """What broke: a short name, and a sentence with the cause."""

    name: str
    sentence: str


def diagnose(
    probe: Probe, errors: Errors, *, tolerance: float, generator: torch.Generator
) -> Iterator[Finding]:
    """The causes of all errors above the tolerance, the most basic first."""
    if not errors.permutation <= tolerance:
        yield Finding(
            "node order",
            f"the output depends on the order of the atoms ({errors.permutation:.1e}): something is tied to an "
            "index, or neighbours are not summed",
        )
    if not errors.translation <= tolerance:
        yield Finding(
            "translation",
            f"the output changes when the whole structure moves ({errors.translation:.1e}): absolute positions "
            "enter where only edge vectors should",
        )
    # A weight tied to an index meets other indices in a batch, which is no second mistake.
    if errors.permutation <= tolerance and not errors.batching <= tolerance:
        yield Finding("batching", _batching_sentence(errors.batching))
    for (_, irrep), (name, columns) in zip(probe.irreps, probe.slices().items(), strict=True):
        if not errors.rotation[name] <= tolerance:
            yield _rotation_finding(probe, name, columns, irrep, tolerance, generator)
        elif not errors.reflection[name] <= tolerance:
            yield _parity_finding(probe, name, columns, irrep, tolerance, generator)


def _batching_sentence(error: float) -> str:
    if error == float("inf"):
        return "the function fails on several structures at once: it was written for one; use graph.batch"
    return f"a structure feels the others in its batch ({error:.1e}): a sum or an average crosses graphs"


def _parity_finding(probe, name, columns, irrep, tolerance, generator) -> Finding:
    """The block turns well and mirrors badly: either it is wholly of the other parity, or a mixture."""
    other = o3.Irrep(irrep.l, -irrep.p)
    block = _repeat(other, columns)
    mirror = -random_rotation(generator=generator)
    if probe.turning_error(mirror, lambda matrix: irreps_matrix(block, matrix), columns) <= tolerance:
        cause = LOST_PARITY.get(irrep.l, "one of the parities multiplied together is wrong")
        return Finding("parity", f"the {_label(name)} block turns like {other}: {cause}")
    return Finding(
        "mixed parity",
        f"the {_label(name)} block turns like neither {irrep} nor {other} under a reflection: "
        "terms of both parities are added",
    )


def _rotation_finding(probe, name, columns, irrep, tolerance, generator) -> Finding:
    matrix = random_rotation(generator=generator)
    block = _repeat(irrep, columns)

    def fits(representation: Callable[[Tensor], Tensor]) -> bool:
        return probe.turning_error(matrix, representation, columns) <= tolerance

    if irrep.l and fits(lambda g: torch.eye(irreps_matrix(block, g).shape[-1], dtype=g.dtype)):
        return Finding(
            "scalars", f"the {_label(name)} block does not turn at all: it is made of {irrep.dim} scalars"
        )
    for order, cycle in CYCLES.items():
        relabel = irreps_matrix(block, cycle)
        if irrep.l and fits(lambda g, relabel=relabel: relabel @ irreps_matrix(block, g) @ relabel.mT):
            return Finding(
                "axis order",
                f"the {_label(name)} block turns as if its axes stood in the order {order}: "
                "reorder its components to e3nn's",
            )
    return _frame_finding(probe, name, columns, block, tolerance)


def _frame_finding(probe, name, columns, block, tolerance) -> Finding:
    """Nothing fits for a general rotation; is there one axis about which all is well?"""
    errors = {
        axis: probe.turning_error(
            rotation_matrix(direction, 1.0), lambda matrix: irreps_matrix(block, matrix), columns
        )
        for axis, direction in {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}.items()
    }
    kept = [axis for axis, error in errors.items() if error <= tolerance]
    if len(kept) == 1:
        return Finding(
            "preferred axis",
            f"the {_label(name)} block singles out the {kept[0]} axis: one direction is stretched, or a constant "
            "vector is added",
        )
    return Finding(
        "frame",
        f"the {_label(name)} block depends on how the structure is oriented: bare x, y, z components enter, "
        "or a non-linearity acts on them one by one",
    )


def _repeat(irrep: o3.Irrep, columns: slice) -> o3.Irreps:
    return o3.Irreps([((columns.stop - columns.start) // irrep.dim, irrep)])


def _label(name: str) -> str:
    return name.removeprefix("1x")
