"""Infrared and Raman intensities: units, invariance, selection by symmetry, and what is refused."""

import math

import numpy as np
import pytest
import torch
from ase import units
from response_toys import RockSalt

from equitour.dynamics.response import (
    NormalModes,
    depolarization_ratios,
    dielectric_function,
    hessian,
    hessian_by_autograd,
    impose_hessian_sum_rule,
    impose_sum_rule,
    infrared_intensities,
    mode_dipoles,
    mode_effective_charges,
    mode_polarizabilities,
    nonanalytic_hessian,
    normal_modes,
    oscillator_strengths,
    raman_activities,
    raman_intensities,
    raman_invariants,
    sum_rule_violation,
)
from equitour.graph import AtomicGraph, batch
from equitour.symmetry import random_orthogonal, random_rotation, rotate


def draw(*shape, generator):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def molecule(generator):
    """Four atoms anywhere, with random springs, charges and Raman tensors."""
    graph = AtomicGraph.from_arrays(2 * draw(4, 3, generator=generator), [8, 6, 1, 7], cutoff=3.0)
    root = draw(12, 12, generator=generator)
    springs = (root @ root.mT).reshape(4, 3, 4, 3)
    charges = impose_sum_rule(draw(4, 3, 3, generator=generator))
    tensors = draw(4, 3, 3, 3, generator=generator)
    return graph, springs, charges, impose_sum_rule(tensors + tensors.transpose(2, 3))


def turned(tensors, matrix, axes):
    """Every listed axis turned by the matrix."""
    for axis in axes:
        tensors = torch.tensordot(tensors, matrix, dims=([axis], [1])).movedim(-1, axis)
    return tensors


# Units


def test_one_debye_squared_is_42_2561_km_per_mol():
    """The factor of every quantum chemistry code, here from constants of nature."""
    debye = 1e-21 / units._c  # C m
    expected = units._Nav * (debye / 1e-10) ** 2 / units._amu / (12 * units._eps0 * units._c**2) / 1000
    modes = one_mode()
    charges = torch.zeros(1, 3, 3).double()
    charges[0, 0, 1] = 0.7
    km, debyes, raw = (
        float(infrared_intensities(modes, charges, unit=unit)[0]) for unit in ("km/mol", "D²/(Å² u)", "e²/u")
    )
    assert expected == pytest.approx(42.2561, abs=1e-4)
    assert km / debyes == pytest.approx(expected, rel=1e-9)
    assert raw == pytest.approx(0.49 / 4.0)
    assert debyes / raw == pytest.approx((units._e * 1e-10 / debye) ** 2, rel=1e-9)


def one_mode(frequency=1000.0, mass=4.0):
    """A single atom that swings along x."""
    pattern = torch.tensor([[[1.0, 0.0, 0.0]]], dtype=torch.float64)
    return NormalModes(
        frequencies=torch.tensor([frequency]).double(),
        eigenvectors=pattern,
        masses=torch.tensor([mass]).double(),
    )


def test_the_charge_of_a_mode_does_not_depend_on_its_mass_but_its_intensity_does():
    charges = torch.eye(3, dtype=torch.float64)[None] * 0.7
    for mass in (1.0, 4.0):
        modes = one_mode(mass=mass)
        assert mode_effective_charges(modes, charges)[0].tolist() == pytest.approx([0.7, 0, 0])
        assert infrared_intensities(modes, charges, unit="e²/u")[0] == pytest.approx(0.49 / mass)


def test_the_trace_of_the_oscillator_strength_is_the_infrared_intensity(generator):
    graph, springs, charges, _ = molecule(generator)
    modes = normal_modes(springs, graph)
    strengths = oscillator_strengths(modes, charges)
    assert torch.allclose(
        strengths.diagonal(dim1=1, dim2=2).sum(1), infrared_intensities(modes, charges, unit="e²/u")
    )
    assert torch.linalg.eigvalsh(strengths)[:, :2].abs().max() < 1e-14


