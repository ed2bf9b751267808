"""Normal modes and phonons at Γ against closed forms."""

import math

import pytest
import torch
from ase import units
from ase.build import molecule
from ase.calculators.emt import EMT
from ase.vibrations import Vibrations
from response_toys import SPRING, RockSalt, chain, perovskite, row, spring_forces, symmetrized
from toy_potential import ToyPotential

from equitour.dynamics.response import (
    calculator_forces,
    dielectric_function,
    hessian,
    hessian_by_autograd,
    impose_hessian_sum_rule,
    infrared_intensities,
    mode_effective_charges,
    mode_polarizabilities,
    nonanalytic_hessian,
    normal_modes,
    raman_activities,
    sum_rule_violation,
)
from equitour.graph import AtomicGraph
from equitour.models import build
from equitour.models.heads import Potential
from equitour.symmetry import random_orthogonal, rotate


def wavenumber(stiffness_per_mass):
    """ν̃ in cm⁻¹ of ω² in eV/(Å² u), through SI and ASE's constants."""
    omega = math.sqrt(stiffness_per_mass * units._e * 1e20 / units._amu)
    return omega / (2 * math.pi * units._c * 100)


# Molecules


def test_two_atoms_on_a_spring_vibrate_with_their_reduced_mass():
    graph = row("HF")
    modes = normal_modes(hessian(spring_forces, graph), graph)
    first, second = modes.masses.tolist()
    assert modes.frequencies.tolist() == pytest.approx(
        [wavenumber(SPRING * (1 / first + 1 / second))], rel=1e-6
    )
    assert modes.frequencies_thz[0] == pytest.approx(
        float(modes.frequencies[0]) * units._c * 100 / 1e12, rel=1e-12
    )


def test_a_linear_molecule_of_three_atoms_has_the_two_textbook_stretches_and_keeps_four_modes():
    """ω² = k/m_O and k (1/m_O + 2/m_C); springs do not resist bending."""
    graph = row("OCO")
    modes = normal_modes(hessian_of_springs(graph), graph)
    oxygen, carbon = modes.masses[:2].tolist()
    stretches = [wavenumber(SPRING / oxygen), wavenumber(SPRING * (1 / oxygen + 2 / carbon))]
    assert len(modes) == 4
    assert modes.frequencies[:2].abs().max() < 1e-3
    assert modes.frequencies[2:].tolist() == pytest.approx(stretches, rel=1e-9)


@pytest.mark.parametrize("bend", [0.0, 1e-6])
def test_a_linear_molecule_stays_linear_however_it_lies_and_however_its_atoms_are_rounded(bend, generator):
    graph = row("OCO")
    bent = graph.positions + bend * torch.randn(3, 3, generator=generator, dtype=torch.float64)
    graph = rotate(graph.replace(positions=bent), random_orthogonal(generator=generator))
    assert len(normal_modes(hessian_of_springs(graph), graph)) == 4


def hessian_of_springs(graph):
    """The exact Hessian of unstretched springs: k d d for each bond."""
    found = torch.zeros(graph.num_nodes, 3, graph.num_nodes, 3, dtype=torch.float64)
    d = graph.edge_vectors() / graph.edge_lengths()[:, None]
    for sender, receiver, axis in zip(graph.senders.tolist(), graph.receivers.tolist(), d, strict=True):
        block = SPRING * torch.outer(axis, axis)
        # Each bond stands twice in the graph, once in each direction.
        found[receiver, :, receiver] += block
        found[receiver, :, sender] -= block
    return found


def test_eigenvectors_are_orthonormal_and_diagonalise_the_mass_weighted_hessian():
    graph = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)
    found = hessian_by_autograd(ToyPotential(), graph)
    modes = normal_modes(found, graph)
    e = modes.eigenvectors.flatten(1)
    assert len(modes) == 3 * 9 - 6
    assert torch.allclose(e @ e.mT, torch.eye(len(modes), dtype=torch.float64), atol=1e-12)
    springs = torch.einsum("mna,nakb,pkb->mp", modes.displacements, found, modes.displacements)
    squares = (modes.frequencies / wavenumber(1.0)) ** 2 * modes.frequencies.sign()
    assert torch.allclose(springs, torch.diag(squares), atol=1e-10)


