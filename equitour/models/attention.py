"""Equivariant attention: invariant weights from queries and keys, values from a convolution.

After the SE(3)-Transformer (Fuchs et al., NeurIPS 2020) and Equiformer (Liao, Smidt, ICLR 2023), with weights that
end smoothly at the cutoff.
"""

from collections.abc import Sequence
from functools import partial

import torch
from e3nn import o3
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.trunk import EquivariantTrunk, hidden_and_last, settings_of
from equitour.radial import polynomial_cutoff
from equitour.tensor_product import (
    Convolution,
    Edges,
    Gate,
    Linear,
    RadialNetwork,
    Residual,
    natural_irreps,
)
from equitour.tensor_product.edges import sum_over_neighbors
from equitour.tensor_product.layout import row_counts


class EquivariantAttention(EquivariantTrunk):
    """Message passing in which each atom chooses whom it listens to.

    xᵗ⁺¹ = gate(W_species xᵗ + W Σ_j a_ij R(r_ij) C (W xᵗ_j ⊗ Y(r̂_ij))): NequIP's layer with attention a_ij in the
    place of 1/√(neighbours).

    Args:
        elements: Atomic numbers that the model knows.
        cutoff: Length of the longest edge, in Å.
        num_layers: Number of interactions.
        num_channels: Copies of each irrep.
        num_heads: Kinds of attention; each weighs its own share of the channels.
        lmax: Largest degree of features and harmonics.
        radial_channels: Number of Bessel functions, then hidden layers of the radial networks.
        irreps_out: Of the last layer's rows. Hidden layers hold 0e + 1o + 2e + … and whatever stands here.

    Raises:
        ValueError: The heads do not share the channels evenly.
    """

    def __init__(
        self,
        *,
        elements: Sequence[int],
        cutoff: float,
        num_layers: int = 3,
        num_channels: int = 32,
        num_heads: int = 4,
        lmax: int = 1,
        radial_channels: Sequence[int] = (8, 16),
        irreps_out: str = "0e",
    ) -> None:
        super().__init__(settings_of(locals()), lmax=lmax)
        _require_even_heads(num_heads, num_channels)
        layer = partial(
            AttentionLayer,
            irreps_edge=natural_irreps(lmax),
            num_channels=num_channels,
            num_heads=num_heads,
            radial_channels=radial_channels,
            num_species=len(self.species),
        )
        self.stack(layer, hidden_and_last(num_layers, lmax=lmax, irreps_out=irreps_out))

    def forward(self, graph: AtomicGraph) -> Float[Tensor, "nodes rows channels"]:
        """Features of each atom; rows are the components of `irreps_out`."""
        species = self.species(graph.atomic_numbers)
        edges = self.loose_edges(graph)
        envelope = polynomial_cutoff(graph.edge_lengths(), cutoff=self.cutoff).unsqueeze(1)
        features = self.embedding.index_select(0, species).unsqueeze(1)
        for layer in self.layers:
            features = layer(features, species, edges, envelope)
        return features


