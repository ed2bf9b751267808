"""Scores of generated crystals that need nothing but the library: validity, distributions, coverage, what is missing."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers

from equitour.generative import (
    composition_fingerprint,
    composition_validity,
    coverage,
    mass_density,
    match_distance,
    powder_pattern,
    score_crystals,
    space_group,
    structural_validity,
    wasserstein_density,
    wasserstein_elements,
    write_cif,
)
from equitour.generative.crystal_metrics import optional
from equitour.generative.crystal_metrics.element_tables import element_tables
from equitour.generative.crystal_metrics.structural_validity import shortest_distance_between

ROCK_SALT = bulk("NaCl", "rocksalt", a=5.64)


def numbers(formula: str) -> list[int]:
    return Atoms(formula).numbers.tolist()


def pair(distance: float, cell=(3.0, 3.0, 3.0)) -> Atoms:
    return Atoms("HeNe", [[0, 0, 0], [distance, 0, 0]], cell=cell, pbc=True)


@pytest.fixture
def without_pymatgen(monkeypatch):
    monkeypatch.setattr(optional, "find_spec", lambda name: None)


def test_rock_salt_is_valid_and_a_squeezed_cell_is_not():
    squeezed = ROCK_SALT.copy()
    squeezed.set_cell(ROCK_SALT.cell.array * 0.17, scale_atoms=True)
    assert structural_validity(ROCK_SALT)
    assert not structural_validity(squeezed)


def test_half_an_angstrom_is_the_border_also_through_the_wall_of_the_cell():
    assert structural_validity(pair(0.501))
    assert not structural_validity(pair(0.499))
    assert not structural_validity(pair(2.6))


def test_images_of_one_atom_are_not_compared_but_a_vanishing_volume_is_invalid():
    assert structural_validity(Atoms("He", cell=(0.4, 3, 3), pbc=True))
    assert not structural_validity(Atoms("He", cell=(0.09, 1, 1), pbc=True))


def test_numbers_that_are_not_finite_are_invalid():
    broken = pair(1.0)
    broken.positions[1, 0] = np.nan
    assert not structural_validity(broken)


def test_the_shortest_distance_is_that_of_all_images_in_a_skewed_cell():
    chance = np.random.default_rng(3)
    for _ in range(20):
        cell = np.eye(3) * 3 + chance.uniform(-1, 1, (3, 3))
        atoms = Atoms("He4", scaled_positions=chance.uniform(size=(4, 3)), cell=cell, pbc=True)
        shifts = np.array(list(itertools.product(range(-3, 4), repeat=3))) @ cell
        expected = min(
            np.linalg.norm(b + shifts - a, axis=1).min()
            for a, b in itertools.combinations(atoms.positions, 2)
        )
        skew = np.array([[1, 2, 0], [0, 1, 0], [0, -3, 1]])
        atoms.set_cell(skew @ cell)
        assert shortest_distance_between(atoms) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("formula", ["NaCl", "BaTiO3", "CuZn", "Si8", "OF2", "LiFePO4", "Na2Cl2"])
def test_compositions_whose_charges_balance_pass_as_do_alloys_and_elements(formula):
    assert composition_validity(numbers(formula))


@pytest.mark.parametrize("formula", ["NaCl3", "KNaO3", "HeNa"])
def test_compositions_that_no_charges_balance_fail(formula):
    assert not composition_validity(numbers(formula))


def test_an_electron_may_not_go_to_the_less_electronegative():
    # Na 1- with Se 1+ is neutral, and wrong; Na2Se is right.
    assert not composition_validity(numbers("NaSe"))
    assert composition_validity(numbers("Na2Se"))


def test_composition_validity_knows_no_order_of_atoms():
    for order in set(itertools.permutations(numbers("CaTiO3"))):
        assert composition_validity(order) == composition_validity(numbers("CaTiO3"))


def test_other_lists_of_oxidation_states_can_be_given():
    states = {11: (1,), 17: (-1,)}
    assert composition_validity(numbers("NaCl"), oxidation_states=states)
    assert not composition_validity(numbers("BaTiO3"), oxidation_states=states)


def test_a_composition_without_atoms_is_refused():
    with pytest.raises(ValueError, match="at least one atom, received none"):
        composition_validity([])


def test_the_range_of_a_property_is_its_largest_less_its_least_also_in_the_mean_over_a_set():
    # The published means were copied by hand: a third of them follow from the others.
    means = element_tables().means.reshape(22, 6)
    assert np.allclose(means[:, 2], means[:, 1] - means[:, 0], rtol=0, atol=1e-9)


def test_features_of_rock_salt_are_those_counted_by_hand():
    tables = element_tables()
    raw = (composition_fingerprint(numbers("Na2Cl")) * tables.deviations + tables.means).reshape(22, 6)
    number = raw[tables.properties.index("Number")]
    assert np.allclose(number, [11, 17, 6, 13, 8 / 3, 11])
    electronegativity = raw[tables.properties.index("Electronegativity")]
    assert np.allclose(electronegativity[:4], [0.93, 3.16, 2.23, (2 * 0.93 + 3.16) / 3])


def test_a_property_that_nobody_knows_counts_as_average():
    tables = element_tables()
    helium = composition_fingerprint([2]).reshape(22, 6)
    assert (helium[tables.properties.index("Electronegativity")] == 0).all()
    assert np.isfinite(composition_fingerprint([atomic_numbers["Og"], 1])).all()


def test_density_is_that_of_the_handbook():
    assert mass_density(ROCK_SALT) == pytest.approx(2.165, abs=0.01)
    assert mass_density(bulk("Au")) == pytest.approx(19.3, abs=0.1)


def test_a_set_has_no_distance_from_itself_in_any_order():
    crystals = [bulk(name) for name in ("Cu", "Al", "Si")] + [ROCK_SALT]
    assert wasserstein_density(crystals, crystals[::-1]) == pytest.approx(0, abs=1e-14)
    assert wasserstein_elements(crystals, crystals[::-1]) == 0


def test_distances_of_distributions_are_how_far_the_earth_is_moved():
    swollen = ROCK_SALT.copy()
    swollen.set_cell(ROCK_SALT.cell.array * 2 ** (1 / 3), scale_atoms=True)
    assert wasserstein_density([swollen], [ROCK_SALT]) == pytest.approx(mass_density(ROCK_SALT) / 2)
    assert wasserstein_elements([ROCK_SALT], [ROCK_SALT, bulk("Si")]) == pytest.approx(0.5)


def test_a_distribution_of_nothing_is_refused():
    with pytest.raises(ValueError, match="received no valid generated one"):
        wasserstein_density([], [ROCK_SALT])


def points(*places: float) -> list:
    return [None if place is None else (np.array([place]), np.array([10 * place])) for place in places]


def covered(generated, reference):
    found = coverage(generated, reference, structure_cutoff=0.2, composition_cutoff=4.0)
    return found.recall, found.precision


def test_a_set_covers_itself():
    assert covered(points(0, 1, 2), points(2, 1, 0)) == (1, 1)


def test_duplicates_lower_the_recall_and_not_the_precision():
    assert covered(points(0, 0, 0, 0), points(0, 1, 2, 3)) == (0.25, 1)


def test_strangers_lower_the_precision_and_not_the_recall():
    assert covered(points(0, 1, 50, None), points(0, 1)) == (1, 0.5)


def test_structure_and_composition_may_be_near_to_different_crystals_as_published():
    made = [(np.array([0.0]), np.array([100.0])), (np.array([9.0]), np.array([0.0]))]
    assert covered(made, points(0)) == (1, 0)


def test_the_cutoffs_themselves_count_as_near():
    assert covered([(np.array([0.2]), np.array([4.0]))], points(0)) == (1, 1)
    assert covered([(np.array([0.21]), np.array([4.0]))], points(0)) == (0, 0)


def test_coverage_without_fingerprints_is_refused():
    with pytest.raises(ValueError, match="received no generated one"):
        covered(points(None), points(0))
    with pytest.raises(ValueError, match="received no reference one"):
        covered(points(0), points(None))


def test_scores_that_need_no_pymatgen_stand_without_it(without_pymatgen):
    crystals = [ROCK_SALT, bulk("Cu"), Atoms("NaCl3", np.eye(4, 3), cell=(4, 4, 4), pbc=True)]
    scores = score_crystals(crystals, crystals)
    assert scores.structural_validity == 100
    assert scores.composition_validity == pytest.approx(200 / 3)
    assert scores.wasserstein_density == scores.wasserstein_elements == 0
    assert scores.unique is None
    assert "pip install 'equitour[crystals]'" in scores.reasons["match_rate"]
    assert set(scores.reasons) == {name for name, value in scores.numbers().items() if value is None}


def test_the_published_distances_are_to_all_reference_crystals(without_pymatgen):
    crystals = [ROCK_SALT, Atoms("KNaO3", np.eye(5, 3) * 2, cell=(5, 5, 5), pbc=True)]
    scores = score_crystals(crystals, crystals)
    assert scores.wasserstein_elements == 0
    assert scores.published["wdist_num_elems"] == pytest.approx(0.5)
    assert scores.published["comp_valid"] == 0.5


def test_what_needs_pymatgen_names_the_cure(without_pymatgen):
    with pytest.raises(
        ImportError, match=r"comparing crystals needs pymatgen.*pip install 'equitour\[crystals\]'"
    ):
        match_distance(ROCK_SALT, ROCK_SALT)
    with pytest.raises(ImportError, match="a powder pattern needs pymatgen"):
        powder_pattern(ROCK_SALT)


def test_nothing_valid_leaves_the_distances_out(without_pymatgen):
    broken = Atoms("NaCl", [[0, 0, 0], [0.1, 0, 0]], cell=(4, 4, 4), pbc=True)
    scores = score_crystals([broken], [ROCK_SALT])
    assert scores.structural_validity == 0
    assert scores.wasserstein_density is None
    assert "no valid generated one" in scores.reasons["wasserstein_density"]


def test_unknown_cutoffs_and_empty_lists_are_refused():
    with pytest.raises(ValueError, match="must be one of perov, carbon, mp20, received 'mp_20'"):
        score_crystals([ROCK_SALT], [ROCK_SALT], cutoffs="mp_20")
    with pytest.raises(ValueError, match="must be of crystals, received none"):
        score_crystals([], [ROCK_SALT])


def test_space_groups_are_those_of_the_textbook():
    assert str(space_group(ROCK_SALT)) == "Fm-3m (225)"
    assert space_group(bulk("Si")).number == 227
    assert space_group(bulk("CsCl", "cesiumchloride", a=4.12)).symbol == "Pm-3m"


def test_a_rattled_crystal_has_its_group_within_the_tolerance_only():
    rattled = ROCK_SALT * 2
    rattled.rattle(0.01, seed=1)
    assert space_group(rattled, symprec=0.1).number == 225
    assert space_group(rattled, symprec=1e-4).number == 1


def test_a_crystal_on_one_point_has_no_space_group():
    with pytest.raises(ValueError, match="must be of a crystal whose atoms keep apart"):
        space_group(Atoms("He2", [[0, 0, 0], [0, 0, 0]], cell=(3, 3, 3), pbc=True))
    with pytest.raises(ValueError, match="symprec must be positive, received 0"):
        space_group(ROCK_SALT, symprec=0)


@pytest.mark.parametrize("handed", [1, -1])
def test_a_cif_gives_the_crystal_back_also_from_a_left_handed_cell(tmp_path, handed):
    from ase.io import read

    cell = np.array([[4.1, 0, 0], [0.7, 5.2, 0], [0.3, 0.9, 6.3 * handed]])
    atoms = Atoms("NaClBrK", np.random.default_rng(1).uniform(size=(4, 3)) @ cell, cell=cell, pbc=True)
    write_cif(tmp_path / "x.cif", [atoms, ROCK_SALT])
    back = read(tmp_path / "x.cif", index=":")
    assert [b.get_chemical_formula() for b in back] == [a.get_chemical_formula() for a in (atoms, ROCK_SALT)]
    assert np.allclose(back[0].get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-4)

    def chirality(a):
        around = a.get_distances(0, [1, 2, 3], mic=True, vector=True)
        return np.sign(np.linalg.det(around))

    assert chirality(back[0]) == chirality(atoms)


def test_a_cif_of_nothing_or_of_a_molecule_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold a crystal, received none"):
        write_cif(tmp_path / "x.cif", [])
    with pytest.raises(ValueError, match="received structure 0 without a cell"):
        write_cif(tmp_path / "x.cif", Atoms("H2", [[0, 0, 0], [0, 0, 0.7]]))
