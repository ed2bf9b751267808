"""Ours against nequip's own, weight for weight.

nequip is no dependency: in an environment without it these tests are skipped. One that has both is made with

    python -m venv peers && peers/bin/pip install torch==2.13.0
    peers/bin/pip install nequip==0.19.1 && peers/bin/pip install -e ".[test]"
    peers/bin/python -m pytest tests/test_bridge.py

(torch first and alone, so that nothing fetches a CUDA build). Measured with nequip 0.19.1, e3nn 0.6.0, torch 2.13.0.
"""

import math

import pytest
import torch
from e3nn import o3
from e3nn.math import normalize2mom
from torch.nn.functional import silu

from equitour.graph import AtomicGraph, batch
from equitour.learn.bridge import NEQUIP_SETTINGS
from equitour.models import Potential, build
from equitour.models.nequip import Interaction
from equitour.symmetry import random_orthogonal
from equitour.tensor_product import Edges, from_e3nn, natural_irreps, to_e3nn
from equitour.tensor_product.gate import SILU_GAIN

nequip_nn = pytest.importorskip(
    "nequip.nn", reason="nequip is not installed here: the docstring says how to make a place that has both"
)
import yaml  # noqa: E402 (nequip brings it along)
from nequip.data import AtomicDataDict as keys  # noqa: E402
from nequip.model import NequIPGNNModel  # noqa: E402
from nequip.utils.global_state import set_global_state  # noqa: E402

CHANNELS, CUTOFF, NEIGHBORS, SPECIES = 6, 3.5, 9.0, 3
# Both scale silu in gates to unit second moment, and with it all that a gate lets through; e3nn draws the number by
# chance, ours is exact. In radial networks only ours carries it.
KAPPA = normalize2mom(silu).cst / SILU_GAIN


