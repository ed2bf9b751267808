"""The paper's equations 3 to 7 word for word, at the paper's widths, as a reference that is nobody's library."""

import torch
from torch import Tensor, nn

from .egnn_training import BodyTrainer, as_tensor, read_task


def two_layers(width_in: int, width: int, width_out: int) -> nn.Sequential:
    """Linear, SiLU, linear."""
    return nn.Sequential(nn.Linear(width_in, width), nn.SiLU(), nn.Linear(width, width_out))


class PlainLayer(nn.Module):
    """One layer with velocities, messages from concatenated features of both ends."""

    def __init__(self, width: int):
        super().__init__()
        self.phi_e = nn.Sequential(two_layers(2 * width + 2, width, width), nn.SiLU())
        self.phi_x, self.phi_v = two_layers(width, width, 1), two_layers(width, width, 1)
        self.phi_h = two_layers(2 * width, width, width)

    def forward(self, h: Tensor, x: Tensor, v: Tensor, *, pairs: tuple[Tensor, Tensor], products: Tensor):
        """New features, positions and velocities."""
        i, j = pairs
        r = x[i] - x[j]
        m = self.phi_e(torch.cat([h[i], h[j], r.square().sum(1, keepdim=True), products], 1))
        push = torch.zeros_like(x).index_add(0, i, r * self.phi_x(m))
        counts = torch.zeros_like(x[:, :1]).index_add(0, i, torch.ones_like(m[:, :1]))
        v = self.phi_v(h) * v + push / counts
        total = torch.zeros_like(h).index_add(0, i, m)
        return h + self.phi_h(torch.cat([h, total], 1)), x + v, v


def prepare(task: dict) -> BodyTrainer:
    """The network and its pairs."""
    bodies, settings = read_task(task)
    pairs = tuple(torch.tensor(index) for index in bodies.pairs())
    charges, velocities = as_tensor(bodies.charges).view(-1, 1), as_tensor(bodies.velocities).flatten(0, 1)
    features = torch.cat([charges, velocities.square().sum(1, keepdim=True)], 1)
    products = charges[pairs[0]] * charges[pairs[1]]
    embedding = nn.Linear(2, settings.num_channels)
    layers = nn.ModuleList(PlainLayer(settings.num_channels) for _ in range(settings.num_layers))

    def predict():
        h, x, v = embedding(features), as_tensor(bodies.positions).flatten(0, 1), velocities
        for layer in layers:
            h, x, v = layer(h, x, v, pairs=pairs, products=products)
        return x

    model = nn.ModuleList([embedding, layers])
    return BodyTrainer(model, predict, bodies=bodies, settings=settings, facts={"edges": len(pairs[0])})
