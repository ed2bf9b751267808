"""The peer tensorial (JAX, flax), put together from its own NequIP layers."""

from importlib.metadata import version

import e3nn_jax
import jax
import jax.numpy as jnp
import jraph
from tensorial import gcnn
from tensorial.nn import Sequential
from tensorial.tensors import OneHot, SphericalHarmonic

from ..batch import Batch
from ..settings import Settings
from .jax_training import JaxTrainer, read_task


def prepare(task: dict) -> JaxTrainer:
    """The network and its batch as a jraph graph."""
    batch, settings = read_task(task)
    network = build(batch, settings)
    edges = {gcnn.keys.EDGE_CELL_SHIFTS: jnp.asarray(batch.shifts, jnp.float32)}
    cells = {gcnn.keys.CELL: jnp.asarray(batch.cells, jnp.float32)}
    rest = {
        "senders": jnp.asarray(batch.receivers),
        "receivers": jnp.asarray(batch.senders),
        "n_node": jnp.asarray(batch.counts),
        "n_edge": jnp.bincount(batch.structure[batch.receivers]),
    }

    def graph(positions):
        # The layers write into the dictionaries, so each call gets its own.
        nodes = {gcnn.keys.POSITIONS: positions, gcnn.keys.SPECIES: jnp.asarray(batch.species)[:, None]}
        return jraph.GraphsTuple(nodes=nodes, edges=dict(edges), globals=dict(cells), **rest)

    def energies(parameters, positions):
        return network.apply(parameters, graph(positions)).globals["energy"].array[:, 0]

    parameters = jax.jit(network.init)(jax.random.key(0), graph(jnp.asarray(batch.positions, jnp.float32)))
    facts = {
        "edges": len(batch.senders),
        "paths": count_paths(parameters, settings),
        "version": version("tensorial"),
    }
    return JaxTrainer(energies, parameters, batch=batch, settings=settings, facts=facts)


def build(batch: Batch, settings: Settings) -> Sequential:
    """Embeddings, three NequIP layers, a readout of two linear maps, the sum over atoms."""
    harmonics = SphericalHarmonic(settings.harmonics(), normalise=True)
    layers = [
        gcnn.NequipLayer(
            irreps_out=irreps,
            radial_num_layers=1,
            radial_num_neurons=settings.radial_width,
            avg_num_neighbours=batch.average_neighbors,
            num_species=len(batch.elements),
        )
        for irreps in settings.layer_irreps()
    ]
    return Sequential(
        [
            gcnn.EdgeVectors(),
            gcnn.NodewiseEmbedding({gcnn.keys.SPECIES: OneHot(len(batch.elements))}),
            gcnn.EdgewiseEmbedding({gcnn.keys.EDGE_VECTORS: harmonics}),
            gcnn.RadialBasisEdgeEmbedding(
                num_basis=settings.num_basis, r_max=settings.cutoff, envelope=e3nn_jax.poly_envelope(5, 2)
            ),
            gcnn.NodewiseLinear(f"{settings.num_channels}x0e", field=gcnn.keys.ATTRIBUTES),
            *layers,
            gcnn.NodewiseLinear(f"{settings.num_channels // 2}x0e"),
            gcnn.NodewiseLinear("1x0e", out_field="energy"),
            gcnn.NodewiseReduce("energy", out_field="energy"),
        ]
    )


def count_paths(parameters, settings: Settings) -> list[int]:
    """Read off the last matrix of each radial network: one weight for each channel of each path."""
    named = jax.tree_util.tree_leaves_with_path(parameters)
    widths = [
        leaf.shape[1]
        for path, leaf in named
        if "MultiLayerPerceptron" in jax.tree_util.keystr(path) and leaf.shape[0] == settings.radial_width
    ]
    return [width // settings.num_channels for width in widths]