def test_no_mode_carries_momentum_or_angular_momentum():
    graph = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)
    modes = normal_modes(hessian_by_autograd(ToyPotential(), graph), graph)
    momentum = (modes.masses[:, None] * modes.displacements).sum(1)
    angular = torch.linalg.cross(graph.positions[None], modes.masses[:, None] * modes.displacements).sum(1)
    assert momentum.abs().max() < 1e-12
    assert angular.abs().max() < 1e-11


def test_at_rest_the_rigid_motions_that_were_taken_out_have_frequency_zero():
    graph = row("OCO")
    modes = normal_modes(hessian_of_springs(graph), graph, keep_rigid=True)
    assert len(modes) == 9
    assert modes.frequencies[:7].abs().max() < 1e-3


def test_an_unstable_mode_is_a_negative_frequency():
    graph = row("HF")
    modes = normal_modes(-hessian_of_springs(graph), graph)
    assert modes.frequencies[0] == pytest.approx(
        -float(normal_modes(hessian_of_springs(graph), graph).frequencies[0])
    )


def test_heavier_isotopes_slow_a_vibration_by_the_root_of_the_mass():
    graph = row("HH")
    light = normal_modes(hessian_of_springs(graph), graph, masses=torch.tensor([1.0, 1.0]).double())
    heavy = normal_modes(hessian_of_springs(graph), graph, masses=torch.tensor([4.0, 4.0]).double())
    assert light.frequencies[0] / heavy.frequencies[0] == pytest.approx(2.0, rel=1e-12)
    # As quantum chemistry codes print it: 1/Σu² of the pattern, not the m/2 of the textbook's two-body problem.
    assert heavy.reduced_masses[0] == pytest.approx(4.0)


def test_frames_swing_around_the_rest_positions_with_the_amplitude_asked_for():
    graph = row("OCO")
    modes = normal_modes(hessian_of_springs(graph), graph)
    film = modes.frames(3, graph.positions, amplitude=0.2, frames=8)
    assert torch.allclose(film.mean(0), graph.positions)
    assert (film - graph.positions).norm(dim=2).max() == pytest.approx(0.2)


def test_modes_print_their_frequencies():
    graph = row("HF")
    text = repr(normal_modes(hessian_of_springs(graph), graph))
    assert text.startswith("NormalModes(1 mode of 2 atoms: 9")
    assert text.endswith(" cm⁻¹)")


# Hessians


def test_differences_and_automatic_differentiation_give_the_same_hessian():
    graph = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)
    potential = ToyPotential()
    exact = hessian_by_autograd(potential, graph)
    errors = [
        float((hessian(lambda g: potential.evaluate(g).forces, graph, step=h) - exact).abs().max())
        for h in (0.02, 0.01)
    ]
    assert errors[1] < 1e-4 * float(exact.abs().max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_an_equivariant_network_has_the_same_hessian_both_ways():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trunk = build("nequip", elements=[1, 8], num_channels=4, num_layers=2, lmax=1, cutoff=4.0)
    potential = Potential(trunk).double()
    graph = AtomicGraph.from_ase(molecule("H2O"), cutoff=potential.cutoff)
    exact = hessian_by_autograd(potential, graph)
    by_differences = hessian(lambda g: potential.evaluate(g).forces, graph, step=3e-4)
    assert float(exact.abs().max()) > 1e-3
    assert torch.allclose(by_differences, exact, atol=1e-5 * float(exact.abs().max()))
    assert sum_rule_violation(exact) < 1e-10 * float(exact.abs().max())


def test_neighbours_searched_anew_give_the_same_hessian_where_forces_end_smoothly():
    graph = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)
    potential = ToyPotential()

    def forces(g):
        return potential.evaluate(g).forces

    assert torch.allclose(hessian(forces, graph), hessian(forces, graph, cutoff=3.0), atol=1e-8)


def test_frequencies_agree_with_those_of_ase_for_an_ase_calculator(tmp_path):
    atoms = molecule("N2")
    atoms.calc = EMT()
    peer = Vibrations(atoms, delta=0.01, name=str(tmp_path / "n2"))
    peer.run()
    graph = AtomicGraph.from_ase(atoms, cutoff=3.0)
    modes = normal_modes(hessian(calculator_forces(EMT()), graph), graph, keep_rigid=True)
    expected = peer.get_frequencies()
    assert float(modes.frequencies[-1]) == pytest.approx(expected[-1].real, rel=1e-4)
    assert modes.frequencies[3:5].tolist() == pytest.approx(expected[3:5].real.tolist(), rel=1e-3)


