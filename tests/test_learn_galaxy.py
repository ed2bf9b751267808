"""What lesson 504 needs besides its ideas: a galaxy that is known, and molecules turned to given torsions."""

import pytest
import torch
from ase.build import molecule

from equitour import datasets, view
from equitour.generative.diffusion import Predictor, Schedule, TimedMLP, dpm_solver, finish, heun
from equitour.learn import galaxy, galaxy_figures, torsions


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


def test_only_a_velocity_that_is_wrong_is_never_blown_up(generator):
    schedule, times = Schedule.cosine(), torch.tensor([0.2, 0.9]).double()
    exact, x = galaxy.galaxy().predictor(schedule), torch.randn(4, 2, generator=generator).double()
    by = {"noise": schedule.alpha(times), "clean": schedule.sigma(times), "velocity": torch.ones(2).double()}
    for word, divisor in by.items():
        assert torch.allclose(galaxy.blown_up(exact, word, x, times), 0.01 / divisor, rtol=1e-4), word


def test_a_network_that_says_nothing_loses_one_at_every_time():
    silent = Predictor(lambda x, t: torch.zeros_like(x), Schedule.cosine())
    loss = galaxy.losses({"silent": silent, "again": silent}, torch.tensor([0.1, 0.9]))
    assert torch.allclose(loss["silent"], torch.ones(2), atol=0.06)
    assert torch.equal(loss["silent"], loss["again"])


def test_in_equal_steps_of_the_logarithm_of_signal_to_noise_all_schedules_are_one(generator):
    x = torch.randn(20, 2, generator=generator, dtype=torch.float64)
    linear, cosine = (
        galaxy.flow_errors(dpm_solver, x, plan, [20, 40]) for plan in (Schedule.linear(), Schedule.cosine())
    )
    assert linear == pytest.approx(cosine, rel=1e-3)
    spaced = galaxy.spacings(dpm_solver, x, [20, 40])
    assert spaced["equal ln(α²/σ²)"] == cosine
    assert cosine[1] < spaced["cosine, equal t"][1] < spaced["linear, equal t"][1]


def test_heun_s_rule_gets_half_the_steps_since_it_asks_twice():
    asked = []

    class Counting(Predictor):
        def clean(self, x, t):
            asked.append(t)
            return super().clean(x, t)

    exact = galaxy.galaxy().predictor(Schedule.cosine())
    x = torch.zeros(1, 2, dtype=torch.float64)
    for sampler, calls in ((heun, 9), (dpm_solver, 10)):  # Heun's last step, to no noise, asks once.
        asked.clear()
        galaxy.strays(sampler, Counting(exact.model, exact.schedule, exact.predicts), x, [10])
        assert len(asked) == calls


def test_a_perfect_network_leads_hardly_any_star_astray(generator):
    exact = galaxy.galaxy().predictor(Schedule.cosine())
    x = torch.randn(500, 2, generator=generator, dtype=torch.float64)
    (share,) = galaxy.strays(dpm_solver, exact, x, [40])
    assert share < 0.03


def test_a_film_shows_the_beginning_and_every_so_many_steps():
    model = Predictor(TimedMLP(2, num_classes=2, channels=8), Schedule.cosine(), "velocity")
    shots = list(galaxy.film(((n, 1 / n, model) for n in range(1, 61)), torch.zeros(3, 2), every=30))
    assert [n for n, *_ in shots] == [1, 10, 25, 30, 60]
    assert all(points.shape == (3, 2) for _, _, points, _ in shots)


def test_pictures_of_the_galaxy_are_drawn(generator):
    exact, times = galaxy.galaxy().predictor(Schedule.cosine()), torch.linspace(0.1, 0.9, 5)
    _, axes = view.axes(1, 3)
    galaxy_figures.draw_languages(axes, times, {"noise": times, "velocity": times}, exact)
    assert [len(ax.collections) for ax in axes] == [0, 2, 2]
    _, axes = view.axes(1, 3)
    errors = {"DDIM": [0.1, 0.05], "Heun": [0.1, 0.03]}
    galaxy_figures.draw_steps(
        axes, [10, 20], samplers=errors, times=errors, counts=[10, 20], stray=errors, thousand=0.02
    )
    assert [len(ax.lines) for ax in axes] == [2, 2, 3]


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
    assert [found[f"methyl at {a}°"] for a in ("−60", "60")] == pytest.approx([33.3, 33.3], abs=1.5)
    assert 5 < found["hydroxyl trans"] < 40
    assert torch.allclose(angles.mean(0), torch.zeros(2).double(), atol=1e-9)
    assert molecule("CH3CH2OH").get_chemical_symbols() == ["C", "C", "O", *"HHHHHH"]