def test_numpy_arrays_do_as_well_as_tensors(generator):
    graph, springs, charges, tensors = molecule(generator)
    modes = normal_modes(springs.numpy(), graph)
    assert torch.equal(infrared_intensities(modes, charges.numpy()), infrared_intensities(modes, charges))
    assert torch.equal(mode_polarizabilities(modes, tensors.numpy()), mode_polarizabilities(modes, tensors))


# Invariance


def test_a_turn_or_a_mirror_leaves_every_intensity_alone(generator):
    graph, springs, charges, tensors = molecule(generator)
    before = normal_modes(springs, graph)
    for _ in range(4):
        matrix = random_orthogonal(generator=generator)
        after = normal_modes(turned(springs, matrix, (1, 3)), rotate(graph, matrix))
        assert torch.allclose(after.frequencies, before.frequencies, rtol=1e-10)
        assert torch.allclose(
            infrared_intensities(after, turned(charges, matrix, (1, 2))),
            infrared_intensities(before, charges),
            rtol=1e-8,
        )
        one = mode_polarizabilities(before, tensors)
        other = mode_polarizabilities(after, turned(tensors, matrix, (1, 2, 3)))
        assert torch.allclose(raman_activities(other), raman_activities(one), rtol=1e-8)
        assert torch.allclose(depolarization_ratios(other), depolarization_ratios(one), rtol=1e-8)


def test_exchanged_indices_of_the_born_charges_change_the_spectrum(generator):
    """The planned mistake: a matrix [field, displacement] passes every look at its shape."""
    graph, springs, charges, _ = molecule(generator)
    modes = normal_modes(springs, graph)
    wrong = infrared_intensities(modes, charges.mT)
    assert not torch.allclose(wrong, infrared_intensities(modes, charges), rtol=0.1)
    assert sum_rule_violation(charges.mT) < 1e-14


def test_moving_the_whole_molecule_gives_no_intensity(generator):
    graph, springs, charges, tensors = molecule(generator)
    free = normal_modes(impose_hessian_sum_rule(springs), graph, keep_rigid=True)
    moving = free.chosen(free.frequencies.abs() < 1e-3)
    assert len(moving) == 3
    assert infrared_intensities(moving, charges).max() < 1e-24
    assert raman_activities(mode_polarizabilities(moving, tensors)).max() < 1e-24


def test_a_molecule_whose_charges_break_the_sum_rule_absorbs_when_it_moves_as_a_whole(generator):
    graph, springs, charges, _ = molecule(generator)
    free = normal_modes(impose_hessian_sum_rule(springs), graph, keep_rigid=True)
    moving = free.chosen(free.frequencies.abs() < 1e-3)
    assert infrared_intensities(moving, charges + 0.01).sum() > 1e-3


# Raman


def test_the_average_over_all_orientations_is_what_the_invariants_say(generator):
    """⟨α_zz²⟩ = (45a² + 4γ²)/45 and ⟨α_xz²⟩ = γ²/15, by turning a tensor at random 40,000 times."""
    tensor = draw(3, 3, generator=generator)
    tensor = tensor + tensor.mT
    turns = random_rotation(40_000, generator=generator)
    many = turns @ tensor @ turns.mT
    mean, anisotropy = (float(x) for x in raman_invariants(tensor))
    assert float(many[:, 2, 2].square().mean()) == pytest.approx((45 * mean + 4 * anisotropy) / 45, rel=0.02)
    assert float(many[:, 0, 2].square().mean()) == pytest.approx(anisotropy / 15, rel=0.02)
    ratio = float(many[:, 0, 2].square().mean() / many[:, 2, 2].square().mean())
    assert ratio == pytest.approx(float(depolarization_ratios(tensor)), rel=0.03)