def test_turning_the_molecule_turns_the_modes_and_leaves_the_frequencies(generator):
    graph = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)
    matrix = random_orthogonal(generator=generator)
    turned = rotate(graph, matrix)
    one, other = (normal_modes(hessian_by_autograd(ToyPotential(), g), g) for g in (graph, turned))
    assert torch.allclose(one.frequencies, other.frequencies, atol=1e-6)
    overlap = torch.einsum("mna,nab,mnb->m", one.eigenvectors, matrix.mT.expand(9, 3, 3), other.eigenvectors)
    assert torch.allclose(overlap.abs(), torch.ones_like(overlap), atol=1e-6)


# Crystals at Γ


def test_a_chain_of_equal_atoms_has_the_sine_dispersion():
    """ω_j = 2 √(k/m) |sin(π j/N)|, folded to Γ of a cell of N atoms."""
    count = 8
    graph = chain("C" * count)
    modes = normal_modes(hessian(spring_forces, graph), graph)
    expected = sorted(
        2 * wavenumber(SPRING / float(modes.masses[0])) * abs(math.sin(math.pi * j / count))
        for j in range(1, count)
    )
    assert len(modes) == 3 * count - 3
    assert modes.frequencies[-(count - 1) :].tolist() == pytest.approx(expected, rel=1e-6)


def test_a_chain_of_two_kinds_of_atoms_has_an_acoustic_and_an_optical_branch():
    """ω² = k (1/m + 1/M) ± k √((1/m + 1/M)² − 4 sin²(qa/2)/(m M))."""
    pairs = 4
    graph = chain("NaCl" * pairs)
    modes = normal_modes(hessian(spring_forces, graph), graph)
    light, heavy = modes.masses[:2].tolist()
    total = 1 / light + 1 / heavy
    expected = []
    for j in range(pairs):
        root = math.sqrt(total**2 - 4 * math.sin(math.pi * j / pairs) ** 2 / (light * heavy))
        expected += [wavenumber(SPRING * (total + root))]
        expected += [wavenumber(SPRING * (total - root))] if j else []
    found = modes.frequencies[-len(expected) :]
    assert found.tolist() == pytest.approx(sorted(expected), rel=1e-6)


def test_a_polar_cubic_crystal_obeys_lyddane_sachs_and_teller():
    """ε(0)/ε∞ = (LO/TO)², with the static constant from the transverse modes alone."""
    salt = RockSalt()
    transverse = normal_modes(salt.hessian, salt.graph)
    split = normal_modes(salt.along([0.0, 0.0, 1.0]), salt.graph)
    static = dielectric_function(
        transverse, salt.born, dielectric=salt.dielectric, volume=salt.volume, grid=torch.zeros(1).double()
    )[0].real
    assert torch.allclose(static, static[0, 0] * torch.eye(3, dtype=torch.float64), atol=1e-12)
    assert split.frequencies[:2].tolist() == pytest.approx(transverse.frequencies[:2].tolist(), rel=1e-10)
    ratio = float(split.frequencies[2] / transverse.frequencies[0])
    assert ratio > 1.2
    assert ratio**2 == pytest.approx(float(static[0, 0] / salt.dielectric[0, 0]), rel=1e-10)


def test_rock_salt_splits_as_measured():
    """Kittel's table of NaCl: ω_T = 3.1 and ω_L = 5.0 10¹³/s, ε∞ = 2.25 and ε(0) = 5.9; Z* is 1.1 e."""
    to_wavenumbers = 1e13 / (2 * math.pi * units._c * 100)
    first, second = (22.990, 35.453)
    spring = (3.1 * to_wavenumbers / wavenumber(1.0)) ** 2 / (1 / first + 1 / second)
    salt = RockSalt(charge=1.1, dielectric=2.25, spring=spring)
    transverse, split = (
        normal_modes(salt.hessian, salt.graph),
        normal_modes(salt.along([1, 0, 0]), salt.graph),
    )
    assert float(transverse.frequencies[0]) == pytest.approx(3.1 * to_wavenumbers, rel=1e-4)
    assert float(split.frequencies[2]) == pytest.approx(5.0 * to_wavenumbers, rel=0.02)
    static = dielectric_function(
        transverse, salt.born, dielectric=salt.dielectric, volume=salt.volume, grid=torch.zeros(1).double()
    )
    assert float(static[0, 0, 0].real) == pytest.approx(5.9, rel=0.03)


