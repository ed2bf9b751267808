"""Elements of O(3): drawn at random, turned about an axis, mirrored."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def random_rotation(n: int | None = None, *, generator: torch.Generator) -> Float[Tensor, "*n 3 3"]:
    """Rotations drawn uniformly from SO(3) (Haar measure), float64.

    A quaternion of four normal numbers points in a uniform direction of the 3-sphere, and a uniform unit
    quaternion is a uniform rotation (Shoemake, Graphics Gems III, 1992).

    Args:
        n: How many; None gives a single (3, 3) matrix.
        generator: Where the chance comes from.
    """
    quaternion = torch.randn(1 if n is None else n, 4, generator=generator, dtype=torch.float64)
    w, x, y, z = torch.nn.functional.normalize(quaternion, dim=1).unbind(1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    matrices = torch.stack(rows, dim=1).reshape(-1, 3, 3)
    return matrices[0] if n is None else matrices


def random_orthogonal(n: int | None = None, *, generator: torch.Generator) -> Float[Tensor, "*n 3 3"]:
    """Elements of O(3), half of them on average with a reflection, drawn uniformly, float64."""
    rotations = random_rotation(1 if n is None else n, generator=generator)
    signs = 1 - 2 * torch.randint(2, (len(rotations), 1, 1), generator=generator).double()
    return (signs * rotations)[0] if n is None else signs * rotations


def rotation_matrix(axis, angle) -> Float[Tensor, "*angles 3 3"]:
    """Rotation by `angle` (radians, any shape) about `axis` (any length but zero): exp(angle · [axis]ₓ).

    Raises:
        ValueError: The axis is zero or is not three numbers.
    """
    axis = torch.as_tensor(axis, dtype=torch.float64)
    if axis.shape != (3,) or not float(torch.linalg.vector_norm(axis)) > 0:
        raise ValueError(
            f"axis must be three numbers, not all zero, received {axis.tolist()}: give a direction"
        )
    x, y, z = axis / torch.linalg.vector_norm(axis)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    angle = torch.as_tensor(angle, dtype=torch.float64)
    return torch.linalg.matrix_exp(angle[..., None, None] * cross)


def rotation_path(axis, *, steps: int = 73) -> tuple[Float[Tensor, " steps"], Float[Tensor, "steps 3 3"]]:
    """Angles from 0 to 2π (radians, both ends) and the rotations about `axis` by them: a slider's path."""
    angles = torch.linspace(0, 2 * math.pi, steps, dtype=torch.float64)
    return angles, rotation_matrix(axis, angles)


def reflection_matrix(normal) -> Float[Tensor, "3 3"]:
    """Mirror at the plane through the origin with this normal: 1 − 2 n nᵀ (Householder)."""
    n = torch.nn.functional.normalize(torch.as_tensor(normal, dtype=torch.float64), dim=0)
    return torch.eye(3, dtype=torch.float64) - 2 * torch.outer(n, n)
