"""Neighbour lists: every pair closer than the cutoff, in cells of any shape, periodic in any directions."""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


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
        ValueError: The cutoff is not a positive number.
    """
    from vesin import NeighborList

    if not (math.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"cutoff must be positive and finite, received {cutoff}: give a distance in Å")
    search = NeighborList(cutoff=float(cutoff), full_list=True, sorted=True)
    receivers, senders, shifts = search.compute(
        points=positions.detach().cpu().double().numpy(),
        box=_complete(cell.detach().cpu().double().numpy(), pbc.cpu().numpy()),
        periodic=pbc.cpu().numpy(),
        quantities="ijS",
    )

    def tensor(array):
        return torch.as_tensor(array.astype(np.int64), device=positions.device)

    # vesin sorts by its first atom and counts shifts from it; ours is the receiver, hence the sign.
    return tensor(senders), tensor(receivers), tensor(-shifts)


def _complete(cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """A cell of non-zero volume: directions that do not repeat get unit vectors normal to the ones that do."""
    if pbc.all():
        return cell
    _, _, normals = np.linalg.svd(cell[pbc])
    completed = cell.copy()
    completed[~pbc] = normals[pbc.sum() :]
    return completed
