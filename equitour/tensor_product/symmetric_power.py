"""The symmetric power: products of a node's features with themselves, up to a given number of factors."""

import itertools
import math
from functools import cache

import torch
from e3nn import o3
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.symmetry import coupling
from equitour.tensor_product.constants import Constants
from equitour.tensor_product.layout import one_each

MOST_FACTORS = 4


class SymmetricPower(nn.Module):
    """B[i, M, c] = Σ_η w[z_i, η, c] Σ_{m₁…m_ν} U[η, M, m₁, …, m_ν] A[i, m₁, c] … A[i, m_ν, c], ν = 1 … correlation.

    Where A is a sum over neighbours, a product of ν such sums runs over all ν-tuples of neighbours and costs no more
    than one: B sees ν + 1 bodies (Drautz, PRB 99, 014104, 2019; Batatia et al., NeurIPS 2022, eq. 10).

    A constant 1 beside the rows of A makes every term a product of exactly `correlation` factors; they are summed as
    Horner sums a polynomial, last factor first, over the entries of U that are not zero.

    Args:
        irreps_in: Of the rows of A.
        irreps_out: Wanted; `irreps_out` of the object keeps those that a product leads to.
        correlation: Largest number of factors ν, 1 to 4.
        num_channels: Of A; channels are not mixed.
        num_species: Number of kinds of nodes, each with weights w of its own.

    Attributes:
        terms: For every η the irrep that it leads to and its number of factors ν.

    Raises:
        ValueError: The correlation is not 1, 2, 3 or 4.
    """

    def __init__(
        self,
        irreps_in: o3.Irreps | str,
        irreps_out: o3.Irreps | str,
        *,
        correlation: int,
        num_channels: int,
        num_species: int = 1,
    ) -> None:
        super().__init__()
        self.irreps_in, self.correlation = one_each(irreps_in), correlation
        bases = {
            (ir, number): symmetric_basis(self.irreps_in, ir, number)
            for _, ir in one_each(irreps_out)
            for number in (*range(1, correlation), correlation)
        }
        self.terms = [key for key, basis in bases.items() for _ in basis]
        reached = [ir for ir, _ in self.terms]
        self.irreps_out = o3.Irreps([item for item in one_each(irreps_out) if item.ir in reached])
        first_row = {
            ir: rows.start for (_, ir), rows in zip(self.irreps_out, self.irreps_out.slices(), strict=True)
        }
        entries = _entries([(first_row[ir], basis) for (ir, _), basis in bases.items() if len(basis)])
        # A product of ν unit features has the mean square ν!; so all terms are of unit size.
        sizes = torch.tensor([math.factorial(number) for _, number in self.terms], dtype=torch.float64)
        matrix = torch.stack([values for _, values in entries]) / sizes.sqrt()
        self.constants = Constants(matrix=matrix)
        self.levels = _levels([places for places, _ in entries])
        # Terms share one unit an irrep, and higher orders begin as corrections, with 1/ν! as in Taylor's series.
        shares = torch.tensor([reached.count(ir) for ir in reached]).sqrt() * sizes
        weights = torch.randn(num_species, len(self.terms), num_channels)
        self.weights = nn.Parameter(weights / shares[:, None].to(weights))

    def forward(
        self, features: Float[Tensor, "nodes rows channels"], species: Int[Tensor, " nodes"] | None = None
    ) -> Float[Tensor, "nodes rows_out channels"]:
        """B of each node; rows of `irreps_out`.

        Args:
            features: A.
            species: The kind of each node; needed only with more than one.
        """
        sums = self.constants["matrix"] @ self.weights
        if len(sums) > 1:
            sums = sums.index_select(0, species)
        factors = torch.cat([features, torch.ones_like(features[:, :1])], 1)
        for level in self.levels:
            sums = level(sums, factors)
        return sums


class _Level(nn.Module):
    """One step of Horner's scheme: times a factor, then the sum over all terms that agree in the factors before."""

    def __init__(self, factor: list[int], parent: list[int]) -> None:
        super().__init__()
        self.num_parents = max(parent) + 1
        self.register_buffer("factor", torch.tensor(factor), persistent=False)
        self.register_buffer("parent", torch.tensor(parent), persistent=False)

    def forward(self, sums: Tensor, factors: Tensor) -> Tensor:
        products = sums * factors.index_select(1, self.factor)
        empty = products.new_zeros(len(products), self.num_parents, products.shape[2])
        return empty.index_add(1, self.parent, products)


