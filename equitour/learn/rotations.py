"""From the ladder of angular momentum to the generators of rotations in a real basis."""

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def real_basis(degree: int) -> Complex[Tensor, "dim dim"]:
    """The unitary matrix from components along |m⟩ to components along cosines (rows l + m) and sines (rows l - m)."""
    basis = torch.zeros(2 * degree + 1, 2 * degree + 1, dtype=torch.complex128)
    basis[degree, degree] = 1  # Rows and columns count from m = -l, so l is the place of m = 0.
    for m in range(1, degree + 1):
        plus, minus, sign = degree + m, degree - m, (-1) ** m
        basis[plus, plus], basis[plus, minus] = sign / 2**0.5, 1 / 2**0.5
        basis[minus, plus], basis[minus, minus] = 1j * sign / 2**0.5, -1j / 2**0.5
    return basis


def real_generators(raising: Float[Tensor, "dim dim"]) -> Float[Tensor, "3 dim dim"]:
    """The generators G = -i B J B† of rotations about x, y and z, from the matrix of J₊.

    J₋ is the adjoint of J₊, so Jx = (J₊ + J₋) / 2, Jy = (J₊ - J₋) / 2i, and [J₊, J₋] = 2 Jz gives the third.

    Raises:
        ValueError: If the generators do not come out real: then the matrix is not J₊.
    """
    up = raising.to(torch.complex128)
    J = torch.stack([(up + up.mH) / 2, (up - up.mH) / 2j, (up @ up.mH - up.mH @ up) / 2])
    B = real_basis(len(up) // 2)
    G = -1j * B @ J @ B.mH
    if (left := float(G.imag.abs().max())) > 1e-9:
        raise ValueError(
            f"the generators of rotations must be real, received an imaginary part of {left:.2g}; "
            "pass J₊ with rows and columns m = -l, ..., l"
        )
    return G.real
