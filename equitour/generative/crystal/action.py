"""How a crystal's geometry acts on its lattice: deformations built of distances, angles and areas.

A left deformation ρ → (1 + ε) ρ of the lattice (columns are vectors) carries every vector r between atoms to (1 + ε) r. The gradient
λ = ∂q/∂ε of a distance, an angle or an area q with respect to it is a symmetric matrix that turns with the crystal, λ → R λ Rᵀ,
and does not know which lattice vectors were chosen. So with numbers φ that are invariant,

    ρ' = exp(⟨φ λ⟩) ρ

turns with the crystal and is the same crystal for every choice of lattice vectors: O(3) from the left, SL(3, Z) from the right.

Source: A. Klipfel et al., Equivariant message passing neural network for crystal material discovery, AAAI 2023.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def distance_gradient(r: Float[Tensor, "edges 3"]) -> Float[Tensor, "edges 3 3"]:
    """λ of d = |r|: r rᵀ / d, in Å."""
    d = r.norm(dim=-1)[:, None, None]
    return _outer(r, r) / d


def angle_gradient(u: Float[Tensor, "angles 3"], v: Float[Tensor, "angles 3"]) -> Float[Tensor, "angles 3 3"]:
    """λ of the angle θ between u and v, in radians: −[ûv̂ᵀ + v̂ûᵀ − cos θ (ûûᵀ + v̂v̂ᵀ)] / sin θ.

    Volume alone changes no angle, so its trace is zero. An angle of 0 or π has no gradient.
    """
    u, v = (x / x.norm(dim=-1, keepdim=True) for x in (u, v))
    cos = (u * v).sum(-1)[:, None, None]
    sin = torch.linalg.cross(u, v).norm(dim=-1)[:, None, None]
    return -(_outer(u, v) + _outer(v, u) - cos * (_outer(u, u) + _outer(v, v))) / sin


def area_gradient(u: Float[Tensor, "areas 3"], v: Float[Tensor, "areas 3"]) -> Float[Tensor, "areas 3 3"]:
    """λ of the area A = |u × v|, in Å²: A (1 − n nᵀ), n its normal: what stretches the plane counts, what stretches across does not."""
    normal = torch.linalg.cross(u, v)
    area = normal.norm(dim=-1)[:, None, None]
    n = normal / area[..., 0]
    return area * (torch.eye(3).to(n) - _outer(n, n))


def lattice_action(
    lattices: Float[Tensor, "crystals 3 3"], strain: Float[Tensor, "crystals 3 3"]
) -> Float[Tensor, "crystals 3 3"]:
    """ρ' = exp(S) ρ with S = ⟨φ λ⟩ symmetric; rows are lattice vectors here, so S stands on the right.

    The exponential keeps volume positive whatever a network says; nothing needs to be clamped. Clamping the entries of S, as
    published code does, depends on the axes they are counted in and loses O(3).
    """
    return lattices @ torch.linalg.matrix_exp(strain)


def _outer(u: Tensor, v: Tensor) -> Tensor:
    return u[..., :, None] * v[..., None, :]
