"""Can a composition be neutral, with the electrons where electronegativity wants them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, reduce
from itertools import combinations, product
from math import gcd, prod

import numpy as np
from jaxtyping import Int

from equitour.generative.crystal_metrics.element_tables import element_tables

MANY = 10_000_000
States = Mapping[int, Sequence[int]]


def composition_validity(
    atomic_numbers: Sequence[int] | Int[np.ndarray, " nodes"], *, oxidation_states: States | None = None
) -> bool:
    """Whether charges q of the elements exist with Σ n q = 0, cations less electronegative than anions.

    A single element and an alloy of metals pass without a look at charges. All atoms of an element carry the same charge.
    The definition, with its corners, is that of the published codes: an element without an electronegativity ends the
    comparison in favour of the composition when it faces an ion of the other sign, and against it otherwise;
    compositions with over ten million assignments of charges count as invalid.

    Args:
        atomic_numbers: Of all atoms of the cell, in any order.
        oxidation_states: Charges that each element may take, by atomic number; without it the list of smact 2.2.1, with
            which the published numbers were made. Of Perov-5 (its validation part) 98.7 % pass with it, 98.5 to 99.0 % with
            the lists that later versions take by default.

    Raises:
        ValueError: There are no atoms.

    Source:
        Xie et al., ICLR 2022, arXiv:2110.06197; Davies et al., J. Open Source Softw. 4, 1361 (2019).
    """
    elements, counts = np.unique(np.asarray(atomic_numbers, dtype=int), return_counts=True)
    if len(elements) == 0:
        raise ValueError("a composition must have at least one atom, received none: drop the empty structure")
    formula = tuple(elements.tolist()), tuple((counts // reduce(gcd, counts.tolist())).tolist())
    if oxidation_states is None:
        return _valid_by_default(*formula)
    return _valid(*formula, tuple(tuple(oxidation_states.get(z, ())) for z in formula[0]))


@cache
def _valid_by_default(elements: tuple[int, ...], counts: tuple[int, ...]) -> bool:
    states = element_tables().oxidation_states
    return _valid(elements, counts, tuple(states[z] for z in elements))


def _valid(elements: tuple[int, ...], counts: tuple[int, ...], states: tuple[tuple[int, ...], ...]) -> bool:
    tables = element_tables()
    if len(elements) == 1 or all(tables.metal[z] for z in elements):
        return True
    if prod(len(choices) for choices in states) > MANY:
        return False
    pauling = tuple(tables.pauling[z] for z in elements)
    return any(
        _electrons_in_place(charges, pauling)
        for charges in product(*states)
        if sum(charge * count for charge, count in zip(charges, counts, strict=True)) == 0
    )


def _electrons_in_place(charges: Sequence[int], pauling: Sequence[float | None]) -> bool:
    for (charge, pull), (other, other_pull) in combinations(zip(charges, pauling, strict=True), 2):
        opposite = charge * other < 0
        if pull is None or other_pull is None:
            return opposite
        # The anion must pull harder; equals do not exchange electrons.
        if opposite and (pull - other_pull) * charge >= 0:
            return False
    return True
