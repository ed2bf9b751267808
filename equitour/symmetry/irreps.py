"""How irreps features turn: D(g) for every g of O(3), in e3nn's order and phases."""

from functools import cache

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor


def irreps_matrix(irreps: str | o3.Irreps | o3.Irrep, matrix: Float[Tensor, "*n 3 3"]) -> Tensor:
    """Block-diagonal D(g), shape (*n, dim, dim), of an orthogonal matrix g on features of these irreps.

    With g = det(g) · R and R a rotation, a block of degree l and parity p turns by D_l(R), times p when
    det(g) is negative. D_l is a polynomial of degree l in the entries of R, built by coupling
    D_l = Cᵀ (D_1 ⊗ D_{l−1}) C with D_1 = R, hence exact to rounding for every R. (e3nn goes through
    Euler angles and single-precision generators, and agrees to 1e-6.)

    Args:
        irreps: For example "8x0e + 4x1o".
        matrix: Orthogonal; anything else gives no representation.
    """
    sign = torch.linalg.det(matrix).sign()[..., None, None]
    rotation = sign * matrix
    blocks = []
    for multiplicity, irrep in o3.Irreps(irreps):
        block = _rotation_block(irrep.l, rotation)
        if irrep.p == -1:
            block = sign * block
        blocks += [block] * multiplicity
    return _block_diagonal(blocks, matrix)


def transform_irreps(
    features: Float[Tensor, "*rows dim"], irreps: str | o3.Irreps | o3.Irrep, matrix: Float[Tensor, "3 3"]
) -> Float[Tensor, "*rows dim"]:
    """Features (rows, dim) after the structure was turned by `matrix`: D(g) acts on each row."""
    return features @ irreps_matrix(irreps, matrix.double()).to(features).mT


@cache
def coupling(l1: int, l2: int, l3: int) -> Float[Tensor, "m1 m2 m3"]:
    """Orthonormal coupling of l1 ⊗ l2 to l3 in float64: Σ_{m1 m2} C[m1, m2, m3] C[m1, m2, n3] = δ.

    e3nn's Wigner 3j symbols (its real basis and phases), scaled by √(2 l3 + 1).
    """
    return o3.wigner_3j(l1, l2, l3, dtype=torch.float64) * (2 * l3 + 1) ** 0.5


def _rotation_block(degree: int, rotation: Tensor) -> Tensor:
    if degree == 0:
        return torch.ones_like(rotation[..., :1, :1])
    if degree == 1:
        return rotation
    c = coupling(1, degree - 1, degree).to(rotation)
    lower = _rotation_block(degree - 1, rotation)
    return torch.einsum("abm,...ac,...bd,cdn->...mn", c, rotation, lower, c)


def _block_diagonal(blocks: list[Tensor], matrix: Tensor) -> Tensor:
    size = sum(block.shape[-1] for block in blocks)
    whole = matrix.new_zeros((*matrix.shape[:-2], size, size))
    start = 0
    for block in blocks:
        stop = start + block.shape[-1]
        whole[..., start:stop, start:stop] = block
        start = stop
    return whole
