"""A NequIP-type network from the public pieces of e3nn-jax: its products, linear maps, gate and radial functions."""

from importlib.metadata import version
from itertools import pairwise

import e3nn_jax as e3nn
import jax
import jax.numpy as jnp
from flax import linen

from ..settings import Settings
from .jax_training import JaxTrainer, read_task


class Interaction(linen.Module):
    """Linear, convolution, linear, the species' own linear map of the old features, gate."""

    irreps_out: str
    settings: Settings
    num_species: int
    average_neighbors: float

    @linen.compact
    def __call__(self, features, harmonics, basis, species, senders, receivers):
        """New features of all nodes."""
        irreps_out = e3nn.Irreps(self.irreps_out)
        mixed = e3nn.flax.Linear(features.irreps)(features)
        messages = e3nn.tensor_product(mixed[senders], harmonics, filter_ir_out=irreps_out)
        widths = (self.settings.radial_width, messages.irreps.num_irreps)
        radial = e3nn.flax.MultiLayerPerceptron(widths, jax.nn.silu, output_activation=False, with_bias=False)
        messages = messages * radial(basis)
        collected = e3nn.scatter_sum(messages, dst=receivers, output_size=features.shape[0])
        collected = collected / jnp.sqrt(self.average_neighbors)
        gated = irreps_out.filter(drop="0e").num_irreps
        before_gate = (irreps_out + e3nn.Irreps(f"{gated}x0e")).remove_zero_multiplicities()
        new = e3nn.flax.Linear(before_gate)(collected)
        old = e3nn.flax.Linear(
            before_gate, num_indexed_weights=self.num_species, force_irreps_out=True, name="residual"
        )(species, features)
        return e3nn.gate(new + old, even_act=jax.nn.silu, even_gate_act=jax.nn.silu)


class Network(linen.Module):
    """From positions to energies."""

    settings: Settings
    num_species: int
    average_neighbors: float

    @linen.compact
    def __call__(self, positions, arrays):
        """Energies (structures,)."""
        settings = self.settings
        vectors = positions[arrays["senders"]] - positions[arrays["receivers"]] + arrays["offsets"]
        lengths = jnp.linalg.norm(vectors, axis=1)
        envelope = e3nn.poly_envelope(5, 2)(lengths / settings.cutoff)
        basis = e3nn.bessel(lengths, settings.num_basis, settings.cutoff) * envelope[:, None]
        harmonics = e3nn.spherical_harmonics(settings.harmonics(), e3nn.IrrepsArray("1o", vectors), True)
        embedding = linen.Embed(self.num_species, settings.num_channels)(arrays["species"])
        features = e3nn.IrrepsArray(f"{settings.num_channels}x0e", embedding)
        for irreps in settings.layer_irreps():
            layer = Interaction(irreps, settings, self.num_species, self.average_neighbors)
            features = layer(
                features, harmonics, basis, arrays["species"], arrays["senders"], arrays["receivers"]
            )
        hidden = e3nn.flax.Linear(f"{settings.num_channels // 2}x0e")(features)
        atoms = e3nn.flax.Linear("1x0e", name="readout")(hidden).array[:, 0]
        return jnp.zeros(arrays["structures"].shape).at[arrays["structure"]].add(atoms)


def prepare(task: dict) -> JaxTrainer:
    """The network and its arrays."""
    batch, settings = read_task(task)
    network = Network(settings, len(batch.elements), batch.average_neighbors)
    arrays = {
        name: jnp.asarray(getattr(batch, name)) for name in ("senders", "receivers", "species", "structure")
    }
    arrays |= {
        "offsets": jnp.asarray(batch.offsets, jnp.float32),
        "structures": jnp.arange(len(batch.energies)),
    }
    positions = jnp.asarray(batch.positions, jnp.float32)
    parameters = jax.jit(network.init)(jax.random.key(0), positions, arrays)
    facts = {"edges": len(batch.senders), "paths": count_paths(settings), "version": version("e3nn-jax")}
    return JaxTrainer(
        lambda parameters, positions: network.apply(parameters, positions, arrays),
        parameters,
        batch=batch,
        settings=settings,
        facts=facts,
    )


def count_paths(settings: Settings) -> list[int]:
    """Paths of each layer by e3nn-jax's own rule of products."""
    before = [e3nn.Irreps("1x0e"), *(e3nn.Irreps(irreps) for irreps in settings.layer_irreps())]
    harmonics = e3nn.Irreps(settings.harmonics())
    return [
        e3nn.tensor_product(irreps_in, harmonics, filter_ir_out=irreps_out).num_irreps
        // (settings.num_channels if number else 1)
        for number, (irreps_in, irreps_out) in enumerate(pairwise(before))
    ]