def test_a_traceless_tensor_depolarises_as_far_as_possible_and_a_round_one_not_at_all():
    traceless = torch.diag(torch.tensor([1.0, 1.0, -2.0])).double()
    both = torch.stack([traceless, torch.eye(3).double()])
    assert depolarization_ratios(both).tolist() == pytest.approx([0.75, 0.0])
    assert depolarization_ratios(both, incident="natural").tolist() == pytest.approx([6 / 7, 0.0])
    assert math.isnan(float(depolarization_ratios(torch.zeros(3, 3).double())))


def test_anti_stokes_over_stokes_is_a_thermometer():
    """I_anti/I_Stokes = ((ν̃₀ + ν̃)/(ν̃₀ − ν̃))⁴ exp(−hcν̃/kT)."""
    nu, one = torch.tensor([465.0]).double(), torch.ones(1).double()
    sides = [
        float(raman_intensities(nu, one, laser_wavelength=532.0, temperature=400.0, side=side))
        for side in ("stokes", "anti-stokes")
    ]
    laser = 1e7 / 532
    boltzmann = math.exp(-units._hplanck * units._c * 46500 / (units._k * 400))
    assert sides[1] / sides[0] == pytest.approx(((laser + 465) / (laser - 465)) ** 4 * boltzmann, rel=1e-9)


def test_at_zero_temperature_only_the_stokes_side_is_left():
    nu, one = torch.tensor([465.0]).double(), torch.ones(1).double()
    cold = raman_intensities(nu, one, laser_wavelength=532.0, temperature=0.0)
    cool = raman_intensities(nu, one, laser_wavelength=532.0, temperature=1.0)
    assert float(cold) == pytest.approx(float(cool), rel=1e-12)
    assert float(raman_intensities(nu, one, laser_wavelength=532.0, temperature=0.0, side="anti-stokes")) == 0


def test_blue_light_scatters_more_than_red_by_the_fourth_power():
    nu, one = torch.tensor([1e-3]).double(), torch.ones(1).double()
    blue, red = (
        float(raman_intensities(nu, one, laser_wavelength=w, temperature=300.0)) for w in (400.0, 800.0)
    )
    assert blue / red == pytest.approx(16, rel=1e-6)


def test_the_cross_section_follows_from_constants_of_nature_in_si():
    """(2π)⁴/45 · h/(8π²cν̃) · (ν̃₀ − ν̃)⁴ · S with everything in metres and kilograms."""
    nu, laser, activity = 233_000.0, 1e9 / 514.5, 20e-40 / units._amu  # 1/m, 1/m, m⁴/kg
    by_hand = (
        (2 * math.pi) ** 4
        / 45
        * (laser - nu) ** 4
        * units._hplanck
        / (8 * math.pi**2 * units._c * nu)
        * activity
    )
    found = raman_intensities(np.array([2330.0]), np.array([20.0]), laser_wavelength=514.5, temperature=0.0)
    # As a ratio: beside numbers as small as these any absolute tolerance would let everything pass.
    assert float(found) * 1e-34 / by_hand == pytest.approx(1, rel=1e-9)


# What is refused


def test_born_charges_and_raman_tensors_of_the_wrong_shape_are_refused(generator):
    graph, springs, charges, tensors = molecule(generator)
    modes = normal_modes(springs, graph)
    with pytest.raises(
        ValueError, match=r"born_effective_charges must have shape \(4, 3, 3\), received \(4, 9\)"
    ):
        mode_dipoles(modes, charges.reshape(4, 9))
    with pytest.raises(ValueError, match=r"raman_tensors must have shape \(4, 3, 3, 3\), received \(4, 27\)"):
        mode_polarizabilities(modes, tensors.reshape(4, 27))
    with pytest.raises(
        ValueError, match=r"polarizabilities must have shape \(\.\.\., 3, 3\), received \(5, 6\)"
    ):
        raman_activities(torch.ones(5, 6).double())


