"""Neighbour lists: every pair closer than the cutoff, in cells of any shape, periodic in any directions."""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from equitour.graph.memory import keep_freed_memory

# Beyond this many Å from the origin a position is a mistake, and beyond this many boxes of the size of the cutoff vesin
# takes fewer and larger ones of the same proportions, at least `THIN` in each direction, or else it divides by zero.
FARTHEST, BOXES, THIN = 1e9, 1e5, 3.0


def neighbor_list(
    positions: Float[Tensor, "nodes 3"],
    *,
    cutoff: float,
    cell: Float[Tensor, "3 3"],
    pbc: Bool[Tensor, "3"],
) -> tuple[Int[Tensor, " edges"], Int[Tensor, " edges"], Int[Tensor, "edges 3"]]:
    """All ordered pairs closer than the cutoff, an atom's own images included, sorted by receiver.

    The cost grows linearly with the number of atoms (cell lists of vesin, Fraux et al.).

    Args:
        positions: In Å; atoms may lie outside the cell.
        cutoff: In Å; it may exceed the cell.
        cell: Rows are the lattice vectors in Å; rows of directions that do not repeat are ignored.
        pbc: Which lattice vectors repeat.

    Returns:
        Senders, receivers and the whole cells between them, so that the edge vector is
        `positions[receivers] - positions[senders] + cell_shifts @ cell`.

    Raises:
        ValueError: The cutoff is not a positive number, a position is not finite or beyond 10⁹ Å, or atoms have flown so
            far apart that the structure is a needle or a sheet of more than 10⁵ cutoffs.
    """
    from vesin import NeighborList

    keep_freed_memory()
    if not (math.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"cutoff must be positive and finite, received {cutoff}: give a distance in Å")
    points, periodic = positions.detach().cpu().double().numpy(), pbc.cpu().numpy()
    box = _complete(cell.detach().cpu().double().numpy(), periodic)
    _require_searchable(points, box, periodic, cutoff)
    search = NeighborList(cutoff=float(cutoff), full_list=True)
    receivers, senders, shifts = search.compute(
        points=points, box=box, periodic=periodic, quantities="ijS", copy=False
    )
    # A third of the time of vesin's own sort, which also puts a node's senders in order.
    order = np.argsort(receivers, kind="stable")

    def tensor(array):
        return torch.as_tensor(array.take(order, 0).astype(np.int64), device=positions.device)

    # vesin counts shifts from its first atom; ours is the receiver, hence the sign.
    return tensor(senders), tensor(receivers), tensor(shifts).neg_()


def _complete(cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """A cell of non-zero volume: directions that do not repeat get unit vectors normal to the ones that do."""
    if pbc.all():
        return cell
    _, _, normals = np.linalg.svd(cell[pbc])
    completed = cell.copy()
    completed[~pbc] = normals[pbc.sum() :]
    return completed


def _require_searchable(points: np.ndarray, box: np.ndarray, pbc: np.ndarray, cutoff: float) -> None:
    """Refuse what would take the whole process down: vesin stops it with a floating point exception."""
    farthest = float(np.abs(points).max(initial=0.0))
    if not farthest <= FARTHEST:
        raise ValueError(
            f"positions must be finite and within {FARTHEST:g} Å of the origin, received {farthest:g}: check the file, "
            "or the time step of the motion that led there"
        )
    if not len(points) or np.linalg.det(box) == 0:
        return
    inverse = np.linalg.inv(box)
    spans = np.where(pbc, 1.0, np.ptp(points @ inverse, axis=0)) / np.linalg.norm(inverse, axis=0)
    boxes = np.maximum(spans / cutoff, 1.0)
    if boxes.prod() > BOXES and boxes.min() * (BOXES / boxes.prod()) ** (1 / 3) < THIN:
        raise ValueError(
            f"atoms must be near each other, received some over {' × '.join(f'{span:.3g}' for span in spans)} Å, too far "
            f"for a cutoff of {cutoff:g} Å: take out those that have flown away, or check the time step"
        )
