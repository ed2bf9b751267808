"""Run by torchrun in test_train_parallel.py: gradients and a short training on shares of each batch."""

import sys
from pathlib import Path

import torch
from toy_potential import ToyPotential, toy_examples

from equitour.train import (
    Budget,
    Minibatches,
    Training,
    WeightedLoss,
    energy_and_forces,
    rank_and_world,
    save_state,
    together,
)


def training(batch_size, rank, world):
    """Seven examples: batches leave shares of unequal size, or none; each process begins with weights of its own."""
    batches = Minibatches(
        toy_examples(7, generator=torch.Generator().manual_seed(7)),
        batch_size=batch_size,
        generator=torch.Generator().manual_seed(3),
        rank=rank,
        world=world,
    )
    loss = WeightedLoss(energy_and_forces(measure="length"))
    model = ToyPotential()
    model.weights.data += 0.1 * rank
    return Training(model, loss, batches=batches, budget=Budget(steps=6))


def results(batch_size, rank, world):
    """Losses and gradients of all steps, and the weights at the end."""
    one = training(batch_size, rank, world)
    losses, gradients = [], []
    for step in one:
        losses.append(step.loss)
        gradients.append(one.model.weights.grad.clone())
    return {"losses": losses, "gradients": gradients, "weights": one.average.weights.detach()}


if __name__ == "__main__":
    with together() as (rank, world):
        assert (rank, world) == rank_and_world()
        for size in (1, 3, 5):
            save_state(
                results(size, rank, world), Path(sys.argv[1]) / f"size{size}_rank{rank}of{world}.state"
            )
