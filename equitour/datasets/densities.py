"""Points in the plane whose density a generative model can be shown."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def density_2d(name: str, count: int, *, generator: torch.Generator) -> Float[Tensor, "count 2"]:
    """Points in the plane to learn a density from: ``moons``, ``ring``, ``checkerboard`` or ``gaussians``.

    Raises:
        ValueError: for another name.
    """
    u = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    noise = torch.randn(count, 2, generator=generator, dtype=torch.float64)
    side = torch.randint(0, 2, (count,), generator=generator).double()
    if name == "ring":
        return (2 + 0.1 * noise[:, :1]) * torch.stack(
            [(2 * math.pi * u[:, 0]).cos(), (2 * math.pi * u[:, 0]).sin()], 1
        )
    if name == "moons":
        arc = torch.stack([(math.pi * u[:, 0]).cos(), (math.pi * u[:, 0]).sin()], 1) * (1 - 2 * side[:, None])
        return 1.5 * (arc + side[:, None] * torch.tensor([1.0, 0.5], dtype=torch.float64)) + 0.1 * noise
    if name == "checkerboard":
        column = (4 * u[:, 0]).floor()
        row = 2 * side + column % 2
        return torch.stack([4 * u[:, 0] - 2, row + u[:, 1] - 2], 1)
    if name == "gaussians":
        angle = math.pi / 4 * (8 * u[:, 0]).floor()
        return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.15 * noise
    raise ValueError(
        f"The density must be moons, ring, checkerboard or gaussians, received {name!r}; choose one of these."
    )