@pytest.fixture
def double():
    """nequip reads the default dtype while it builds, and wants its state set up once."""
    set_global_state()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def chance(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def many(irreps):
    """CHANNELS copies of each irrep, as e3nn writes them."""
    return o3.Irreps([(CHANNELS, ir) for _, ir in irreps])


def copy_linear(ours, theirs, *, gain=1.0):
    """One matrix an irrep; e3nn divides by the root of the fan-in at run time."""
    views = {
        theirs.irreps_in[i.i_in].ir: w * i.path_weight
        for _, i, w in theirs.weight_views(yield_instruction=True)
    }
    for (_, ir), weight in zip(ours.irreps, ours.weights, strict=True):
        weight.data = gain * views[ir].detach()[None]


def copy_residual(ours, theirs, attributes, *, gain=1.0):
    """Σ_a attribute[species, a] W[:, a, :] is one matrix for each species."""
    views = {}
    for _, i, w in theirs.weight_views(yield_instruction=True):
        ir = theirs.irreps_in1[i.i_in1].ir
        # Their coupling with a scalar is δ / √(2l+1).
        matrix = torch.einsum("uvw,sv->suw", w, attributes) * i.path_weight / ir.dim**0.5
        views[ir] = matrix.detach()
    for (_, ir), weight in zip(ours.irreps, ours.weights, strict=True):
        weight.data = gain * views[ir]


def copy_radial(ours, theirs, convolution, tensor_product, *, basis=1.0):
    """Their paths are ordered by features, edge, result; ours by result, features, edge."""
    first, last = (layer.weight.detach() * layer.alpha for layer in theirs.mlp if hasattr(layer, "weight"))
    place = {
        (
            tensor_product.irreps_in1[i.i_in1].ir,
            tensor_product.irreps_in2[i.i_in2].ir,
            tensor_product.irreps_out[i.i_out].ir,
        ): k
        for k, i in enumerate(tensor_product.instructions)
    }
    order = [place[path.irrep_in, path.irrep_edge, path.irrep_out] for path in convolution.paths]
    last = last.unflatten(1, (-1, convolution.num_channels))[:, order].flatten(1)
    ours.weights[0].data, ours.weights[1].data = basis * first, last / SILU_GAIN


def copy_layer(ours, theirs, attributes, *, gain=1.0, basis=1.0):
    """All weights of an interaction; `gain` is what their features are in units of ours."""
    copy_linear(ours.linear_in, theirs.linear_1, gain=gain)
    copy_radial(ours.radial, theirs.edge_mlp, ours.convolution, theirs.tp_scatter.tp, basis=basis)
    copy_linear(ours.linear_out, theirs.linear_2)
    if theirs.sc is None:
        for weight in ours.residual.weights:
            weight.data.zero_()
    else:
        copy_residual(ours.residual, theirs.sc, attributes, gain=gain)


def pair_of_layers(lmax):
    """A hidden layer of theirs and one of ours with its weights."""
    irreps = natural_irreps(lmax)
    torch.manual_seed(1)
    theirs = nequip_nn.ConvNetLayer(
        irreps_in={
            keys.EDGE_EMBEDDING_KEY: o3.Irreps("8x0e"),
            keys.EDGE_ATTRS_KEY: irreps,
            keys.NODE_FEATURES_KEY: many(irreps),
            keys.NODE_ATTRS_KEY: o3.Irreps(f"{SPECIES}x0e"),
        },
        feature_irreps_hidden=many(irreps),
        convolution_kwargs={
            "radial_mlp_depth": 1,
            "radial_mlp_width": 16,
            "avg_num_neighbors": NEIGHBORS,
            "type_names": ["H", "C", "O"],
        },
    )
    ours = Interaction(
        irreps,
        irreps,
        irreps,
        num_channels=CHANNELS,
        radial_channels=(8, 16),
        num_neighbors=NEIGHBORS,
        num_species=SPECIES,
    ).double()
    copy_layer(ours, theirs.conv, torch.eye(SPECIES))
    return ours, theirs


def answers(ours, theirs, lmax):
    """Features after the layer: ours as they are, theirs in our layout."""
    irreps, nodes, edges = natural_irreps(lmax), 7, 40
    receivers = torch.randint(nodes, (edges,), generator=torch.Generator().manual_seed(2)).sort().values
    senders = torch.randint(nodes, (edges,), generator=torch.Generator().manual_seed(3))
    species = torch.arange(nodes) % SPECIES
    features, harmonics, basis = (
        chance(nodes, irreps.dim, CHANNELS),
        chance(edges, irreps.dim, seed=4),
        chance(edges, 8, seed=5),
    )
    harmonics[:, 0] = 1.0  # The harmonic of degree 0.
    known = Edges(senders=senders, receivers=receivers, num_nodes=nodes, harmonics=harmonics, basis=basis)
    mine = ours(features, species, known, ours.convolution.edge_matrices(harmonics))
    data = theirs(
        {
            keys.POSITIONS_KEY: torch.zeros(nodes, 3),
            keys.NODE_FEATURES_KEY: to_e3nn(features, irreps),
            keys.NODE_ATTRS_KEY: torch.eye(SPECIES)[species],
            keys.EDGE_ATTRS_KEY: harmonics,
            keys.EDGE_EMBEDDING_KEY: basis,
            # Their first row is the centre that receives.
            keys.EDGE_INDEX_KEY: torch.stack([receivers, senders]),
        }
    )
    return mine, from_e3nn(data[keys.NODE_FEATURES_KEY], irreps, CHANNELS)


def assert_close(mine, theirs):
    mine, theirs = mine.detach(), theirs.detach()
    assert float(theirs.abs().max()) > 1e-2
    assert float((mine - theirs).abs().max()) < 1e-10 * float(theirs.abs().max())


@pytest.mark.parametrize("lmax", [0, 1, 2, 3])
def test_a_layer_with_nequips_weights_gives_nequips_features(lmax, double):
    ours, theirs = pair_of_layers(lmax)
    mine, expected = answers(ours, theirs, lmax)
    assert_close(KAPPA * mine, expected)


@pytest.mark.parametrize("lmax", [1, 2])
def test_the_interaction_before_the_gate_is_nequips_interaction_block(lmax, double):
    ours, theirs = pair_of_layers(lmax)
    collected = []
    ours.gate.register_forward_pre_hook(lambda _, blocks: collected.extend(blocks[0]))
    block = theirs.conv
    theirs.equivariant_nonlin.register_forward_pre_hook(lambda _, flat: collected.append(flat[0]))
    answers(ours, theirs, lmax)
    *mine, expected = collected
    assert block.irreps_out[keys.NODE_FEATURES_KEY].dim == expected.shape[1]
    assert_close(torch.cat([rows.mT.flatten(1) for rows in mine], 1), expected)


# What the lesson writes beside its files; the rest of it is about data and training.
LESSON = yaml.safe_load(NEQUIP_SETTINGS)["training_module"]["model"]
# Numbers that nequip takes from the data, and double precision, in which ten digits can be compared.
LESSON |= {
    "model_dtype": "float64",
    "type_names": ["H", "C", "O"],
    "avg_num_neighbors": NEIGHBORS,
    "per_type_energy_scales": 0.7,
    "per_type_energy_shifts": {"H": -1.0, "C": -2.0, "O": -3.0},
}


def pair_of_potentials(**changes):
    """Their whole model with the lesson's settings, and our potential with its weights."""
    settings = LESSON | changes
    theirs = NequIPGNNModel(**{name: value for name, value in settings.items() if name != "_target_"})
    parts = theirs.model.func if hasattr(theirs.model, "func") else theirs.model
    trunk = build(
        "nequip",
        elements=[1, 6, 8],
        cutoff=settings["r_max"],
        num_layers=settings["num_layers"],
        num_channels=settings["num_features"],
        lmax=settings["l_max"],
        num_neighbors=NEIGHBORS,
    )
    ours = Potential(trunk, shifts=[-1.0, -2.0, -3.0], scale=0.7).double()
    embedding = parts.type_embed.embed_module.weight.detach()
    trunk.embedding.data = embedding
    for number, layer in enumerate(trunk.layers):
        block = getattr(parts, f"layer{number}_convnet").conv
        # Bessel functions of theirs are √(2/cutoff) times ours.
        gain, basis = KAPPA if number else 1.0, math.sqrt(2 / settings["r_max"])
        copy_layer(layer, block, embedding, gain=gain, basis=basis)
    hidden, last = (part for part in parts.per_atom_energy_readout.mlp_module.mlp if hasattr(part, "weight"))
    ours.readout[0].weight.data = KAPPA * (hidden.weight * hidden.alpha).detach().T
    ours.readout[2].weight.data = (last.weight * last.alpha).detach().T
    return ours, theirs


@pytest.mark.parametrize("changes", [{}, {"l_max": 0}, {"l_max": 1, "r_max": 3.5}])
def test_the_potential_of_the_lessons_file_gives_nequips_energies_and_forces(changes, double, ethanol):
    ours, theirs = pair_of_potentials(**changes)
    turned = ethanol.replace(
        positions=ethanol.positions @ random_orthogonal(generator=torch.Generator().manual_seed(6))
    )
    moved = turned.replace(positions=turned.positions + 0.1 * chance(9, 3, seed=7))
    graph = batch([ethanol.rebuild(cutoff=ours.cutoff), moved.rebuild(cutoff=ours.cutoff)])
    found = ours.evaluate(graph)
    data = theirs(
        {
            keys.POSITIONS_KEY: graph.positions,
            keys.ATOM_TYPE_KEY: ours.trunk.species(graph.atomic_numbers),
            keys.EDGE_INDEX_KEY: torch.stack([graph.receivers, graph.senders]),
            keys.BATCH_KEY: graph.batch,
            keys.NUM_NODES_KEY: torch.tensor([9, 9]),
        }
    )
    assert_close(found.energy, data[keys.TOTAL_ENERGY_KEY].flatten())
    assert_close(found.forces, data[keys.FORCE_KEY])


def test_a_wrong_sign_of_one_weight_would_be_seen(double):
    ours, theirs = pair_of_layers(1)
    ours.radial.weights[-1].data[0, 0] *= -1
    mine, expected = answers(ours, theirs, 1)
    assert float((KAPPA * mine - expected).detach().abs().max()) > 1e-6


def test_graphs_of_ours_point_from_neighbour_to_centre_and_theirs_the_other_way():
    pair = AtomicGraph.from_arrays([[0.0, 0, 0], [1.0, 0, 0]], [8, 1], cutoff=2.0)
    data = {
        keys.POSITIONS_KEY: pair.positions,
        keys.EDGE_INDEX_KEY: torch.stack([pair.receivers, pair.senders]),
    }
    theirs = nequip_nn.with_edge_vectors_(data, with_lengths=False)[keys.EDGE_VECTORS_KEY]
    assert torch.equal(theirs, -pair.edge_vectors())
