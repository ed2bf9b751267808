"""MPNN, CGCNN and SchNet: the battery, and each paper's equation written out plainly as the oracle."""

from functools import partial

import battery
import pytest
import torch
from battery_structures import CUTOFF, ELEMENTS, ethanol, silicon_carbide

from equitour.graph import AtomicGraph
from equitour.models.cgcnn import CGCNN
from equitour.models.heads import Potential
from equitour.models.message_passing import aggregate
from equitour.models.mpnn import MPNN
from equitour.models.schnet import SchNet
from equitour.radial import bessel_basis, gaussian_basis, polynomial_cutoff

MODELS = {
    "mpnn": partial(MPNN, num_layers=2, num_channels=6, num_hidden=5),
    "cgcnn": partial(CGCNN, num_layers=2, num_channels=6, num_basis=9),
    "schnet": partial(SchNet, num_layers=2, num_channels=6, num_basis=9),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
def test_a_trunk_obeys_physics(check, model):
    check(battery.build(MODELS[model]))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
def test_a_potential_obeys_physics(check, model):
    check(Potential(battery.build(MODELS[model]), shifts=[-0.5, -1.5, -2.5, -3.5]).double())


def edge_by_edge(trunk, graph, message, update):
    """Equations 1 and 2 of Gilmer et al. as two loops over edges and atoms."""
    places = {number: place for place, number in enumerate(ELEMENTS)}
    h = [trunk.embedding.weight[places[int(number)]] for number in graph.atomic_numbers]
    lengths = graph.edge_lengths()
    u = polynomial_cutoff(lengths, cutoff=CUTOFF) / trunk.num_neighbors**0.5
    for _ in range(2):
        arrived = [0.0] * graph.num_nodes
        for edge, (j, i) in enumerate(zip(graph.senders.tolist(), graph.receivers.tolist(), strict=True)):
            arrived[i] = arrived[i] + u[edge] * message(h[i], h[j], lengths[edge])
        h = [update(h_i, m_i) for h_i, m_i in zip(h, arrived, strict=True)]
    return torch.stack(h)


@pytest.mark.parametrize("structure", [ethanol, silicon_carbide])
def test_mpnn_is_the_edge_network_with_a_matrix_for_each_edge(structure):
    trunk, graph = battery.build(MODELS["mpnn"]), structure()
    (layer,) = trunk.layers
    h0 = trunk.embedding(trunk.species(graph.atomic_numbers))

    def message(h_i, h_j, r):
        e = bessel_basis(r[None], cutoff=CUTOFF, num_basis=8)
        return layer.matrices(e)[0] @ h_j

    h = edge_by_edge(trunk, graph, message, lambda h_i, m_i: layer.gru(m_i[None], h_i[None])[0])
    expected = torch.sigmoid(trunk.i(torch.cat([h, h0], 1))) * trunk.j(h)
    assert torch.allclose(trunk(graph)[:, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("structure", [ethanol, silicon_carbide])
def test_cgcnn_is_equation_5_of_xie_and_grossman(structure):
    trunk, graph = battery.build(partial(MODELS["cgcnn"], num_layers=2)), structure()
    trunk.layers[1].load_state_dict(trunk.layers[0].state_dict())
    (W_f, W_s), (b_f, b_s) = trunk.layers[0].W.weight.chunk(2), trunk.layers[0].W.bias.chunk(2)

    def message(v_i, v_j, r):
        z = torch.cat([v_i, v_j, gaussian_basis(r, cutoff=CUTOFF, num_basis=9)])
        return torch.sigmoid(W_f @ z + b_f) * torch.log(1 + torch.exp(W_s @ z + b_s))

    expected = edge_by_edge(trunk, graph, message, lambda v_i, m_i: v_i + m_i)
    assert torch.allclose(trunk(graph)[:, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("structure", [ethanol, silicon_carbide])
def test_schnet_is_the_interaction_block_of_its_paper(structure):
    trunk, graph = battery.build(MODELS["schnet"]), structure()
    trunk.layers[1].load_state_dict(trunk.layers[0].state_dict())
    layer = trunk.layers[0]

    def ssp(x):
        return torch.log(0.5 * torch.exp(x) + 0.5)

    def message(x_i, x_j, r):
        filter_ = layer.W[2](ssp(layer.W[0](gaussian_basis(r, cutoff=CUTOFF, num_basis=9))))
        return layer.atom_wise_in(x_j) * ssp(filter_)

    def update(x_i, m_i):
        first, _, second = layer.atom_wise_out
        return x_i + second(ssp(first(m_i)))

    expected = edge_by_edge(trunk, graph, message, update)
    assert torch.allclose(trunk(graph)[:, 0], expected, rtol=0, atol=1e-12)


def test_rounds_of_mpnn_share_their_weights_and_those_of_the_others_do_not():
    def weights(model, num_layers):
        trunk = MODELS[model](elements=[1, 8], cutoff=3.0, num_layers=num_layers)
        return sum(p.numel() for p in trunk.parameters())

    assert weights("mpnn", 4) == weights("mpnn", 1)
    assert weights("schnet", 4) > weights("schnet", 1)
    assert not any("1" in name for name in MODELS["mpnn"](elements=[1], cutoff=3.0).layers.state_dict())


def test_news_travels_one_bond_a_round():
    """In a row of atoms, features feel a displaced atom as far away as there are rounds, and no farther."""

    def row(moved):
        positions = torch.zeros(7, 3).double()
        positions[:, 0] = 2.0 * torch.arange(7)
        positions[0, 1] = moved
        return AtomicGraph.from_arrays(positions, [14] * 7, cutoff=CUTOFF)

    for model, factory in MODELS.items():
        for rounds in (1, 2, 3):
            trunk = battery.build(partial(factory, num_layers=rounds))
            felt = (trunk(row(0.3)) - trunk(row(0.0))).abs().amax((1, 2)) > 1e-12
            assert felt.tolist() == [True] * (rounds + 1) + [False] * (6 - rounds), model


def test_aggregations_against_a_loop():
    receivers = torch.tensor([0, 0, 2, 2, 2])
    messages = torch.tensor([[1.0, -2], [3, -4], [5, 0], [6, -7], [-9, -1]]).double()
    for how, reduce in {
        "sum": lambda x: x.sum(0),
        "mean": lambda x: x.mean(0),
        "max": lambda x: x.amax(0),
    }.items():
        expected = torch.zeros(4, 2).double()
        for node in (0, 2):
            expected[node] = reduce(messages[receivers == node])
        assert torch.equal(aggregate(messages, receivers, 4, how=how), expected)


def test_an_unknown_aggregation_is_refused():
    with pytest.raises(
        ValueError, match="how must be one of sum, mean, max, received 'median': sum is the usual"
    ):
        aggregate(torch.zeros(1, 1), torch.zeros(1).long(), 1, how="median")


@pytest.mark.parametrize("model", MODELS)
def test_another_device_gives_the_same_energy_and_forces(model, device):
    potential = Potential(battery.build(MODELS[model])).double()
    expected = potential.evaluate(silicon_carbide())
    found = potential.to(device).evaluate(silicon_carbide().to(device=device))
    assert torch.allclose(found.energy.cpu(), expected.energy, rtol=1e-10)
    assert torch.allclose(found.forces.cpu(), expected.forces, atol=1e-10)
