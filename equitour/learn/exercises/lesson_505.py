"""Exercises and questions of lesson 505, crystals out of noise: the torus, the lattice, and the way back."""

import torch

from equitour.learn import crystal_mistakes, exercise, question

question(
    "505.border",
    "In one copy of a crystal an oxygen atom stands at the fractional coordinate 0.98, in a noisy copy at 0.02. Where does it stand on average?",
    options={
        "at 0.50": "That is the mean of the two numbers: the middle of the cell, as far from both places as one can get.",
        "at 0.00": "The cell goes on behind its border. From 0.98 it is 0.04 to 1.02, which is 0.02 of the next cell; halfway is 1.00.",
        "nowhere: the two are in different cells": "They are 0.04 apart. The border between cells is drawn by us.",
    },
    answer="at 0.00",
)
question(
    "505.nine",
    "A lattice is written as nine numbers, three vectors as rows. The same crystal is written twice, once as it stands and once after half a turn about z. "
    "What is the mean of the two nines?",
    options={
        "the same crystal, a quarter of a turn on": "A turn is no straight line through nine numbers.",
        "the same crystal, somewhat smaller": "Two of the three directions do not shrink a little.",
        "a needle without volume": "Half a turn changes the sign of everything along x and y, and the means are zero.",
    },
    answer="a needle without volume",
)
question(
    "505.clamp",
    "A published program keeps its training stable by clamping: each entry of S that is above 0.05 becomes 0.05, each below −0.05 becomes −0.05. "
    "Is the new lattice still one that turns with the crystal?",
    options={
        "yes: S stays symmetric and small": "Both are true, and both are not enough: does the clamp of R S Rᵀ equal R times the clamp of S times Rᵀ?",
        "no: which entries are large depends on the axes": "Diagonal 0.06 along x becomes 0.03 everywhere in the plane once you look from 45 degrees: clamped here, untouched there.",
        "only for cubic crystals": "The clamp does not ask for the crystal system.",
    },
    answer="no: which entries are large depends on the axes",
)
question(
    "505.basis",
    "PairDenoiser sees fractional differences and the metric of the lattice, ActionDenoiser only vectors between neighbours. The same crystal is described by "
    "other lattice vectors, a and b + a instead of a and b. Whose answer stays the same?",
    options={
        "both: the crystal is the same": "The crystal is. But fractional coordinates and the metric are other numbers now, and a network sees numbers.",
        "PairDenoiser's": "It is told fractions of lattice vectors, and these have just changed.",
        "ActionDenoiser's": "Atoms and their neighbours have not moved.",
    },
    answer="ActionDenoiser's",
)
question(
    "505.bad",
    "A small model has learnt from a few hundred perovskites for a minute or two. What goes wrong most often in the crystals that it makes?",
    options={
        "the places of the atoms": "Five atoms have to agree on a pattern out of noise, each to a twentieth of the cell. One that is late stands in another's way.",
        "the charges of the elements": "They are drawn one after the other, each knowing those before, and charges follow a few patterns that are soon learnt.",
        "the cell: it collapses": "It cannot. The exponential keeps its volume positive.",
    },
    answer="the places of the atoms",
)


def _differences(generator):
    sigma = (0.02, 0.1, 0.2, 0.35)[int(torch.randint(4, (1,), generator=generator))]
    delta = 3 * torch.rand(6, generator=generator, dtype=torch.float64) - 1.5
    return delta, torch.tensor(sigma, dtype=torch.float64)


@exercise(
    "505.score",
    inputs=_differences,
    axes=("coordinate",),
    hints=(
        "The logarithm of a sum of Gaussians: its slope is the mean of their slopes −(Δ + k)/σ², each Gaussian weighing as much as it contributes.",
        "The images are `delta[:, None] + torch.arange(-10, 11)`. Their weights are the softmax of −(Δ + k)²/(2 σ²) over the images.",
        "`-(w * images).sum(1) / sigma**2` with `w = (-(images**2) / (2 * sigma**2)).softmax(1)`",
    ),
    mistakes=crystal_mistakes.SCORE,
)
def score(delta, sigma):
    """∂ ln p / ∂Δ (coordinates,) of the Gaussian of deviation sigma wrapped round the torus."""
    images = delta[:, None] + torch.arange(-10, 11)
    w = (-(images**2) / (2 * sigma**2)).softmax(1)
    return -(w * images).sum(1) / sigma**2


def _vectors(generator):
    return 3 * torch.randn(5, 3, generator=generator, dtype=torch.float64)


@exercise(
    "505.gradient",
    inputs=_vectors,
    axes=("edge", "xyz", "xyz"),
    hints=(
        "d² = r·r, and r becomes r + ε r. To first order in ε, how does d² change?",
        "d² changes by 2 rᵀ ε r = 2 Σ_ab ε_ab r_a r_b. And a change of d² is 2 d times the change of d.",
        "λ_ab = r_a r_b / d: `r[:, :, None] * r[:, None, :] / r.norm(dim=1)[:, None, None]`",
    ),
    mistakes=crystal_mistakes.GRADIENT,
)
def distance_gradient(r):
    """λ = ∂d/∂ε (edges, 3, 3) at ε = 0 of the lengths d of vectors r → (1 + ε) r."""
    d = r.norm(dim=1)
    return r[:, :, None] * r[:, None, :] / d[:, None, None]


def _strains(generator):
    S = torch.randn(6, 3, 3, generator=generator, dtype=torch.float64)
    sizes = torch.tensor([0.02, 0.05, 0.1, 0.3, 0.6, 1.2], dtype=torch.float64)[:, None, None]
    return sizes * (S + S.mT) / 2, 0.2


@exercise(
    "505.bounded",
    inputs=_strains,
    axes=("crystal", "xyz", "xyz"),
    hints=(
        "Multiply the whole matrix by one number that all observers agree on; then it turns as it did before.",
        "The root of the sum of the squared entries is the same for S and for R S Rᵀ. Where it is below the limit nothing should happen.",
        "`S * (limit / S.flatten(1).norm(dim=1)).clamp(max=1)[:, None, None]`",
    ),
    mistakes=crystal_mistakes.BOUNDED,
)
def bounded(S, limit):
    """S (crystals, 3, 3), made smaller as a whole where its size is above the limit."""
    size = S.flatten(1).norm(dim=1)
    return S * (limit / size).clamp(max=1)[:, None, None]


def _on_the_way(generator):
    f = torch.rand(5, 3, generator=generator, dtype=torch.float64)
    score, noise = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    return f, 3 * score, torch.tensor(0.4, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64), noise


@exercise(
    "505.step",
    inputs=_on_the_way,
    axes=("atom", "abc"),
    hints=(
        "Going from σ down to σ' the variance shrinks by σ² − σ'². So far the score pulls: (σ² − σ'²) times the score.",
        "The fresh noise has the deviation (σ'/σ) √(σ² − σ'²). It vanishes at the end, where σ' is 0.",
        "`(f + (sigma**2 - lower**2) * score + lower / sigma * (sigma**2 - lower**2) ** 0.5 * noise) % 1`",
    ),
    mistakes=crystal_mistakes.STEP,
)
def step(f, score, sigma, lower, noise):
    """f (atoms, 3), with noise of deviation sigma → with less of it, lower; `noise` is fresh."""
    gone = sigma**2 - lower**2
    return (f + gone * score + lower / sigma * gone**0.5 * noise) % 1
