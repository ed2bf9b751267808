"""Barium titanate as lesson 302 takes it apart: its sites, its cells, and the guesses that a network has to beat."""

import pytest
import torch
from torch import nn

from equitour import datasets
from equitour.learn.charges import BORN
from equitour.learn.titanate import displaced_cells, public_cells, site_errors, sites
from equitour.train import Example

DATA = datasets.load("barium_titanate")


def test_the_cubic_sites_have_the_orders_of_their_point_groups_and_displaced_ones_have_none():
    found = sites(DATA)
    # m-3m has 48 operations, 4/mmm has 16.
    assert [len(g) for g in found.operations] == [48, 48, 16, 16, 16, 1, 1]
    assert len(found.names) == len(found.graphs) == len(found.Z) == len(found.drawn) == 7
    assert found.names[0] == "Ba"
    assert found.names[5].startswith("Ti, atoms off by")


@pytest.mark.parametrize(("site", "axis"), [(2, 2), (3, 1), (4, 0)])
def test_an_oxygen_is_named_after_the_axis_on_which_titanium_lies_and_its_charge_is_large(site, axis):
    found = sites(DATA)
    assert found.names[site].endswith("along " + "xyz"[axis])
    line = found.graphs[site].positions[1] - found.graphs[site].positions[site]
    assert int(line.abs().argmax()) == axis
    assert int(found.Z[site].diagonal().abs().argmax()) == axis


def test_each_site_draws_its_own_atom_alone_without_the_antisymmetric_part():
    found = sites(DATA)
    for z, drawn, atom in zip(found.Z, found.drawn, [0, 1, 2, 3, 4, 1, 2], strict=True):
        assert torch.allclose(drawn[atom], (z + z.T) / 2)
        assert torch.equal(drawn, drawn.mT)
        assert torch.allclose(drawn.sum(0), drawn[atom])


def test_the_perfect_crystal_is_among_neither_the_cells_learnt_nor_those_kept():
    seen, kept = displaced_cells(DATA)
    assert len(seen) + len(kept) == len(DATA) - 1
    assert not any(torch.equal(cell.graph.positions, DATA.graphs[0].positions) for cell in seen + kept)
    positions = [cell.graph.positions for cell in seen + kept]
    assert all(not torch.equal(a, b) for k, a in enumerate(positions) for b in positions[:k])


def test_the_last_cells_of_a_public_set_are_kept():
    some, others = public_cells(DATA, kept=3)
    assert (len(some), len(others)) == (len(DATA) - 3, 3)
    assert torch.equal(others[-1].labels[BORN], DATA.atom_labels[BORN][-1])


class _Shifted(nn.Module):
    """Knows one cell's tensors by heart, too large by half an e in every component."""

    def __init__(self, Z):
        super().__init__()
        self.Z = Z

    def forward(self, graph):
        return {BORN: (self.Z + 0.5).repeat(graph.num_graphs, 1, 1)}


def test_errors_of_site_guesses_are_those_of_their_definitions():
    graph, Z = DATA.graphs[0], DATA.atom_labels[BORN][0]
    seen = [Example(graph, {BORN: Z - 0.2}), Example(graph, {BORN: Z + 0.4})]
    found = site_errors(_Shifted(Z), seen, [Example(graph, {BORN: Z}), Example(graph, {BORN: Z})])
    assert found["mean tensor of each site"] == pytest.approx(0.1)
    assert found["network"] == pytest.approx(0.5)
    # The number of oxygen misses the difference between its line and what lies across.
    assert found["one number an element"] > 0.3
