"""Crystals of which a part is given: some sites, some elements, the lattice; the rest is generated to fit.

At every time the known parts are put where forward noise would have carried them, and the denoiser moves the others. What it moved
has not yet heard of what was put in; so each step is taken back by forward noise and repeated, until both agree (RePaint).

Source: A. Lugmayr et al. (RePaint), CVPR 2022.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from equitour.generative.crystal.crystals import HIDDEN, Crystals
from equitour.generative.crystal.noise import Denoised, lattice_shares, torus_sigma
from equitour.generative.crystal.sampling import Chance, CrystalStep, Walk


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """Which parts of a template stand.

    Attributes:
        positions: Atoms whose places are given, in the template's frame.
        elements: Atoms whose elements are given.
        lattices: Crystals whose lattices are given.
    """

    positions: Bool[Tensor, " nodes"]
    elements: Bool[Tensor, " nodes"]
    lattices: Bool[Tensor, " crystals"]


def inpaint_crystals(
    denoiser: Callable[..., Denoised],
    template: Crystals,
    known: Known,
    *,
    steps: int = 50,
    repeats: int = 5,
    condition: Float[Tensor, "crystals properties"] | None = None,
    guidance: float = 1.0,
    generator: torch.Generator | None = None,
) -> Iterator[CrystalStep]:
    """Generate what is not known of the templates, `steps` times `repeats` evaluations; iterate over it.

    At the end the known parts are the template's to the last bit.

    Args:
        denoiser: Trained on whole crystals; it needs to know nothing of masks.
        template: Known parts; the values of the others are not looked at.
        known: Which parts those are.
        steps: Times from 1 to 0.
        repeats: Times that each step is taken; 1 only replaces, which fits worse.
        condition: Properties asked for.
        guidance: As in `denoise_crystals`.
        generator: Of all chance.

    Raises:
        ValueError: `repeats` or `steps` is not positive, or a known element is hidden.
    """
    if steps < 1 or repeats < 1:
        raise ValueError(
            f"steps and repeats must be at least 1, received {steps} and {repeats}: 50 and 5 are enough for most"
        )
    if (template.atomic_numbers[known.elements] == HIDDEN).any():
        raise ValueError(
            "a known element must have an atomic number from 1 to 118, received 0: give it, or leave the atom out of known.elements"
        )
    start = template.replace(atomic_numbers=template.atomic_numbers.masked_fill(~known.elements, HIDDEN))
    walk = Repaint(
        denoiser, start, known, Chance(generator=generator), condition=condition, guidance=guidance
    )
    walk.put_in(1.0)
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64).tolist()
    yield CrystalStep(0, 1.0, walk.crystals)
    for number in range(1, steps + 1):
        t, s = times[number - 1], times[number]
        for again in range(repeats):
            if again:
                walk.back(s, t)
            walk.step(t, s)
            walk.put_in(s)
        yield CrystalStep(number, s, walk.crystals)


class Repaint(Walk):
    """A walk that puts known parts in, and can be taken back by forward noise."""

    def __init__(
        self,
        denoiser: Callable[..., Denoised],
        template: Crystals,
        known: Known,
        chance: Chance,
        *,
        condition: Tensor | None,
        guidance: float,
    ) -> None:
        super().__init__(denoiser, template, chance, condition=condition, guidance=guidance)
        self.template, self.known = template, known
        self.template_lattice = denoiser.scale.numbers(template)

    def put_in(self, t: float) -> None:
        """Known lattices and positions, with the noise of time t."""
        alpha, sigma = lattice_shares(torch.tensor(t, dtype=torch.float64))
        noisy = alpha * self.template_lattice + sigma * self.chance.normal(self.template_lattice)
        self.lattice = torch.where(self.known.lattices[:, None], noisy.to(self.lattice), self.lattice)
        # At the end the template itself, since noise of σ(0) is left on the torus, and a lattice is known with its orientation.
        width = torus_sigma(torch.tensor(t, dtype=torch.float64)).to(self.template.fractional) if t else 0.0
        moved = (self.template.fractional + width * self.chance.normal(self.template.fractional)) % 1.0
        lattices = self.denoiser.scale.lattices(self.lattice, self.template.counts)
        if not t:
            lattices = torch.where(self.known.lattices[:, None, None], self.template.lattices, lattices)
        self.crystals = self.crystals.replace(
            lattices=lattices,
            fractional=torch.where(self.known.positions[:, None], moved, self.crystals.fractional),
        )

    def back(self, s: float, t: float) -> None:
        """From time s to the later time t by forward noise; what was revealed in between is hidden again."""
        (a_s, _), (a_t, _) = (lattice_shares(torch.tensor(x, dtype=torch.float64)) for x in (s, t))
        share = (a_t / a_s).to(self.lattice)
        self.lattice = share * self.lattice + (1 - share.square()).sqrt() * self.chance.normal(self.lattice)
        narrow, wide = (torus_sigma(torch.tensor(x, dtype=torch.float64)) for x in (s, t))
        gap = (wide.square() - (narrow.square() if s else 0.0)).sqrt().to(self.lattice)
        hidden = (
            ~self.known.elements & (self.template.atomic_numbers == HIDDEN) & (self.revealed_at < t)
        ) & (self.revealed_at >= s)
        self.crystals = self.crystals.replace(
            lattices=self.denoiser.scale.lattices(self.lattice, self.template.counts),
            fractional=(self.crystals.fractional + gap * self.chance.normal(self.crystals.fractional)) % 1.0,
            atomic_numbers=self.crystals.atomic_numbers.masked_fill(hidden, HIDDEN),
        )
