"""The way from noise to crystals, with denoisers that know the exact answer: what comes out must be the distribution itself."""

import pytest
import torch

from equitour.generative.crystal import (
    Crystals,
    Denoised,
    Known,
    LatticeScale,
    blank_crystals,
    denoise_crystals,
    inpaint_crystals,
    lattice_shares,
    sample_crystals,
    score_size,
    torus_sigma,
    wrap,
    wrapped_score,
)
from equitour.generative.crystal.crystals import HIDDEN


class TwoAtoms:
    """The exact denoiser of a distribution that can be written down.

    Two atoms apart by MEAN + N(0, SPREAD²) on the torus; stretches of the lattice N(LATTICE, WIDTH²) each, no shears; elements 11 and 17,
    the first 11 with probability 0.7, the second always the other one.
    """

    MEAN, SPREAD = torch.tensor([0.5, 0.25, 0.9], dtype=torch.float64), 0.05
    LATTICE, WIDTH = 0.8, 0.5
    FIRST = 0.7

    def __init__(self, sign: float = 1.0) -> None:
        self.scale, self.sign = LatticeScale().double(), sign
        self.numbers = torch.tensor([11, 17])

    def __call__(self, crystals: Crystals, t: torch.Tensor, condition=None) -> Denoised:
        sigma = torus_sigma(t)[:, None]
        f = crystals.fractional.view(-1, 2, 3)
        # Noise of both atoms adds to the spread of their difference.
        pull = wrapped_score(f[:, 1] - f[:, 0] - self.MEAN, (self.SPREAD**2 + 2 * sigma.square()).sqrt())
        score = self.sign * torch.stack([-pull, pull], 1) / score_size(sigma)[:, None]
        alpha, noise = lattice_shares(t[:, None])
        mean = torch.tensor([self.LATTICE] * 3 + [0.0] * 3, dtype=torch.float64)
        variance = torch.tensor([self.WIDTH**2] * 3 + [1e-6] * 3, dtype=torch.float64)
        gain = alpha * variance / (alpha.square() * variance + noise.square())
        lattice = mean + gain * (self.scale.numbers(crystals) - alpha * mean)
        return Denoised(score.flatten(0, 1), lattice, self._logits(crystals.atomic_numbers.view(-1, 2)))

    def _logits(self, z: torch.Tensor) -> torch.Tensor:
        chance = torch.tensor([self.FIRST, 1 - self.FIRST], dtype=torch.float64)
        table = torch.stack([chance, chance.flip(0)]).expand(len(z), 2, 2).clone()
        for known, other in ((0, 1), (1, 0)):
            table[z[:, known] == 11, other] = torch.tensor([0.0, 1.0], dtype=torch.float64)
            table[z[:, known] == 17, other] = torch.tensor([1.0, 0.0], dtype=torch.float64)
        return table.clamp_min(1e-9).log().flatten(0, 1)


COUNT = 4000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(denoiser=None, **options) -> Crystals:
    start = blank_crystals([2] * COUNT, dtype=torch.float64)
    options = {"steps": 50, "generator": seeded()} | options
    for step in denoise_crystals(denoiser or TwoAtoms(), start, **options):
        last = step
    return last.crystals


def differences(crystals: Crystals) -> torch.Tensor:
    f = crystals.fractional.view(-1, 2, 3)
    return wrap(f[:, 1] - f[:, 0] - TwoAtoms.MEAN)


@pytest.mark.parametrize("churn", [1.0, 0.0])
def test_fifty_steps_reproduce_a_distribution_of_positions(churn):
    off = differences(drawn(churn=churn))
    assert off.mean(0).abs().max() < 5 * TwoAtoms.SPREAD / COUNT**0.5
    # Fifty steps of first order leave some percent of the spread.
    assert (off.std(0) / TwoAtoms.SPREAD - 1).abs().max() < 0.1


def test_more_steps_come_closer_to_the_spread():
    def miss(steps):
        return (differences(drawn(steps=steps)).std() / TwoAtoms.SPREAD - 1).abs().item()

    assert miss(200) < 0.6 * miss(15)


def spread_by_recursion(temperature: float, steps: int = 50) -> float:
    """What each step makes of the variance of the difference, where wrapping does not matter: d ← (1 − w(w−k)·2/(S²+2w²)) d + √2 noise."""
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    wide, narrow = torus_sigma(times[:-1]), torus_sigma(times[1:])
    narrow[-1] = 0
    fresh = narrow / wide * (wide.square() - narrow.square()).sqrt()
    kept = (narrow.square() - fresh.square()).sqrt()
    shrink = 1 - 2 * wide * (wide - kept) / (TwoAtoms.SPREAD**2 + 2 * wide.square())
    variance = torch.tensor(1 / 12)
    for a, b in zip(shrink, fresh, strict=True):
        variance = a.square() * variance + 2 * temperature * b.square()
    return variance.sqrt().item()


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_low_temperature_narrows_the_positions_as_its_noise_says(temperature):
    off = differences(drawn(temperature=temperature))
    # Half of a Gaussian's numbers are smaller than 0.6745 deviations; of 12,000 this is known to 1 %. A deviation would count the few
    # that began on the far side of the torus and came late.
    spread = off.abs().median().item() / 0.6745
    assert spread == pytest.approx(spread_by_recursion(temperature), rel=0.04)
    assert off.mean(0).abs().max() < 5 * TwoAtoms.SPREAD / COUNT**0.5
    assert spread_by_recursion(0.6) < 0.9 * spread_by_recursion(1.0)


def test_a_negative_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature must not be negative, received -1"):
        next(denoise_crystals(TwoAtoms(), blank_crystals([2]), temperature=-1))


