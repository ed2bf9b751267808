"""The way from a crystal to noise, for lattice, positions and elements together, at a time t from 0 to 1.

| part | noise | at t = 1 |
| --- | --- | --- |
| lattice | cos(πt/2) x + sin(πt/2) ε, x the scaled log metric | Gaussian |
| positions | f + σ(t) ε on the torus, σ from `SIGMA_MIN` to `SIGMA_MAX` in equal ratios | uniform |
| elements | each hidden with probability t | all hidden |
"""

from __future__ import annotations

import dataclasses
import math

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.generative.crystal.crystals import HIDDEN, Crystals, centred
from equitour.generative.crystal.lattice import LatticeScale
from equitour.generative.crystal.torus import score_size, wrapped_score

SIGMA_MIN, SIGMA_MAX = 0.003, 0.5


def torus_sigma(t: Float[Tensor, "*times"]) -> Float[Tensor, "*times"]:
    """σ(t) of positions, in fractions."""
    return SIGMA_MIN ** (1 - t) * SIGMA_MAX**t


def lattice_shares(t: Float[Tensor, "*times"]) -> tuple[Float[Tensor, "*times"], Float[Tensor, "*times"]]:
    """α(t) and σ(t) of the lattice, with α² + σ² = 1."""
    return (math.pi / 2 * t).cos(), (math.pi / 2 * t).sin()


@dataclasses.dataclass(frozen=True, eq=False)
class Noisy:
    """Crystals with noise, and what a denoiser should have said of them.

    Attributes:
        crystals: The noisy ones.
        t: Time of each.
        score: Of the noise on the torus, in units of its mean size at that time.
        lattice: Scaled numbers of the clean lattices.
        elements: Atomic numbers before they were hidden.
        condition: What the crystals are asked to be, if anything; NaN where it is not told.
    """

    crystals: Crystals
    t: Float[Tensor, " crystals"]
    score: Float[Tensor, "nodes 3"]
    lattice: Float[Tensor, "crystals 6"]
    elements: Tensor
    condition: Float[Tensor, "crystals properties"] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Denoised:
    """What a denoiser says of noisy crystals.

    Attributes:
        score: ∂ ln p / ∂f on the torus, in units of `score_size`.
        lattice: Scaled numbers of the mean clean lattice behind the noisy one.
        logits: Of each element that the model knows, for each atom.
    """

    score: Float[Tensor, "nodes 3"]
    lattice: Float[Tensor, "crystals 6"]
    logits: Float[Tensor, "nodes elements"]


def add_noise(
    crystals: Crystals,
    t: Float[Tensor, " crystals"],
    hiding: Float[Tensor, " crystals"],
    *,
    scale: LatticeScale,
    generator: torch.Generator | None = None,
) -> Noisy:
    """Crystals at time t.

    Args:
        crystals: Clean.
        t: Of lattice and positions.
        hiding: Probability of an element to be hidden: t in the joint process, 0 where the composition is given.
        scale: Of the lattices.
        generator: Of the noise.
    """

    def normal(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like)

    clean = scale.numbers(crystals)
    alpha, sigma = lattice_shares(t[:, None])
    lattices = scale.lattices(alpha * clean + sigma * normal(clean), crystals.counts)
    width = torus_sigma(t)[crystals.batch][:, None]
    moved = width * normal(crystals.fractional)
    hidden = torch.rand(crystals.num_nodes, generator=generator).to(t) < hiding[crystals.batch]
    return Noisy(
        crystals=crystals.replace(
            lattices=lattices,
            fractional=(crystals.fractional + moved) % 1.0,
            atomic_numbers=crystals.atomic_numbers.masked_fill(hidden, HIDDEN),
        ),
        t=t,
        # Where all origins are alike, the score of a crystal sums to zero; so what the draw's sum adds is noise only.
        score=centred(wrapped_score(moved, width) / score_size(width), crystals),
        lattice=clean,
        elements=crystals.atomic_numbers,
    )
