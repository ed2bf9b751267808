"""The training step that both sides written in JAX share: one compiled function from parameters to parameters."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from ..batch import Batch
from ..settings import Settings


def read_task(task: dict) -> tuple[Batch, Settings]:
    """The batch and the settings."""
    return Batch.load(task["batch"]), Settings(**task["settings"])


class JaxTrainer:
    """Energies and forces, their loss, its gradient, one step of Adam, compiled as one.

    Args:
        energies: From parameters and positions (nodes, 3) to energies (structures,).
        parameters: A tree of arrays.
        batch: Holds the labels.
        settings: Hold the learning rate.
        facts: What else the report shall say.
    """

    def __init__(self, energies: Callable, parameters, *, batch: Batch, settings: Settings, facts: dict):
        optimizer = optax.adam(settings.learning_rate)
        self.state = parameters, optimizer.init(parameters)
        self.labels = tuple(
            jnp.asarray(array, jnp.float32)
            for array in (batch.positions, batch.energies, batch.forces, batch.counts)
        )
        leaves = jax.tree.leaves(parameters)
        self.facts = {"parameters": sum(leaf.size for leaf in leaves), "jax": jax.__version__, **facts}

        def loss(parameters, positions, true_energies, true_forces, counts):
            def total(positions):
                values = energies(parameters, positions)
                return values.sum(), values

            gradient, values = jax.grad(total, has_aux=True)(positions)
            errors = (values - true_energies) / counts
            return jnp.square(errors).mean() + jnp.square(-gradient - true_forces).mean()

        @jax.jit
        def update(state, labels):
            parameters, memory = state
            value, gradient = jax.value_and_grad(loss)(parameters, *labels)
            change, memory = optimizer.update(gradient, memory)
            return (optax.apply_updates(parameters, change), memory), value

        self.update = update

    def step(self) -> float:
        """One training step; JAX works in the background, so wait for all of it."""
        self.state, loss = jax.block_until_ready(self.update(self.state, self.labels))
        return float(loss)
