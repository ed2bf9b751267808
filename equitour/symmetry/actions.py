"""Group actions on structures: permutation, O(3), translation modulo the lattice, change of lattice basis."""

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor

from equitour.graph import AtomicGraph


def rotate(graph: AtomicGraph, matrix: Float[Tensor, "3 3"]) -> AtomicGraph:
    """Atoms and lattice turned (or mirrored) about the origin: r → Q r, lattice rows → rows Qᵀ.

    Edges stay the same pairs, and their vectors turn with the rest.

    Raises:
        ValueError: The matrix is not orthogonal.
    """
    matrix = torch.as_tensor(matrix)
    error = float((matrix.mT @ matrix - torch.eye(3).to(matrix)).abs().max())
    if not error < 1e-5:
        raise ValueError(
            f"matrix must be orthogonal, received one with |QᵀQ − 1| = {error:.1e}: take it from random_orthogonal"
        )
    transposed = matrix.to(graph.positions).mT
    return graph.replace(positions=graph.positions @ transposed, cell=graph.cell @ transposed)


def translate(graph: AtomicGraph, vector: Float[Tensor, "*graphs 3"]) -> AtomicGraph:
    """Every atom moved by the same vector (Å); `wrap` brings the atoms of a crystal back into the cell."""
    return graph.replace(positions=graph.positions + torch.as_tensor(vector).to(graph.positions))


def wrap(graph: AtomicGraph) -> AtomicGraph:
    """Atoms moved by whole cells into the cell, along periodic directions; edge vectors do not change."""
    graphs = [_wrap_one(single) for single in graph.split()]
    return graph.replace(
        positions=torch.cat([single.positions for single in graphs]),
        cell_shifts=torch.cat([single.cell_shifts for single in graphs]),
    )


def permute(graph: AtomicGraph, permutation: Int[Tensor, " nodes"]) -> AtomicGraph:
    """Atoms renumbered: node i of the result is node `permutation[i]` of the graph.

    Raises:
        ValueError: It is no permutation, or it would carry atoms from one structure of a batch to another.
    """
    permutation = torch.as_tensor(permutation, device=graph.positions.device)
    if not torch.equal(permutation.sort().values, torch.arange(graph.num_nodes).to(permutation)):
        raise ValueError(
            f"a permutation must name each of {graph.num_nodes} nodes once, received {permutation.tolist()[:8]}...: "
            "take it from torch.randperm"
        )
    if not torch.equal(graph.batch[permutation], graph.batch):
        raise ValueError(
            "a permutation must keep atoms in their structure, received one that mixes a batch: split()"
        )
    inverse = torch.argsort(permutation)
    receivers = inverse[graph.receivers]
    # Edges are sorted by receiver everywhere in the house, so they are sorted again.
    order = torch.argsort(receivers, stable=True)
    return graph.replace(
        positions=graph.positions[permutation],
        atomic_numbers=graph.atomic_numbers[permutation],
        senders=inverse[graph.senders][order],
        receivers=receivers[order],
        cell_shifts=graph.cell_shifts[order],
    )


def change_lattice_basis(
    graph: AtomicGraph, matrix: Real[Tensor, "3 3"], *, cutoff: float | None = None
) -> AtomicGraph:
    """The same crystal described by other lattice vectors, cell → M cell with M in SL(3,Z).

    Atoms stay where they are. Without a cutoff the old edges are re-expressed, shifts → shifts M⁻¹; with one
    the graph is rebuilt from the new description. Both have the same edges up to their order.

    Raises:
        ValueError: M is not an integer matrix of determinant 1, or the structure is not periodic in 3D.
    """
    if not bool(graph.pbc.all()):
        raise ValueError(
            "a change of lattice basis needs three periodic directions, received a structure without: "
            "set pbc, or use rotate"
        )
    basis = torch.as_tensor(matrix, device=graph.cell.device).double()
    if not torch.equal(basis, basis.round()) or round(float(torch.linalg.det(basis))) != 1:
        raise ValueError(
            f"matrix must be an integer matrix of determinant 1, received {basis.tolist()}: "
            "a supercell is made with ase.Atoms.repeat, a mirror with rotate"
        )
    inverse = torch.linalg.inv(basis).round()
    changed = graph.replace(
        cell=basis.to(graph.cell) @ graph.cell,
        cell_shifts=(graph.cell_shifts.double() @ inverse).round().long(),
    )
    return changed if cutoff is None else changed.rebuild(cutoff=cutoff)


def random_lattice_basis(*, generator: torch.Generator, steps: int = 4) -> Int[Tensor, "3 3"]:
    """A matrix of SL(3,Z): a product of `steps` shears, each adding ± one lattice vector to another."""
    matrix = torch.eye(3, dtype=torch.long)
    for _ in range(steps):
        row, other = torch.randperm(3, generator=generator)[:2].tolist()
        sign = 1 - 2 * int(torch.randint(2, (1,), generator=generator))
        matrix[row] += sign * matrix[other]
    return matrix


def same_atoms(first: AtomicGraph, second: AtomicGraph, *, tolerance: float = 1e-6) -> bool:
    """Whether two descriptions stand for the same set of atoms in space, whatever cell, order or images they use.

    A lattice may contain the other (a supercell and its primitive cell); both must be periodic alike.
    """
    if first.num_nodes < second.num_nodes:
        first, second = second, first
    if not torch.equal(first.pbc, second.pbc):
        return False
    large, small = first.cell[0].double(), second.cell[0].double()
    periodic = second.pbc[0]
    multiples = _coordinates(large[periodic], small[periodic])
    if not _is_integer(multiples, tolerance):
        return False
    copies = round(float(torch.linalg.det(multiples).abs())) if periodic.any() else 1
    if not torch.allclose(multiples @ small[periodic], large[periodic], atol=tolerance, rtol=0):
        return False
    if first.num_nodes != copies * second.num_nodes:
        return False
    hits = _coincide(first, second, lattice=small[periodic], tolerance=tolerance)
    return bool((hits.sum(0) == copies).all() and (hits.sum(1) == 1).all())


def _wrap_one(graph: AtomicGraph) -> AtomicGraph:
    periodic = graph.pbc[0]
    cells = torch.zeros(graph.num_nodes, 3, dtype=torch.long, device=periodic.device)
    lattice = graph.cell[0][periodic]
    cells[:, periodic] = torch.floor(_coordinates(graph.positions.detach(), lattice)).long()
    return graph.replace(
        positions=graph.positions - cells.to(graph.cell) @ graph.cell[0],
        cell_shifts=graph.cell_shifts + cells[graph.receivers] - cells[graph.senders],
    )


def _coordinates(vectors: Tensor, lattice: Tensor) -> Tensor:
    """Coefficients of vectors (n, 3) along the rows of a lattice (k, 3), k ≤ 3; what lies outside is projected."""
    return vectors @ torch.linalg.pinv(lattice)


def _is_integer(values: Tensor, tolerance: float) -> bool:
    return bool(((values - values.round()).abs() < max(tolerance, 1e-9)).all())


def _coincide(first: AtomicGraph, second: AtomicGraph, *, lattice: Tensor, tolerance: float) -> Tensor:
    """(nodes, nodes) table: the same element at the same place modulo the lattice."""
    apart = first.positions.double()[:, None] - second.positions.double()[None]
    cells = _coordinates(apart.reshape(-1, 3), lattice).round()
    apart = apart - (cells @ lattice).reshape(apart.shape)
    near = torch.linalg.vector_norm(apart, dim=-1) < tolerance
    return near & (first.atomic_numbers[:, None] == second.atomic_numbers[None])
