"""Symmetric squares of irreps as learners get them wrong: one part of the rule is mistaken, the rest is right."""

from functools import partial

import torch
from e3nn import o3


def strain(generator: torch.Generator) -> str:
    """The space on which elasticity acts; always the same."""
    return "0e + 2e"


def copies(generator: torch.Generator) -> str:
    """Two copies of an odd irrep."""
    return f"2x{int(torch.randint(1, 3, (), generator=generator))}o"


def of_both_parities(generator: torch.Generator) -> str:
    """An even and an odd irrep, neither of them a scalar."""
    even, odd = torch.randint(1, 4, (2,), generator=generator).tolist()
    return f"{even}e + {odd}o"


def _even_degrees(l):
    return range(0, 2 * l + 1, 2)


def _squared(
    irreps, *, degrees=_even_degrees, crosses=lambda a, b: 1, single=False, own=lambda a: 1, mixed=None
):
    parts = [ir for copies, ir in o3.Irreps(irreps) for _ in range(1 if single else copies)]
    found = [o3.Irrep(l, own(a)) for a in parts for l in degrees(a.l)]
    for n, a in enumerate(parts):
        for b in parts[:n]:
            found += crosses(a, b) * [o3.Irrep(x.l, mixed or x.p) for x in a * b]
    return o3.Irreps(found)


def _whole_product(irreps):
    parts = [ir for copies, ir in o3.Irreps(irreps) for _ in range(copies)]
    return o3.Irreps([x for a in parts for b in parts for x in a * b])


MISTAKES = {
    "That is all of x ⊗ x, which for strains makes 36: only i and j, k and l may be exchanged there. The energy does not care "
    "which strain comes first, so the matrix is symmetric, too.": _whole_product,
    "Of l ⊗ l keep the even degrees 0, 2, …, 2l. The odd ones change sign when the two factors are exchanged, as a cross "
    "product does.": partial(_squared, degrees=lambda l: range(2 * l + 1)),
    "That is the antisymmetric half of l ⊗ l: 1 ⊗ 1 should keep its trace, and lose its cross product.": (
        partial(_squared, degrees=lambda l: range(1, 2 * l, 2))
    ),
    "The largest degree, 2l, is missing: a `range` stops before its end.": (
        partial(_squared, degrees=lambda l: range(0, 2 * l, 2))
    ),
    "The cross terms are missing: a symmetric matrix has a block off the diagonal, a ⊗ b.": (
        partial(_squared, crosses=lambda a, b: 0)
    ),
    "Each cross term comes once: in a symmetric matrix the block a ⊗ b is the block b ⊗ a again.": (
        partial(_squared, crosses=lambda a, b: 2)
    ),
    "2x1o stands for two irreps, and yours counts one of them.": partial(_squared, single=True),
    "Two copies of one irrep have a cross term with each other, too: read 2x1o as 1o + 1o.": (
        partial(_squared, crosses=lambda a, b: int(a != b))
    ),
    "A square has even parity, (−1)(−1) = +1.": partial(_squared, own=lambda a: a.p),
    "A cross term of an even and an odd irrep is odd: (+1)(−1) = −1.": partial(_squared, mixed=1),
    "That is right for strains, 0e + 2e. The function should do it for any irreps.": (
        lambda irreps: o3.Irreps("2x0e + 2x2e + 4e")
    ),
}
