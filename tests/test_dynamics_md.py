import itertools
import math

import pytest
import torch
from ase import units
from ase.build import bulk, molecule
from ase.md.verlet import VelocityVerlet
from dynamics_potentials import LennardJones, Springs, Wells

from equitour.dynamics import BOLTZMANN, calculator, langevin_init, langevin_step, nve_init, nve_step
from equitour.graph import AtomicGraph, batch

MASS = 39.948  # argon, u


def one_atom(position):
    return AtomicGraph.from_arrays([position], [18], cutoff=1.0)


def angular_frequency(k, mass=MASS):
    """In 1/fs, of a spring in eV/Å² and a mass in u."""
    return math.sqrt(k / mass) * units.fs


def argon(temperature=60.0, seed=3, skin=0.5, size=2):
    chance = torch.Generator().manual_seed(seed)
    graph = AtomicGraph.from_ase(bulk("Ar", "fcc", a=5.4, cubic=True).repeat(size), cutoff=8.0)
    potential = LennardJones(cutoff=7.0)
    return potential, nve_init(potential, graph, temperature=temperature, generator=chance, skin=skin)


def run(potential, state, *, steps, timestep):
    for _ in range(steps):
        state = nve_step(potential, state, timestep=timestep)
    return state


# Velocity Verlet


def test_verlet_on_a_spring_is_the_exact_solution_of_its_difference_equation():
    """x_n = x_0 cos(n φ) with cos φ = 1 − (ω dt)²/2, to rounding, after a thousand steps of a coarse timestep."""
    k, timestep = 2.0, 20.0
    state = nve_init(Wells(k=k), one_atom([0.3, 0.0, 0.0]), velocities=torch.zeros(1, 3).double())
    phi = math.acos(1 - (angular_frequency(k) * timestep) ** 2 / 2)
    assert 0.3 < phi < 1.0
    for n in range(1, 1001):
        state = nve_step(Wells(k=k), state, timestep=timestep)
        assert abs(float(state.positions[0, 0]) - 0.3 * math.cos(n * phi)) < 1e-11


def test_verlet_keeps_the_shadow_energy_of_a_spring_to_rounding():
    """m v²/2 + (1 − (ω dt)²/4) k x²/2 is constant, although the energy itself ripples by several per cent."""
    k, timestep = 2.0, 20.0
    velocities = torch.tensor([[0.001, -0.002, 0.0]], dtype=torch.float64)
    state = nve_init(Wells(k=k), one_atom([0.3, 0.1, 0.0]), velocities=velocities)
    shadow = 1 - (angular_frequency(k) * timestep) ** 2 / 4
    kept, total = [], []
    for _ in range(500):
        state = nve_step(Wells(k=k), state, timestep=timestep)
        kept.append(float(state.kinetic_energy + shadow * state.energy))
        total.append(float(state.total_energy))
    assert max(kept) - min(kept) < 1e-13
    assert max(total) - min(total) > 1e-3


def test_verlet_is_of_second_order_in_the_timestep():
    """Errors against the exact cosine after a fixed time fall by four when the timestep is halved."""
    k, time = 2.0, 400.0
    omega = angular_frequency(k)
    errors = []
    for steps in (50, 100, 200, 400):
        state = nve_init(Wells(k=k), one_atom([0.3, 0.0, 0.0]), velocities=torch.zeros(1, 3).double())
        state = run(Wells(k=k), state, steps=steps, timestep=time / steps)
        errors.append(abs(float(state.positions[0, 0]) - 0.3 * math.cos(omega * time)))
    orders = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert orders == pytest.approx([2, 2, 2], abs=0.05)


def test_energy_of_a_crystal_ripples_with_the_square_of_the_timestep_and_does_not_drift():
    ripple = {}
    for timestep in (2.0, 4.0, 8.0):
        potential, state = argon()
        energies = []
        for _ in range(int(1600 / timestep)):
            state = nve_step(potential, state, timestep=timestep)
            energies.append(float(state.total_energy))
        energies = torch.tensor(energies, dtype=torch.float64)
        ripple[timestep] = float(energies.std())
        half = len(energies) // 2
        assert abs(energies[half:].mean() - energies[:half].mean()) < 0.5 * energies.std()
    assert ripple[4.0] / ripple[2.0] == pytest.approx(4, rel=0.15)
    assert ripple[8.0] / ripple[4.0] == pytest.approx(4, rel=0.15)


