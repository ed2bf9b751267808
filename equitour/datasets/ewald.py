"""Electrostatic energy of a periodic cell of point charges, by Ewald's two fast sums."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

COULOMB = 14.399645478425668  # e²/(4πε₀) in eV Å


def ewald(
    positions: Float[Tensor, "nodes 3"],
    charges: Float[Tensor, " nodes"],
    cell: Float[Tensor, "3 3"],
    *,
    accuracy: float = 1e-12,
) -> Float[Tensor, ""]:
    """Energy of a neutral cell in eV, differentiable in positions and cell.

    E = Σ' q_i q_j erfc(η r)/r /2 + 2π/V Σ_k exp(-k²/4η²)/k² |S(k)|² - η/√π Σ q², with the sums cut where their
    terms fall below ``accuracy``.

    Raises:
        ValueError: when the charges do not sum to zero.
    """
    if abs(float(charges.detach().sum())) > 1e-9:
        raise ValueError(
            f"The charges of a periodic cell must sum to zero, received {float(charges.sum()):g}; add a counter-charge."
        )
    volume = torch.linalg.det(cell).abs()
    eta = math.sqrt(math.pi) * (len(charges) / float(volume) ** 2) ** (1 / 6)
    reach = math.sqrt(-math.log(accuracy))
    images = lattice(cell.detach(), reach / eta + float(torch.linalg.norm(cell.detach(), dim=1).sum())).to(
        positions.dtype
    )
    apart = positions[:, None, None] - positions[None, :, None] + images @ cell
    squares = apart.square().sum(-1)
    itself = squares.detach() < 1e-16
    r = torch.where(itself, torch.ones_like(squares), squares).sqrt()
    products = charges[:, None, None] * charges[None, :, None]
    near = torch.where(itself, torch.zeros_like(r), products * torch.erfc(eta * r) / r).sum() / 2
    reciprocal = 2 * math.pi * torch.linalg.inv(cell).T
    waves = lattice(reciprocal.detach(), 2 * eta * reach).to(positions.dtype)
    k = waves[waves.abs().sum(1) > 0] @ reciprocal
    phases = positions @ k.T
    structure = (charges @ phases.cos()).square() + (charges @ phases.sin()).square()
    lengths = k.square().sum(1)
    far = 2 * math.pi / volume * (torch.exp(-lengths / (4 * eta**2)) / lengths * structure).sum()
    return COULOMB * (near + far - eta / math.sqrt(math.pi) * charges.square().sum())


def lattice(rows: Float[Tensor, "3 3"], reach: float) -> Tensor:
    """Integer combinations (n, 3) of lattice rows that cover a sphere of radius ``reach``."""
    # The distance between the planes of a lattice is the inverse length of a reciprocal vector.
    most = (reach * torch.linalg.norm(torch.linalg.inv(rows), dim=0)).ceil().int().tolist()
    return torch.cartesian_prod(*[torch.arange(-n, n + 1) for n in most])