def test_several_polar_modes_split_so_that_all_ratios_multiply_to_that_of_the_constants(generator):
    """Π (LO/TO)² = ε(0)/ε∞ in a cubic crystal, after Cochran and Cowley."""
    graph = perovskite()
    root = torch.randn(15, 15, generator=generator, dtype=torch.float64)
    springs = impose_hessian_sum_rule(symmetric_springs(graph, (root @ root.mT).reshape(5, 3, 5, 3)))
    charges = symmetrized(graph, 20 * torch.randn(5, 3, 3, generator=generator, dtype=torch.float64))
    charges, optical = charges - charges.mean(0), 5.0 * torch.eye(3, dtype=torch.float64)
    transverse = normal_modes(springs, graph)
    long_range = nonanalytic_hessian(
        charges, optical, volume=64.0, direction=torch.tensor([0.0, 1.0, 0.0]).double()
    )
    split = normal_modes(springs + long_range, graph)
    static = dielectric_function(
        transverse, charges, dielectric=optical, volume=64.0, grid=torch.zeros(1).double()
    )[0].real
    product = float((split.frequencies / transverse.frequencies).square().prod())
    assert product > 1.5
    assert product == pytest.approx(float(static[1, 1] / optical[1, 1]), rel=1e-8)


def test_the_dielectric_function_vanishes_at_the_longitudinal_frequency():
    salt = RockSalt()
    longitudinal = normal_modes(salt.along([1.0, 0.0, 0.0]), salt.graph).frequencies[2:]
    transverse = normal_modes(salt.hessian, salt.graph)
    found = dielectric_function(
        transverse, salt.born, dielectric=salt.dielectric, volume=salt.volume, grid=longitudinal
    )
    assert found.abs().max() < 1e-9


def test_a_damped_lattice_absorbs_and_never_amplifies():
    salt = RockSalt()
    transverse = normal_modes(salt.hessian, salt.graph)
    grid = torch.linspace(0, 600, 301, dtype=torch.float64)
    found = dielectric_function(
        transverse, salt.born, dielectric=salt.dielectric, volume=salt.volume, grid=grid, width=8.0
    )
    absorption = found[:, 0, 0].imag
    assert bool((absorption >= 0).all())
    assert abs(float(grid[absorption.argmax()] - transverse.frequencies[0])) < 4


def test_in_any_crystal_the_ratios_multiply_to_that_of_the_constants_along_q(generator):
    """Π (ν̃_q/ν̃)² = q·ε(0)·q / q·ε∞·q with charges whose two directions are not the same thing."""

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    cell = 5 * torch.eye(3, dtype=torch.float64) + 0.3 * draw(3, 3)
    graph = AtomicGraph.from_arrays(
        torch.rand(4, 3, generator=generator).double() @ cell, [8, 6, 1, 7], cutoff=2.0, cell=cell, pbc=True
    )
    root, optical, q = draw(12, 12), draw(3, 3), draw(3)
    springs = impose_hessian_sum_rule((root @ root.mT).reshape(4, 3, 4, 3))
    optical = 3 * torch.eye(3, dtype=torch.float64) + 0.2 * (optical + optical.mT)
    charges, volume = draw(4, 3, 3), float(torch.linalg.det(cell))
    charges = charges - charges.mean(0)
    modes = normal_modes(springs, graph)
    long_range = nonanalytic_hessian(charges, optical, volume=volume, direction=q)
    split = normal_modes(springs + long_range, graph)
    static = dielectric_function(
        modes, charges, dielectric=optical, volume=volume, grid=torch.zeros(1).double()
    )[0].real
    product = float((split.frequencies / modes.frequencies).square().prod())
    assert product > 1.1
    assert product == pytest.approx(float((q @ static @ q) / (q @ optical @ q)), rel=1e-8)


@pytest.mark.parametrize("direction", [[0, 0, 1], [1, 1, 1], [0.3, -2.0, 0.7]])
def test_the_longitudinal_mode_moves_along_q_whatever_the_direction_and_length_of_q(direction):
    salt = RockSalt()
    modes = normal_modes(salt.along(direction), salt.graph)
    q = torch.tensor(direction, dtype=torch.float64)
    assert float(modes.frequencies[2]) == pytest.approx(
        float(normal_modes(salt.along([0, 0, 1.0]), salt.graph).frequencies[2]), rel=1e-10
    )
    along = modes.eigenvectors[2] @ (q / q.norm())
    assert along.square().sum() == pytest.approx(1, abs=1e-10)