@pytest.mark.parametrize(("order", "cure"), [((0, 2, 3, 1), "0, 3, 1, 2"), ((0, 2, 1, 3), "0, 2, 1, 3")])
def test_raman_tensors_in_another_order_are_found_by_their_symmetric_pair(order, cure, generator):
    graph, springs, _, tensors = molecule(generator)
    modes = normal_modes(springs, graph)
    wrong = tensors.permute(order)
    with pytest.raises(
        ValueError, match=rf"symmetric in their last two.*displacement first with .permute\({cure}\)"
    ):
        mode_polarizabilities(modes, wrong)
    right = wrong.permute([int(axis) for axis in cure.split(", ")])
    assert torch.equal(mode_polarizabilities(modes, right), mode_polarizabilities(modes, tensors))


def test_raman_tensors_without_any_symmetric_pair_are_refused(generator):
    graph, springs, _, _ = molecule(generator)
    with pytest.raises(ValueError, match=r"make them so with \(t \+ t.transpose\(2, 3\)\) / 2"):
        mode_polarizabilities(normal_modes(springs, graph), draw(4, 3, 3, 3, generator=generator))


def test_numbers_that_are_not_finite_are_refused(generator):
    graph, springs, charges, _ = molecule(generator)
    charges[1, 1, 1] = torch.nan
    with pytest.raises(ValueError, match="born_effective_charges must be finite, received NaN or infinity"):
        mode_dipoles(normal_modes(springs, graph), charges)


def test_hessians_that_cannot_be_are_refused(generator):
    graph, springs, _, _ = molecule(generator)
    with pytest.raises(
        ValueError, match=r"shape \(nodes, 3, nodes, 3\), received \(12, 12\): reshape a matrix"
    ):
        normal_modes(springs.reshape(12, 12), graph)
    with pytest.raises(
        ValueError, match=r"hessian must be symmetric, .*order its axes \(atom, xyz, atom, xyz\)"
    ):
        normal_modes(springs.permute(0, 3, 2, 1) + draw(4, 3, 4, 3, generator=generator), graph)
    with pytest.raises(
        ValueError, match=r"one graph of 4 atoms, received one of 3 atoms and 1 graphs: compute it"
    ):
        normal_modes(springs[:3, :, :3], graph)
    with pytest.raises(
        ValueError, match=r"a Hessian must belong to one structure, received 2: .*graph.split"
    ):
        hessian(lambda g: g.positions, batch([graph, graph]))
    with pytest.raises(
        ValueError, match=r"a Hessian must belong to one structure, received 2: .*graph.split"
    ):
        hessian_by_autograd(lambda g: g.positions, batch([graph, graph]))
    with pytest.raises(
        ValueError, match=r"forces must have shape \(4, 3\), received \(12,\): give a function"
    ):
        hessian(lambda g: g.positions.flatten(), graph)
    with pytest.raises(ValueError, match=r"step must be positive, received 0.0 Å: 0.01 is usual"):
        hessian(lambda g: g.positions, graph, step=0.0)


def test_masses_are_one_positive_number_for_each_atom(generator):
    graph, springs, _, _ = molecule(generator)
    weights = np.array([16.0, 12.0, 1.0, 14.0])
    assert normal_modes(springs, graph, masses=weights).masses.tolist() == weights.tolist()
    with pytest.raises(ValueError, match=r"masses must have shape \(4,\), received \(3,\): give one in u"):
        normal_modes(springs, graph, masses=weights[:3])
    with pytest.raises(ValueError, match=r"masses must be positive, received -16.0 u"):
        normal_modes(springs, graph, masses=-weights)


def test_a_single_atom_has_nothing_to_vibrate():
    graph = AtomicGraph.from_arrays([[0.0, 0, 0]], [18], cutoff=1.0)
    with pytest.raises(ValueError, match=r"beyond its 3 rigid motions, received a single atom: add atoms"):
        normal_modes(torch.zeros(1, 3, 1, 3).double(), graph)


