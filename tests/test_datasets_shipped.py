"""Physics judges the shipped files: sum rules, limits, literature values, magnitudes that give units away."""

import itertools

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.data import atomic_masses, chemical_symbols

from equitour import datasets
from equitour.datasets.describe import size_in_words
from equitour.datasets.shelf import read_manifest
from equitour.graph import AtomicGraph
from equitour.symmetry import CartesianTensor, allowed_tensors, symmetry_operations

SHIPPED = read_manifest()


def load(name, **options):
    """A shipped set, or a skip with the reason while its recipe is still computing its first items."""
    if name not in SHIPPED:
        pytest.skip(f"{name} is not on the shelf yet: its recipe has not finished a first item")
    return datasets.load(name, **options)


def shortest_distances(data):
    return torch.tensor(
        [
            sample.graph.edge_lengths().min()
            for sample in data[:: max(1, len(data) // 50)]
            if sample.graph.num_edges
        ]
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_positions_are_in_angstrom_by_their_shortest_distances(name):
    low, high = (0.6, 1.3) if name.startswith("glass") else (0.55, 5.0)
    shortest = shortest_distances(load(name))
    assert (shortest > low).all()
    assert (shortest < high).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_no_item_stands_twice(name):
    data = load(name)
    assert len(set(data.keys)) == len(data)
    prints = set()
    for graph in data.graphs._items:
        # Sorted distances from the centroid do not change when a structure is moved, turned or renumbered.
        radii = np.linalg.norm(graph.positions - graph.positions.mean(0), axis=1)
        prints.add(
            (
                *np.sort(np.round(radii, 4)),
                *np.sort(graph.atomic_numbers),
                round(float(np.linalg.det(graph.cell)), 2),
                # A crystal stands once for each element that absorbs.
                str(graph.item.get("element", "")),
                # A cluster stands once for each method that computed it.
                str(graph.item.get("method", "")),
            )
        )
    assert len(prints) == len(data)


def test_corner_and_sample_of_qm9_share_no_molecule():
    corner, sample = load("qm9_small/corner"), load("qm9_small/sample")
    assert not set(corner.keys) & set(sample.keys)
    assert not set(corner.labels["smiles"]) & set(sample.labels["smiles"])
    heavy = [
        max(int((n > 1).sum()) for n in (i.atomic_numbers for i in d.graphs._items)) for d in (corner, sample)
    ]
    assert heavy == [7, 9]
    assert len(corner) == 3920
    assert len(sample) == 5000


def test_qm9_knows_water_and_methane():
    corner = load("qm9_small/corner")
    water, methane = (corner.labels["smiles"].index(s) for s in ("O", "C"))
    # 1 D = 0.2082 e·Å; B3LYP water: 1.85 D; HOMO of methane -0.3877 hartree.
    assert corner.labels["dipole_norm"][water] == pytest.approx(1.8511 * 0.20819434, abs=1e-4)
    assert corner.labels["homo"][methane] == pytest.approx(-10.55, abs=0.01)
    assert corner.labels["dipole_norm"][methane] < 1e-3
    assert corner.labels["smiles"].count("O") == 1


def test_the_mean_of_the_polarizability_eigenvalues_is_the_isotropic_one():
    for part in ("corner", "sample"):
        labels = load(f"qm9_small/{part}").labels
        mean, isotropic = labels["polarizability_eigenvalues"].mean(1), labels["polarizability_iso"]
        assert ((mean - isotropic) / isotropic).abs().max() < 1e-3


def test_mulliken_charges_of_neutral_molecules_sum_to_zero_and_the_gap_is_a_difference():
    data = load("qm9_small/corner")
    assert max(abs(float(q.sum())) for q in data.atom_labels["charges"]) < 2e-3
    torch.testing.assert_close(
        data.labels["gap"], data.labels["lumo"] - data.labels["homo"], atol=6e-3, rtol=0
    )


@pytest.mark.parametrize("molecule", ["ethanol", "water"])
def test_forces_and_torques_of_a_free_molecule_sum_to_zero(molecule):
    data = load(f"molecules_md/{molecule}")
    for name, tolerance in (("forces", 0.02), ("forces_gfn2", 2e-3)):
        known = [i for i in range(len(data)) if data.atom_labels[name][i].isfinite().all()][:200]
        assert known
        for i in known:
            forces, positions = data.atom_labels[name][i], data.graphs[i].positions
            assert forces.sum(0).abs().max() < tolerance
            assert torch.linalg.cross(positions, forces).sum(0).abs().max() < 2 * tolerance


def test_hot_ethanol_has_the_kinetics_of_500_kelvin_in_its_stretches():
    data = load("molecules_md/ethanol")
    lengths = torch.stack([g.edge_lengths().min() for g in data.graphs[:200]])
    assert 0.85 < lengths.mean() < 1.05
    spread = data.labels["energy_gfn2"].std()
    # A classical molecule of 9 atoms has 21 vibrations with kT/2 of potential energy each: spread kT sqrt(21/2).
    assert spread == pytest.approx(8.617e-5 * 500 * np.sqrt(21 / 2), rel=0.3)


def test_the_semiempirical_method_follows_density_functional_theory():
    data = load("molecules_md/ethanol")
    known = data.labels["energy"].isfinite()
    pair = torch.stack([data.labels["energy"][known], data.labels["energy_gfn2"][known]])
    assert known.sum() > 50
    assert torch.corrcoef(pair)[0, 1] > 0.8


def test_dipoles_of_hot_ethanol_are_a_third_of_an_electron_angstrom():
    data = load("molecules_md/ethanol")
    assert data.labels["dipole_gfn2"].norm(dim=1).mean() == pytest.approx(1.69 * 0.2082, rel=0.25)


def response():
    return load("molecules_response")


def test_born_charges_and_raman_tensors_of_molecules_obey_the_acoustic_sum_rule():
    data = response()
    for born, raman in zip(
        data.atom_labels["born_effective_charges"], data.atom_labels["raman_tensors"], strict=True
    ):
        # Exact but for the five digits that are kept: the grid moves with the atoms.
        assert born.sum(0).abs().max() < 1e-4
        assert raman.sum(0).abs().max() < 1e-4


def test_polarizabilities_are_symmetric_positive_and_those_of_the_literature():
    data = response()
    alpha = data.labels["polarizability"]
    torch.testing.assert_close(alpha, alpha.mT)
    assert (torch.linalg.eigvalsh(alpha) > 0).all()
    water = torch.tensor([m == "H2O" for m in data.labels["molecule"]])
    # Experiment 1.43 to 1.47 Å³ and 1.855 D at rest.
    mean = torch.einsum("nii->n", alpha[water]).mean() / 3
    assert mean == pytest.approx(1.45, rel=0.06)
    assert data.labels["dipole"][water].norm(dim=1).mean() == pytest.approx(1.9 * 0.2082, rel=0.08)


def test_a_turned_molecule_turns_its_charges_because_dipole_and_born_charges_agree():
    # Rotating a molecule by a small angle θ about n rotates its dipole: Σ Z*·(n × r) = n × μ, a sum rule of its own.
    data = response()
    for sample in data:
        z, r, mu = (
            sample.atom_labels["born_effective_charges"],
            sample.graph.positions,
            sample.labels["dipole"],
        )
        for axis in torch.eye(3, dtype=r.dtype):
            moved = torch.einsum("nba,nb->a", z, torch.linalg.cross(axis.expand_as(r), r))
            torch.testing.assert_close(moved, torch.linalg.cross(axis, mu), atol=3e-3, rtol=0)


def test_a_turned_molecule_turns_its_polarizability_because_raman_tensors_agree():
    for sample in response():
        raman, r, alpha = (
            sample.atom_labels["raman_tensors"],
            sample.graph.positions,
            sample.labels["polarizability"],
        )
        for axis in torch.eye(3, dtype=r.dtype):
            turn = torch.linalg.cross(axis.expand(3, 3), torch.eye(3, dtype=r.dtype)).T
            moved = torch.einsum("ncab,nc->ab", raman, r @ turn.T)
            # The recipe sees to 0.01 Å³; what the kept digits add is far below the rest.
            torch.testing.assert_close(moved, turn @ alpha - alpha @ turn, atol=0.0101, rtol=0)


@pytest.mark.parametrize("name", ["phonons", "phonons_reference"])
def test_phonon_densities_of_states_count_three_modes_an_atom(name):
    data = load(name)
    width = float(data.shared["frequency"][1] - data.shared["frequency"][0])
    for sample in data:
        partial = sample.atom_labels["dos_by_atom"]
        # What the smearing spills below zero was mirrored, so the point at zero stands for half a bin.
        modes = (partial.sum(1) - partial[:, 0] / 2) * width
        torch.testing.assert_close(modes, torch.full_like(modes, 3.0), atol=0.03, rtol=0)
        torch.testing.assert_close(partial.sum(0), sample.labels["dos"], atol=1e-4, rtol=0)


def test_heat_capacities_stay_below_dulong_and_petit_and_heavy_soft_crystals_come_close():
    data = load("phonons")
    capacity, top = data.labels["heat_capacity"], data.labels["max_frequency"]
    assert (capacity < 3).all()
    assert (capacity > 0.3).all()
    assert (capacity[top < 250] > 2.7).all()


def test_light_atoms_hold_the_upper_end_of_the_spectrum():
    data = load("phonons")
    axis, above = data.shared["frequency"], []
    for sample in data:
        masses = torch.tensor(atomic_masses)[sample.graph.atomic_numbers]
        if masses.max() > 3 * masses.min():
            centre = (sample.atom_labels["dos_by_atom"] @ axis) / sample.atom_labels["dos_by_atom"].sum(1)
            above.append(centre[masses.argmin()] > centre[masses.argmax()])
    assert len(above) >= 3
    assert np.mean(above) > 0.9


def test_the_reference_curves_know_aluminium_copper_and_silicon():
    data = load("phonons_reference")
    # Highest frequencies in THz: 9.7 for aluminium, 7.4 for copper, 15.5 for silicon.
    for key, top in (("Al_sg225", 9.7), ("Cu_sg225", 7.4), ("Si_sg227", 15.5)):
        assert data.labels["max_frequency"][data.keys.index(key)] / 33.356 == pytest.approx(top, rel=0.05)
    assert all(len(source) > 40 for source in data.labels["source"])


def mean_frequency(sample, axis):
    return float((sample.labels["dos"] @ axis) / sample.labels["dos"].sum())


def test_the_model_is_softer_than_the_references_by_some_ten_percent():
    computed, reference = load("phonons"), load("phonons_reference")
    axis, ratios = computed.shared["frequency"], []
    known = {(*sorted(s.graph.atomic_numbers.tolist()), int(s.labels["space_group"])): s for s in reference}
    for sample in computed:
        twin = known.get((*sorted(sample.graph.atomic_numbers.tolist()), int(sample.labels["space_group"])))
        if twin is not None:
            ratios.append(mean_frequency(sample, axis) / mean_frequency(twin, axis))
    assert len(ratios) >= 4
    assert 0.85 < np.mean(ratios) < 0.97


def test_three_branches_of_each_dispersion_start_at_zero_and_none_is_imaginary():
    data = load("phonon_bands")
    for sample in data:
        bands = sample.atom_labels["bands"].flatten(0, 1)
        assert bands[:3, 0].abs().max() < 3
        assert (bands.diff(dim=0) > -0.02).all()
        assert bands.min() > -30
        assert sample.labels["corners"].startswith("GAMMA 0.000")


def test_dispersions_and_densities_of_states_end_at_the_same_frequency():
    bands, density = load("phonon_bands"), load("phonons")
    for key, curves in zip(bands.keys, bands.atom_labels["bands"], strict=True):
        top = float(density.labels["max_frequency"][density.keys.index(key)])
        assert float(curves.max()) == pytest.approx(top, rel=0.06)


def glass(temperature):
    data = load("glass_kob_andersen")
    part = data[(data.labels["temperature"] - temperature).abs() < 1e-6]
    if not len(part):
        pytest.skip(f"no configuration at T = {temperature} on the shelf yet")
    return part


@pytest.mark.parametrize(("temperature", "energy"), [(0.64, -6.63), (0.56, -6.78), (0.50, -6.90)])
def test_the_glass_former_has_the_energy_of_its_temperature(temperature, energy):
    # Two longer runs gave -6.78 and -6.90; Rosenfeld and Tarazona's T^(3/5) leads from them to -6.63 at 0.64.
    part = glass(temperature)
    thermal = torch.stack(part.atom_labels["energy"]).mean()
    inherent = torch.stack(part.atom_labels["inherent_energy"]).mean()
    assert thermal == pytest.approx(energy, abs=0.05)
    assert -7.68 < inherent < -7.55


def pair_distances(positions: torch.Tensor, edge: float) -> torch.Tensor:
    apart = positions[:, None] - positions
    return (apart - edge * (apart / edge).round()).norm(dim=-1)[
        *torch.triu_indices(len(positions), len(positions), 1)
    ]


def test_the_first_neighbours_of_large_particles_stand_at_1_07():
    sample = glass(0.64)[0]
    large = sample.graph.positions[sample.graph.atomic_numbers == 1]
    assert len(large) == 800
    r = pair_distances(large, float(sample.graph.cell[0, 0, 0]))
    counts, edges = torch.histogram(r[r < 2], bins=80, range=(0.8, 1.6))
    centres = (edges[1:] + edges[:-1]) / 2
    assert centres[(counts / centres**2).argmax()] == pytest.approx(1.07, abs=0.03)


def test_propensity_is_the_mean_of_its_halves_which_agree_as_far_as_noise_lets_them():
    for part in itertools.islice(iter(glass(0.64)), 3):
        halves = part.atom_labels["propensity_halves"]
        torch.testing.assert_close(halves.mean(-1), part.atom_labels["propensity"], atol=2e-4, rtol=0)
        large = part.graph.atomic_numbers == 1
        agreement = torch.corrcoef(halves[large, 3].T)[0, 1]
        assert 0.7 < agreement < 1


def test_the_mean_displacement_is_shorter_than_the_mean_distance_and_motion_grows():
    sample = glass(0.64)[0]
    far, vector = sample.atom_labels["propensity"], sample.atom_labels["mean_displacement"].norm(dim=-1)
    assert (vector <= far + 1e-3).all()
    assert (far.mean(0).diff() > 0).all()


def amorphous():
    data = load("silicon_amorphous")
    return data[torch.tensor([p == "amorphous" for p in data.labels["phase"]])]


def test_amorphous_silicon_is_fourfold_with_bonds_of_2_35_and_tetrahedral_angles():
    for sample in amorphous():
        graph = AtomicGraph.from_ase(sample.graph.to_ase(), cutoff=2.85)
        assert graph.num_edges / graph.num_nodes == pytest.approx(4.05, abs=0.1)
        assert graph.edge_lengths().mean() == pytest.approx(2.38, abs=0.04)
        vectors = graph.edge_vectors() / graph.edge_lengths()[:, None]
        cosines = []
        for atom in range(graph.num_nodes):
            mine = vectors[graph.receivers == atom]
            cosines.append((mine @ mine.T)[*torch.triu_indices(len(mine), len(mine), 1)])
        angles = torch.rad2deg(torch.cat(cosines).clamp(-1, 1).arccos())
        # Tersoff cells pass the coordination test and fail this one: their angles spread by 20 degrees.
        assert angles.mean() == pytest.approx(108.6, abs=1)
        assert angles.std() < 16


def test_amorphous_silicon_lies_above_diamond_by_less_than_a_quarter_electronvolt():
    assert (
        (amorphous().labels["energy_above_diamond"] > 0.1)
        & (amorphous().labels["energy_above_diamond"] < 0.25)
    ).all()
    assert ((amorphous().labels["density"] - 2.285).abs() < 0.05).all()


def test_silicons_powder_lines_stand_where_bragg_puts_them():
    data = load("scattering")
    angle, silicon = data.shared["angle"], data[data.keys.index("phonons_reference/Si_sg227")]
    # Cu Kα: 28.47, 47.34, 56.17 degrees, X-ray intensities 100, 67, 40; neutrons 84, 100, 76.
    for kind, heights in (("xray", (100, 67, 40)), ("neutron", (84, 100, 76))):
        curve = silicon.labels[kind]
        for place, height in zip((28.47, 47.34, 56.17), heights, strict=True):
            near = (angle - place).abs() < 1
            assert angle[near][curve[near].argmax()] == pytest.approx(place, abs=0.25)
            assert 100 * curve[near].max() == pytest.approx(height, abs=6)


def test_neutrons_and_x_rays_see_the_same_lines_with_different_weights():
    data = load("scattering")
    xray, neutron = data.labels["xray"], data.labels["neutron"]
    assert (xray.amax(1) == 1).all()
    assert (neutron.amax(1) == 1).all()
    assert (xray - neutron).abs().mean() > 0.01


def first_peak(chi, wavenumber, longest):
    """Distance (Å) at which the Fourier transform of k² χ(k), through a Hann window, is largest."""
    distances = torch.arange(1.0, longest, 0.02, dtype=chi.dtype)
    window = torch.sin(torch.pi * (wavenumber - wavenumber[0]) / (wavenumber[-1] - wavenumber[0])) ** 2
    waves = torch.exp(2j * wavenumber[:, None] * distances)
    return float(distances[((chi * wavenumber**2 * window).to(waves) @ waves).abs().argmax()])


def test_absorption_of_a_metal_hears_its_nearest_neighbours_a_little_early():
    data = load("exafs")
    wavenumber = data.shared["wavenumber"]
    metals = [i for i, graph in enumerate(data.graphs) if len(set(graph.atomic_numbers.tolist())) == 1]
    assert len(metals) > 15
    for i in metals:
        nearest = float(data.labels["nearest"][i])
        peak = first_peak(data.labels["chi"][i].double(), wavenumber.double(), nearest + 0.8)
        graph = data.graphs[i]
        distances = graph.edge_vectors().norm(dim=1)[data.atom_labels["absorber"][i].bool()[graph.receivers]]
        # Gallium has one neighbour nearer than six more, zinc six nearer than six: a wave hears their mean.
        shell = float(distances[distances < 1.15 * nearest].mean())
        assert 0.2 < shell - peak < 0.5, data.keys[i]
    # Copper foil, the standard of every beamline: 2.24 Å before the phase is corrected.
    copper = data.keys.index("phonons_reference/Cu_sg225/Cu")
    assert first_peak(data.labels["chi"][copper].double(), wavenumber.double(), 4.0) == pytest.approx(
        2.24, abs=0.03
    )


def test_one_atom_absorbs_and_it_is_the_one_that_the_key_names():
    data = load("exafs")
    for key, graph, absorber in zip(data.keys, data.graphs, data.atom_labels["absorber"], strict=True):
        assert absorber.sum() == 1
        assert chemical_symbols[int(graph.atomic_numbers[absorber.bool()])] == key.rsplit("/", 1)[1]


def test_perovskites_have_the_gaps_and_formation_energies_of_their_method():
    data = load("perovskites")
    assert ((data.labels["gap"] >= 0) & (data.labels["gap"] < 16)).all()
    assert (data.labels["gap"] >= data.labels["gap_kohn_sham"] - 1e-6).all()
    assert ((data.labels["formation_energy"] > -5) & (data.labels["formation_energy"] < 1.5)).all()
    for graph, formula in zip(data.graphs, data.labels["formula"], strict=True):
        assert graph.num_nodes == 5
        assert formula.endswith("3")


# Wang et al., Sci. Rep. 11, 15496 (2021): what the Materials Project adds to PBE, eV an anion; CHGNet learnt the sum.
CORRECTIONS = {8: -0.687, 9: -0.462, 17: -0.614, 35: -0.534, 53: -0.379, 16: -0.503, 34: -0.472, 7: -0.361}


def formation_energies():
    """Formula -> formation energies (eV an atom) by PBE and by CHGNet, and what the Materials Project adds to each."""
    data = load("perovskites_check")
    of = {
        formula: torch.stack([data.labels["energy_pbe"][i], data.labels["energy_chgnet"][i]])
        for i, formula in enumerate(data.labels["formula"])
    }
    found = {}
    for formula, graph in zip(data.labels["formula"], data.graphs, strict=True):
        sites = graph.atomic_numbers.tolist()
        if formula.endswith("3"):
            elements = sum(of[chemical_symbols[number]] for number in sites) / 5
            corrected = torch.tensor([3 * CORRECTIONS[sites[-1]] / 5, 0.0])
            found[formula] = of[formula] - elements, corrected
    return found


def test_formation_energies_of_perovskites_are_those_of_density_functional_theory_with_known_corrections():
    found = {
        formula: (plain, plain + corrected)
        for formula, (plain, corrected) in formation_energies().items()
        # The Materials Project computes these with a Hubbard U.
        if not (set(formula) & set("VW") or "Mo" in formula) or formula[-2] not in "OF"
    }
    plain, corrected = (torch.stack(values) for values in zip(*found.values(), strict=True))
    assert len(found) == 118
    # Measured: 0.33 without the corrections, 0.07 with them; nothing is fitted.
    assert (plain[:98, 1] - plain[:98, 0]).abs().mean() > 0.25
    off = (corrected[:, 1] - corrected[:, 0]).abs()
    assert off[:98].mean() < 0.08
    assert torch.corrcoef(corrected.T)[0, 1] > 0.98
    # The twenty with later elements are worse, as the card says: 0.14, at most 0.25.
    assert 0.1 < off[98:].mean() < 0.15
    assert off[98:].max() < 0.26


def test_formation_energies_belong_to_the_cubic_crystals_beside_them():
    data = load("perovskites")
    stored = dict(zip(data.labels["formula"], data.labels["formation_energy"], strict=True))
    # A relaxation that left the cubic sites once told energies up to 0.8 eV an atom too low.
    for formula, (plain, _) in formation_energies().items():
        assert plain[1] == pytest.approx(float(stored[formula]), abs=1e-3), formula


def test_born_charges_of_barium_titanate_obey_the_sum_rule_and_titanium_is_anomalous():
    data = load("barium_titanate")
    for sample in data:
        born = sample.atom_labels["born_effective_charges"]
        # Missed by up to 0.18 e, 2.5 % of titanium's charge, and by as much on a finer mesh (`barium_titanate_check`).
        assert born.sum(0).abs().max() < 0.03 * 7.2
        titanium = torch.linalg.eigvalsh((born[1] + born[1].T) / 2)
        # The formal charge is 4; literature finds 7.2 in the cubic crystal, which displacements diminish.
        assert titanium.mean() > 4.5
        assert (titanium < 7.6).all()
    perfect = data[0].atom_labels["born_effective_charges"]
    torch.testing.assert_close(perfect[1], 7.23 * torch.eye(3, dtype=perfect.dtype), atol=0.15, rtol=0)


def test_a_set_counts_what_is_planned_less_what_was_refused():
    card = {"items": 3, "atoms": 9, "bytes": 1000}
    assert size_in_words(card).startswith("3 items, 9 atoms")
    assert size_in_words(card | {"planned": 8, "refused": ["a", "b"]}).startswith("3 items of 6 planned")
    assert size_in_words(card | {"refused": ["a"]}).startswith("3 items, 9 atoms")


def phosphide():
    """Aluminium phosphide with each cell's shift of phosphorus against aluminium, (cells, 3) in Å."""
    data = load("aluminium_phosphide")
    cell = torch.stack([graph.cell[0] for graph in data.graphs])
    places = torch.stack([graph.positions for graph in data.graphs])
    return data, places[:, 1] - places[:, 0] - cell.sum(1) / 4, (cell.diagonal(dim1=1, dim2=2) == 0).all(1)


def test_raman_tensors_of_aluminium_phosphide_are_symmetric_in_the_fields_and_opposite_on_its_two_atoms():
    for raman in phosphide()[0].atom_labels["raman_tensors"]:
        torch.testing.assert_close(raman, raman.mT)
        # The mesh misses the sum rule by up to an eighth of the largest component, as the card says.
        assert raman.sum(0).abs().max() < 0.15 * raman.abs().max()
        assert raman[0].flatten() @ raman[1].flatten() < -0.99 * raman[0].norm() * raman[1].norm()


def test_aluminium_and_phosphorus_have_opposite_born_charges_and_the_dielectric_constant_of_the_lda():
    data = phosphide()[0]
    born, unit = torch.stack(data.atom_labels["born_effective_charges"]), torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(born[:, 0], (2.2 * unit).expand(len(data), 3, 3), atol=0.15, rtol=0)
    torch.testing.assert_close(born[:, 0], -born[:, 1], atol=0.08, rtol=0)
    eps = data.labels["dielectric"]
    torch.testing.assert_close(eps, eps.mT, atol=1e-4, rtol=0)
    # The LDA finds 8.2 to 8.6, experiment 7.5; strain and displacements move the eigenvalues by some percent.
    assert eps.diagonal(dim1=1, dim2=2).mean(1).mean() == pytest.approx(8.5, abs=0.3)
    assert ((torch.linalg.eigvalsh(eps) > 7.8) & (torch.linalg.eigvalsh(eps) < 9.6)).all()


def test_raman_tensors_of_unstrained_aluminium_phosphide_are_four_constants_of_its_cubic_group():
    data, shifts, cubic = phosphide()
    cubic &= shifts.norm(dim=1) < 0.15  # Beyond, the third order counts.
    perfect = AtomicGraph.from_ase(bulk("AlP", "zincblende", a=5.451), cutoff=4.0)
    group = symmetry_operations(perfect)
    # χ_bc to second order in the shift u: its slope by u_a is k |ε_abc| + Σ_d K_abcd u_d, with three constants in K.
    (k,) = allowed_tensors(group, CartesianTensor("ijk=ikj"))
    K = allowed_tensors(group, CartesianTensor("ijkl=ikjl=ljki"))
    assert len(K) == 3
    assert int((k.abs() > 1e-9).sum()) == 6
    found = torch.stack(data.atom_labels["raman_tensors"]).double()[cubic]
    relative = (found[:, 1] - found[:, 0]) / 2
    terms = torch.stack(
        [
            k.expand_as(relative),
            *(torch.einsum("abcd,nd->nabc", one, shifts[cubic].double()) for one in K),
        ]
    )
    constants = torch.linalg.lstsq(terms.flatten(1).T, relative.flatten()[:, None]).solution
    missed = (terms.flatten(1).T @ constants)[:, 0] - relative.flatten()
    assert missed.norm() < 0.05 * relative.norm()
    # Where atoms have hardly moved, yz by x, zx by y and xy by z are all that is left.
    small = shifts[cubic].norm(dim=1).argmin()
    assert relative[small][k.abs() > 1e-9].std() < 0.1 * relative[small][k.abs() > 1e-9].mean()
    assert relative[small][k.abs() > 1e-9].mean() == pytest.approx(0.106, rel=0.1)


def test_the_dielectric_tensor_of_aluminium_phosphide_has_the_slope_that_the_raman_tensors_say():
    data, shifts, cubic = phosphide()
    x, y, z = shifts[cubic].double().T
    eps = data.labels["dielectric"][cubic].double()
    # ε_yz = 4π (k u_x + K u_y u_z), and so on round.
    left = torch.stack([torch.stack([x, y, z]).flatten(), torch.stack([y * z, z * x, x * y]).flatten()], 1)
    right = torch.stack([eps[:, 1, 2], eps[:, 2, 0], eps[:, 0, 1]]).flatten() / (4 * np.pi)
    slope = torch.linalg.lstsq(left, right[:, None]).solution[0, 0]
    raman = torch.stack(data.atom_labels["raman_tensors"]).double()[cubic]
    told = (raman[:, 1, 0, 1, 2] - raman[:, 0, 0, 1, 2]).mean() / 2
    # On this mesh the third derivative agrees with differences within a fifth, as the recipe says.
    assert told == pytest.approx(float(slope), rel=0.25)
