import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, graphene, molecule
from ase.io import write
from ase.neighborlist import neighbor_list as ase_neighbor_list

from equitour.graph import AtomicGraph, batch


def edge_multiset(graph):
    columns = torch.cat([graph.senders[:, None], graph.receivers[:, None], graph.cell_shifts], dim=1)
    return Counter(map(tuple, columns.tolist()))


def ase_multiset(atoms, cutoff):
    i, j, shifts = ase_neighbor_list("ijS", atoms, cutoff)
    return Counter(map(tuple, np.column_stack([i, j, shifts]).tolist()))


def random_crystal(rng):
    """A cell of any shape, atoms inside or outside, periodic in any directions."""
    while True:
        cell = rng.normal(size=(3, 3)) * rng.uniform(1.5, 4)
        if abs(np.linalg.det(cell)) > 1:
            break
    n = rng.integers(1, 6)
    return Atoms(
        numbers=rng.integers(1, 90, n),
        positions=4 * rng.normal(size=(n, 3)),
        cell=cell,
        pbc=rng.integers(0, 2, 3).astype(bool),
    )


@pytest.mark.parametrize("seed", range(20))
def test_edges_are_exactly_those_of_ase_in_two_hundred_random_cells(seed):
    rng = np.random.default_rng(seed)
    for _ in range(10):
        atoms, cutoff = random_crystal(rng), rng.uniform(1, 6)
        graph = AtomicGraph.from_ase(atoms, cutoff=cutoff, min_distance=0)
        assert edge_multiset(graph) == ase_multiset(atoms, cutoff)


@pytest.mark.parametrize(
    ("atoms", "cutoff"),
    [
        (bulk("Cu"), 8.0),  # The cutoff exceeds the cell three times.
        (Atoms("Si", cell=[[3, 0, 0], [40, 3, 0], [-25, 31, 4]], pbc=True), 4.0),  # Strongly skewed.
        (graphene(vacuum=None), 3.0),  # Periodic in two directions, without a third vector.
        (Atoms("C", cell=[1.5, 0, 0], pbc=[True, False, False]), 5.0),  # In one.
        (molecule("C6H6"), 2.0),  # In none, without a cell.
    ],
    ids=["small", "skewed", "slab", "wire", "molecule"],
)
def test_edges_are_exactly_those_of_ase_in_hard_cells(atoms, cutoff):
    graph = AtomicGraph.from_ase(atoms, cutoff=cutoff)
    assert graph.num_edges > 0
    assert edge_multiset(graph) == ase_multiset(atoms, cutoff)


def test_edge_vectors_are_the_d_of_ase_and_edges_are_sorted_by_receiver(rattled_salt):
    i, j, shifts, vectors = ase_neighbor_list("ijSD", rattled_salt.to_ase(), 4.5)
    expected = {(*key,): vector for *key, vector in zip(i, j, *shifts.T, vectors, strict=True)}
    for *key, vector in zip(
        rattled_salt.senders.tolist(),
        rattled_salt.receivers.tolist(),
        *rattled_salt.cell_shifts.T.tolist(),
        rattled_salt.edge_vectors(),
        strict=True,
    ):
        assert np.allclose(vector, expected[tuple(key)], atol=1e-13)
    assert (rattled_salt.receivers.diff() >= 0).all()


def test_every_edge_has_its_reverse(rattled_salt):
    forward = edge_multiset(rattled_salt)
    assert forward == Counter((r, s, -a, -b, -c) for s, r, a, b, c in forward.elements())


@pytest.mark.parametrize(("name", "cutoff", "neighbors"), [("Cu", 2.7, 12), ("Fe", 2.6, 8), ("Si", 2.5, 4)])
def test_coordination_numbers_of_textbook_crystals(name, cutoff, neighbors):
    assert AtomicGraph.from_ase(bulk(name), cutoff=cutoff).num_edges == neighbors * len(bulk(name))


def test_split_undoes_batch_exactly(ethanol, rattled_salt):
    graphs = [ethanol, rattled_salt, AtomicGraph.from_ase(bulk("Cu"), cutoff=3.0), ethanol]
    for before, after in zip(graphs, batch(graphs).split(), strict=True):
        for name, value in vars(before).items():
            assert torch.equal(getattr(after, name), value), name


