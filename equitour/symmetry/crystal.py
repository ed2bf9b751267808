"""The symmetry that a structure itself has, and the tensor components that it leaves free."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings

import numpy as np
import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor

from equitour.graph import AtomicGraph
from equitour.symmetry.cartesian import CartesianTensor
from equitour.symmetry.irreps import irreps_matrix


@dataclasses.dataclass(frozen=True)
class SpaceGroup:
    """What spglib finds: `symbol` ("Pm-3m"), `number` (1 to 230) and `point_group` ("m-3m")."""

    symbol: str
    number: int
    point_group: str


def space_group(graph: AtomicGraph, *, tolerance: float = 1e-4) -> SpaceGroup:
    """Space group of a crystal (spglib; Togo, Shinohara, Tanaka, Sci. Technol. Adv. Mater. Meth. 2024).

    Raises:
        ValueError: The structure is not one crystal, or spglib finds no symmetry at this tolerance (Å).
    """
    found = _dataset(graph, tolerance)
    return SpaceGroup(found.international, found.number, found.pointgroup)


def symmetry_operations(graph: AtomicGraph, *, tolerance: float = 1e-4) -> Float[Tensor, "operations 3 3"]:
    """The orthogonal matrices (Cartesian, float64) that map a structure onto itself, up to a translation.

    Crystals: the point group by spglib. Molecules: every orthogonal matrix about the centroid that carries
    each atom onto one of its own kind, found by matching two atoms and testing the rest.

    Raises:
        ValueError: A linear molecule or a single atom, whose group is infinite; a structure periodic in one or
            two directions; a batch.
    """
    if bool(graph.pbc.any()):
        matrices = _cartesian(graph, _dataset(graph, tolerance).rotations)
        return _unique(matrices)
    return _molecular_operations(graph, tolerance)


def site_symmetry(
    graph: AtomicGraph, node: int, *, tolerance: float = 1e-4
) -> Float[Tensor, "operations 3 3"]:
    """The operations (Cartesian, float64) that leave one atom of a crystal or molecule where it is."""
    if not 0 <= node < graph.num_nodes:
        raise ValueError(
            f"node must lie between 0 and {graph.num_nodes - 1}, received {node}: choose an atom"
        )
    if not bool(graph.pbc.any()):
        arm = _centered(graph)[node]
        operations = _molecular_operations(graph, tolerance)
        return operations[torch.linalg.vector_norm(operations @ arm - arm, dim=1) < tolerance]
    found = _dataset(graph, tolerance)
    x = np.linalg.solve(graph.cell[0].double().cpu().numpy().T, graph.positions[node].double().cpu().numpy())
    moved = found.rotations @ x + found.translations - x
    apart = (moved - moved.round()) @ graph.cell[0].double().cpu().numpy()
    return _unique(_cartesian(graph, found.rotations[np.linalg.norm(apart, axis=1) < 10 * tolerance]))


def invariant_projector(
    operations: Float[Tensor, "operations 3 3"], irreps: str | o3.Irreps
) -> Float[Tensor, "dim dim"]:
    """Projector on the features that all operations leave alone: P = mean over g of D(g).

    Its trace counts the free components (orthogonality of characters; Dresselhaus, Group Theory, ch. 3).
    """
    return irreps_matrix(irreps, operations.double()).mean(0)


def allowed_tensors(
    operations: Float[Tensor, "operations 3 3"], tensor: CartesianTensor
) -> Float[Tensor, "free ..."]:
    """Orthonormal Cartesian tensors (free, 3, ..., 3) that span what a symmetry allows (Neumann's principle)."""
    projector = invariant_projector(operations, tensor.irreps)
    values, vectors = torch.linalg.eigh((projector + projector.mT) / 2)
    return tensor.from_irreps(vectors[:, values > 0.5].mT)


def _dataset(graph: AtomicGraph, tolerance: float):
    import spglib

    if graph.num_graphs != 1 or not bool(graph.pbc.all()):
        raise ValueError(
            f"a space group needs one structure periodic in three directions, received {graph.num_graphs} with "
            f"pbc {graph.pbc.tolist()}: split the batch, or set pbc"
        )
    found = None
    cell = graph.cell[0].detach().cpu().double().numpy()
    fractional = np.linalg.solve(cell.T, graph.positions.detach().cpu().double().numpy().T).T
    description = (cell, fractional, graph.atomic_numbers.cpu().numpy())
    # Where it finds nothing, spglib returns None today and raises in its next version.
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore", DeprecationWarning)
        found = spglib.get_symmetry_dataset(description, symprec=tolerance)
    if found is None:
        raise ValueError(
            f"spglib must find a symmetry, received a structure where it finds none at {tolerance} Å: "
            "change the tolerance, or look for overlapping atoms"
        )
    return found


def _cartesian(graph: AtomicGraph, rotations: np.ndarray) -> Tensor:
    """Matrices on fractional columns to Cartesian ones, Q = A W A⁻¹ with the lattice vectors as columns of A."""
    columns = graph.cell[0].detach().cpu().double().T
    matrices = columns @ torch.as_tensor(rotations, dtype=torch.float64) @ torch.linalg.inv(columns)
    # A cell that is symmetric only within the tolerance gives nearly orthogonal matrices; take the nearest.
    left, _, right = torch.linalg.svd(matrices)
    return left @ right


def _unique(matrices: Tensor) -> Tensor:
    """Each matrix once: a centred cell repeats its rotations with other translations."""
    kept: list[Tensor] = []
    for matrix in matrices:
        if not any(torch.allclose(matrix, other, atol=1e-6) for other in kept):
            kept.append(matrix)
    return torch.stack(kept)


def _centered(graph: AtomicGraph) -> Tensor:
    positions = graph.positions.detach().cpu().double()
    return positions - positions.mean(0)


def _molecular_operations(graph: AtomicGraph, tolerance: float) -> Tensor:
    if graph.num_graphs != 1:
        raise ValueError(
            f"symmetry needs one structure, received a batch of {graph.num_graphs}: call split()"
        )
    positions, numbers = _centered(graph), graph.atomic_numbers.cpu()
    first, second = _two_directions(positions)
    frame = _frame(positions[first], positions[second])
    kept = []
    for a in _alike(positions, numbers, first, tolerance):
        for b in _alike(positions, numbers, second, tolerance):
            for handedness in (1.0, -1.0):
                image = _frame(positions[a], positions[b], handedness)
                left, stretch, right = torch.linalg.svd(image @ torch.linalg.inv(frame))
                close = (stretch - 1).abs().max() < 10 * tolerance
                if close and _maps_onto_itself(left @ right, positions, numbers, tolerance):
                    kept.append(left @ right)
    return _unique(torch.stack(kept))


def _two_directions(positions: Tensor) -> tuple[int, int]:
    """Two atoms that span a plane with the centroid, the largest one for the sake of precision."""
    areas = torch.linalg.vector_norm(torch.linalg.cross(positions[:, None], positions[None], dim=-1), dim=-1)
    largest = int(areas.argmax())
    if areas.flatten()[largest] < 1e-3:
        raise ValueError(
            "a finite group needs atoms that do not lie on one line, received a linear molecule or a single atom, "
            "which infinitely many rotations leave alone: use a bent molecule"
        )
    return largest // len(positions), largest % len(positions)


def _frame(first: Tensor, second: Tensor, handedness: float = 1.0) -> Tensor:
    return torch.stack([first, second, handedness * torch.linalg.cross(first, second)], dim=1)


def _alike(positions: Tensor, numbers: Tensor, node: int, tolerance: float) -> list[int]:
    """Atoms of the same element at the same distance from the centroid."""
    radii = torch.linalg.vector_norm(positions, dim=1)
    same = (numbers == numbers[node]) & ((radii - radii[node]).abs() < 10 * tolerance)
    return same.nonzero().flatten().tolist()


def _maps_onto_itself(matrix: Tensor, positions: Tensor, numbers: Tensor, tolerance: float) -> bool:
    distances = torch.cdist(positions @ matrix.mT, positions)
    distances[numbers[:, None] != numbers[None]] = float("inf")
    nearest = distances.argmin(dim=1)
    return bool((distances.min(dim=1).values < 10 * tolerance).all()) and len(set(nearest.tolist())) == len(
        nearest
    )