@cache
def symmetric_basis(
    irreps: o3.Irreps | str, irrep_out: o3.Irrep | str, number: int
) -> Float[Tensor, "eta m *rows"]:
    """U: the ways to make `irrep_out` of `number` equal features, blind to their order, orthonormal, in float64.

    For each choice of irreps l₁ ≤ l₂ ≤ … couple them one after another along every path, symmetrise, and keep
    what is linearly independent (Gram and Schmidt, in this order: the same basis on every machine, which weights
    in a file rely on).

    Args:
        irreps: Of the rows.
        irrep_out: Of the result.
        number: Of factors ν, 1 to 4.

    Returns:
        (eta, 2L+1, rows, …, rows) with Σ_{m₁…m_ν} U[η, M] U[θ, N] = δ_ηθ δ_MN.

    Raises:
        ValueError: The number is not 1, 2, 3 or 4.
    """
    if number not in range(1, MOST_FACTORS + 1):
        raise ValueError(
            f"correlation must be 1 to {MOST_FACTORS}, received {number}: 3 sees four bodies, which mostly is enough"
        )
    irreps, irrep_out = one_each(irreps), o3.Irrep(irrep_out)
    kept: list[Tensor] = []
    for places in itertools.combinations_with_replacement(range(len(irreps)), number):
        if math.prod(irreps[place].ir.p for place in places) == irrep_out.p:
            blocks = _paths([irreps[place].ir.l for place in places], irrep_out.l)
            kept += _independent([_symmetrised(block, places, irreps) for block in blocks])
    shape = (0, irrep_out.dim, *[irreps.dim] * number)
    return torch.stack(kept) if kept else torch.zeros(shape, dtype=torch.float64)


def _paths(degrees: list[int], l: int) -> list[Float[Tensor, "m *rows"]]:
    """Every way to couple one feature of each degree, one after another, to degree l."""
    paths = [(degrees[0], torch.eye(2 * degrees[0] + 1, dtype=torch.float64))]
    for degree in degrees[1:]:
        paths = [
            (total, torch.einsum("a...,abm->m...b", tensor, coupling(lower, degree, total)))
            for lower, tensor in paths
            for total in range(abs(lower - degree), lower + degree + 1)
        ]
    return [tensor for total, tensor in paths if total == l]


def _symmetrised(block: Tensor, places: tuple[int, ...], irreps: o3.Irreps) -> Float[Tensor, "m *rows"]:
    """The block in its place among all rows, added up over all orders of the factors."""
    slices = irreps.slices()
    whole = block.new_zeros(len(block), *[irreps.dim] * len(places))
    whole[(slice(None), *[slices[place] for place in places])] = block
    orders = itertools.permutations(range(1, len(places) + 1))
    return sum(whole.permute(0, *order) for order in orders)


def _independent(tensors: list[Tensor]) -> list[Float[Tensor, "m *rows"]]:
    """Orthonormal tensors with the same span; by Schur's lemma one number a pair tells all of it."""
    kept: list[Tensor] = []
    for tensor in tensors:
        for other in kept:
            tensor = tensor - (tensor * other).sum() / len(other) * other
        rest = torch.linalg.vector_norm(tensor)
        # A coupling has size 1 an entry of its irrep; what is left of a dependent one is rounding.
        if rest > 1e-8:
            kept.append(tensor * (len(tensor) ** 0.5 / rest))
    return kept


def _entries(bases: list[tuple[int, Tensor]]) -> list[tuple[tuple[int, ...], Tensor]]:
    """The polynomials' terms: places (M, m₁ ≤ m₂ ≤ …) and the coefficient that each η has there.

    Terms of lower order are filled up with the place of the constant 1, which stands behind the rows.

    Args:
        bases: With the first row that each leads to.
    """
    most = max(basis.dim() - 2 for _, basis in bases)
    found: dict[tuple[int, ...], Tensor] = {}
    empty, eta = torch.zeros(sum(len(basis) for _, basis in bases), dtype=torch.float64), 0
    for first_row, basis in bases:
        for row, *factors in basis.abs().gt(1e-12).any(0).nonzero().tolist():
            if factors == sorted(factors):
                constants = [basis.shape[-1]] * (most - len(factors))
                values = found.setdefault((first_row + row, *factors, *constants), empty.clone())
                # A symmetric U holds the same number for each order of these factors.
                orders = len(set(itertools.permutations(factors)))
                values[eta : eta + len(basis)] = orders * basis[(slice(None), row, *factors)]
        eta += len(basis)
    return sorted(found.items(), key=lambda entry: entry[0])


def _levels(places: list[tuple[int, ...]]) -> nn.ModuleList:
    """Horner's steps, from whole terms down to the rows M: terms that begin alike share what follows."""
    levels = []
    while len(places[0]) > 1:
        parents = sorted({place[:-1] for place in places})
        number = {parent: k for k, parent in enumerate(parents)}
        levels.append(_Level([place[-1] for place in places], [number[place[:-1]] for place in places]))
        places = parents
    return nn.ModuleList(levels)