def test_the_mode_effective_charge_of_a_salt_is_its_charge_times_what_the_two_ions_share():
    """Z̃ = Z (1/m + 1/M) / √(1/m² + 1/M²), for the pattern u = (1/m, −1/M)."""
    salt = RockSalt(charge=1.1)
    modes = normal_modes(salt.hessian, salt.graph)
    light, heavy = modes.masses.tolist()
    expected = 1.1 * (1 / light + 1 / heavy) / math.hypot(1 / light, 1 / heavy)
    assert mode_effective_charges(modes, salt.born).norm(dim=1).tolist() == pytest.approx([expected] * 3)


def test_the_nonanalytic_term_leaves_a_translation_at_rest_when_charges_are_neutral():
    salt = RockSalt()
    assert sum_rule_violation(salt.along([0.2, 0.5, 1.0])) < 1e-12
    assert sum_rule_violation(nonanalytic_hessian(salt.born + 0.01, salt.dielectric, volume=salt.volume, direction=torch.ones(3).double())) > 1e-3  # fmt: skip


def test_a_cubic_perovskite_has_three_polar_levels_and_one_silent_one(generator):
    """Γ = 4 T1u + T2u: charges and springs drawn at random, then made to obey Pm-3m."""
    graph = perovskite()
    draw = torch.randn(5, 3, 5, 3, generator=generator, dtype=torch.float64)
    springs = impose_hessian_sum_rule(symmetric_springs(graph, draw))
    modes = normal_modes(springs, graph)
    charges = symmetrized(graph, torch.randn(5, 3, 3, generator=generator, dtype=torch.float64))
    charges = charges - charges.mean(0)
    levels = modes.levels(tolerance=1e-3)
    assert [len(level) for level in levels] == [3, 3, 3, 3]
    strength = infrared_intensities(modes, charges)
    silent = [level for level in levels if float(strength[level].sum()) < 1e-20 * float(strength.sum())]
    assert len(silent) == 1
    # In the silent level only oxygens move, and their sum stands still.
    pattern = modes.displacements[silent[0]]
    assert pattern[:, :2].abs().max() < 1e-10
    assert pattern.sum(1).abs().max() < 1e-10


def symmetric_springs(graph, draw):
    """A Hessian that agrees with the crystal's symmetry: a random one averaged over the group, atom pair by pair."""
    from equitour.symmetry import symmetry_operations

    draw = draw + draw.permute(2, 3, 0, 1)
    total, operations = torch.zeros_like(draw), symmetry_operations(graph)
    for operation in operations:
        gap = ((graph.positions @ operation.mT)[:, None] - graph.positions) @ graph.cell[0].inverse()
        target = (gap - gap.round()).norm(dim=2).argmin(1)
        turned = torch.einsum("ac,ncmd,bd->namb", operation, draw, operation)
        total[target[:, None], :, target[None]] += turned.permute(0, 2, 1, 3)
    return total / len(operations)


def test_a_crystal_whose_atoms_all_sit_on_centres_of_inversion_shows_no_raman_line(generator):
    graph = perovskite()
    draw = torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.float64)
    tensors = symmetrized(graph, draw + draw.transpose(2, 3))
    modes = normal_modes(
        symmetric_springs(graph, torch.randn(5, 3, 5, 3, generator=generator).double()), graph
    )
    assert draw.abs().max() > 1
    assert raman_activities(mode_polarizabilities(modes, tensors)).max() < 1e-24


# Sum rules


def test_the_sum_rule_of_a_hessian_is_measured_and_imposed(generator):
    graph = row("OCO")
    noise = torch.randn(3, 3, 3, 3, generator=generator, dtype=torch.float64)
    broken = hessian_of_springs(graph) + 0.01 * (noise + noise.permute(2, 3, 0, 1))
    assert sum_rule_violation(hessian_of_springs(graph)) < 1e-14
    assert sum_rule_violation(broken) > 1e-3
    mended = impose_hessian_sum_rule(broken)
    assert sum_rule_violation(mended) < 1e-14
    assert torch.equal(mended, mended.permute(2, 3, 0, 1)) or torch.allclose(
        mended, mended.permute(2, 3, 0, 1)
    )
    assert torch.allclose(impose_hessian_sum_rule(mended), mended, atol=1e-15)
