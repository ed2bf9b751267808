"""Synchronisation: turn one environment onto another, with its atoms in any order, so that errors are errors of shape."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

ROUNDS = 20


@dataclass(frozen=True, eq=False)
class Synchronised:
    """How one environment lies on another.

    Attributes:
        rotation: Q, orthogonal; determinant −1 where a mirror was needed and allowed.
        vectors: The moved environment, Q r, its atoms in the order of the fixed one, in Å.
        permutation: Place in the moving environment of each atom of the fixed one.
        rmsd: Root mean square distance of an atom from its partner, in Å.
    """

    rotation: Float[Tensor, "environments 3 3"]
    vectors: Float[Tensor, "environments matched 3"]
    permutation: Int[Tensor, "environments matched"]
    rmsd: Float[Tensor, " environments"]


def synchronise(
    moving: Float[Tensor, "environments neighbors 3"],
    fixed: Float[Tensor, "_ _ 3"],
    *,
    reflections: bool = True,
) -> Synchronised:
    """min_Q Σ_i |Q r_i − r'_i|² with the atoms in their order, about the centre (Kabsch, Acta Cryst. A32, 922, 1976).

    Args:
        moving: r, in Å from the centre.
        fixed: r', likewise.
        reflections: Whether Q may be a mirror. A Gram matrix does not know left from right, so what comes out of one
            must be allowed to.

    Raises:
        ValueError: The two have different shapes.
    """
    _require_alike(moving, fixed)
    rotation = _kabsch(moving, fixed, reflections)
    places = torch.arange(moving.shape[1], device=moving.device).expand(moving.shape[:2])
    return _synchronised(moving, fixed, rotation, places)


def synchronise_unordered(
    moving: Float[Tensor, "environments neighbors 3"],
    fixed: Float[Tensor, "_ _ 3"],
    *,
    reflections: bool = True,
    starts: int = 12,
) -> Synchronised:
    """min over Q and over the order π of the atoms of Σ_i |Q r_π(i) − r'_i|².

    The fixed environment may have fewer atoms: each finds a partner of its own, and the moving atoms left over stand alone.

    For a given Q the best order is an assignment problem (Hungarian method), for a given order the best Q is Kabsch's.
    Both in turn end in a minimum near their start; so they start from all turns that lay two atoms of the one on two
    atoms of the other, the most promising first. That finds the global minimum where a good match exists, and an upper
    bound to it otherwise.

    Args:
        moving: r, in Å from the centre.
        fixed: r', likewise.
        reflections: As in `synchronise`.
        starts: Turns to start from. Two find the match of environments that are alike; among those that are not, a
            seventh of all pairs of amorphous silicon gain a little beyond 12.

    Raises:
        ValueError: The two have different shapes.
    """
    _require_room(moving, fixed)
    best = None
    for rotation in _promising(moving.detach(), fixed.detach(), reflections, starts).unbind(1):
        found = _alternate(moving, fixed, rotation, reflections)
        best = found if best is None else _better(best, found)
    return best


def _alternate(moving: Tensor, fixed: Tensor, rotation: Tensor, reflections: bool) -> Synchronised:
    """Assignment and rotation in turn, until no atom changes its partner."""
    places = None
    for _ in range(ROUNDS):
        new = _assign(moving @ rotation.mT, fixed)
        if places is not None and torch.equal(new, places):
            break
        places = new
        rotation = _kabsch(_reorder(moving, places), fixed, reflections)
    return _synchronised(moving, fixed, rotation, places)


def _promising(
    moving: Tensor, fixed: Tensor, reflections: bool, starts: int
) -> Float[Tensor, "environments starts 3 3"]:
    """Turns that lay each pair of moving atoms on one pair of fixed ones, those first that leave all near to some atom."""
    count = fixed.shape[1]
    i, j = torch.triu_indices(count, count, 1, device=fixed.device)
    # The pair that spans the largest area fixes a frame best.
    area = torch.linalg.cross(fixed[:, i], fixed[:, j]).norm(dim=-1)
    widest = area.argmax(1)
    rows = torch.arange(len(fixed), device=fixed.device)
    frame = _frame(fixed[rows, i[widest]], fixed[rows, j[widest]]).unsqueeze(1)
    k, l = (~torch.eye(moving.shape[1], dtype=torch.bool, device=moving.device)).nonzero().unbind(1)
    frames = _frame(moving[:, k], moving[:, l])
    turns = frame @ frames.mT
    if reflections:
        mirror = torch.diag(moving.new_tensor([1.0, 1.0, -1.0]))
        turns = torch.cat([turns, frame @ mirror @ frames.mT], 1)
    away = torch.cdist(fixed.unsqueeze(1), moving.unsqueeze(1) @ turns.mT).amin(-1).square().sum(-1)
    chosen = away.topk(min(starts, turns.shape[1]), largest=False).indices
    return turns.gather(1, chosen[..., None, None].expand(-1, -1, 3, 3))


def _frame(first: Tensor, second: Tensor) -> Tensor:
    """A right-handed frame whose columns are the bisector of two vectors, one in their plane, and one across."""
    first, second = (torch.nn.functional.normalize(vector, dim=-1) for vector in (first, second))
    across = torch.nn.functional.normalize(torch.linalg.cross(first, second), dim=-1)
    middle = torch.nn.functional.normalize(first + second, dim=-1)
    return torch.stack([middle, torch.linalg.cross(across, middle), across], -1)


def _assign(moving: Tensor, fixed: Tensor) -> Tensor:
    """Which moving atom stands nearest to each fixed one, all taken once."""
    costs = torch.cdist(fixed, moving).square().detach().cpu().numpy()
    return torch.from_numpy(np.stack([linear_sum_assignment(cost)[1] for cost in costs])).to(moving.device)


def _kabsch(moving: Tensor, fixed: Tensor, reflections: bool) -> Tensor:
    u, _, v = torch.linalg.svd(fixed.mT @ moving)
    if not reflections:
        u = torch.cat([u[..., :2], u[..., 2:] * torch.linalg.det(u @ v)[..., None, None]], -1)
    return u @ v


def _reorder(vectors: Tensor, places: Tensor) -> Tensor:
    return vectors.gather(1, places.unsqueeze(-1).expand(-1, -1, 3))


def _synchronised(moving: Tensor, fixed: Tensor, rotation: Tensor, places: Tensor) -> Synchronised:
    vectors = _reorder(moving, places) @ rotation.mT
    rmsd = (vectors - fixed).square().sum(-1).mean(-1).sqrt()
    return Synchronised(rotation, vectors, places, rmsd)


def _better(one: Synchronised, other: Synchronised) -> Synchronised:
    wins = other.rmsd < one.rmsd
    pairs = ((getattr(one, name), getattr(other, name)) for name in vars(one))
    return Synchronised(*(torch.where(wins.view(-1, *[1] * (a.ndim - 1)), b, a) for a, b in pairs))


def _require_alike(moving: Tensor, fixed: Tensor) -> None:
    if moving.shape != fixed.shape:
        raise ValueError(
            f"environments must be compared with as many of the same size, received {tuple(moving.shape)} and "
            f"{tuple(fixed.shape)}: repeat the one, or cut both with the same num_neighbors"
        )


def _require_room(moving: Tensor, fixed: Tensor) -> None:
    if len(moving) != len(fixed) or not 2 <= fixed.shape[1] <= moving.shape[1]:
        raise ValueError(
            f"each environment must be laid on one of at least 2 atoms and at most its own number, received "
            f"{tuple(moving.shape)} and {tuple(fixed.shape)}: repeat the one, or cut both with the same num_neighbors"
        )
