"""Cells out of noise, and the distributions by which they are compared with real ones."""

import pytest
import torch
from ase import Atoms
from ase.build import bulk, graphene, molecule

from equitour.generative import (
    MotifDenoiser,
    coordination_numbers,
    denoise_cell,
    environments,
    radial_distribution,
    ring_counts,
)
from equitour.graph import AtomicGraph
from equitour.learn.checkpoints import lesson_502


@pytest.fixture(scope="module")
def diamond():
    return AtomicGraph.from_ase(bulk("Si", cubic=True) * (2, 2, 2), cutoff=4.5)


def random_cell(size, generator, density=0.0487):
    edge = (size / density) ** (1 / 3)
    positions = edge * torch.rand(size, 3, generator=generator, dtype=torch.float64)
    cell = edge * torch.eye(3, dtype=torch.float64)
    return AtomicGraph.from_arrays(positions, [14] * size, cutoff=4.5, cell=cell, pbc=True, min_distance=1e-4)


class BondsOfDiamond(MotifDenoiser):
    """Behind any noise stands the one motif of a crystal whose neighbours are four: those of diamond."""

    def forward(self, rows, sigma, sharp=None):
        return torch.zeros_like(rows)


def test_a_shaken_crystal_is_mended_by_a_model_that_knows_its_motif(diamond, generator):
    """Motifs of neighbouring atoms are mirror images; synchronisation allows for it."""
    motif = environments(diamond, num_neighbors=4).vectors[0].float()
    exact = BondsOfDiamond(motif, 0.5, elements=[14], num_neighbors=4, channels=8, num_layers=1)
    kick = 0.15 * torch.randn(diamond.positions.shape, generator=generator, dtype=torch.float64)
    shaken = diamond.replace(positions=diamond.positions + kick)
    *_, last = denoise_cell(exact, shaken, steps=40, noise=0.0, generator=generator)
    lengths = last.graph.rebuild(cutoff=3.0).edge_lengths()
    assert lengths.std() < 0.01
    assert lengths.mean().item() == pytest.approx(motif.norm(dim=-1).mean().item(), abs=0.005)
    assert last.disagreement < 0.02


def test_from_random_positions_most_atoms_find_four_neighbours(generator):
    """Real amorphous silicon of the shelf has 91 %; random positions have a seventh of that."""
    start = random_cell(64, generator)
    *_, last = denoise_cell(lesson_502.load("denoiser"), start, steps=150, generator=generator)
    fourfold = [
        (coordination_numbers(graph, cutoff=2.85) == 4).double().mean() for graph in (start, last.graph)
    ]
    assert fourfold[0] < 0.25
    assert fourfold[1] > 0.55
    assert last.graph.rebuild(cutoff=4.0).edge_lengths().min() > 2.0


def test_the_callers_structure_stays_as_it_was(generator):
    start = random_cell(32, generator)
    before = start.positions.clone()
    next(denoise_cell(lesson_502.load("denoiser"), start, steps=3, generator=generator))
    assert torch.equal(start.positions, before)


def test_a_strange_element_and_a_molecule_are_refused(generator):
    model = lesson_502.load("denoiser")
    germanium = AtomicGraph.from_ase(bulk("Ge", cubic=True), cutoff=4.5)
    with pytest.raises(
        ValueError, match=r"elements that the network has learnt \(\[14\]\), received atomic numbers \[32\]"
    ):
        next(denoise_cell(model, germanium, steps=2))
    silane = AtomicGraph.from_ase(
        Atoms("Si9", positions=3 * torch.randn(9, 3, generator=generator).numpy()), cutoff=9.0
    )
    with pytest.raises(ValueError, match="must be one periodic cell, received 1 with periodic directions"):
        next(denoise_cell(model, silane, steps=2))


def test_an_ideal_gas_has_no_structure(generator):
    _, g = radial_distribution(random_cell(3000, generator), r_max=8.0, bins=8)
    assert torch.allclose(g[1:], torch.ones_like(g[1:]), atol=0.06)


def test_the_integral_over_the_first_peak_counts_the_bonds(diamond):
    r, g = radial_distribution(diamond, r_max=3.0, bins=60)
    density = diamond.num_nodes / torch.linalg.det(diamond.cell[0])
    edges = torch.linspace(0, 3.0, 61, dtype=torch.float64)
    shells = 4 / 3 * torch.pi * (edges[1:] ** 3 - edges[:-1] ** 3)
    assert float((g * shells * density).sum()) == pytest.approx(4, rel=1e-6)
    assert float(r[g.argmax()]) == pytest.approx(2.352, abs=0.03)


def test_a_molecule_has_no_density():
    water = AtomicGraph.from_ase(molecule("H2O"), cutoff=3.0)
    with pytest.raises(ValueError, match=r"g\(r\) must be of one periodic cell"):
        radial_distribution(water, r_max=3.0)


def test_coordination_of_diamond_is_four(diamond):
    assert coordination_numbers(diamond, cutoff=2.85).unique().tolist() == [4]


@pytest.mark.parametrize(
    ("structure", "cutoff", "size", "pairs"),
    [
        (bulk("Si"), 2.6, 6, 2 * 6),  # Two atoms in the cell, six pairs of four bonds each.
        (
            bulk("Po", "sc", a=3.35),
            3.5,
            4,
            12,
        ),  # Of fifteen pairs three lie on a line: their ring is another.
        (graphene(a=2.46, vacuum=5.0), 1.6, 6, 2 * 3),
        (bulk("Cu"), 2.7, 3, 24),
        (molecule("C6H6"), 1.6, 6, 6),
    ],
)
def test_rings_of_crystals_and_of_benzene(structure, cutoff, size, pairs):
    counts = ring_counts(AtomicGraph.from_ase(structure, cutoff=cutoff), cutoff=cutoff)
    assert min(n for n in counts if n) == size
    assert counts[size] == pairs


def test_a_chain_has_no_ring():
    chain = AtomicGraph.from_ase(Atoms("C5", positions=[[1.4 * i, 0, 0] for i in range(5)]), cutoff=1.5)
    assert ring_counts(chain, cutoff=1.5) == {0: 3}