def test_time_turned_back_leads_back_to_the_start_to_rounding():
    potential, start = argon()
    there = run(potential, start, steps=100, timestep=5.0)
    assert float((there.positions - start.positions).norm(dim=1).max()) > 0.3
    for back in (
        run(potential, there.replace(velocities=-there.velocities), steps=100, timestep=5.0),
        run(potential, there, steps=100, timestep=-5.0),
    ):
        torch.testing.assert_close(back.positions, start.positions, rtol=0, atol=1e-11)


def test_total_momentum_stays_zero():
    potential, state = argon()
    size = float((state.masses[:, None] * state.velocities).abs().sum())
    assert float(state.momentum.abs().max()) < 1e-14 * size
    state = run(potential, state, steps=50, timestep=5.0)
    assert float(state.momentum.abs().max()) < 1e-13 * size


def test_fifty_steps_agree_with_ase_velocity_verlet():
    """Ethanol-like springs with four different masses, and a periodic crystal: every step, not only the last."""
    for atoms, potential, timestep in [
        (molecule("CH3CH2OH"), Springs(k=2.0, length=1.4, cutoff=10.0), 0.5),
        (bulk("Ar", "fcc", a=5.4, cubic=True).repeat(2), LennardJones(cutoff=7.0), 5.0),
    ]:
        atoms.rattle(0.05, seed=2)
        graph = AtomicGraph.from_ase(atoms, cutoff=1.0)
        state = nve_init(potential, graph, temperature=300, generator=torch.Generator().manual_seed(5))
        atoms.calc = calculator(potential)
        atoms.set_velocities(state.velocities.numpy() / units.fs)
        ase = VelocityVerlet(atoms, timestep=timestep * units.fs)
        for _ in range(50):
            ase.run(1)
            state = nve_step(potential, state, timestep=timestep)
            assert abs(state.positions.numpy() - atoms.positions).max() < 1e-10
        assert float(state.kinetic_energy) == pytest.approx(atoms.get_kinetic_energy(), rel=1e-10)
        # ASE counts three degrees of freedom per atom, here the drift's three are left out.
        share = (3 * len(atoms) - 3) / (3 * len(atoms))
        assert float(state.temperature) * share == pytest.approx(atoms.get_temperature(), rel=1e-10)


def test_copies_in_a_batch_run_as_they_would_alone():
    potential, cold = argon(temperature=20, seed=1, size=1)
    _, hot = argon(temperature=150, seed=2, size=1)
    pair = nve_init(
        potential,
        batch([cold.graph, hot.graph]),
        velocities=torch.cat([cold.velocities, hot.velocities]),
    )
    pair = run(potential, pair, steps=60, timestep=4.0)
    alone = [run(potential, state, steps=60, timestep=4.0) for state in (cold, hot)]
    torch.testing.assert_close(
        pair.positions, torch.cat([state.positions for state in alone]), rtol=0, atol=1e-11
    )
    torch.testing.assert_close(
        pair.total_energy, torch.cat([state.total_energy for state in alone]), rtol=0, atol=1e-12
    )
    assert pair.temperature.shape == (2,)


# Temperature


def test_drawn_velocities_have_the_temperature_of_each_graph_for_light_and_heavy_atoms():
    water = AtomicGraph.from_ase(molecule("H2O"), cutoff=1.0)
    many = batch([water] * 600)
    wanted = torch.linspace(100, 500, 600, dtype=torch.float64)
    chance = torch.Generator().manual_seed(11)
    state = langevin_init(Wells(), many, temperature=wanted, generator=chance)
    each = state.masses * state.velocities.square().sum(1) / (3 * BOLTZMANN * units.fs**2)
    for kind in (1, 8):
        chosen = many.atomic_numbers == kind
        ratio = each[chosen] / wanted[many.batch[chosen]]
        # The mean of n such ratios has the standard deviation sqrt(2 / 3n).
        assert abs(float(ratio.mean()) - 1) < 4 * math.sqrt(2 / (3 * len(ratio)))
    state = nve_init(Wells(), many, temperature=wanted, generator=chance)
    assert abs(float((state.temperature / wanted).mean()) - 1) < 4 * math.sqrt(2 / (6 * 600))
    assert float(state.momentum.abs().max()) < 1e-15