def test_split_keeps_structures_without_edges():
    lone = AtomicGraph.from_arrays([[0.0, 0, 0]], [2], cutoff=3.0)
    pair = AtomicGraph.from_arrays([[0.0, 0, 0], [1, 0, 0]], [1, 1], cutoff=3.0)
    assert [graph.num_edges for graph in batch([lone, pair, lone]).split()] == [0, 2, 0]


def test_edge_vectors_of_a_batch_are_those_one_by_one(ethanol, rattled_salt):
    together = batch([ethanol, rattled_salt]).edge_vectors()
    assert torch.equal(together, torch.cat([ethanol.edge_vectors(), rattled_salt.edge_vectors()]))


def test_a_batch_of_batches_is_one_batch(ethanol, rattled_salt):
    nested = batch([batch([ethanol, rattled_salt]), ethanol])
    flat = batch([ethanol, rattled_salt, ethanol])
    assert all(torch.equal(getattr(nested, name), value) for name, value in vars(flat).items())


def test_edge_vectors_carry_gradients_to_positions_and_cell(rattled_salt):
    positions = rattled_salt.positions.clone().requires_grad_()
    cell = rattled_salt.cell.clone().requires_grad_()
    moved = rattled_salt.replace(positions=positions, cell=cell)
    weights = torch.arange(moved.num_edges).double()[:, None]
    (moved.edge_vectors() * weights).sum().backward()
    expected = (rattled_salt.cell_shifts.double() * weights).sum(0)[:, None].expand(3, 3)
    assert torch.allclose(cell.grad[0], expected)
    assert not rattled_salt.positions.requires_grad


def test_rebuild_finds_the_edges_of_the_new_cutoff(rattled_salt, ethanol):
    rebuilt = batch([rattled_salt, ethanol]).rebuild(cutoff=3.0).split()
    assert edge_multiset(rebuilt[0]) == ase_multiset(rattled_salt.to_ase(), 3.0)
    assert edge_multiset(rebuilt[1]) == ase_multiset(ethanol.to_ase(), 3.0)


def test_ase_round_trip_keeps_the_structure(rattled_salt):
    atoms = rattled_salt.to_ase()
    again = AtomicGraph.from_ase(atoms, cutoff=4.5)
    assert all(torch.equal(getattr(again, name), value) for name, value in vars(rattled_salt).items())


@pytest.mark.parametrize("suffix", ["cif", "POSCAR", "xyz", "extxyz"])
def test_structures_come_straight_from_files(suffix, tmp_path, rattled_salt):
    path = tmp_path / ("POSCAR" if suffix == "POSCAR" else f"salt.{suffix}")
    write(path, rattled_salt.to_ase(), format="vasp" if suffix == "POSCAR" else suffix)
    graph = AtomicGraph.from_ase(path, cutoff=3.0)
    assert sorted(graph.atomic_numbers.tolist()) == [11] * 4 + [17] * 4
    # Plain xyz carries no cell.
    assert bool(graph.pbc.all()) == (suffix != "xyz")
    assert graph.num_edges == rattled_salt.rebuild(cutoff=3.0).num_edges or suffix == "xyz"


def test_dtype_and_device_are_arguments(ethanol):
    graph = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0, dtype=torch.float32, device="cpu")
    assert graph.edge_vectors().dtype == torch.float32
    assert graph.to(dtype=torch.float64).cell.dtype == torch.float64
    assert torch.equal(graph.senders, ethanol.senders)


def test_a_graph_lives_on_another_device(ethanol, device):
    graph = AtomicGraph.from_ase(ethanol.to_ase(), cutoff=3.0, device=device)
    assert {value.device.type for value in vars(graph).values()} == {device}
    assert torch.equal(batch([graph, graph]).split()[1].senders.cpu(), ethanol.senders)


def test_the_edges_per_atom_do_not_depend_on_the_size_of_the_crystal():
    small, large = (AtomicGraph.from_ase(bulk("Cu", cubic=True).repeat(n), cutoff=4.0) for n in (5, 15))
    assert large.num_edges == 27 * small.num_edges


def water(**changes):
    arguments = {"positions": molecule("H2O").positions, "atomic_numbers": [8, 1, 1], "cutoff": 3.0}
    return arguments | changes