def test_a_score_of_the_wrong_sign_is_found_out():
    off = differences(drawn(TwoAtoms(sign=-1.0)))
    assert (off.std(0) / TwoAtoms.SPREAD - 1).abs().min() > 1


@pytest.mark.parametrize("churn", [1.0, 0.0])
def test_fifty_steps_reproduce_a_distribution_of_lattices(churn):
    numbers = TwoAtoms().scale.numbers(drawn(churn=churn))[:, :3]
    assert (numbers.mean(0) - TwoAtoms.LATTICE).abs().max() < 5 * TwoAtoms.WIDTH / COUNT**0.5
    # First order again: what fifty steps with fresh noise miss is 7 %.
    assert (numbers.std(0) / TwoAtoms.WIDTH - 1).abs().max() < 0.1


def test_elements_are_drawn_knowing_each_other():
    z = drawn().atomic_numbers.view(-1, 2)
    assert (z[:, 0] != z[:, 1]).all()
    # Each of the two is drawn first in half of the crystals; 4,000 draws have a deviation of 0.008.
    share = (z[:, 0] == 11).double().mean().item()
    assert share == pytest.approx(TwoAtoms.FIRST, abs=5 * 0.0073)


def test_elements_that_are_given_stay():
    given = torch.tensor([17, 11] * COUNT)
    for step in denoise_crystals(
        TwoAtoms(), blank_crystals([2] * COUNT, given, dtype=torch.float64), steps=5, generator=seeded()
    ):
        assert torch.equal(step.crystals.atomic_numbers, given)


def test_lattices_are_right_handed_and_elements_told_at_the_end():
    crystals = drawn(steps=3)
    assert (torch.linalg.det(crystals.lattices) > 0).all()
    assert (crystals.atomic_numbers != HIDDEN).all()
    assert ((crystals.fractional >= 0) & (crystals.fractional < 1)).all()


def test_the_same_seed_draws_the_same_crystals():
    one, other = (sample_crystals(TwoAtoms(), [2] * 3, steps=4, generator=seeded(7)) for _ in range(2))
    assert torch.equal(one.fractional, other.fractional)
    assert torch.equal(one.lattices, other.lattices)


def test_steps_must_be_positive():
    with pytest.raises(ValueError, match="steps must be at least 1, received 0"):
        next(denoise_crystals(TwoAtoms(), blank_crystals([2]), steps=0))


# Inpainting, where the conditional distribution is known


def template(**fields) -> Crystals:
    known = Crystals(
        lattices=torch.tensor([[4.0, 0, 0], [0.3, 5, 0], [0, 0.1, 6]], dtype=torch.float64).repeat(
            COUNT, 1, 1
        ),
        fractional=torch.tensor([[0.1, 0.2, 0.3], [0.9, 0.9, 0.9]], dtype=torch.float64).repeat(COUNT, 1),
        atomic_numbers=torch.tensor([17, HIDDEN] * COUNT),
        batch=torch.repeat_interleave(torch.arange(COUNT), 2),
    )
    return known.replace(**fields)


def half_known(*, lattices: bool = False) -> Known:
    first = torch.tensor([True, False] * COUNT)
    return Known(positions=first, elements=first, lattices=torch.full((COUNT,), lattices))


def painted(known: Known | None = None, **options) -> Crystals:
    options = {"steps": 50, "generator": seeded()} | options
    for step in inpaint_crystals(TwoAtoms(), template(), known or half_known(), **options):
        last = step
    return last.crystals


def test_known_parts_come_out_to_the_last_bit():
    crystals = painted(half_known(lattices=True), steps=5)
    assert torch.equal(crystals.fractional[0::2], template().fractional[0::2])
    assert torch.equal(crystals.lattices, template().lattices)
    assert (crystals.atomic_numbers.view(-1, 2) == torch.tensor([17, 11])).all()


def test_the_unknown_atom_is_drawn_from_its_conditional():
    # Given the first atom, the second stands at MEAN from it, with the same spread.
    off = differences(painted())
    assert off.mean(0).abs().max() < 5 * TwoAtoms.SPREAD / COUNT**0.5
    assert (off.std(0) / TwoAtoms.SPREAD - 1).abs().max() < 0.1


def test_replacing_without_repeating_fits_worse():
    def miss(repeats):
        return (differences(painted(steps=20, repeats=repeats)).std() / TwoAtoms.SPREAD - 1).abs().item()

    assert miss(5) < 0.7 * miss(1)


def test_what_cannot_be_painted_is_refused():
    with pytest.raises(ValueError, match="must be at least 1, received 50 and 0"):
        painted(repeats=0)
    everything = Known(
        positions=torch.ones(2 * COUNT, dtype=torch.bool),
        elements=torch.ones(2 * COUNT, dtype=torch.bool),
        lattices=torch.ones(COUNT, dtype=torch.bool),
    )
    with pytest.raises(
        ValueError, match="a known element must have an atomic number from 1 to 118, received 0"
    ):
        painted(everything)


def test_guidance_sharpens_what_is_asked_for():
    class Asked(TwoAtoms):
        """Asked for anything, the first is 11 with nine chances in ten instead of seven."""

        def __call__(self, crystals, t, condition=None):
            self.FIRST = 0.7 if condition is None else 0.9
            return super().__call__(crystals, t)

    z = drawn(Asked(), condition=torch.ones(COUNT, 1), guidance=2.0).atomic_numbers.view(-1, 2)
    # Logits add: log odds 2 ln 9 − ln(7/3).
    odds = 81 / (7 / 3)
    assert (z[:, 0] == 11).double().mean().item() == pytest.approx(odds / (1 + odds), abs=5 * 0.003)
