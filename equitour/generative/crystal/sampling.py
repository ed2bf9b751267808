"""The way back: from noise to crystals, in a few dozen evaluations of a denoiser."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.generative.crystal.crystals import HIDDEN, Crystals
from equitour.generative.crystal.noise import TOLD_AT, Denoised, lattice_shares, torus_sigma
from equitour.generative.crystal.torus import score_size


@dataclasses.dataclass(frozen=True, eq=False)
class CrystalStep:
    """Crystals on their way: the number of the step from 0, the time that is left, and how they stand.

    Attributes:
        number: 0 before the first evaluation.
        t: 1 at the start, 0 at the end.
        crystals: Noisy; elements may be hidden until t is 0.
    """

    number: int
    t: float
    crystals: Crystals


def blank_crystals(
    counts: Sequence[int] | Int[Tensor, " crystals"],
    elements: Int[Tensor, " nodes"] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> Crystals:
    """Crystals of so many atoms of which nothing is known, or the elements only."""
    counts = torch.as_tensor(counts)
    batch = torch.repeat_interleave(torch.arange(len(counts)), counts)
    hidden = torch.full((len(batch),), HIDDEN)
    return Crystals(
        lattices=torch.eye(3, dtype=dtype).repeat(len(counts), 1, 1),
        fractional=torch.zeros(len(batch), 3, dtype=dtype),
        atomic_numbers=hidden if elements is None else elements,
        batch=batch,
    )


def denoise_crystals(
    denoiser: Callable[..., Denoised],
    start: Crystals,
    *,
    steps: int = 50,
    churn: float = 1.0,
    temperature: float = 1.0,
    condition: Float[Tensor, "crystals properties"] | None = None,
    guidance: float = 1.0,
    generator: torch.Generator | None = None,
) -> Iterator[CrystalStep]:
    """Follow the denoiser from noise to crystals, one evaluation a step (two with guidance); iterate over it.

    Elements that stand in `start` stay; hidden ones are drawn one after the other at random times before positions settle, so that
    each is drawn knowing the others; several at once where a crystal has more atoms than that time has steps, a third of all.
    Lattice and positions of `start` are not looked at.

    Args:
        denoiser: Trained; called with crystals, t and condition.
        start: Numbers of atoms, and elements where they are known (`blank_crystals`).
        steps: Evaluations.
        churn: 1 follows the reverse diffusion with all its noise (DDPM), 0 the deterministic flow (DDIM).
        temperature: Variance of the fresh noise of positions over what the reverse diffusion asks for. 1 draws from what was learnt;
            less draws the likely more often than they are, which is what a prediction of one structure wants.
        condition: Properties asked for, in the units that they were learnt in; NaN where one is not asked.
        guidance: 1 asks as it was learnt; larger values exaggerate (classifier-free guidance).
        generator: Of all chance.

    Raises:
        ValueError: `steps` is not positive, or `temperature` negative.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, received {steps}: 50 are enough for most")
    if not temperature >= 0:
        raise ValueError(
            f"temperature must not be negative, received {temperature}: 1 draws from what was learnt"
        )
    chance = Chance(churn, temperature, generator)
    walk = Walk(denoiser, start, chance, condition=condition, guidance=guidance)
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64).tolist()
    yield CrystalStep(0, 1.0, walk.crystals)
    for number in range(1, steps + 1):
        walk.step(times[number - 1], times[number])
        yield CrystalStep(number, times[number], walk.crystals)


def sample_crystals(
    denoiser: Callable[..., Denoised],
    counts: int | Sequence[int] | Int[Tensor, " crystals"],
    **options: object,
) -> Crystals:
    """New crystals: the last step of `denoise_crystals`, with its options.

    Args:
        denoiser: Trained.
        counts: Atoms of each crystal, or how many crystals, with sizes as often as among those learnt.
        **options: Of `denoise_crystals`.
    """
    if isinstance(counts, int):
        counts = denoiser.draw_sizes(counts, options.get("generator"))
    for step in denoise_crystals(denoiser, blank_crystals(counts), **options):
        last = step
    return last.crystals


@dataclasses.dataclass(frozen=True)
class Chance:
    """How much of it there is on the way, and where it comes from; as in `denoise_crystals`."""

    churn: float = 1.0
    temperature: float = 1.0
    generator: torch.Generator | None = None

    def normal(self, like: Tensor) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(like.shape, generator=self.generator, dtype=like.dtype).to(like)


