"""The relaxed perovskites: literature, radii and symmetry judge what CHGNet relaxed."""

import numpy as np
import pytest
import spglib

from equitour import datasets
from equitour.datasets.shelf import read_manifest
from equitour.generative import composition_validity

pytestmark = pytest.mark.skipif(
    "perovskites_relaxed" not in read_manifest(), reason="the recipe has not finished a first item"
)

# Shannon's ionic radii in Å, 12 neighbours of A, 6 of B and of the anion: Acta Cryst. A 32, 751 (1976).
RADII_A = {"K": 1.64, "Sr": 1.44, "Ba": 1.61, "Ca": 1.34, "La": 1.36, "Pb": 1.49, "Cs": 1.88}
RADII_B = {
    "Ti": 0.605,
    "Zr": 0.72,
    "Ta": 0.64,
    "Nb": 0.64,
    "Al": 0.535,
    "Mg": 0.72,
    "Zn": 0.74,
    "Sn": 0.69,
    "Li": 0.76,
}
RADII_X = {"O3": 1.40, "F3": 1.33}
# Cube roots of the volume of five atoms, in Å, of phases whose octahedra do not tilt: R. H. Mitchell, Perovskites (2002).
EDGES = {
    "SrTiO3": 3.905,
    "BaTiO3": 4.004,
    "KTaO3": 3.988,
    "KNbO3": 4.022,
    "LaAlO3": 3.790,
    "BaZrO3": 4.193,
    "BaSnO3": 4.116,
    "KMgF3": 3.989,
    "KZnF3": 4.056,
    "BaLiF3": 3.995,
}
# Enthalpies of formation at 298 K in kJ/mol. Titanates: I. Barin, Thermochemical Data of Pure Substances (1995). LaAlO3: from
# its oxides, J. Cheng, A. Navrotsky, J. Mater. Res. 18, 2501 (2003), with Barin's La2O3 and Al2O3.
ENTHALPIES = {
    "SrTiO3": -1672.4,
    "BaTiO3": -1659.8,
    "CaTiO3": -1660.6,
    "LaAlO3": -69.6 - (1793.7 + 1675.7) / 2,
}
KILOJOULES = 96.485  # kJ/mol in 1 eV


@pytest.fixture(scope="module")
def data():
    return datasets.load("perovskites_relaxed")


@pytest.fixture(scope="module")
def row(data):
    """Labels of one crystal by its formula, or a skip while the recipe has not come to it."""

    def found(formula):
        if formula not in data.keys:
            pytest.skip(f"{formula} is not on the shelf yet")
        return data[data.keys.index(formula)]

    return found


@pytest.mark.parametrize("formula", EDGES)
def test_cells_are_as_large_as_in_literature_a_little_larger_as_gradients_make_them(row, formula):
    edge = float(row(formula).labels["volume"]) ** (1 / 3)
    assert 0.995 < edge / EDGES[formula] < 1.02


@pytest.mark.parametrize("formula", ENTHALPIES)
def test_formation_energies_are_those_of_calorimetry_within_six_percent(row, formula):
    measured = ENTHALPIES[formula] / KILOJOULES / 5
    assert float(row(formula).labels["formation_energy"]) == pytest.approx(measured, rel=0.06)


def test_ferroelectrics_choose_the_phase_that_they_have_in_the_cold(row):
    # Barium titanate and potassium niobate end rhombohedral, lead titanate tetragonal and long.
    assert int(row("BaTiO3").labels["space_group"]) == 160
    assert int(row("KNbO3").labels["space_group"]) == 160
    lead = row("PbTiO3")
    assert int(lead.labels["space_group"]) == 99
    lengths = np.sort(lead.graph.to_ase().cell.lengths())
    # Experiment 1.06; PBE is known to make it 1.2.
    assert 1.05 < lengths[2] / lengths[0] < 1.3


def test_paraelectrics_stay_cubic(row):
    for formula in ("KTaO3", "LaAlO3", "KMgF3", "BaZrO3"):
        assert int(row(formula).labels["space_group"]) == 221, formula
        assert float(row(formula).labels["distortion_energy"]) == 0


def test_tolerance_factors_are_those_of_shannons_radii(data):
    checked = 0
    for formula, tolerance in zip(data.labels["formula"], data.labels["tolerance"].tolist(), strict=True):
        for a, b, x in ((a, b, x) for a in RADII_A for b in RADII_B for x in RADII_X):
            if formula == f"{a}{b}{x}":
                expected = (RADII_A[a] + RADII_X[x]) / (2**0.5 * (RADII_B[b] + RADII_X[x]))
                assert tolerance == pytest.approx(expected, abs=0.012), formula
                checked += 1
    assert checked >= 5


def test_space_groups_and_volumes_are_those_of_the_cells(data):
    for sample in data:
        atoms = sample.graph.to_ase()
        assert len(atoms) == 5
        assert atoms.get_volume() == pytest.approx(float(sample.labels["volume"]), rel=1e-3)
        cell = atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
        assert spglib.get_symmetry_dataset(cell, symprec=0.02).number == int(sample.labels["space_group"])


def test_distorted_crystals_lie_below_their_parents_and_undistorted_ones_have_the_parents_group(data):
    energy, group = data.labels["distortion_energy"], data.labels["space_group"]
    assert ((energy >= 0) & (energy <= 0.2501)).all()
    parents = (group == 221) | (group == 123)
    assert (energy[parents] < 2e-3).all()
    assert 0.1 < parents.double().mean() < 0.6


def test_charges_balance_and_no_composition_stands_twice(data):
    compositions = [tuple(sorted(graph.atomic_numbers.tolist())) for graph in data.graphs]
    valid = np.mean([composition_validity(numbers) for numbers in set(compositions)])
    # The published definition compares electronegativities too, which a few noble metals fail.
    assert valid > 0.95
    formulas = data.labels["formula"]
    assert len(set(formulas)) == len(formulas)
    twice = len(compositions) - len(set(compositions))
    # Where A and B may change places, both crystals are there.
    assert twice < 0.05 * len(compositions)


def test_atoms_keep_apart_and_shapes_stay_near_a_cube(data):
    for graph in data.graphs:
        atoms = graph.to_ase()
        assert atoms.get_all_distances(mic=True)[np.triu_indices(5, 1)].min() > 1.5
        lengths, angles = atoms.cell.lengths(), atoms.cell.angles()
        assert lengths.max() < 1.36 * lengths.min()
        assert np.abs(angles - 90).max() < 12.1
        assert np.linalg.det(atoms.cell.array) > 0


def test_fluorides_of_large_metals_bind_and_energies_have_the_order_of_electronegativity(data):
    energy, formula = data.labels["formation_energy"], data.labels["formula"]
    mean = {x: float(np.mean([e for e, f in zip(energy.tolist(), formula, strict=True) if f.endswith(x)])) for x in ("F3", "Cl3", "S3")}  # fmt: skip
    # Fluorine binds more than chlorine, and both more than sulfur.
    assert mean["F3"] < mean["Cl3"] < mean["S3"]
    assert ((energy > -4.5) & (energy < 2)).all()


def test_the_card_says_what_the_numbers_are_not():
    card = read_manifest()["perovskites_relaxed"]
    for word in ("not density functional theory", "spins", "tilt", "ordered"):
        assert word in card["caveats"]
    assert card["bytes"] < 150_000
    assert card["items"] + len(card["refused"]) <= card["planned"]
