"""Potentials in closed form, with the interface of `equitour.models.heads.Potential`, to test dynamics with."""

import dataclasses

import torch


@dataclasses.dataclass
class Prediction:
    energy: torch.Tensor
    forces: torch.Tensor
    stress: torch.Tensor | None = None


class Pairs:
    """A sum over pairs; forces and the virial are written out, not taken from automatic gradients."""

    cutoff: float

    def __init__(self):
        self.edges_seen = []

    def node_energies(self, graph):
        phi, _ = self.pair(graph.edge_lengths())
        return graph.positions.new_zeros(graph.num_nodes).index_add(0, graph.receivers, 0.5 * phi)

    def evaluate(self, graph, *, stress=False):
        self.edges_seen.append(graph.num_edges)
        d = graph.edge_vectors()
        r = d.norm(dim=1)
        _, slope = self.pair(r)
        energies = self.node_energies(graph)
        energy = energies.new_zeros(graph.num_graphs).index_add(0, graph.batch, energies)
        pull = -(slope / r)[:, None] * d
        forces = torch.zeros_like(graph.positions).index_add(0, graph.receivers, pull)
        return Prediction(energy, forces, self._virial(graph, d, slope / r) if stress else None)

    def _virial(self, graph, d, slope_over_r):
        each = 0.5 * slope_over_r[:, None, None] * d[:, :, None] * d[:, None, :]
        total = d.new_zeros(graph.num_graphs, 3, 3).index_add(0, graph.batch[graph.receivers], each)
        return total / torch.linalg.det(graph.cell).abs()[:, None, None]


class LennardJones(Pairs):
    """Switched off between 0.66 of the cutoff and the cutoff, as ASE's `LennardJones(smooth=True)`."""

    def __init__(self, *, sigma=3.405, epsilon=0.01032, cutoff=8.0, elements=(18,)):
        super().__init__()
        self.sigma, self.epsilon, self.cutoff, self.elements = sigma, epsilon, cutoff, list(elements)

    def pair(self, r):
        c6 = (self.sigma / r) ** 6
        phi = 4 * self.epsilon * (c6**2 - c6)
        slope = -24 * self.epsilon * (2 * c6**2 - c6) / r
        outer, inner, square = self.cutoff**2, (0.66 * self.cutoff) ** 2, r**2
        switch = (outer - square) ** 2 * (outer + 2 * square - 3 * inner) / (outer - inner) ** 3
        change = 12 * r * (outer - square) * (inner - square) / (outer - inner) ** 3
        one = square < inner
        switch = torch.where(one, 1.0, torch.where(square < outer, switch, 0.0))
        change = torch.where(one, 0.0, torch.where(square < outer, change, 0.0))
        return phi * switch, slope * switch + phi * change


class Springs(Pairs):
    """E = k (r − a)² / 2 for every pair closer than the cutoff, k in eV/Å²."""

    def __init__(self, *, k=1.0, length=2.0, cutoff=3.0):
        super().__init__()
        self.k, self.length, self.cutoff = k, length, cutoff

    def pair(self, r):
        return 0.5 * self.k * (r - self.length) ** 2, self.k * (r - self.length)


class Wells:
    """Each atom in its own harmonic well around the origin, E = k r² / 2: no pairs at all."""

    cutoff = 1.0

    def __init__(self, *, k=1.0):
        self.k = k

    def evaluate(self, graph, *, stress=False):
        each = 0.5 * self.k * graph.positions.square().sum(1)
        energy = each.new_zeros(graph.num_graphs).index_add(0, graph.batch, each)
        return Prediction(energy, -self.k * graph.positions)
