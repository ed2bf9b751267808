"""Motions of a structure as a whole, which no spring resists."""

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.graph import AtomicGraph


def rigid_motions(graph: AtomicGraph, masses: Float[Tensor, " nodes"]) -> Float[Tensor, "rigid coordinates"]:
    """Orthonormal mass-weighted directions of translations and, where no direction repeats, of rotations.

    A translation along a is √m_κ a; a rotation about a is √m_κ a × (r_κ − R) around the centre of mass R. A linear
    molecule has two rotations, an atom none.

    Args:
        graph: One structure.
        masses: m in u.

    Returns:
        Three, five or six rows of 3 nodes numbers.
    """
    positions, roots = graph.positions.detach().cpu().double(), masses.sqrt()
    axes = torch.eye(3, dtype=torch.float64)
    translations = (roots[None, :, None] * axes[:, None]).flatten(1) / masses.sum().sqrt()
    if bool(graph.pbc.any()):
        return translations
    arms = positions - (masses[:, None] * positions).sum(0) / masses.sum()
    rotations = roots[None, :, None] * torch.linalg.cross(axes[:, None].expand(3, len(arms), 3), arms[None])
    _, sizes, directions = torch.linalg.svd(rotations.flatten(1), full_matrices=False)
    # The third size is √(moment of inertia) about a linear molecule's axis: atoms off the axis by a thousandth of the
    # molecule's length still count as linear.
    return torch.cat([translations, directions[sizes > 1e-3 * sizes.amax().clamp(min=1e-6)]])
