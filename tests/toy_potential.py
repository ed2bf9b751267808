"""A tiny potential with the interface of the real ones: enough physics to be learnt, little enough to be fast."""

import torch
from torch import nn

from equitour.models.heads import Prediction


class ToyPotential(nn.Module):
    """E = Σ over edges of a learnt even polynomial of the distance that ends smoothly at the cutoff."""

    cutoff, elements = 3.0, [1, 6, 8]

    def __init__(self, dtype=torch.float64):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([0.3, -0.2, 0.1], dtype=dtype))

    def forward(self, graph):
        x = graph.edge_lengths() / self.cutoff
        powers = torch.stack([x**2, x**4, x**6], 1)
        pairs = (powers @ self.weights) * (1 - x).clamp(min=0) ** 3
        per_node = pairs.new_zeros(graph.num_nodes).index_add(0, graph.receivers, pairs)
        return per_node.new_zeros(graph.num_graphs).index_add(0, graph.batch, per_node)

    def evaluate(self, graph, *, stress=False, create_graph=False):
        positions = graph.positions.detach().requires_grad_()
        energy = self(graph.replace(positions=positions))
        (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=create_graph)
        return Prediction(energy, -gradient)


def toy_examples(count, *, generator):
    """Ethanol and methane in turn, shaken, with the labels of a toy potential of other weights."""
    from ase.build import molecule

    from equitour.graph import AtomicGraph
    from equitour.train import Example

    truth = ToyPotential()
    truth.weights.data = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    examples = []
    for number in range(count):
        graph = AtomicGraph.from_ase(molecule(("CH3CH2OH", "CH4")[number % 2]), cutoff=3.0)
        noise = torch.randn(graph.num_nodes, 3, generator=generator, dtype=torch.float64)
        graph = graph.replace(positions=graph.positions + 0.05 * noise)
        prediction = truth.evaluate(graph)
        labels = {"energy": prediction.energy.detach(), "forces": prediction.forces}
        examples.append(Example(graph, labels))
    return examples