def baoab_maps(*, k, timestep, friction, temperature):
    """One step on a spring is x' = A x + B ξ with x = (r, v): read A and B off, with ξ drawn once more."""
    wells = Wells(k=k)

    def step(positions, velocities):
        graph = AtomicGraph.from_arrays(positions, [18] * len(positions), cutoff=0.5, min_distance=0.0)
        state = nve_init(wells, graph, velocities=torch.as_tensor(velocities, dtype=torch.float64))
        after = langevin_step(
            wells,
            state,
            timestep=timestep,
            temperature=temperature,
            friction=friction,
            generator=torch.Generator().manual_seed(4),
        )
        return torch.stack([after.positions[0], after.velocities[0]])  # (2, xyz)

    zero = [[0.0, 0.0, 0.0]]
    one = [[1.0, 1.0, 1.0]]
    noise = torch.randn(1, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)[0]
    kicked = step(zero, zero)
    A = torch.stack([(step(one, zero) - kicked)[:, 0], (step(zero, one) - kicked)[:, 0]], dim=1)
    return A, (kicked / noise)[:, :1]


@pytest.mark.parametrize("timestep", [1.0, 20.0, 60.0])
@pytest.mark.parametrize("friction", [1e-3, 0.05])
def test_baoab_gives_positions_in_a_well_exactly_the_spread_of_boltzmann_at_any_timestep(timestep, friction):
    """The stationary covariance P = A P Aᵀ + B Bᵀ of one step, solved exactly: no statistics."""
    k, temperature = 2.0, 300.0
    A, B = baoab_maps(k=k, timestep=timestep, friction=friction, temperature=temperature)
    flat = torch.linalg.solve(torch.eye(4).double() - torch.kron(A, A), (B @ B.T).flatten())
    P = flat.reshape(2, 2)
    kT = BOLTZMANN * temperature
    assert float(P[0, 0]) == pytest.approx(kT / k, rel=1e-9)
    ripple = 1 - (angular_frequency(k) * timestep) ** 2 / 4
    assert float(P[1, 1]) == pytest.approx(ripple * kT / MASS * units.fs**2, rel=1e-9)


def test_without_friction_langevin_is_verlet():
    potential, state = argon()
    chance = torch.Generator().manual_seed(0)
    step = langevin_step(potential, state, timestep=4.0, temperature=60, friction=0.0, generator=chance)
    torch.testing.assert_close(
        step.positions, nve_step(potential, state, timestep=4.0).positions, rtol=0, atol=1e-14
    )


def test_free_atoms_forget_their_velocities_at_the_rate_of_the_friction():
    """In a flat potential ⟨v(t) v(0)⟩ = exp(−γ t) ⟨v²⟩, exactly, however long the step."""
    graph = AtomicGraph.from_arrays(100.0 * torch.arange(6000).reshape(2000, 3), [18] * 2000, cutoff=1.0)
    chance = torch.Generator().manual_seed(8)
    flat = Wells(k=0.0)
    start = state = langevin_init(flat, graph, temperature=300, generator=chance)
    for n in range(1, 5):
        state = langevin_step(flat, state, timestep=25.0, temperature=300, friction=0.01, generator=chance)
        kept = (state.velocities * start.velocities).mean() / start.velocities.square().mean()
        assert float(kept) == pytest.approx(math.exp(-0.25 * n), abs=4 / math.sqrt(6000))
        assert float(state.temperature) == pytest.approx(300, rel=4 * math.sqrt(2 / 6000))


def test_a_cold_crystal_warms_up_to_the_bath_and_shares_energy_equally():
    """Equipartition: after the start, kinetic energy is k T/2 for each direction of each atom."""
    chance = torch.Generator().manual_seed(2)
    potential = LennardJones(cutoff=6.0)
    crystal = AtomicGraph.from_ase(bulk("Ar", "fcc", a=5.4, cubic=True).repeat(2), cutoff=6.0)
    state = langevin_init(potential, crystal, temperature=0, generator=chance)
    assert float(state.temperature) == 0
    kinetic = []
    for step in range(900):
        state = langevin_step(potential, state, timestep=8.0, temperature=30, friction=0.01, generator=chance)
        if step >= 150:
            each = state.masses[:, None] * state.velocities.square() / (BOLTZMANN * units.fs**2)
            kinetic.append(each.mean(0))
    temperature = torch.stack(kinetic).mean(0)
    # 32 atoms, 750 steps of which about every 12th is independent (1/γ is 12.5 steps).
    assert temperature.tolist() == pytest.approx([30] * 3, rel=4 * math.sqrt(2 / (32 * 60)))


