"""What lesson 504 needs besides its ideas: a galaxy that is known, and molecules turned to given torsions."""

import pytest
import torch
from ase.build import molecule

from equitour import datasets
from equitour.generative.diffusion import Predictor, Schedule, dpm_solver, finish
from equitour.learn import galaxy, torsions


def test_the_galaxy_looks_the_same_after_half_a_turn_and_its_arms_are_its_halves(generator):
    x = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    whole, arms = galaxy.galaxy(), [galaxy.arm(k) for k in (0, 1)]
    assert torch.allclose(whole.log_density(x), whole.log_density(-x))
    half = torch.stack([arm.log_density(x) for arm in arms]).logsumexp(0) - torch.tensor(2.0).log()
    assert torch.allclose(whole.log_density(x), half)


def test_stars_lie_on_the_arm_that_they_are_said_to_lie_on(generator):
    points, which = galaxy.stars(2001, generator=generator)
    likely = torch.stack([galaxy.arm(k).log_density(points.double()) for k in (0, 1)], 1).argmax(1)
    assert (likely == which).double().mean() > 0.99
    assert which.bincount().tolist() == [1000, 1001]
    assert 0.002 < galaxy.astray(points) < 0.02 < 0.7 < galaxy.astray(0 * points)
    assert galaxy.names(which[:1]) == ["one arm"]


def test_the_flow_in_closed_form_is_where_a_solver_of_many_steps_arrives(generator):
    x, schedule = torch.randn(20, 2, generator=generator, dtype=torch.float64), Schedule.cosine()
    gaussian, there = galaxy.flow(x, schedule, 0.9, 0.0)
    steps = dpm_solver(gaussian.predictor(schedule), x, schedule.times(800, first=0.9, last=1e-3))
    assert torch.allclose(finish(steps), there, atol=2e-3)


def test_true_draws_need_hardly_be_moved_and_shifted_ones_by_their_shift(generator):
    known, mask = torch.tensor([0.3, 0.0]).double(), torch.tensor([True, False])
    density = galaxy.galaxy().conditional(known, mask)
    y = density.draw(20_000, generator=generator)[:, 0]
    assert galaxy.to_be_moved(y, density) < 0.03
    assert galaxy.to_be_moved(y + 0.5, density) == pytest.approx(0.5, abs=0.03)


def test_a_wrong_velocity_is_never_blown_up_and_wrong_noise_by_sigma_over_alpha(generator):
    schedule, times = Schedule.cosine(), torch.tensor([0.2, 0.9]).double()
    exact, x = galaxy.galaxy().predictor(schedule), torch.randn(4, 2, generator=generator).double()
    alpha, sigma = schedule.alpha(times), schedule.sigma(times)
    found = {word: galaxy.blown_up(exact, word, x, times) for word in ("noise", "velocity")}
    assert torch.allclose(found["noise"], 0.01 * sigma / alpha, rtol=1e-4)
    assert torch.allclose(found["velocity"], 0.01 * sigma, rtol=1e-4)


def test_a_network_that_says_nothing_loses_one_at_every_time(generator):
    silent = Predictor(lambda x, t: torch.zeros_like(x), Schedule.cosine())
    loss = galaxy.losses(silent, torch.tensor([0.1, 0.9]), generator=generator)
    assert torch.allclose(loss, torch.ones(2).double(), atol=0.06)


def test_a_power_law_has_its_power_as_slope():
    assert galaxy.slope([5, 10, 40], [3 * n**-2.0 for n in (5, 10, 40)]) == pytest.approx(-2)


def test_torsions_are_those_of_ase_and_turned_molecules_have_those_asked_for(generator):
    graph = datasets.load("molecules_md/ethanol", cutoff=5.0)[0].graph
    asked = 360 * torch.rand(12, 2, generator=generator, dtype=torch.float64) - 180
    made = torsions.turned(graph, asked)
    for atoms, column in ((torsions.METHYL[0], 0), (torsions.HYDROXYL, 1)):
        assert torch.allclose(torsions.torsion(made, atoms), asked[:, column], atol=1e-6)
        atoms_of_ase = graph.replace(positions=made[3]).to_ase()
        there = torsions.wrapped(torch.tensor(atoms_of_ase.get_dihedral(*atoms)))
        assert float(there) == pytest.approx(float(asked[3, column]), abs=1e-6)
    bonds = [(1, 0), (2, 1), (3, 2), (4, 1), (5, 1), (6, 0), (7, 0), (8, 0)]
    for i, j in bonds:
        length = (made[:, i] - made[:, j]).norm(dim=-1)
        assert torch.allclose(length, length[:1].expand(12))
    apart = torch.cdist(made, made)[:, 6:, 6:]
    assert torch.allclose(apart, apart[:1].expand(12, 3, 3))


def test_pairs_of_torsions_share_the_symmetries_of_the_molecule():
    angles = torsions.pairs([s.graph for s in datasets.load("molecules_md/ethanol", cutoff=5.0)])
    found = torsions.populations(angles)
    assert [found[f"at {a}°"] for a in ("−60", "60")] == pytest.approx([33.3, 33.3], abs=1.5)
    assert 5 < found["trans"] < 40
    assert torch.allclose(angles.mean(0), torch.zeros(2).double(), atol=1e-9)
    assert molecule("CH3CH2OH").get_chemical_symbols() == ["C", "C", "O", *"HHHHHH"]
