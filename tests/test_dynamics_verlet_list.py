import pytest
import torch
from ase.build import bulk
from dynamics_potentials import LennardJones

from equitour.dynamics import VerletList, langevin_init, langevin_step
from equitour.graph import AtomicGraph, batch
from equitour.symmetry import random_rotation

CELLS = {
    "fcc primitive": bulk("Ar", "fcc", a=5.3),
    "skewed": bulk("Ar", "hcp", a=3.7, c=6.1),
    "slab": bulk("Ar", "fcc", a=5.3, cubic=True),
    "cluster": bulk("Ar", "fcc", a=5.3, cubic=True),
}
CELLS["slab"].pbc = [True, True, False]
CELLS["cluster"].pbc = False


def edges(graph):
    return sorted(
        zip(graph.senders.tolist(), graph.receivers.tolist(), graph.cell_shifts.tolist(), strict=True)
    )


def shaken(graph, size, generator):
    noise = torch.randn(graph.positions.shape, generator=generator, dtype=torch.float64)
    return graph.positions + size * noise / noise.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("name", CELLS)
def test_a_list_that_covers_finds_the_edges_of_a_fresh_search_in_any_cell(name, generator):
    """Random walks of atoms and cell; every time the list says it serves, it is compared with a new search."""
    graph = AtomicGraph.from_ase(CELLS[name], cutoff=4.0)
    verlet = VerletList.build(graph, cutoff=4.0, skin=1.0)
    trusted = 0
    for size in torch.linspace(0, 0.6, 60, dtype=torch.float64).tolist():
        strain = torch.eye(3, dtype=torch.float64) + 0.3 * size * torch.randn(
            3, 3, generator=generator, dtype=torch.float64
        )
        cell = graph.cell @ strain
        positions = shaken(graph, size, generator) @ strain
        if verlet.covers(positions, cell):
            trusted += 1
            fresh = graph.replace(positions=positions, cell=cell).rebuild(cutoff=4.0)
            assert edges(verlet.graph(positions, cell)) == edges(fresh)
    assert 5 < trusted < 55


def test_half_the_skin_is_the_border_in_a_cell_at_rest():
    graph = AtomicGraph.from_ase(CELLS["slab"].repeat(2), cutoff=4.0)
    verlet = VerletList.build(graph, cutoff=4.0, skin=1.0)
    for way, serves in [(0.499, True), (0.501, False)]:
        moved = graph.positions.clone()
        moved[0, 0] += way
        moved[1, 0] -= way  # Two atoms, so that their mean stays where it is.
        assert verlet.covers(moved, graph.cell) is serves


def test_a_drift_of_the_whole_structure_costs_no_search():
    graph = AtomicGraph.from_ase(CELLS["slab"], cutoff=4.0)
    verlet = VerletList.build(graph, cutoff=4.0, skin=0.1)
    moved = graph.positions + torch.tensor([50.0, 0.0, -3.0], dtype=torch.float64)
    assert verlet.covers(moved, graph.cell)


def test_a_rotation_of_the_cell_costs_no_search(generator):
    graph = AtomicGraph.from_ase(CELLS["skewed"], cutoff=4.0)
    turn = random_rotation(generator=generator)
    verlet = VerletList.build(graph, cutoff=4.0, skin=1e-6)
    assert verlet.covers(graph.positions @ turn.T, graph.cell @ turn.T)


def test_a_compressed_cell_is_noticed_although_no_atom_moved_in_it():
    graph = AtomicGraph.from_ase(CELLS["fcc primitive"], cutoff=4.0)
    verlet = VerletList.build(graph, cutoff=4.0, skin=0.2)
    # 4 · ‖D⁻¹‖ ≤ 4.2 is the border: a compression to 1 / 1.05.
    for factor, serves in [(0.9525, True), (0.9523, False)]:
        assert verlet.covers(graph.positions * factor, graph.cell * factor) is serves


def test_atoms_that_ase_moves_in_place_leave_the_graph_and_the_list_as_they_were():
    atoms = CELLS["cluster"].copy()
    graph = AtomicGraph.from_ase(atoms, cutoff=4.0)
    before = graph.positions.clone()
    verlet = VerletList.build(graph, cutoff=4.0, skin=1.0)
    atoms.positions[0] += 3.0
    atoms.cell[0] += 1.0
    assert torch.equal(graph.positions, before)
    graph.positions[0] += 3.0
    assert not verlet.covers(graph.positions, graph.cell)


def test_one_graph_of_a_batch_that_moves_far_is_enough():
    graph = AtomicGraph.from_ase(CELLS["cluster"], cutoff=4.0)
    both = batch([graph, graph])
    verlet = VerletList.build(both, cutoff=4.0, skin=1.0)
    moved = both.positions.clone()
    assert verlet.covers(moved, both.cell)
    moved[-1] += 2.0
    assert not verlet.covers(moved, both.cell)
    fresh, found = verlet.follow(moved, both.cell)
    assert fresh is not verlet
    assert edges(found) == edges(both.replace(positions=moved).rebuild(cutoff=4.0))


def test_the_skin_changes_no_trajectory_and_saves_searches(generator):
    argon = AtomicGraph.from_ase(bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2), cutoff=6.0)
    potential = LennardJones(cutoff=6.0)
    ends, searches = [], []
    for skin in (0.0, 0.6):
        chance = torch.Generator().manual_seed(7)
        state = langevin_init(potential, argon, temperature=80, generator=chance, skin=skin)
        lists = {id(state.neighbors)}
        keep = [state.neighbors]
        for _ in range(40):
            state = langevin_step(
                potential, state, timestep=4.0, temperature=80, friction=0.01, generator=chance
            )
            lists.add(id(state.neighbors))
            keep.append(state.neighbors)
        ends.append(state.positions)
        searches.append(len(lists))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-11)
    assert searches[0] == 41
    assert searches[1] <= 8


@pytest.mark.parametrize("skin", [-0.1, float("nan"), float("inf")])
def test_a_skin_without_meaning_is_refused(skin):
    graph = AtomicGraph.from_ase(CELLS["cluster"], cutoff=4.0)
    with pytest.raises(ValueError, match="skin must be at least 0 Å and finite, received"):
        VerletList.build(graph, cutoff=4.0, skin=skin)
