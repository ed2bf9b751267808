"""E(n)-equivariant graph network: messages from distances, vectors as weighted sums of relative positions.

Satorras, Hoogeboom, Welling, ICML 2021 (arXiv:2102.09844). With i the receiver, j the sender, r_ij = x_i − x_j:

| equation | here |
| --- | --- |
| 3: m_ij = φ_e(h_i, h_j, r_ij², a_ij) | `Layer.messages` |
| 4: x_i ← x_i + C Σ_j r_ij φ_x(m_ij) | `Layer.forward`, its second output |
| 5, 6: h_i ← φ_h(h_i, Σ_j m_ij) | `Layer.forward`, its first output |
| 7: v_i ← φ_v(h_i) v_i + C Σ_j r_ij φ_x(m_ij), x_i ← x_i + v_i | `EGNNDynamics.forward` |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from equitour.graph import AtomicGraph
from equitour.models.trunk import Trunk, settings_of
from equitour.radial import bessel_basis, polynomial_cutoff


class Layer(nn.Module):
    """One round of messages, and the push that they give to each node.

    Args:
        num_channels: Width of features, messages and hidden layers.
        num_scalars: Numbers that come with each edge, r² among them.
        moves: Whether there is a φ_x.
        mutual: m_ij = m_ji, so that pushes are equal and opposite: φ_e sees h_i + h_j.
        gain: Size of φ_x before training.
    """

    def __init__(
        self,
        *,
        num_channels: int,
        num_scalars: int,
        moves: bool = True,
        mutual: bool = False,
        gain: float = 0.001,
    ) -> None:
        super().__init__()
        c, ends = num_channels, num_channels if mutual else 2 * num_channels
        self.mutual = mutual
        self.phi_e = nn.Sequential(nn.Linear(ends + num_scalars, c), nn.SiLU(), nn.Linear(c, c), nn.SiLU())
        self.phi_h = nn.Sequential(nn.Linear(2 * c, c), nn.SiLU(), nn.Linear(c, c))
        self.phi_x = nn.Sequential(nn.Linear(c, c), nn.SiLU(), _quiet(c, gain)) if moves else None

    def messages(
        self,
        features: Float[Tensor, "nodes channels"],
        scalars: Float[Tensor, "edges scalars"],
        graph: AtomicGraph,
    ) -> Float[Tensor, "edges channels"]:
        """m_ij of eq. 3. W [h_i, h_j, a] = W_i h_i + W_j h_j + W_a a: what belongs to nodes is done once a node."""
        first, c = self.phi_e[0], features.shape[1]
        *ends, of_edge = first.weight.split([c] * (1 if self.mutual else 2) + [scalars.shape[1]], dim=1)
        at_receiver = linear(features, ends[0], first.bias).index_select(0, graph.receivers)
        at_sender = linear(features, ends[-1]).index_select(0, graph.senders)
        inner = torch.addmm(at_receiver, scalars, of_edge.T) + at_sender
        return self.phi_e[1:](inner)

    def forward(
        self,
        features: Float[Tensor, "nodes channels"],
        vectors: Float[Tensor, "edges 3"],
        scalars: Float[Tensor, "edges scalars"],
        graph: AtomicGraph,
        envelope: Float[Tensor, "edges 1"] | None = None,
    ) -> tuple[Float[Tensor, "nodes channels"], Float[Tensor, "nodes 3"] | None]:
        """New features h + φ_h(h, Σ_j m_ij), and Σ_j r_ij φ_x(m_ij) where the layer moves."""
        m = self.messages(features, scalars, graph)
        m = m if envelope is None else m * envelope
        total = m.new_zeros(features.shape).index_add(0, graph.receivers, m)
        new = features + self.phi_h(torch.cat([features, total], dim=1))
        if self.phi_x is None:
            return new, None
        weights = self.phi_x(m) if envelope is None else self.phi_x(m) * envelope
        push = m.new_zeros(features.shape[0], 3).index_add(0, graph.receivers, vectors * weights)
        return new, push


class EGNN(Trunk):
    """Invariant features of atoms, a trunk for energies; between layers the atoms move, unseen, to new places.

    Through these moves a distance of the next layer knows of angles at its ends. All features are invariant under
    rotations, reflections and translations; with `moves=False` they come from the distances as they are.

    Args:
        elements: Atomic numbers that the model knows.
        cutoff: Length in Å at which messages have faded to nothing; None for graphs of all pairs, where messages
            see r² as in the paper.
        num_layers: Rounds of messages.
        num_channels: Width of the features.
        num_basis: Bessel functions of the length that messages see; unused without a cutoff.
        num_neighbors: Typical number of neighbours: sums of messages are divided by its root, pushes by itself.
        moves: Whether eq. 4 is in use.
    """

    def __init__(
        self,
        *,
        elements: Sequence[int],
        cutoff: float | None,
        num_layers: int = 4,
        num_channels: int = 64,
        num_basis: int = 8,
        num_neighbors: float = 1.0,
        moves: bool = True,
    ) -> None:
        super().__init__(settings_of(locals()))
        self.num_basis, self.num_neighbors = num_basis, num_neighbors
        self.embedding = nn.Embedding(len(self.elements), num_channels)
        scalars = 1 if cutoff is None else num_basis
        widths = {"num_channels": num_channels, "num_scalars": scalars, "gain": 0.5}
        # Nobody would see the move of the last layer.
        self.layers = nn.ModuleList(
            Layer(**widths, moves=moves and layer < num_layers - 1) for layer in range(num_layers)
        )

    def forward(self, graph: AtomicGraph) -> Float[Tensor, "nodes 1 channels"]:
        """Features h after the last layer."""
        features = self.embedding(self.species(graph.atomic_numbers))
        vectors = graph.edge_vectors()
        envelope = self._envelope(vectors)
        for layer in self.layers:
            features, push = layer(features, vectors, self._scalars(vectors), graph, envelope)
            if push is not None:
                vectors = vectors + _differences(push / self.num_neighbors**0.5, graph)
        return features[:, None]

    def _envelope(self, vectors: Tensor) -> Tensor | None:
        if self.cutoff is None:
            return None
        lengths = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
        return polynomial_cutoff(lengths, cutoff=self.cutoff) / self.num_neighbors**0.5

    def _scalars(self, vectors: Tensor) -> Tensor:
        if self.cutoff is None:
            return vectors.square().sum(1, keepdim=True)
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        return bessel_basis(lengths, cutoff=self.cutoff, num_basis=self.num_basis)


class Motion(NamedTuple):
    """Where the nodes are, and how fast they move, after the duration that the model was made for."""

    positions: Float[Tensor, "nodes 3"]
    velocities: Float[Tensor, "nodes 3"]


class EGNNDynamics(nn.Module):
    """Positions and velocities now to those a duration later; each layer is one step of motion (eq. 7).

    v_i ← φ_v(h_i) v_i + C Σ_j r_ij φ_x(m_ij) and x_i ← x_i + v_i Δ with Δ = duration / num_layers. The edges are
    those of the graph from first to last; C is one over the number of neighbours, as in the paper. Before any
    training the model is close to free flight. The edges also carry a_ij, the products of the features of their
    ends (q_i q_j for charges). Two things differ from the paper: each layer goes on from the velocity of the one
    before, so that the last is a prediction too, and φ_v = 1 + a network. With 64 channels Adam's rate should stay
    below 0.005 and gradients be cut: r² enters without a bound, and at 0.01 the motion ran away.

    Args:
        num_features: Invariant numbers that come with each node, such as charge or mass.
        num_layers: Rounds of messages, and steps.
        num_channels: Width of features, messages and hidden layers.
        duration: Time from input to output, in the unit of the velocities.
        mutual: Pushes are equal and opposite and φ_v = 1, so that momentum and angular momentum are conserved
            whatever the weights (on graphs where all nodes have as many neighbours).
    """

    def __init__(
        self,
        *,
        num_features: int,
        num_layers: int = 4,
        num_channels: int = 64,
        duration: float = 1.0,
        mutual: bool = False,
    ) -> None:
        super().__init__()
        self.settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self.step = duration / num_layers
        self.embedding = nn.Linear(num_features + 1, num_channels)
        self.layers = nn.ModuleList(
            Layer(num_channels=num_channels, num_scalars=1 + num_features, mutual=mutual)
            for _ in range(num_layers)
        )
        self.phi_v = nn.ModuleList(
            nn.Sequential(nn.Linear(num_channels, num_channels), nn.SiLU(), _quiet(num_channels))
            for _ in range(0 if mutual else num_layers)
        )

    def forward(
        self,
        graph: AtomicGraph,
        features: Float[Tensor, "*features"],
        velocities: Float[Tensor, "*velocities"],
    ) -> Motion:
        """Where the nodes are one duration later, from features (nodes, num_features) and velocities (nodes, 3).

        Raises:
            ValueError: Features or velocities have another shape.
        """
        self._require_shapes(graph, features, velocities)
        products = features.index_select(0, graph.receivers) * features.index_select(0, graph.senders)
        count = torch.bincount(graph.receivers, minlength=graph.num_nodes).clamp(min=1)[:, None]
        h = self.embedding(torch.cat([features, velocities.square().sum(1, keepdim=True)], dim=1))
        r, x, v = graph.edge_vectors(), graph.positions, velocities
        for number, layer in enumerate(self.layers):
            scale = 1 + self.phi_v[number](h) if self.phi_v else 1.0
            scalars = torch.cat([r.square().sum(1, keepdim=True), products], dim=1)
            h, push = layer(h, r, scalars, graph)
            v = scale * v + push / count
            x = x + self.step * v
            r = r + _differences(self.step * v, graph)
        return Motion(x, v)

    def _require_shapes(self, graph: AtomicGraph, features: Tensor, velocities: Tensor) -> None:
        nodes, found = graph.num_nodes, (tuple(features.shape), tuple(velocities.shape))
        if found != ((nodes, self.settings["num_features"]), (nodes, 3)):
            raise ValueError(
                f"features must be ({nodes}, {self.settings['num_features']}) and velocities ({nodes}, 3), received "
                f"{found[0]} and {found[1]}: give a row a node, or build the model with another num_features"
            )


def _quiet(num_channels: int, gain: float = 0.001) -> nn.Linear:
    """To one number, near zero at first, so that an untrained model hardly moves anything."""
    last = nn.Linear(num_channels, 1, bias=False)
    nn.init.xavier_uniform_(last.weight, gain=gain)
    return last


def _differences(moves: Tensor, graph: AtomicGraph) -> Tensor:
    """How much each edge vector changes when its two ends move."""
    return moves.index_select(0, graph.receivers) - moves.index_select(0, graph.senders)
