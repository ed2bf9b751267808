"""The peer egnn-pytorch: dense pairs, self pairs included, and hidden layers twice as wide as their input."""

from importlib.metadata import version

import torch
from egnn_pytorch import EGNN
from torch import nn

from .egnn_training import BodyTrainer, as_tensor, read_task


def prepare(task: dict) -> BodyTrainer:
    """Its layers in a row; it has no velocities, so their squares are features and their flight is added."""
    bodies, settings = read_task(task)
    positions, velocities = as_tensor(bodies.positions), as_tensor(bodies.velocities)
    charges = as_tensor(bodies.charges)
    features = torch.stack([charges, velocities.square().sum(2)], dim=2)
    products = (charges[:, :, None] * charges[:, None, :]).unsqueeze(3)
    width = settings.num_channels
    embedding = nn.Linear(2, width)
    layers = nn.ModuleList(EGNN(dim=width, edge_dim=1, m_dim=width) for _ in range(settings.num_layers))

    def predict():
        h, x = embedding(features), positions
        for layer in layers:
            h, x = layer(h, x, edges=products)
        return (x + velocities).flatten(0, 1)

    facts = {"edges": products.numel(), "version": version("egnn-pytorch")}
    model = nn.ModuleList([embedding, layers])
    return BodyTrainer(model, predict, bodies=bodies, settings=settings, facts=facts)
