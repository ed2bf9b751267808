"""Cartesian tensors as irreps: the change of basis follows from the symmetry of the indices alone."""

import itertools

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor

from equitour.symmetry.irreps import coupling


class CartesianTensor:
    """Tensors with a given index symmetry, and their irreps.

    Couple the indices one after another (1 ⊗ 1 ⊗ ... → l along every path), let the index permutations act
    on the paths that end in the same l, and keep what they leave in place. Nothing is typed in.

    Args:
        formula: Index symmetry, for example "ij" (a Born charge), "ij=ji" (a polarizability), "ij=-ji",
            "ijk=ikj" (a Raman tensor, displacement first), "ijkl=jikl=ijlk=klij" (elasticity).
        axial: Indices that belong to axial vectors (a magnetic field), for example "ij" for NMR shielding.

    Attributes:
        irreps: Of the independent components, low degrees first, as "0e + 1e + 2e".
        basis: (dim, 3, ..., 3) orthonormal tensors, one for each component of the irreps.

    Raises:
        ValueError: The formula is not an index symmetry, or nothing survives it.
    """

    def __init__(self, formula: str, axial: str = "") -> None:
        self.formula = formula
        self.indices, symmetries = _parse(formula)
        unknown = sorted(set(axial) - set(self.indices))
        if unknown:
            raise ValueError(
                f"axial must name indices of {formula!r}, received {''.join(unknown)!r}: use letters of the formula"
            )
        self.num_axial = len(axial)
        polar = len(self.indices) - self.num_axial
        parity = "o" if polar % 2 else "e"
        blocks = _invariant_blocks(len(self.indices), symmetries)
        if not blocks:
            raise ValueError(
                f"a formula must leave some component free, received {formula!r}: check its signs"
            )
        self.irreps = o3.Irreps("+".join(f"{len(tensors)}x{degree}{parity}" for degree, tensors in blocks))
        self.basis = torch.cat([tensors.flatten(0, 1) for _, tensors in blocks])

    def to_irreps(self, tensor: Float[Tensor, "..."]) -> Float[Tensor, "*rows dim"]:
        """Components (*rows, dim) of tensors (*rows, 3, ..., 3); parts that break the symmetry drop out."""
        rank = len(self.indices)
        if tensor.shape[-rank:] != (3,) * rank:
            raise ValueError(
                f"a tensor {self.formula!r} must end in {rank} axes of length 3, "
                f"received shape {tuple(tensor.shape)}: move the Cartesian axes last"
            )
        return torch.tensordot(
            tensor, self.basis.to(tensor), dims=(tuple(range(-rank, 0)), tuple(range(1, rank + 1)))
        )

    def from_irreps(self, components: Float[Tensor, "*rows dim"]) -> Float[Tensor, "..."]:
        """Tensors (*rows, 3, ..., 3) of components (*rows, dim)."""
        if components.shape[-1] != self.irreps.dim:
            raise ValueError(
                f"components of {self.irreps} must end in an axis of length {self.irreps.dim}, "
                f"received shape {tuple(components.shape)}: see CartesianTensor.irreps"
            )
        return torch.tensordot(components, self.basis.to(components), dims=1)

    def rotate(self, tensor: Float[Tensor, "..."], matrix: Float[Tensor, "3 3"]) -> Float[Tensor, "..."]:
        """The tensors in the turned frame: one factor of `matrix` an index, det(matrix) an axial one."""
        matrix = matrix.to(tensor)
        for axis in range(-len(self.indices), 0):
            tensor = torch.movedim(torch.movedim(tensor, axis, -1) @ matrix.T, -1, axis)
        return tensor * torch.linalg.det(matrix).sign() ** self.num_axial

    def __repr__(self) -> str:
        return f"CartesianTensor({self.formula!r}: {self.irreps})"


def _parse(formula: str) -> tuple[str, list[tuple[int, tuple[int, ...]]]]:
    """The index letters, and every (sign, permutation) that the equalities generate."""
    first, *others = formula.replace(" ", "").split("=")
    if not first.isalpha() or len(set(first)) != len(first):
        raise ValueError(
            f"a formula must begin with different letters, received {formula!r}: write it like 'ij=ji'"
        )
    found = {tuple(range(len(first))): 1}
    generators = []
    for other in others:
        sign, letters = (-1, other[1:]) if other.startswith("-") else (1, other)
        if sorted(letters) != sorted(first):
            raise ValueError(
                f"each side must carry the same letters, received {formula!r}: write it like 'ij=ji'"
            )
        generators.append((tuple(first.index(letter) for letter in letters), sign))
    frontier = list(found)
    while frontier:
        known = frontier.pop()
        for permutation, sign in generators:
            product = tuple(known[index] for index in permutation)
            if product not in found:
                found[product] = found[known] * sign
                frontier.append(product)
            elif found[product] != found[known] * sign:
                raise ValueError(
                    f"a formula must leave some component free, received {formula!r}: check its signs"
                )
    return first, [(sign, permutation) for permutation, sign in found.items()]


def _invariant_blocks(rank: int, symmetries) -> list[tuple[int, Tensor]]:
    """For each degree l, the orthonormal tensors (copies, 2l+1, 3, ..., 3) that every symmetry leaves alone."""
    blocks = []
    for degree, group in itertools.groupby(
        sorted(_paths(rank), key=lambda path: path[0]), key=lambda p: p[0]
    ):
        paths = torch.stack([tensor for _, tensor in group])
        permuted = sum(
            sign * paths.permute(0, 1, *(2 + index for index in permutation))
            for sign, permutation in symmetries
        ) / len(symmetries)
        # Permutations commute with rotations, so by Schur's lemma they only mix copies of the same l.
        on_copies = torch.tensordot(paths.flatten(1), permuted.flatten(1), dims=([1], [1])) / (2 * degree + 1)
        copies = _range_of_projector(on_copies)
        if len(copies):
            blocks.append((degree, torch.tensordot(copies, paths, dims=1)))
    return blocks


def _paths(rank: int) -> list[tuple[int, Tensor]]:
    """Every way to couple `rank` vectors to a degree l, as (l, orthonormal tensors (2l+1, 3, ..., 3))."""
    paths = [(1, torch.eye(3, dtype=torch.float64))]
    for _ in range(rank - 1):
        paths = [
            (degree, torch.einsum("a...,abm->m...b", tensor, coupling(lower, 1, degree)))
            for lower, tensor in paths
            for degree in range(abs(lower - 1), lower + 2)
        ]
    return paths


def _range_of_projector(projector: Tensor) -> Tensor:
    """Orthonormal rows that span the range of a symmetric projector; the same ones on every machine."""
    rows: list[Tensor] = []
    for column in projector:
        for row in rows:
            column = column - (column @ row) * row
        length = torch.linalg.vector_norm(column)
        if length > 1e-6:
            rows.append(column / length)
    return torch.stack(rows) if rows else projector[:0]