def test_an_unknown_unit_or_light_or_side_is_refused():
    modes, charges, one = one_mode(), torch.zeros(1, 3, 3).double(), torch.ones(1).double()
    with pytest.raises(ValueError, match=r"unit must be one of km/mol, .*, received 'kJ': choose one"):
        infrared_intensities(modes, charges, unit="kJ")
    with pytest.raises(ValueError, match=r"incident must be 'polarized' or 'natural', received 'x'"):
        depolarization_ratios(torch.eye(3).double(), incident="x")
    with pytest.raises(ValueError, match=r"side must be 'stokes' or 'anti-stokes', received 'left'"):
        raman_intensities(one, one, laser_wavelength=532.0, temperature=300.0, side="left")


@pytest.mark.parametrize(
    ("frequency", "laser", "temperature", "sentence"),
    [
        (-50.0, 532.0, 300.0, r"between 0 and the laser's 18797 cm⁻¹, received -50.0 .*leave out unstable"),
        (20_000.0, 532.0, 300.0, r"between 0 and the laser's 18797 cm⁻¹, received 20000.0"),
        (50.0, 0.0, 300.0, r"laser_wavelength must be positive, received 0.0 nm: 532 is green"),
        (50.0, 532.0, -1.0, r"temperature must be at least 0 K, received -1.0: give kelvins"),
    ],
)
def test_light_that_cannot_be_is_refused(frequency, laser, temperature, sentence):
    with pytest.raises(ValueError, match=sentence):
        raman_intensities(np.array([frequency]), np.ones(1), laser_wavelength=laser, temperature=temperature)


def test_crystals_without_volume_direction_or_screening_are_refused():
    salt = RockSalt()
    good = {"volume": salt.volume, "direction": torch.ones(3).double()}
    for bad, sentence in (
        ({"volume": -1.0}, r"volume must be positive, received -1.0 Å³: take the determinant of the cell"),
        ({"direction": torch.zeros(3).double()}, r"length of the direction must be positive, received 0.0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            nonanalytic_hessian(salt.born, salt.dielectric, **good | bad)
    with pytest.raises(
        ValueError, match=r"q·ε∞·q must be positive, received -.*look at the dielectric tensor"
    ):
        nonanalytic_hessian(salt.born, -salt.dielectric, **good)


def test_a_dielectric_function_asks_for_stable_modes_and_a_damping_that_damps():
    salt = RockSalt()
    modes = normal_modes(salt.hessian, salt.graph)
    good = {"dielectric": salt.dielectric, "volume": salt.volume, "grid": torch.zeros(1).double()}
    with pytest.raises(
        ValueError, match=r"width must be at least 0 cm⁻¹, received -1.0: it is the damping Γ"
    ):
        dielectric_function(modes, salt.born, width=-1.0, **good)
    with pytest.raises(ValueError, match=r"the lowest frequency must be positive, .*leave out modes"):
        dielectric_function(normal_modes(-salt.hessian, salt.graph), salt.born, **good)


def test_tensors_without_an_axis_of_atoms_have_no_sum_rule():
    with pytest.raises(
        ValueError, match=r"tensors of atoms must have shape .*, received \(3,\): put the atoms first"
    ):
        sum_rule_violation(torch.ones(3).double())


def test_a_charged_molecule_keeps_its_charge_when_the_sum_rule_is_imposed(generator):
    charges = draw(4, 3, 3, generator=generator)
    mended = impose_sum_rule(charges, total=-torch.eye(3, dtype=torch.float64))
    assert torch.allclose(mended.sum(0), -torch.eye(3, dtype=torch.float64), atol=1e-14)
    shift = mended - charges
    assert torch.allclose(shift, shift[:1].expand(4, 3, 3), atol=1e-14)


def test_frames_ask_for_the_positions_of_these_atoms():
    with pytest.raises(
        ValueError, match=r"positions must have shape \(1, 3\), received \(2, 3\): give those"
    ):
        one_mode().frames(0, torch.zeros(2, 3).double())
