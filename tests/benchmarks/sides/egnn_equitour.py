"""Our own EGNN for motion, velocities included."""

import torch

from equitour.graph import AtomicGraph
from equitour.models.egnn import EGNNDynamics

from .egnn_training import BodyTrainer, as_tensor, read_task


def prepare(task: dict) -> BodyTrainer:
    """The network and its graph of all pairs."""
    bodies, settings = read_task(task)
    receivers, senders = (torch.tensor(index) for index in bodies.pairs())
    systems, count = bodies.charges.shape
    graph = AtomicGraph(
        positions=as_tensor(bodies.positions).flatten(0, 1),
        atomic_numbers=torch.ones(systems * count, dtype=torch.long),
        senders=senders,
        receivers=receivers,
        cell_shifts=torch.zeros(len(senders), 3, dtype=torch.long),
        cell=torch.zeros(systems, 3, 3),
        pbc=torch.zeros(systems, 3, dtype=torch.bool),
        batch=torch.arange(systems).repeat_interleave(count),
    )
    charges, velocities = as_tensor(bodies.charges).view(-1, 1), as_tensor(bodies.velocities).flatten(0, 1)
    model = EGNNDynamics(num_features=1, num_layers=settings.num_layers, num_channels=settings.num_channels)
    return BodyTrainer(
        model,
        lambda: model(graph, charges, velocities).positions,
        bodies=bodies,
        settings=settings,
        facts={"edges": len(senders)},
    )
