"""What lesson 502 needs besides its ideas: islands, ways between motifs, properties, and how much of a latent number is order."""

import sys

import pytest
import torch

from equitour.generative import Gaussian, GramScale, GramVAE, MotifVAE, PosedVAE, gram_matrix, shuffled
from equitour.graph import AtomicGraph
from equitour.learn import latents, verdicts
from equitour.symmetry import random_orthogonal


@pytest.fixture
def tetrahedra(generator):
    """Four bonds of 2.35 Å at the angles of a tetrahedron, and four more neighbours around 3.6 Å, over its faces."""
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
    noise = 0.1 * torch.randn(60, 4, 3, generator=generator)
    return torch.cat([2.35 * corners.expand(60, -1, -1), noise - 3.6 * corners], 1)


class Sums(MotifVAE):
    """An encoder of known means: the sum over neighbours and, times `first`, the one that comes first."""

    def __init__(self, first):
        super().__init__([14], 8, width=3, hidden=(), latent=3, activation=torch.nn.Tanh)
        self.first = first

    def encode(self, motifs):
        mean = motifs.sum(1) + self.first * motifs[:, 0]
        return Gaussian(mean, torch.zeros_like(mean))


def test_an_encoder_that_sums_over_neighbours_knows_nothing_of_their_order(tetrahedra, generator):
    assert latents.share_of_order(Sums(0.0), tetrahedra, generator=generator) == pytest.approx(0, abs=1e-4)


def test_an_encoder_of_the_first_neighbour_alone_knows_little_else(tetrahedra, generator):
    """All motifs are alike here, so nearly all of what the first neighbour says is which one came first."""
    assert latents.share_of_order(Sums(1e3), tetrahedra, generator=generator) > 0.9


def test_a_motif_laid_on_itself_in_any_order_is_nothing_off(tetrahedra, generator):
    other = shuffled(tetrahedra @ random_orthogonal(generator=generator).float().mT, generator=generator)
    assert latents.off(other, tetrahedra) < 1e-3


def test_a_tetrahedron_has_four_bonds_and_its_room(tetrahedra):
    bonds, room = latents.bonds_and_room(tetrahedra).T
    assert torch.allclose(bonds, torch.full((60,), 4.0), atol=0.2)
    assert torch.allclose(room, tetrahedra[:, 4:].norm(dim=-1).mean(1))
    assert set(latents.bonded(tetrahedra)) == {"four bonds"}


def test_a_neighbour_at_the_end_of_a_bond_counts_half():
    vectors = torch.tensor([[[2.0, 0, 0], [0, latents.BOND, 0], [0, 0, 9.0]]])
    assert latents.coordination(vectors).item() == pytest.approx(1.5, abs=0.01)


def test_two_atoms_at_one_place_are_impossible(tetrahedra):
    crowded = tetrahedra.clone()
    crowded[:15, 4] = crowded[:15, 0]
    assert verdicts.possible(tetrahedra) == 1
    assert verdicts.possible(crowded) == 0.75


def test_a_way_begins_and_ends_at_motifs_and_one_bad_step_spoils_it(tetrahedra, generator):
    torch.manual_seed(0)
    network = PosedVAE.of(tetrahedra, elements=[14], hidden=(16,))
    way, straight = latents.ways(network, tetrahedra, generator=generator, pairs=10, steps=5)
    assert way.shape == straight.shape == (5, 10, 8, 3)
    assert min(latents.off(straight[0, k : k + 1].expand_as(tetrahedra), tetrahedra) for k in range(3)) < 0.3
    good = tetrahedra[:8, :4].expand(5, -1, -1, -1).clone()
    assert verdicts.possible_ways(good) == 1
    good[2, :2, 0] = 0
    assert verdicts.possible_ways(good) == 0.75


def test_a_linear_property_is_read_out_exactly_and_the_mean_explains_nothing(generator):
    z, w = torch.randn(50, 4, generator=generator), torch.randn(4, 2, generator=generator)
    truth = z @ w + 3
    assert torch.allclose(latents.linear_readout(z, truth, z[:5]), truth[:5], atol=1e-4)
    assert torch.allclose(latents.explained(truth, truth), torch.ones(2))
    assert latents.explained(truth.mean(0).expand_as(truth), truth).abs().max() < 1e-5


