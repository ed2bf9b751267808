"""Charged bodies in open space: their energies and forces, how they start, and Newton's law."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

STEPS, STEP = 1000, 0.001  # Time 1 in a thousand leapfrog steps.


def coulomb(
    positions: Float[Tensor, "systems nodes 3"], charges: Float[Tensor, "systems nodes"]
) -> tuple[Tensor, Tensor]:
    """Energies (systems,) and forces (systems, nodes, 3) of softened charges, q_i q_j / sqrt(r² + 0.1²).

    The published simulator of this system clips each force component, which singles out the axes and breaks
    rotation; softening the distance keeps close pairs tame without preferring a direction.
    """
    apart = positions[:, :, None] - positions[:, None]
    products = charges[:, :, None] * charges[:, None] * (1 - torch.eye(charges.shape[1], dtype=charges.dtype))
    inverse = (apart.square().sum(-1) + 0.01).rsqrt()
    return (products * inverse).sum((1, 2)) / 2, torch.einsum("sij,sijx->six", products * inverse**3, apart)


def five_charges(
    systems: int, *, generator: torch.Generator
) -> tuple[Float[Tensor, "systems 5 3"], Float[Tensor, "systems 5 3"], Float[Tensor, "systems 5"]]:
    """Positions, velocities and charges at the start of `n_body`; the centre of mass is at rest."""
    positions = 0.5 * torch.randn(systems, 5, 3, generator=generator, dtype=torch.float64)
    velocities = torch.randn(systems, 5, 3, generator=generator, dtype=torch.float64)
    velocities = 0.5 * (velocities - velocities.mean(1, keepdim=True))
    charges = 2.0 * torch.randint(0, 2, (systems, 5), generator=generator).double() - 1
    return positions, velocities, charges


def leapfrog(
    positions: Float[Tensor, "systems bodies 3"],
    velocities: Float[Tensor, "systems bodies 3"],
    charges: Float[Tensor, "systems bodies"],
    *,
    every: int,
) -> tuple[Float[Tensor, "frames systems bodies 3"], Float[Tensor, "frames systems bodies 3"]]:
    """Newton's law from t = 0 to 1, v ← v + f Δ/2, x ← x + v Δ, v ← v + f Δ/2: states so many steps apart, the first too."""
    x, v, f = positions, velocities, coulomb(positions, charges)[1]
    frames = [(x, v)]
    for step in range(1, STEPS + 1):
        v = v + STEP / 2 * f
        x = x + STEP * v
        f = coulomb(x, charges)[1]
        v = v + STEP / 2 * f
        if step % every == 0:
            frames.append((x, v))
    x, v = zip(*frames, strict=True)
    return torch.stack(x), torch.stack(v)