class AttentionLayer(nn.Module):
    """One layer: attention weights, a convolution with them, the species' own map of the old features, gate."""

    def __init__(
        self,
        irreps_in: o3.Irreps,
        irreps_edge: o3.Irreps,
        irreps_out: o3.Irreps,
        *,
        num_channels: int,
        num_heads: int,
        radial_channels: Sequence[int],
        num_species: int,
    ) -> None:
        super().__init__()
        self.rows_in = row_counts(irreps_in)
        self.scores = Scores(
            irreps_in,
            irreps_edge,
            num_channels=num_channels,
            num_heads=num_heads,
            radial_channels=radial_channels,
        )
        self.convolution = Convolution(irreps_in, irreps_edge, irreps_out, num_channels=num_channels)
        self.irreps_out = self.convolution.irreps_out
        self.radial = RadialNetwork([*radial_channels, len(self.convolution.paths) * num_channels])
        self.gate = Gate(self.irreps_out, num_channels=num_channels)
        collected = [paths * num_channels for paths in self.convolution.fan_in]
        self.linear_out = Linear(self.irreps_out, collected, self.gate.channels_in)
        self.residual = Residual(
            irreps_in,
            self.irreps_out,
            num_channels=num_channels,
            channels_out=self.gate.channels_in,
            num_species=num_species,
        )

    def forward(
        self,
        features: Float[Tensor, "nodes rows channels"],
        species: Int[Tensor, " nodes"],
        edges: Edges,
        envelope: Float[Tensor, "edges 1"],
    ) -> Float[Tensor, "nodes rows_out channels"]:
        """New features; rows of `irreps_out`."""
        attention = attention_weights(
            self.scores(features, edges), envelope, edges.receivers, edges.num_nodes
        )
        # Neighbouring channels share a head.
        attention = attention.repeat_interleave(features.shape[2] // attention.shape[1], 1).unsqueeze(1)
        radial = self.radial.parts(edges.basis, len(self.convolution.paths))
        weights = [weight * attention for weight in radial]
        matrices = self.convolution.edge_matrices(edges.harmonics)
        collected = self.linear_out(self.convolution(features, weights, edges, matrices))
        blocks = features.split(self.rows_in, 1)
        return self.gate(self.residual.added(collected, blocks, species))


class Scores(nn.Module):
    """s_ij = q_i · k_ij: a query of the receiver, a key of who the sender is and where it stands.

    k_ij = R(r_ij) W x_j + R'(r_ij) Y(r̂_ij). Rows turn alike in q and k, so that their product over all rows of an
    irrep is a number that no rotation changes.
    """

    def __init__(
        self,
        irreps_in: o3.Irreps,
        irreps_edge: o3.Irreps,
        *,
        num_channels: int,
        num_heads: int,
        radial_channels: Sequence[int],
    ) -> None:
        super().__init__()
        self.rows_in, self.num_heads = row_counts(irreps_in), num_heads
        same = [num_channels] * len(irreps_in)
        self.query, self.key = Linear(irreps_in, same, same), Linear(irreps_in, same, same)
        slices = dict(zip([ir for _, ir in irreps_edge], irreps_edge.slices(), strict=True))
        self.rows_edge = [slices.get(ir) for _, ir in irreps_in]
        self.radial = RadialNetwork([*radial_channels, 2 * len(irreps_in) * num_channels])
        self.scale = (irreps_in.dim * num_channels / num_heads) ** -0.5

    def forward(
        self, features: Float[Tensor, "nodes rows channels"], edges: Edges
    ) -> Float[Tensor, "edges heads"]:
        """Scores of each edge; zero where the radial basis is."""
        blocks = features.split(self.rows_in, 1)
        radial = self.radial.parts(edges.basis, 2 * len(blocks))
        scores = 0
        for place, (q, k) in enumerate(zip(self.query(blocks), self.key(blocks), strict=True)):
            key = radial[place] * k.index_select(0, edges.senders)
            if self.rows_edge[place] is not None:
                key = key + radial[len(blocks) + place] * edges.harmonics[:, self.rows_edge[place], None]
            scores = scores + (q.index_select(0, edges.receivers) * key).sum(1)
        return scores.unflatten(1, (self.num_heads, -1)).sum(2) * self.scale


def attention_weights(
    scores: Float[Tensor, "edges heads"],
    envelope: Float[Tensor, "edges 1"],
    receivers: Int[Tensor, " edges"],
    num_nodes: int,
) -> Float[Tensor, "edges heads"]:
    """a_ij = f_ij exp(s_ij) / (1 + Σ_k f_ik exp(s_ik)): a softmax over neighbours and nobody.

    The envelope f brings a neighbour in gradually, and 1 = exp(0) is the score of listening to nobody: with it a_ij
    stays smooth when the last neighbour leaves, where a plain softmax would give it the weight 1 up to the cutoff.

    Args:
        scores: s.
        envelope: f, zero at the cutoff.
        receivers: i of each edge.
        num_nodes: Number of nodes.
    """
    # Dividing both sides by the largest exponential changes nothing but keeps all of them finite.
    nobody = scores.new_zeros(num_nodes, scores.shape[1])
    places = receivers[:, None].expand_as(scores)
    largest = nobody.scatter_reduce(0, places, scores.detach(), "amax")
    terms = envelope * torch.exp(scores - largest.index_select(0, receivers))
    total = torch.exp(-largest) + sum_over_neighbors(terms, receivers, num_nodes)
    return terms / total.index_select(0, receivers)


def _require_even_heads(num_heads: int, num_channels: int) -> None:
    if num_heads < 1 or num_channels % num_heads:
        raise ValueError(
            f"num_heads must divide num_channels, received {num_heads} heads for {num_channels} channels: "
            "4 heads go with 32 channels"
        )
