"""Crystals asked for by composition, by frame or by a property, and what comes of it: lesson 506 besides its ideas."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from ase import Atoms
from jaxtyping import Bool, Float
from torch import Tensor

from equitour.datasets import load
from equitour.generative.crystal import CrystalDenoiser, Crystals, Denoised, blank_crystals
from equitour.generative.diffusion import GaussianMixture
from equitour.learn.perovskites import faults
from equitour.learn.screening import ANIONS, Screener, formula_of, oxides_of, parse, sites_of

OXYGEN = 8
LATE = 0.02  # a time at which hardly any noise is left


def two_numbers(
    correlation: float, first: float, count: int
) -> tuple[GaussianMixture, Tensor, Tensor, GaussianMixture]:
    """Pairs of numbers of mean 0 and variance 1, which of the two is known, so many copies of it, and the other one's density."""
    covariance = torch.tensor([[[1, correlation], [correlation, 1]]]).double()
    pair = GaussianMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), covariance)
    mask, known = torch.tensor([True, False]), torch.tensor([first, torch.nan]).double()
    return pair, mask, known.expand(count, 2), pair.conditional(known.nan_to_num(), mask)


def composition(formula: str, count: int) -> Crystals:
    """Cells of "BaTiO3" of which nothing else is known."""
    a, b, anions = parse(formula)
    return blank_crystals([5] * count, torch.tensor([a, b, *anions]).repeat(count))


def oxides(count: int) -> Crystals:
    """Cells of three oxygens and two atoms of which nothing is known."""
    return blank_crystals([5] * count, torch.tensor([0, 0] + 3 * [OXYGEN]).repeat(count))


def perovskites(crystals: Crystals) -> list[tuple[Atoms, tuple[int, int, list[int]]]]:
    """Those that are perovskites without faults, each with its sites."""
    return [(atoms, sites_of(atoms)) for atoms in crystals.to_ase() if not faults(atoms)]


def candidates(crystals: Crystals) -> dict[str, int]:
    """Formulas of the perovskites among them, each with the place where it came first."""
    first: dict[str, int] = {}
    for place, atoms in enumerate(crystals.to_ase()):
        if not faults(atoms):
            first.setdefault(formula_of(sites_of(atoms)), place)
    return first


def edges_of(labels: Mapping[str, Any]) -> dict[str, float]:
    """∛volume (Å) by formula, of a shipped set."""
    volumes = zip(labels["formula"], labels["volume"], strict=True)
    return {name: float(volume) ** (1 / 3) for name, volume in volumes}


def edges_and_order(
    crystals: Crystals, formula: str
) -> tuple[Float[Tensor, " crystals"], Bool[Tensor, " crystals"]]:
    """∛volume (Å) of the perovskites among them, and whether the second metal of the formula stands in the octahedron."""
    found = perovskites(crystals)
    edges = torch.tensor([atoms.get_volume() ** (1 / 3) for atoms, _ in found])
    return edges, torch.tensor([sites[1] == parse(formula)[1] for _, sites in found])


def other_judges(screener: Screener) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], list[str]]:
    """Energies of the shipped oxides by CHGNet (from elements) and by the screener, gaps by GPAW and by the screener, and their formulas."""
    relaxed, gapped = (load(name).labels for name in ("perovskites_relaxed", "perovskites"))
    rows, sites = oxides_of(relaxed)
    energies = torch.as_tensor(relaxed["formation_energy"])[rows].float(), screener.judge(sites)[0]
    rows, sites = oxides_of(gapped)
    gaps = torch.as_tensor(gapped["gap"])[rows].float(), screener.judge(sites)[2]
    return energies, gaps, [gapped["formula"][row] for row in rows]


@torch.no_grad()
def in_plain_sight(model: CrystalDenoiser, frame: Crystals, *, generator: torch.Generator) -> Crystals:
    """Elements for given sites and lattices: one after the other, in random order, each drawn with hardly any noise left."""
    t = torch.full((frame.num_crystals,), LATE)
    crystals = frame.replace(atomic_numbers=torch.zeros_like(frame.atomic_numbers))
    for site in torch.randperm(5, generator=generator):
        atoms = 5 * torch.arange(crystals.num_crystals) + site
        chances = model(crystals, t).logits[atoms].softmax(1)
        drawn = model.numbers[torch.multinomial(chances, 1, generator=generator)[:, 0]]
        crystals = crystals.replace(atomic_numbers=crystals.atomic_numbers.index_put((atoms,), drawn))
    return crystals


def suits(crystals: Crystals) -> float:
    """Share of frames A, B, X, X, X that hold metals on A and B and anions on X."""
    anion = sum(crystals.atomic_numbers == z for z in ANIONS).view(-1, 5).bool()
    return float((anion == torch.tensor([False, False, True, True, True])).all(1).double().mean())


class Guided:
    """A denoiser that follows a wish in a learner's own way, each of its three answers alike.

    Args:
        model: That knows properties.
        guide: `guide(denoise, wish, w)`, with `denoise(condition)`.
        wish: (crystals, properties).
        w: How much it exaggerates.
    """

    def __init__(self, model: CrystalDenoiser, guide: Callable, wish: Tensor, w: float) -> None:
        self.model, self.guide, self.wish, self.w = model, guide, wish, w
        self.scale, self.numbers = model.scale, model.numbers

    def __call__(self, crystals: Crystals, t: Float[Tensor, " crystals"]) -> Denoised:
        """Three answers, each of them guided."""

        def answer(name: str) -> Tensor:
            def denoise(condition: Tensor | None = None) -> Tensor:
                return getattr(self.model(crystals, t, condition), name)

            return self.guide(denoise, self.wish, self.w)

        return Denoised(score=answer("score"), lattice=answer("lattice"), logits=answer("logits"))
