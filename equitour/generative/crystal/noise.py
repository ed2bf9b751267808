"""The way from a crystal to noise, for lattice, positions and elements together, at a time t from 0 to 1.

| part | noise | at t = 1 |
| --- | --- | --- |
| lattice | cos(πt/2) x + sin(πt/2) ε, x the scaled log metric | Gaussian |
| positions | f + σ(t) ε on the torus, σ from `SIGMA_MIN` to `SIGMA_MAX` | uniform |
| elements | each hidden with probability `hidden_share(t)` | all hidden |
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

# The square root of σ is linear in t: between equal ratios, which spend most of the time where all is settled, and equal differences,
# which hurry through the end (T. Karras et al., NeurIPS 2022). In cells of five atoms, which atom goes to which site is settled at σ
# from 0.3 to 0.1, which is half of the time.
SIGMA_MIN, SIGMA_MAX, RHO = 0.005, 0.4, 2

# Elements are settled while positions are still uniform: what they are decides where atoms go, more than the other way round.
TOLD_AT = 0.7


def torus_sigma(t: Float[Tensor, "*times"]) -> Float[Tensor, "*times"]:
    """σ(t) of positions, in fractions."""
    return ((1 - t) * SIGMA_MIN ** (1 / RHO) + t * SIGMA_MAX ** (1 / RHO)) ** RHO


def hidden_share(t: Float[Tensor, "*times"]) -> Float[Tensor, "*times"]:
    """Probability that an element is hidden: none until `TOLD_AT`, then rising to one in a straight line."""
    return ((t - TOLD_AT) / (1 - TOLD_AT)).clamp_min(0)


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
        hiding: Probability of an element to be hidden: `hidden_share(t)` in the joint process, 0 where the composition is given.
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