def test_the_map_shows_the_walk_and_the_widest_direction_beside_it(generator):
    z = torch.randn(200, 5, generator=generator) * torch.tensor([0.1, 3.0, 0.1, 5.0, 0.1])
    plane = latents.plane(z, along=torch.tensor([0.0, 0.0, 0.0, 2.0, 0.0]))
    assert torch.allclose(plane.T @ plane, torch.eye(2), atol=1e-5)
    assert torch.allclose(plane[:, 0], torch.eye(5)[3])
    assert plane[1, 1].abs() > 0.95
    frames, groups = latents.walker(z[:6] @ plane, z[:4] @ plane, ["motif"] * 6)
    assert frames.shape == (4, 7, 2)
    assert torch.equal(frames[:, -1], z[:4] @ plane)
    assert groups[-1] == "you"


def test_a_copy_is_trained_without_its_original(tetrahedra):
    network = GramVAE(GramScale.of(gram_matrix(tetrahedra)), elements=[14])
    other = latents.copied(network)
    with torch.no_grad():
        other.encoder[0].weight.add_(1)
    assert not torch.equal(other.encoder[0].weight, network.encoder[0].weight)


def test_own_motifs_are_of_the_most_frequent_element_and_of_unit_length(generator):
    places = 4 * torch.rand(40, 3, generator=generator, dtype=torch.float64)
    graph = AtomicGraph.from_arrays(places, [14] * 30 + [8] * 10, cutoff=9.0, min_distance=0.0)
    learnt, aside = latents.own_motifs(graph, cutoff=9.0, n=6, generator=generator)
    assert (len(learnt), len(aside)) == (24, 6)
    assert torch.cat([learnt, aside]).norm(dim=-1).mean().item() == pytest.approx(1, abs=1e-5)


def test_the_table_has_a_line_for_each_kind():
    told = verdicts.table({"copies": (1.0, 0.25, 0.0)}).splitlines()
    assert len(told) == 2
    assert told[1].split() == ["copies", "100%", "0.25", "°", "0.00", "Å"]


def test_the_walk_leads_from_four_bonds_to_the_farthest_motif_of_five(tetrahedra):
    five = tetrahedra[:2].clone()
    five[:, 4] = torch.tensor([2.3, 0.0, 0.0])
    z = torch.cat([torch.zeros(60, 2), torch.tensor([[1.0, 0.0], [0.0, 5.0]])])
    start, end = latents.four_and_five(torch.cat([tetrahedra, five]), z)
    assert start < 60
    assert end == 61
    assert latents.bonded(five) == ["three or five"] * 2


def test_without_chemiscope_a_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "chemiscope", None)
    assert "chemiscope is not here" in latents.explorer([], {})


def test_the_size_of_a_network_counts_its_biases():
    assert latents.size(torch.nn.Linear(3, 2)) == 8


def test_columns_are_one_number_a_motif(tetrahedra):
    found = latents.columns(tetrahedra, torch.zeros(60, 2))
    assert {len(column["values"]) for column in found.values()} == {60}
    assert {column["target"] for column in found.values()} == {"structure"}


def test_real_motifs_score_as_real_and_copies_are_near(tetrahedra, generator):
    share, angles, near = verdicts.score(tetrahedra, tetrahedra, tetrahedra)
    assert (share, angles) == (1, 0)
    assert near < 1e-3
    turned = tetrahedra + 0.3 * torch.randn(tetrahedra.shape, generator=generator)
    assert verdicts.score(turned, tetrahedra, tetrahedra)[1] > 1


def test_descending_finds_the_least_of_a_parabola(generator):
    line = torch.nn.Linear(1, 1)
    x = torch.randn(300, 1, generator=generator)

    def loss(x, y):
        return (line(x) - y).square().mean()

    latents.descend(loss, [line], (x, 0.1 * x), steps=3000, generator=generator)
    assert line.weight.item() == pytest.approx(0.1, abs=1e-2)
