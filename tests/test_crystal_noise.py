"""Crystals, their noise, and the symmetries of both: against closed forms, autodiff and spglib."""

import math

import pytest
import torch
from ase import Atoms
from ase.build import bulk

from equitour.generative.crystal import (
    ActionDenoiser,
    Crystals,
    LatticeScale,
    NoisyBatches,
    PairDenoiser,
    add_noise,
    angle_gradient,
    area_gradient,
    distance_gradient,
    lattice_action,
    lattice_of,
    lattice_shares,
    log_metric,
    reduced_cell,
    score_size,
    torus_sigma,
    wrap,
    wrapped_log_density,
    wrapped_score,
)
from equitour.symmetry import random_orthogonal, random_rotation

ELEMENTS = [8, 22, 38, 56]
SHEAR = torch.tensor([[1.0, 1, 0], [0, 1, 0], [1, 2, 1]], dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_crystals(counts=(5, 3, 4), *, hidden: bool = True) -> Crystals:
    generator, counts = seeded(3), torch.tensor(counts)
    nodes = int(counts.sum())
    choices = torch.tensor([*ELEMENTS, 0] if hidden else ELEMENTS)
    return Crystals(
        lattices=4 * torch.eye(3).double()
        + 0.5 * torch.randn(len(counts), 3, 3, generator=generator).double(),
        fractional=torch.rand(nodes, 3, generator=generator).double(),
        atomic_numbers=choices[torch.randint(len(choices), (nodes,), generator=generator)],
        batch=torch.repeat_interleave(torch.arange(len(counts)), counts),
    )


@pytest.fixture(params=[PairDenoiser, ActionDenoiser])
def denoiser(request):
    torch.manual_seed(0)
    return request.param(elements=ELEMENTS, channels=32).double()


T = torch.tensor([0.1, 0.5, 0.99], dtype=torch.float64)
PARTS = ("score", "lattice", "logits")


def apart(one, other) -> float:
    return max((getattr(one, part) - getattr(other, part)).abs().max().item() for part in PARTS)


# Crystals


def test_crystals_survive_the_way_to_ase_and_back():
    structures = [bulk("Si"), bulk("NaCl", "rocksalt", a=5.64), bulk("Mg")]
    back = Crystals.of(structures, dtype=torch.float64).to_ase()
    for one, other in zip(structures, back, strict=True):
        assert (one.numbers == other.numbers).all()
        assert abs(one.cell.array - other.cell.array).max() < 1e-12
        assert abs(one.get_scaled_positions() - other.get_scaled_positions()).max() < 1e-12


def test_selection_keeps_each_crystal_whole():
    crystals = some_crystals()
    chosen = crystals.select(torch.tensor([2, 0, 2]))
    assert chosen.counts.tolist() == [4, 5, 4]
    assert torch.equal(chosen.fractional[:4], crystals.fractional[8:])
    assert torch.equal(chosen.fractional[4:9], crystals.fractional[:5])
    assert torch.equal(chosen.atomic_numbers[9:], crystals.atomic_numbers[8:])


def test_reduced_cell_is_the_same_crystal_for_every_choice_of_vectors():
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    sheared = atoms.copy()
    sheared.set_cell(SHEAR.numpy() @ atoms.cell.array, scale_atoms=False)
    sheared.wrap()
    lengths = [sorted(reduced_cell(a).cell.cellpar()[:3]) for a in (atoms, sheared)]
    assert lengths[0] == pytest.approx(lengths[1], abs=1e-8)
    # The distance of neighbours is a/2 in rock salt, in whichever cell.
    assert reduced_cell(sheared).get_distance(0, 1, mic=True) == pytest.approx(2.82, abs=1e-8)


def test_what_is_no_crystal_is_refused():
    with pytest.raises(ValueError, match="at least one crystal, received none"):
        Crystals.of([])
    with pytest.raises(ValueError, match="must repeat along three lattice vectors, received structure 0"):
        Crystals.of([Atoms("H")])
    left = Atoms("H", cell=[[0, 1, 0], [1, 0, 0], [0, 0, 1]], pbc=True)
    with pytest.raises(
        ValueError, match="right-handed, received structure 1 with determinant -1 Å³: swap two"
    ):
        Crystals.of([bulk("Si"), left])
    shared = bulk("Cu")
    shared.info["occupancy"] = {"0": {"Cu": 0.5, "Au": 0.5}}
    with pytest.raises(ValueError, match=r"each site must belong to one element, .* partial occupancies"):
        Crystals.of([shared])


# The torus


def test_mean_of_points_across_the_border_needs_the_torus():
    assert wrap(torch.tensor(0.98 - 0.02)).item() == pytest.approx(-0.04)


@pytest.mark.parametrize("sigma", [0.01, 0.1, 0.3, 0.5])
def test_wrapped_normal_is_a_density_with_its_own_score(sigma):
    points = torch.linspace(-0.5, 0.5, 20001, dtype=torch.float64, requires_grad=True)
    width = torch.tensor(sigma, dtype=torch.float64)
    log_density = wrapped_log_density(points, width)
    assert torch.trapezoid(log_density.exp(), points).item() == pytest.approx(1, abs=1e-9)
    (slope,) = torch.autograd.grad(log_density.sum(), points)
    assert (wrapped_score(points, width) - slope).abs().max() < 1e-8 / sigma


def test_wrapped_normal_agrees_with_its_fourier_series():
    # The other way to wrap: Σ_k exp(−2 π² σ² k²) cos(2 π k Δ), which converges where the sum over images does not.
    points, sigma = (
        torch.linspace(-0.5, 0.5, 101, dtype=torch.float64),
        torch.tensor(0.4, dtype=torch.float64),
    )
    k = torch.arange(1, 12, dtype=torch.float64)
    series = 1 + 2 * (
        torch.exp(-2 * (math.pi * sigma * k) ** 2) * torch.cos(2 * math.pi * k * points[:, None])
    ).sum(-1)
    assert (wrapped_log_density(points, sigma).exp() - series).abs().max() < 1e-12


def test_size_of_the_score_is_that_of_a_gaussian_where_nothing_wraps_and_falls_where_all_is_uniform():
    sigma = torch.tensor([0.005, 0.05, 0.5], dtype=torch.float64)
    size = score_size(sigma)
    assert size[:2] * sigma[:2] == pytest.approx(1, abs=2e-3)
    # The first Fourier term alone: ⟨score²⟩ = ½ (4 π exp(−2 π² σ²))².
    assert size[2].item() == pytest.approx(
        4 * math.pi * math.exp(-2 * (math.pi * 0.5) ** 2) / 2**0.5, rel=1e-2
    )


def test_noise_on_the_torus_ends_uniform():
    crystals = some_crystals((5,)).select(torch.zeros(4000, dtype=torch.long))
    one = torch.ones(4000, dtype=torch.float64)
    noisy = add_noise(crystals, one, one, scale=LatticeScale().double(), generator=seeded())
    counts = torch.histc(noisy.crystals.fractional[:, 0], bins=10, min=0, max=1)
    # 20,000 points, 2,000 in a tenth, one deviation 42.
    assert (counts - 2000).abs().max() < 0.1 * 2000 + 5 * 42
    assert (noisy.crystals.atomic_numbers == 0).all()


# The lattice


def test_log_metric_and_lattice_undo_each_other_and_turn_away_nothing():
    lattices = some_crystals().lattices
    k = log_metric(lattices)
    again = lattice_of(k)
    assert (again @ again.mT - lattices @ lattices.mT).abs().max() < 1e-12
    turned = lattices @ random_rotation(generator=seeded()).T
    assert (log_metric(turned) - k).abs().max() < 1e-13
    assert k[:, :3].sum(1).exp().tolist() == pytest.approx(torch.linalg.det(lattices).abs().tolist())


def test_gradient_of_the_log_metric_stands_where_eigenvalues_are_equal():
    cubic = 4.0 * torch.eye(3, dtype=torch.float64).expand(2, 3, 3).clone()
    cubic[1] += 0.1 * torch.randn(3, 3, generator=seeded(), dtype=torch.float64)
    assert torch.autograd.gradcheck(log_metric, cubic.requires_grad_())


def test_scaled_numbers_of_data_have_mean_zero_and_spread_one():
    crystals = some_crystals((5,) * 50)
    numbers = LatticeScale.of(crystals).double().numbers(crystals)
    assert numbers[:, :3].mean().item() == pytest.approx(0, abs=1e-6)
    assert numbers[:, :3].std(correction=0).item() == pytest.approx(1, abs=1e-6)


def test_lattice_noise_has_the_moments_of_its_schedule():
    crystals = some_crystals((1,), hidden=False).select(torch.zeros(20000, dtype=torch.long))
    scale = LatticeScale().double()
    t = torch.full((20000,), 0.4, dtype=torch.float64)
    noisy = add_noise(crystals, t, 0 * t, scale=scale, generator=seeded())
    numbers, (alpha, sigma) = scale.numbers(noisy.crystals), lattice_shares(t[:1])
    assert (numbers.mean(0) - alpha * noisy.lattice[0]).abs().max() < 5 * sigma / 20000**0.5
    assert (numbers.std(0) / sigma - 1).abs().max() < 0.03


# The lattice action


@pytest.mark.parametrize("kind", ["distance", "angle", "area"])
def test_closed_forms_of_the_action_are_the_gradients_by_a_left_deformation(kind):
    u, v = (torch.randn(6, 3, generator=seeded(s), dtype=torch.float64) for s in (1, 2))
    epsilon = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    quantity, closed = {
        "distance": (lambda a, b: a.norm(dim=-1), lambda: distance_gradient(u)),
        "angle": (
            lambda a, b: torch.atan2(torch.linalg.cross(a, b).norm(dim=-1), (a * b).sum(-1)),
            lambda: angle_gradient(u, v),
        ),
        "area": (lambda a, b: torch.linalg.cross(a, b).norm(dim=-1), lambda: area_gradient(u, v)),
    }[kind]

    def deformed(matrix):
        left = torch.eye(3, dtype=torch.float64) + matrix
        return quantity(u @ left.T, v @ left.T)

    by_autodiff = torch.autograd.functional.jacobian(deformed, epsilon)
    assert (closed() - by_autodiff).abs().max() < 1e-12


def test_lattice_action_turns_with_the_crystal_and_a_clamp_does_not():
    lattices = some_crystals().lattices
    r = torch.randn(3, 20, 3, generator=seeded(), dtype=torch.float64)
    phi = torch.randn(3, 20, 1, 1, generator=seeded(1), dtype=torch.float64)
    turn = random_orthogonal(generator=seeded(2))

    def acted(turn, clamp=math.inf):
        strain = (
            (phi * distance_gradient((r @ turn.T).flatten(0, 1)).view(3, 20, 3, 3))
            .mean(1)
            .clamp(-clamp, clamp)
        )
        return lattice_action(lattices @ turn.T, strain)

    one = torch.eye(3, dtype=torch.float64)
    assert (acted(turn) - acted(one) @ turn.T).abs().max() < 1e-12
    assert (acted(turn, clamp=0.05) - acted(one, clamp=0.05) @ turn.T).abs().max() > 0.03
    assert (torch.linalg.det(acted(one)) / torch.linalg.det(lattices) > 0).all()


# Denoisers


def test_denoisers_do_not_see_rotations_and_reflections(denoiser):
    crystals = some_crystals()
    turned = crystals.replace(lattices=crystals.lattices @ random_orthogonal(generator=seeded(1)).T)
    assert apart(denoiser(crystals, T), denoiser(turned, T)) < 1e-12


def test_denoisers_do_not_see_the_origin(denoiser):
    crystals = some_crystals()
    shift = torch.tensor([0.3, 0.71, 0.05], dtype=torch.float64)
    moved = crystals.replace(fractional=(crystals.fractional + shift) % 1.0)
    assert apart(denoiser(crystals, T), denoiser(moved, T)) < 1e-12


def test_denoisers_do_not_see_the_order_of_atoms(denoiser):
    crystals = some_crystals()
    order = torch.tensor([3, 0, 4, 2, 1, 7, 6, 5, 9, 8, 11, 10])
    other = crystals.replace(
        fractional=crystals.fractional[order], atomic_numbers=crystals.atomic_numbers[order]
    )
    one, two = denoiser(crystals, T), denoiser(other, T)
    assert (one.score[order] - two.score).abs().max() < 1e-12
    assert (one.logits[order] - two.logits).abs().max() < 1e-12
    assert (one.lattice - two.lattice).abs().max() < 1e-12


def test_denoisers_take_crystals_one_by_one_or_together(denoiser):
    crystals = some_crystals()
    together = denoiser(crystals, T)
    alone = denoiser(crystals.select(torch.tensor([1])), T[1:2])
    assert (together.score[5:8] - alone.score).abs().max() < 1e-12
    assert (together.lattice[1] - alone.lattice[0]).abs().max() < 1e-12


def test_the_answer_is_not_the_same_for_all_crystals(denoiser):
    # Without this the tests above would pass for a network that says nothing.
    crystals = some_crystals()
    jittered = crystals.replace(fractional=(crystals.fractional + 0.05 * torch.rand(12, 3)) % 1.0)
    one, two = denoiser(crystals, T), denoiser(jittered, T)
    assert all((getattr(one, part) - getattr(two, part)).abs().max() > 1e-4 for part in PARTS)


def _in_another_cell(denoiser):
    crystals = some_crystals()
    scale, counts = denoiser.scale, crystals.counts
    one = denoiser(crystals, T)
    other = denoiser(
        crystals.replace(
            lattices=SHEAR @ crystals.lattices,
            fractional=(crystals.fractional @ torch.linalg.inv(SHEAR)) % 1.0,
        ),
        T,
    )
    lattices = [scale.lattices(answer.lattice, counts) for answer in (one, other)]
    metrics = [lattice @ lattice.mT for lattice in lattices]
    return {
        "logits": (one.logits - other.logits).abs().max().item(),
        # A gradient by fractions turns like lattice vectors, and so does the metric, twice.
        "score": (one.score @ SHEAR.T - other.score).abs().max().item(),
        "lattice": (SHEAR @ metrics[0] @ SHEAR.T - metrics[1]).abs().max().item(),
    }


def test_the_action_denoiser_does_not_see_the_choice_of_lattice_vectors():
    torch.manual_seed(0)
    apart = _in_another_cell(ActionDenoiser(elements=ELEMENTS, channels=32).double())
    assert max(apart.values()) < 1e-10


def test_the_pair_denoiser_sees_the_choice_of_lattice_vectors():
    torch.manual_seed(0)
    apart = _in_another_cell(PairDenoiser(elements=ELEMENTS, channels=32).double())
    assert min(apart.values()) > 1e-2


def test_unknown_elements_are_refused_by_number(denoiser):
    crystals = some_crystals(hidden=False)
    strange = crystals.replace(atomic_numbers=torch.full_like(crystals.atomic_numbers, 79))
    with pytest.raises(
        ValueError, match=r"among those learnt, \[8, 22, 38, 56\], received atomic numbers \[79\]"
    ):
        denoiser(strange, T)


# Batches


def test_batches_go_on_where_they_stopped():
    crystals, scale = some_crystals((5,) * 9, hidden=False), LatticeScale().double()
    first = NoisyBatches(crystals, scale=scale, batch_size=4, generator=seeded(5))
    stream = iter(first)
    next(stream)
    state = first.state_dict()
    expected = next(stream)
    second = NoisyBatches(crystals, scale=scale, batch_size=4, generator=seeded(99))
    second.load_state_dict(state)
    got = next(iter(second))
    assert torch.equal(got.crystals.fractional, expected.crystals.fractional)
    assert torch.equal(got.crystals.atomic_numbers, expected.crystals.atomic_numbers)


def test_batches_of_other_data_are_refused():
    scale = LatticeScale().double()
    first = NoisyBatches(some_crystals((5,) * 9, hidden=False), scale=scale, batch_size=4, generator=seeded())
    next(iter(first))
    second = NoisyBatches(
        some_crystals((5,) * 8, hidden=False), scale=scale, batch_size=4, generator=seeded()
    )
    with pytest.raises(ValueError, match="same data, received 8 crystals where there were 9"):
        second.load_state_dict(first.state_dict())


def test_noise_of_positions_is_small_at_the_start_and_uniform_at_the_end():
    sigma = torus_sigma(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    assert sigma[0] < 0.01
    assert sigma[1] ** 0.5 == pytest.approx((sigma[0] ** 0.5 + sigma[2] ** 0.5) / 2)
    # What is left of the first Fourier term of a wrapped normal.
    assert math.exp(-2 * (math.pi * sigma[2]) ** 2) < 0.05