# Chance and refusals


def test_the_same_generator_gives_the_same_run_and_another_one_does_not():
    def end(seed):
        chance = torch.Generator().manual_seed(seed)
        potential, _ = argon(size=1)
        graph = AtomicGraph.from_ase(bulk("Ar", "fcc", a=5.4, cubic=True), cutoff=6.0)
        state = langevin_init(potential, graph, temperature=50, generator=chance)
        for _ in range(3):
            state = langevin_step(
                potential, state, timestep=4.0, temperature=50, friction=0.01, generator=chance
            )
        return state.positions

    assert torch.equal(end(1), end(1))
    assert not torch.equal(end(1), end(2))


def test_a_step_leaves_the_state_and_the_graph_before_it_as_they_were():
    potential, state = argon(size=1)
    positions, velocities = state.positions.clone(), state.velocities.clone()
    run(potential, state, steps=2, timestep=4.0)
    assert torch.equal(state.positions, positions)
    assert torch.equal(state.velocities, velocities)


def test_single_precision_stays_single():
    graph = AtomicGraph.from_ase(bulk("Ar", "fcc", a=5.4, cubic=True), cutoff=6.0, dtype=torch.float32)
    chance = torch.Generator().manual_seed(0)
    potential = LennardJones(cutoff=6.0)
    state = langevin_init(potential, graph, temperature=50, generator=chance)
    state = langevin_step(potential, state, timestep=4.0, temperature=50, friction=0.01, generator=chance)
    assert {state.positions.dtype, state.velocities.dtype, state.temperature.dtype} == {torch.float32}


@pytest.mark.parametrize("given", [{}, {"temperature": 300.0, "velocities": torch.zeros(1, 3).double()}])
def test_a_run_needs_one_source_of_velocities(given):
    with pytest.raises(ValueError, match="must start from a temperature or from velocities, received"):
        nve_init(Wells(), one_atom([0.1, 0, 0]), **given)


def test_a_single_atom_has_no_velocity_without_its_drift():
    with pytest.raises(ValueError, match="at least 2 atoms in each graph, received one with a single atom"):
        nve_init(Wells(), one_atom([0.1, 0, 0]), temperature=300.0, generator=torch.Generator())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature must be at least 0 K, received -1.0"),
        ({"generator": None}, "random velocities need a generator, received None"),
        ({"friction": -0.1}, "friction must be at least 0 per fs, received -0.1"),
        ({"timestep": 0.0}, "timestep must be positive, received 0.0 fs"),
    ],
)
def test_settings_of_langevin_without_meaning_are_refused(options, message):
    chance = torch.Generator().manual_seed(0)
    state = nve_init(Wells(), one_atom([0.1, 0, 0]), velocities=torch.zeros(1, 3).double())
    settings = {"timestep": 1.0, "temperature": 300.0, "friction": 0.01, "generator": chance, **options}
    if settings["generator"] is None:
        with pytest.raises(ValueError, match=message):
            nve_init(Wells(), AtomicGraph.from_ase(molecule("H2"), cutoff=1.0), temperature=300.0)
        return
    with pytest.raises(ValueError, match=message):
        langevin_step(Wells(), state, **settings)


def test_a_mass_must_be_positive():
    with pytest.raises(ValueError, match=r"masses must be positive, received 0.0 u"):
        nve_init(Wells(), one_atom([0.1, 0, 0]), velocities=torch.zeros(1, 3).double(), masses=torch.zeros(1))


def test_a_run_that_explodes_stops_with_its_reason():
    state = nve_init(Wells(k=1e200), one_atom([0.1, 0, 0]), velocities=torch.zeros(1, 3).double())
    with pytest.raises(FloatingPointError, match="must be finite, received NaN or infinity: shorten the"):
        run(Wells(k=1e200), state, steps=5, timestep=10.0)
