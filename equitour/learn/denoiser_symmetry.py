"""What lesson 505 proves: lattices under noise, and the symmetries of a denoiser."""

from collections.abc import Sequence

import torch
from ase import Atoms
from jaxtyping import Float
from torch import Tensor

from equitour.generative.crystal import Crystals, LatticeScale, add_noise
from equitour.symmetry import random_orthogonal

SHEAR = ((1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def collapsed(
    L: Float[Tensor, "3 3"], K: Float[Tensor, "3 3"], *, generator: torch.Generator, draws: int = 2000
) -> tuple[float, float]:
    """Shares of lattices that are flat or left-handed after noise of 2 Å on the nine numbers of L, and of 0.5 on K with e^K = L turned."""
    noise = torch.randn(draws, 3, 3, generator=generator).to(L)
    lattices = L + 2 * noise, torch.linalg.matrix_exp(K + 0.5 * (noise + noise.mT))
    nine, six = ((torch.linalg.det(made) <= 0).double().mean().item() for made in lattices)
    return nine, six


def shaken(
    structures: Sequence[Atoms], *, generator: torch.Generator
) -> tuple[Crystals, Float[Tensor, " crystals"]]:
    """Crystals in float64 with more noise from one to the next, and their times, 0.1 to 1."""
    crystals = Crystals.of(structures, dtype=torch.float64)
    t = torch.linspace(0.1, 1, len(structures), dtype=torch.float64)
    noisy = add_noise(crystals, t, t, scale=LatticeScale().double(), generator=generator)
    return noisy.crystals, t


def symmetry_errors(
    denoiser: torch.nn.Module,
    crystals: Crystals,
    t: Float[Tensor, " crystals"],
    *,
    generator: torch.Generator,
) -> dict[str, float]:
    """By how much the answers change under the four symmetries, relative to their size; all crystals of one size.

    Scores and metrics belong to lattice vectors, so with other vectors M L they must be the same in space: M s and M G Mᵀ.
    """
    atoms = crystals.num_nodes // crystals.num_crystals
    order = torch.randperm(atoms, generator=generator)
    order = (torch.arange(crystals.num_crystals)[:, None] * atoms + order).flatten()
    shift = torch.rand(3, generator=generator, dtype=crystals.fractional.dtype)
    f, L, z = crystals.fractional, crystals.lattices, crystals.atomic_numbers
    M, one = torch.tensor(SHEAR, dtype=L.dtype), torch.arange(len(f))
    turned = L @ random_orthogonal(generator=generator).to(L).T
    others = {
        "permutation": (
            crystals.replace(fractional=f[order], atomic_numbers=z[order]),
            order,
            torch.eye(3).to(L),
        ),
        "translation": (crystals.replace(fractional=(f + shift) % 1.0), one, torch.eye(3).to(L)),
        "O(3)": (crystals.replace(lattices=turned), one, torch.eye(3).to(L)),
        "SL(3, Z)": (crystals.replace(lattices=M @ L, fractional=(f @ torch.linalg.inv(M)) % 1.0), one, M),
    }
    found = {}
    with torch.no_grad():
        score, logits, metric = _answers(denoiser, crystals, t)
        for name, (other, order, M) in others.items():
            expected = score[order] @ M.T, logits[order], M @ metric @ M.T
            answers = _answers(denoiser, other, t)
            found[name] = max(
                float((a - b).norm() / b.norm()) for a, b in zip(answers, expected, strict=True)
            )
    return found


def _answers(denoiser: torch.nn.Module, crystals: Crystals, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    answer = denoiser(crystals, t)
    lattices = denoiser.scale.lattices(answer.lattice, crystals.counts)
    return answer.score, answer.logits, lattices @ lattices.mT
