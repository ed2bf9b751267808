"""What lesson 202 needs beside its own code: networks that learn the motion of charges, their training and their errors."""

import itertools
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.datasets.bodies import Flights, all_pairs, charges_of
from equitour.graph import AtomicGraph
from equitour.models.egnn import EGNNDynamics, Motion
from equitour.train import fit

# From a graph of charges, the time ahead (nodes, 1) and velocities times that time, to where the charges are then.
Mover = Callable[[AtomicGraph, Tensor, Tensor], Motion]


def perceptron(*widths: int) -> nn.Sequential:
    """Dense layers with SiLU between them, a small network φ."""
    dense = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    return nn.Sequential(*[part for layer in dense[:-1] for part in (layer, nn.SiLU())], dense[-1])


class Coordinates(nn.Module):
    """Message passing that is handed positions and velocities as features: the baseline GNN of the EGNN paper.

    It puts out how far places and velocities leave free flight, and has no symmetry but that of renumbering.
    """

    def __init__(self, *, num_channels: int = 32, num_layers: int = 3) -> None:
        super().__init__()
        c = num_channels
        self.embed, self.read = nn.Linear(8, c), nn.Linear(c, 6)
        self.phi_e = nn.ModuleList(perceptron(2 * c + 2, c, c) for _ in range(num_layers))
        self.phi_h = nn.ModuleList(perceptron(2 * c, c, c) for _ in range(num_layers))

    def forward(
        self, graph: AtomicGraph, times: Float[Tensor, "*t"], velocities: Float[Tensor, "*v"]
    ) -> Motion:
        """Where the charges are and how fast they move, from x and v times t."""
        q, (i, j) = charges_of(graph), (graph.receivers, graph.senders)
        h = self.embed(torch.cat([q, times, graph.positions, velocities], 1))
        edge = torch.cat([graph.edge_lengths()[:, None] ** 2, q[i] * q[j]], 1)
        for phi_e, phi_h in zip(self.phi_e, self.phi_h, strict=True):
            m = nn.functional.silu(phi_e(torch.cat([h.index_select(0, i), h.index_select(0, j), edge], 1)))
            h = h + phi_h(torch.cat([h, torch.zeros_like(h).index_add(0, i, m)], 1))
        of_x, of_v = self.read(h).chunk(2, dim=1)
        return Motion(graph.positions + velocities + of_x, velocities + of_v)


class Dynamics(EGNNDynamics):
    """EGNN for the charges of a graph, with charge and time as features."""

    def __init__(self, *, num_channels: int = 32, mutual: bool = False) -> None:
        super().__init__(num_features=2, num_channels=num_channels, mutual=mutual)

    def forward(
        self, graph: AtomicGraph, times: Float[Tensor, "*t"], velocities: Float[Tensor, "*v"]
    ) -> Motion:
        """Where the charges are, and how fast they move in units of length per time ahead."""
        return super().forward(graph, torch.cat([charges_of(graph), times], 1), velocities)


def train(model: nn.Module, fly: Flights, *, first: int, steps: int, generator: torch.Generator) -> nn.Module:
    """Adam on 100 systems a step, each asked at a time of its own; the rate goes up and down once.

    The loss is the mean square error of positions, plus a tenth of that of velocities times the time ahead.

    Args:
        model: A mover, changed in place.
        fly: Paths to learn from.
        first: Number of the first system that may be seen; those before are the test.
        steps: Of the optimizer.
        generator: Draws systems and times.
    """
    optimizer = torch.optim.Adam(model.parameters())
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    batches = (torch.randint(first, len(fly), (100,), generator=generator) for _ in range(steps))

    def loss(model: nn.Module, chosen: Tensor) -> Tensor:
        frames = torch.randint(len(fly.positions), (len(chosen),), generator=generator)
        (graph, times, velocities), end = fly.ask(chosen, frames)
        found = model(graph, times, times * velocities)
        slip = found.velocities - times * end.velocities
        return (found.positions - end.positions).square().mean() + 0.1 * slip.square().mean()

    for _ in fit(model, loss, batches=batches, optimizer=optimizer, max_norm=1.0):
        cycle.step()
    return model.eval().requires_grad_(False)


def at_time(move: Mover, fly: Flights, which: Int[Tensor, " chosen"], frame: int) -> tuple[Motion, float]:
    """Positions and velocities of some systems at a frame, (chosen, bodies, 3), and the mean square error of a coordinate."""
    (graph, times, velocities), end = fly.ask(which, frame)
    x, v = move(graph, times, times * velocities)
    shape = (len(which), -1, 3)
    # The model counts velocities per time ahead.
    motion = Motion(x.reshape(shape), (v / times).reshape(shape))
    return motion, float((x - end.positions).square().mean())


def answers(
    move: Mover,
    x: Float[Tensor, "variants bodies 3"],
    v: Float[Tensor, "variants bodies 3"],
    charges: Float[Tensor, " bodies"],
    times: Float[Tensor, " variants"],
) -> Float[Tensor, "variants bodies 3"]:
    """Predicted positions for variants of one system, each at its time, computed in single precision."""
    graph = all_pairs(x.float(), charges.expand(len(x), -1))
    t = times.float().repeat_interleave(x.shape[1])[:, None]
    return move(graph, t, t * v.reshape(-1, 3).float()).positions.reshape(x.shape).double()


def straight(
    graph: AtomicGraph, times: Float[Tensor, "nodes 1"], velocities: Float[Tensor, "nodes 3"]
) -> Motion:
    """Free flight: the guess of somebody who knows no force."""
    return Motion(graph.positions + velocities, velocities)
