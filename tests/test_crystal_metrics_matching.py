"""Scores that compare crystals: fingerprints, matches, uniqueness and novelty, against pymatgen, matminer and smact."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from equitour.generative import (
    CrystalCatalogue,
    composition_fingerprint,
    composition_validity,
    mass_density,
    match_distance,
    match_distances,
    novel_crystals,
    powder_pattern,
    score_crystals,
    structure_fingerprint,
    unique_crystals,
)
from equitour.generative.crystal_metrics.element_tables import element_tables
from equitour.generative.crystal_metrics.fingerprints import LENGTH, SHAPES
from equitour.generative.crystal_metrics.optional import to_pymatgen

pytest.importorskip("pymatgen")


def perovskite(a: str, b: str, x: str = "O", edge: float = 4.0) -> Atoms:
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Atoms([a, b, x, x, x], scaled_positions=places, cell=[edge] * 3, pbc=True)


def tilted() -> Atoms:
    """A crystal without any symmetry but translations, so that no operation is an accident."""
    places = np.random.default_rng(5).uniform(-0.04, 0.04, (5, 3))
    atoms = perovskite("Ca", "Ti")
    atoms.set_cell(
        atoms.cell.array + np.array([[0, 0, 0], [0.2, 0.1, 0], [-0.1, 0.3, 0.2]]), scale_atoms=True
    )
    atoms.positions += places * 4
    return atoms


ROCK_SALT = bulk("NaCl", "rocksalt", a=5.64)
SET = [perovskite(a, b) for a, b in (("Ca", "Ti"), ("Sr", "Ti"), ("Ba", "Zr"), ("K", "Nb"), ("La", "Al"))]


def permuted(atoms):
    return atoms[[3, 1, 4, 0, 2]]


def turned(atoms):
    other = atoms.copy()
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    other.set_cell(atoms.cell.array @ rotation.T)
    other.positions = atoms.positions @ rotation.T
    return other


def moved(atoms):
    other = atoms.copy()
    other.positions += [0.3, -7.1, 1.9]
    other.wrap()
    return other


def in_another_cell(atoms):
    other = atoms.copy()
    other.set_cell(np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]]) @ atoms.cell.array)
    other.wrap()
    return other


CHANGES = [permuted, turned, moved, in_another_cell]


@pytest.mark.parametrize("change", CHANGES)
def test_a_crystal_matches_itself_however_it_is_written(change):
    assert match_distance(tilted(), change(tilted())) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("change", CHANGES)
def test_fingerprints_know_neither_order_nor_cell_nor_direction(change):
    # CrystalNN rounds its weights to three digits, where a last bit can move one of them.
    assert np.allclose(structure_fingerprint(change(tilted())), structure_fingerprint(tilted()), atol=5e-3)
    same = composition_fingerprint(change(tilted()).numbers)
    assert np.array_equal(same, composition_fingerprint(tilted().numbers))


def test_a_perovskite_with_its_cations_exchanged_is_another_crystal():
    assert match_distance(perovskite("Ca", "Ti"), perovskite("Ti", "Ca")) is None


def test_cesium_chloride_with_its_ions_exchanged_is_the_same_crystal():
    crystal = bulk("CsCl", "cesiumchloride", a=4.12)
    other = crystal.copy()
    other.numbers = crystal.numbers[::-1]
    assert match_distance(crystal, other) == pytest.approx(0, abs=1e-12)


def test_other_elements_do_not_match():
    assert match_distance(perovskite("Ca", "Ti"), perovskite("Sr", "Ti")) is None


def test_volumes_are_scaled_to_each_other_before_a_match():
    assert match_distance(perovskite("Ca", "Ti"), perovskite("Ca", "Ti", edge=6.0)) == pytest.approx(
        0, abs=1e-12
    )


def test_the_distance_is_the_root_mean_square_displacement_over_the_size_of_an_atom():
    shift = 0.3
    other = ROCK_SALT.copy()
    other.positions[0, 0] += shift
    # The best common translation leaves half of the shift to each of the two atoms.
    expected = shift / 2 / (ROCK_SALT.get_volume() / 2) ** (1 / 3)
    assert match_distance(ROCK_SALT, other) == pytest.approx(expected, rel=1e-6)


def test_a_pair_that_cannot_be_compared_does_not_match():
    flat = ROCK_SALT.copy()
    flat.set_cell(np.zeros((3, 3)))
    assert match_distance(flat, ROCK_SALT) is None


def test_pairs_need_two_lists_of_one_length():
    with pytest.raises(ValueError, match="received 2 generated and 5 reference ones"):
        match_distances(SET[:2], SET)


def test_what_is_written_twice_counts_once():
    crystals = [SET[0], SET[1], in_another_cell(SET[0]), moved(SET[1]), SET[0] * (1, 1, 2)]
    assert unique_crystals(crystals) == [True, True, False, False, False]


def test_what_stands_in_the_training_set_is_not_novel():
    crystals = [turned(SET[0]), perovskite("Ti", "Ca"), SET[4]]
    assert novel_crystals(crystals, SET[:3]) == [False, True, True]


def test_a_catalogue_finds_crystals_again():
    catalogue = CrystalCatalogue()
    assert catalogue.add(tilted())
    assert not catalogue.add(permuted(tilted()))
    assert turned(tilted()) in catalogue
    assert ROCK_SALT not in catalogue


def test_a_set_scored_against_itself_has_all_and_differs_in_nothing():
    scores = score_crystals(SET, SET)
    percentages = (
        "structural_validity composition_validity coverage_recall coverage_precision match_rate unique"
    )
    assert all(getattr(scores, name) == 100 for name in percentages.split())
    assert scores.wasserstein_density == scores.wasserstein_elements == scores.novel == 0
    assert scores.match_rmse == pytest.approx(0, abs=1e-12)
    assert scores.reasons == {}
    assert scores.published["match_rate"] == 1


def test_scores_know_neither_order_of_atoms_nor_cells_nor_directions():
    plain = score_crystals(SET, SET[1:] + SET[:1]).numbers()
    written = [change(a) for change, a in zip([*CHANGES, moved], SET, strict=True)]
    changed = score_crystals(written, SET[1:] + SET[:1])
    assert plain["match_rate"] == 0
    del plain["match_rmse"]
    for name, value in plain.items():
        assert getattr(changed, name) == pytest.approx(value, abs=1e-12)


def test_copies_of_one_crystal_are_precise_and_recall_little():
    scores = score_crystals([SET[0]] * 5, SET)
    assert scores.coverage_precision == 100
    assert scores.coverage_recall < 100
    assert scores.unique == 20
    assert scores.match_rate == 20


def test_invalid_crystals_match_nothing_and_cover_nothing():
    broken = perovskite("Ca", "Ti", edge=0.9)
    flat = SET[1].copy()
    flat.cell[2] = 0
    scores = score_crystals([broken, flat, *SET[2:]], SET)
    assert scores.structural_validity == scores.match_rate == scores.coverage_precision == 60
    # A flat cell is neither; a squeezed one is the known crystal, because volumes are scaled.
    assert scores.unique == 80
    assert scores.novel == 0


def test_lists_of_different_length_have_no_match_and_say_why():
    scores = score_crystals(SET[:2], SET)
    assert scores.match_rate is None
    assert scores.reasons["match_rate"] == (
        "match pairs crystals in order, and there are 2 generated and 5 reference ones"
    )
    assert scores.coverage_precision == 100


def test_a_fingerprint_of_a_perovskite_sees_its_octahedron():
    names = [name for number in range(1, 25) for name in ("weight", *SHAPES.get(number, ()))]
    assert len(names) == LENGTH == 61
    octahedral = names.index("octahedral")
    assert structure_fingerprint(perovskite("Sr", "Ti", edge=3.9))[octahedral] > 0.15
    assert structure_fingerprint(bulk("Si"))[octahedral] == 0
    assert structure_fingerprint(bulk("Si"))[names.index("tetrahedral")] > 0.9


def test_a_flat_cell_has_no_fingerprint():
    flat = ROCK_SALT.copy()
    flat.cell[2] = flat.cell[1]
    assert structure_fingerprint(flat) is None


def test_densities_equal_those_of_pymatgen():
    for crystal in [*SET, ROCK_SALT]:
        assert mass_density(crystal) == pytest.approx(to_pymatgen(crystal).density, rel=1e-4)


def test_lines_of_rock_salt_stand_where_bragg_puts_them():
    pattern = powder_pattern(ROCK_SALT)
    spacings = 5.64 / np.sqrt([3, 4, 8])
    assert np.allclose(pattern.spacings[:3], spacings)
    assert np.allclose(pattern.angles[:3], [27.4, 31.7, 45.5], atol=0.1)
    assert np.allclose(2 * pattern.spacings * np.sin(np.radians(pattern.angles / 2)), 1.54184)
    assert pattern.intensities.max() == 100
    assert pattern.intensities.argmax() == 1


@pytest.mark.parametrize(
    "crystal", [tilted(), ROCK_SALT, bulk("Cu"), bulk("ZnO", "wurtzite", a=3.25, c=5.2), SET[3]]
)
def test_fingerprints_equal_those_of_matminer(crystal):
    fingerprint = pytest.importorskip("matminer.featurizers.site.fingerprint")
    composite = pytest.importorskip("matminer.featurizers.composition.composite")
    structure = to_pymatgen(crystal)
    sites = fingerprint.CrystalNNFingerprint.from_preset("ops")
    theirs = np.mean([sites.featurize(structure, site) for site in range(len(structure))], axis=0)
    assert np.allclose(structure_fingerprint(crystal), theirs, rtol=0, atol=1e-12)
    magpie = composite.ElementProperty.from_preset("magpie", impute_nan=False)
    tables = element_tables()
    theirs = (np.array(magpie.featurize(structure.composition)) - tables.means) / tables.deviations
    assert np.allclose(composition_fingerprint(crystal.numbers), np.nan_to_num(theirs), rtol=0, atol=1e-12)


def test_composition_validity_equals_that_of_smact_with_the_list_of_2014():
    screening = pytest.importorskip("smact.screening")
    chance = np.random.default_rng(0)
    ours, theirs = [], []
    # Elements up to bismuth whose electronegativity is known: of the others the programs think differently.
    tables = element_tables()
    known = [z for z in range(1, 84) if tables.pauling[z] and tables.oxidation_states[z]]
    for _ in range(300):
        chosen = chance.choice(known, size=chance.integers(2, 5), replace=False)
        atoms = Atoms(np.repeat(chosen, chance.integers(1, 4, len(chosen))))
        ours.append(composition_validity(atoms.numbers))
        formula = atoms.get_chemical_formula()
        theirs.append(bool(screening.smact_validity(formula, oxidation_states_set="smact14")))
    assert ours == theirs
    assert 0.2 < np.mean(ours) < 0.9