BAD_INPUT = {
    "negative cutoff": (
        water(cutoff=-1.0),
        "cutoff must be positive and finite, received -1.0: give a distance",
    ),
    "NaN cutoff": (water(cutoff=float("nan")), "cutoff must be positive and finite, received nan"),
    "NaN": (
        water(positions=[[0.0, 0, 0], [float("nan"), 0, 0], [1, 1, 1]]),
        "positions must be finite, received NaN or infinity at atom 1: mend or drop",
    ),
    "far away": (
        water(positions=[[0.0, 0, 0], [0, 0, 1e12], [1, 1, 1]]),
        r"positions must be finite and within 1e\+09 Å of the origin, received 1e\+12: check the file",
    ),
    "flown away": (
        water(positions=[[0.0, 0, 0], [0, 0, 1e6], [1, 1, 1]]),
        r"atoms must be near each other, received some over 1 × 1 × 1e\+06 Å, too far for a cutoff of 3 Å: take",
    ),
    "sheet": (
        water(positions=[[0.0, 0, 0], [2e4, 2e4, 1], [1, 1, 1]]),
        r"atoms must be near each other, received some over 2e\+04 × 2e\+04 × 1 Å",
    ),
    "element": (
        water(atomic_numbers=[8, 0, 1]),
        "atomic numbers must lie between 1 and 118, received 0 at atom 1",
    ),
    "empty": (
        water(positions=np.zeros((0, 3)), atomic_numbers=[]),
        "a structure must have at least one atom, received none",
    ),
    "overlap": (
        water(positions=[[0.0, 0, 0], [0, 0, 0.01], [1, 1, 1]]),
        "atoms must be at least 0.1 Å apart, received atoms 0 and 1 at 0.010 Å",
    ),
    "flat cell": (
        water(cell=[[1.0, 0, 0], [2, 0, 0], [0, 0, 1]], pbc=True),
        "a periodic cell must have a volume, received lattice vectors that are zero or linearly dependent",
    ),
    "no cell": (water(pbc=True), "a periodic cell must have a volume"),
    "NaN cell": (water(cell=np.full((3, 3), np.nan), pbc=True), "cell must be finite"),
    "cell shape": (water(cell=[5.0, 5, 5], pbc=True), r"cell must have shape \(3, 3\), received \(3,\)"),
    "positions shape": (
        water(positions=[[0.0, 0]]),
        r"positions must have shape \(nodes, 3\), received \(1, 2\)",
    ),
    "numbers shape": (
        water(atomic_numbers=[8, 1]),
        r"atomic_numbers must have shape \(3,\), received \(2,\)",
    ),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_structures_are_refused_in_one_sentence(name):
    arguments, sentence = BAD_INPUT[name]
    with pytest.raises(ValueError, match=sentence) as raised:
        AtomicGraph.from_arrays(**arguments)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_overlapping_atoms_pass_when_asked_to():
    graph = AtomicGraph.from_arrays([[0.0, 0, 0], [0, 0, 0.01]], [1, 1], cutoff=1.0, min_distance=0)
    assert graph.num_edges == 2


@pytest.mark.parametrize(
    ("name", "content", "error", "sentence"),
    [
        ("none.cif", None, FileNotFoundError, "a structure file must exist, received .*none.cif"),
        (
            "bad.cif",
            "data_x\n_cell_length_a 3\nloop_\n",
            ValueError,
            "must be readable as cif, received bad.cif",
        ),
        (
            "bad.xyz",
            "three\nwords here\n",
            ValueError,
            "must be CIF, POSCAR, xyz or extxyz|must be readable as",
        ),
        ("notes.txt", "no structure", ValueError, "must be CIF, POSCAR, xyz or extxyz, received notes.txt"),
        (
            "bad.extxyz",
            "2\nProperties=species:S:1:pos:R:3\nH 0 0 0\n",
            ValueError,
            "must be readable as extxyz",
        ),
    ],
)
def test_unreadable_files_are_refused_in_one_sentence(name, content, error, sentence, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(error, match=sentence) as raised:
        AtomicGraph.from_ase(path, cutoff=3.0)
    assert "\n" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_batches_that_cannot_be_are_refused(ethanol):
    with pytest.raises(ValueError, match="batch needs at least one graph, received an empty list"):
        batch([])
    with pytest.raises(ValueError, match=r"must share one dtype, received torch.float32 and torch.float64"):
        batch([ethanol, ethanol.to(dtype=torch.float32)])
    with pytest.raises(ValueError, match=r"to_ase needs one structure, received 2: call split\(\) first"):
        batch([ethanol, ethanol]).to_ase()


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, equitour; print([name for name in sys.modules if name in {'torch', 'ase', 'matplotlib'}])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