class Walk:
    """Where crystals stand on their way from noise, and how one step changes lattice, positions and elements."""

    def __init__(
        self,
        denoiser: Callable[..., Denoised],
        start: Crystals,
        chance: Chance,
        *,
        condition: Tensor | None,
        guidance: float,
    ) -> None:
        self.denoiser, self.chance = denoiser, chance
        self.condition, self.guidance = condition, guidance
        self.lattice = self.chance.normal(start.lattices.new_empty(start.num_crystals, 6))
        self.revealed_at = self._spread_times(start)
        self.crystals = start.replace(
            lattices=denoiser.scale.lattices(self.lattice, start.counts),
            fractional=torch.rand(
                start.fractional.shape, generator=chance.generator, dtype=start.fractional.dtype
            ).to(start.fractional),
        )

    # Here and not on the generators: torch guards a generator only if it sees through whatever else decorates it.
    @torch.no_grad()
    def step(self, t: float, s: float) -> None:
        """From time t to the earlier time s."""
        answer = self._ask(t)
        self.lattice = self._earlier_lattice(answer.lattice, t, s)
        self.crystals = self.crystals.replace(
            lattices=self.denoiser.scale.lattices(self.lattice, self.crystals.counts),
            fractional=self._earlier_positions(answer.score, t, s),
            atomic_numbers=self._fewer_hidden(answer.logits, s),
        )

    def _ask(self, t: float) -> Denoised:
        times = self.lattice.new_full((self.crystals.num_crystals,), t)
        if self.condition is None:
            return self.denoiser(self.crystals, times)
        asked = self.denoiser(self.crystals, times, self.condition)
        if self.guidance == 1:
            return asked
        silent = self.denoiser(self.crystals, times)
        return Denoised(
            *(
                torch.lerp(getattr(silent, f.name), getattr(asked, f.name), self.guidance)
                for f in dataclasses.fields(Denoised)
            )
        )

    def _earlier_lattice(self, clean: Tensor, t: float, s: float) -> Tensor:
        """x_s of x_t and the mean clean x: DDIM, whose noise at churn 1 is that of the reverse diffusion."""
        (a_t, s_t), (a_s, s_s) = (lattice_shares(torch.tensor(x, dtype=torch.float64)) for x in (t, s))
        noise = (self.lattice - a_t * clean) / s_t
        fresh = self.chance.churn * s_s / s_t * (1 - (a_t / a_s) ** 2).clamp_min(0).sqrt()
        kept = (s_s.square() - fresh.square()).clamp_min(0).sqrt()
        return (a_s * clean + kept * noise + fresh * self.chance.normal(clean)).to(clean.dtype)

    def _earlier_positions(self, score: Tensor, t: float, s: float) -> Tensor:
        """The same on the torus, where f + σ² ∂ ln p / ∂f is the mean clean position; at the end nothing else is left."""
        wide, narrow = (torus_sigma(torch.tensor(x, dtype=torch.float64)) for x in (t, s))
        narrow = narrow if s else torch.zeros_like(wide)
        fresh = self.chance.churn * narrow / wide * (wide.square() - narrow.square()).sqrt()
        kept = (narrow.square() - fresh.square()).clamp_min(0).sqrt()
        way = (wide * (wide - kept) * score_size(wide)).to(score)
        shaken = self.chance.temperature**0.5 * fresh.to(score) * self.chance.normal(score)
        return (self.crystals.fractional + way * score + shaken) % 1.0

    def _fewer_hidden(self, logits: Tensor, s: float) -> Tensor:
        due = (self.crystals.atomic_numbers == HIDDEN) & (self.revealed_at >= s)
        numbers = self.crystals.atomic_numbers.clone()
        if due.any():
            chances = logits[due].softmax(-1)
            drawn = torch.multinomial(chances.cpu(), 1, generator=self.chance.generator)[:, 0].to(
                numbers.device
            )
            numbers[due] = self.denoiser.numbers[drawn]
        return numbers

    def _spread_times(self, crystals: Crystals) -> Float[Tensor, " nodes"]:
        """When each element is drawn: in random order, evenly over the first part of the way, from a random start in each crystal."""
        keys = torch.rand(crystals.num_nodes, generator=self.chance.generator, dtype=torch.float64)
        order = torch.argsort(crystals.batch + keys)
        counts = crystals.counts
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        rank = rank - (counts.cumsum(0) - counts)[crystals.batch]
        start = torch.rand(crystals.num_crystals, generator=self.chance.generator, dtype=torch.float64)
        return TOLD_AT + (1 - TOLD_AT) * (rank + start[crystals.batch]) / counts[crystals.batch]
