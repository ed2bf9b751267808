"""The published crystals that lessons stand on, against what their authors and chemistry say of them."""

import io
import math

import ase.io
import pytest
import torch
from ase.data import atomic_numbers

from equitour.graph import AtomicGraph
from equitour.learn.crystals import ANGLES, COORDINATION, QUARTZ_CIF, draw_basis, draw_lattice, published
from equitour.symmetry import same_atoms, space_group, translate


@pytest.mark.parametrize(("name", "partner", "centre", "cutoff", "number"), COORDINATION)
def test_every_atom_has_the_neighbours_that_chemistry_counts(name, partner, centre, cutoff, number):
    graph = AtomicGraph.from_ase(published(name), cutoff=cutoff)
    counted = graph.atomic_numbers[graph.senders] == atomic_numbers[partner]
    degrees = torch.bincount(graph.receivers[counted], minlength=graph.num_nodes)
    assert set(degrees[graph.atomic_numbers == atomic_numbers[centre]].tolist()) == {number}


@pytest.mark.parametrize(("name", "centre", "cutoff", "degrees"), ANGLES)
def test_angles_between_bonds_are_the_published_ones(name, centre, cutoff, degrees):
    graph = AtomicGraph.from_ase(published(name), cutoff=cutoff)
    node = int((graph.atomic_numbers == atomic_numbers[centre]).nonzero()[0])
    bonds = torch.nn.functional.normalize(graph.edge_vectors()[graph.receivers == node], dim=1)
    upper = torch.triu_indices(len(bonds), len(bonds), 1)
    cosines = (bonds @ bonds.T)[upper[0], upper[1]].clamp(-1, 1)
    assert float(cosines.acos().mean()) == pytest.approx(math.radians(degrees), abs=2e-3)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Cu", 225),
        ("Fe", 229),
        ("Si", 227),
        ("NaCl", 225),
        ("SrTiO3", 221),
        ("TiO2", 136),
        ("SiO2", 154),
        ("C", 194),
    ],
)
def test_spglib_finds_the_space_group_of_the_paper(name, number):
    assert space_group(AtomicGraph.from_ase(published(name), cutoff=1.0)).number == number


def test_quartz_has_the_bonds_and_the_density_that_its_authors_report():
    quartz = published("SiO2")
    lengths = AtomicGraph.from_ase(quartz, cutoff=2.0).edge_lengths().sort().values
    assert lengths.min().item() == pytest.approx(1.605, abs=1e-3)
    assert lengths.max().item() == pytest.approx(1.614, abs=1e-3)
    density = quartz.get_masses().sum() * 1.66053907 / quartz.get_volume()  # g/cm³
    assert density == pytest.approx(2.646, abs=1e-3)


def test_the_quartz_of_the_mineral_database_is_the_same_crystal_a_third_of_a_cell_lower():
    file = AtomicGraph.from_ase(ase.io.read(io.StringIO(QUARTZ_CIF), format="cif"), cutoff=3.0)
    ours = AtomicGraph.from_ase(published("SiO2"), cutoff=3.0)
    assert not same_atoms(file, ours)
    assert same_atoms(translate(file, 2 / 3 * file.cell[0, 2]), ours)


@pytest.mark.parametrize("name", ["Cu", "Fe", "Si", "NaCl"])
def test_the_cubic_cell_is_the_same_crystal_as_the_primitive_one(name):
    one, other = (AtomicGraph.from_ase(published(name, cubic=cubic), cutoff=1.0) for cubic in (False, True))
    assert other.num_nodes > one.num_nodes
    assert other.num_nodes / torch.linalg.det(other.cell[0]) == pytest.approx(
        float(one.num_nodes / torch.linalg.det(one.cell[0]).abs())
    )
    assert same_atoms(one, other)


def test_an_unknown_crystal_is_named_with_those_that_are_here():
    with pytest.raises(ValueError, match=r"the crystal must be one of Cu, Fe, .* received 'Unobtainium'"):
        published("Unobtainium")


def test_drawn_cells_have_a_volume_and_drawn_bases_keep_it(generator):
    for _ in range(20):
        rho, g = draw_lattice(generator), draw_basis(generator)
        assert abs(float(torch.linalg.det(rho))) > 8
        assert float(torch.linalg.det(rho @ g)) == pytest.approx(float(torch.linalg.det(rho)))
        assert torch.equal(g, g.round())
        assert not torch.equal(g, g.T)
