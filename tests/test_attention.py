"""Attention: the battery, and weights that are a softmax inside and end smoothly outside."""

from functools import partial

import battery
import pytest
import torch

from equitour.graph import AtomicGraph
from equitour.models.attention import EquivariantAttention, attention_weights
from equitour.radial import polynomial_cutoff
from equitour.symmetry import random_orthogonal, rotate

MODELS = {
    "vectors": partial(EquivariantAttention, num_layers=2, num_channels=4, num_heads=2),
    "tensors": partial(EquivariantAttention, num_layers=3, num_channels=4, num_heads=1, lmax=2),
    "vectors out": partial(EquivariantAttention, num_layers=2, num_channels=4, irreps_out="0e + 1o"),
}
RECEIVERS = torch.tensor([0, 0, 0, 2, 2])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
def test_physics(check, model):
    check(battery.build(MODELS[model]))


def test_far_from_the_cutoff_it_is_torch_softmax_over_neighbours_and_nobody(generator):
    scores = torch.randn(5, 2, generator=generator).double()
    found = attention_weights(scores, torch.ones(5, 1).double(), RECEIVERS, 3)
    nobody = torch.zeros(1, 2).double()
    expected = [torch.softmax(torch.cat([part, nobody]), 0)[:-1] for part in (scores[:3], scores[3:])]
    assert torch.allclose(found, torch.cat(expected), atol=1e-15)


def test_weights_and_what_nobody_gets_add_up_to_one(generator):
    scores = torch.randn(5, 2, generator=generator).double()
    envelope = torch.tensor([0.9, 0.3, 0.0, 1.0, 0.1]).double()[:, None]
    weights = attention_weights(scores, envelope, RECEIVERS, 3)
    summed = torch.zeros(3, 2).double().index_add(0, RECEIVERS, weights)
    nobody = 1 / (1 + torch.zeros(3, 2).double().index_add(0, RECEIVERS, envelope * scores.exp()))
    assert torch.allclose(summed + nobody, torch.ones(3, 2).double(), atol=1e-14)
    assert weights[2].tolist() == [0, 0]


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_scores_of_any_size_give_finite_weights_and_slopes(size):
    scores = torch.tensor([[size], [0.0], [1.0], [size], [size]]).requires_grad_()
    weights = attention_weights(scores, torch.full((5, 1), 0.5), RECEIVERS, 3)
    (slopes,) = torch.autograd.grad(weights.sum(), scores)
    assert bool(torch.isfinite(weights).all())
    assert bool(torch.isfinite(slopes).all())


def test_the_last_neighbour_leaves_smoothly_where_a_plain_softmax_holds_on_to_it():
    distances = torch.tensor([2.99, 2.9999]).double()
    scores, receivers = torch.full((2, 1), 2.0).double(), torch.tensor([0, 1])
    envelope = polynomial_cutoff(distances, cutoff=3.0)[:, None]
    weights = attention_weights(scores, envelope, receivers, 2)
    terms = envelope * scores.exp()
    plain = terms / terms
    assert weights[0] < 1e-4
    assert weights[1] < 1e-10
    assert plain.min() == 1


def test_whom_an_atom_listens_to_does_not_depend_on_the_frame(generator):
    """Scores of the second layer, where queries and keys are vectors too."""
    seen = []
    trunk = battery.build(partial(EquivariantAttention, num_layers=2, num_channels=8))
    trunk.layers[1].scores.register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.detach())
    )
    graph = battery.ethanol()
    trunk(graph)
    trunk(rotate(graph, random_orthogonal(generator=generator)))
    assert seen[0].std() > 1e-3
    assert torch.allclose(seen[0], seen[1], atol=1e-12)


def test_attention_depends_on_direction_once_there_are_vectors():
    """Two neighbours of one kind at one distance get different weights where a third breaks the tie."""
    trunk = battery.build(partial(EquivariantAttention, num_layers=2, num_channels=8))
    seen = []
    trunk.layers[1].scores.register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.detach())
    )
    positions = torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [-2.0, 0, 0], [0.0, 2.0, 0]]).double()
    # Oxygens at (2, 0, 0) and (0, 2, 0) both have the distance 2; only the angle to the atom at (−2, 0, 0) differs.
    graph = AtomicGraph.from_arrays(positions, [14, 8, 8, 8], cutoff=2.5)
    trunk(graph)
    to_center = seen[0][graph.receivers == 0]
    assert len(to_center) == 3
    spread = to_center.std(0).max()
    assert spread > 1e-4


def test_equal_scores_share_evenly():
    trunk = battery.build(partial(EquivariantAttention, num_layers=1, num_channels=4, num_heads=2))
    for weight in trunk.layers[0].scores.radial.weights:
        weight.data.zero_()
    graph = battery.silicon_carbide()
    scores = trunk.layers[0].scores
    assert scores.num_heads == 2
    envelope = polynomial_cutoff(graph.edge_lengths(), cutoff=battery.CUTOFF)[:, None]
    weights = attention_weights(torch.zeros(graph.num_edges, 2).double(), envelope, graph.receivers, 2)
    total = torch.zeros(2, 1).double().index_add(0, graph.receivers, envelope)
    assert torch.allclose(weights, (envelope / (1 + total[graph.receivers])).expand(-1, 2))


def test_heads_that_do_not_share_the_channels_are_refused():
    with pytest.raises(
        ValueError, match="num_heads must divide num_channels, received 5 heads for 32 channels"
    ):
        EquivariantAttention(elements=[1], cutoff=2.0, num_heads=5)
