"""The frame that all invariant message passing shares: message, aggregate, update, readout."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.trunk import Trunk
from equitour.radial import polynomial_cutoff

AGGREGATIONS = ("sum", "mean", "max")


def aggregate(
    messages: Float[Tensor, edges * channels],
    receivers: Int[Tensor, " edges"],
    num_nodes: int,
    *,
    how: str = "sum",
) -> Float[Tensor, nodes * channels]:
    """What arrives at each node, in an order-blind way; a node that nothing reaches gets zero.

    Args:
        messages: One row an edge.
        receivers: The node that each message reaches.
        num_nodes: Number of rows of the result.
        how: "sum" grows with the number of neighbours; "mean" and "max" do not.

    Raises:
        ValueError: Another word for `how`.
    """
    if how not in AGGREGATIONS:
        raise ValueError(
            f"how must be one of {', '.join(AGGREGATIONS)}, received {how!r}: sum is the usual one"
        )
    zeros = messages.new_zeros(num_nodes, *messages.shape[1:])
    if how == "max":
        rows = receivers.reshape(-1, *[1] * (messages.ndim - 1)).expand_as(messages)
        return zeros.scatter_reduce(0, rows, messages, "amax", include_self=False)
    total = zeros.index_add(0, receivers, messages)
    if how == "sum":
        return total
    count = torch.bincount(receivers, minlength=num_nodes).clamp(min=1).to(total)
    return total / count.reshape(-1, *[1] * (messages.ndim - 1))


class Round(nn.Module):
    """One round: what an edge says (`message`), and what an atom makes of the sum of that (`update`)."""

    def message(
        self,
        h: Float[Tensor, "nodes channels"],
        e: Float[Tensor, "edges basis"],
        graph: AtomicGraph,
    ) -> Float[Tensor, "edges width"]:
        """M(h_i, h_j, e_ij) for each edge from j to i."""
        raise NotImplementedError

    def update(
        self, h: Float[Tensor, "nodes channels"], m: Float[Tensor, "nodes width"]
    ) -> Float[Tensor, "nodes channels"]:
        """U(h_i, m_i) for each atom i."""
        raise NotImplementedError


class MessagePassing(Trunk):
    """Trunk of invariant features: an atom starts as its element and hears from its neighbours, round by round.

    hᵢ⁰ = embedding of the element; mᵢ = Σⱼ u(r_ij) M(hᵢ, hⱼ, e_ij) / √num_neighbors; hᵢ ← U(hᵢ, mᵢ).
    The envelope u ends each message smoothly at the cutoff, so that energies made of h have continuous forces.

    Args:
        settings: As for `Trunk`; `num_neighbors`, the typical number, keeps sums of messages near unit size.
        rounds: The M and U of each round; the same one may come again.
    """

    def __init__(self, settings: dict, rounds: Sequence[Round]) -> None:
        super().__init__(settings)
        self.num_neighbors, self.num_basis = float(settings["num_neighbors"]), settings["num_basis"]
        self.embedding = nn.Embedding(len(self.species), self.num_channels)
        # Rounds that share their weights are one module, stored once.
        different = list(dict.fromkeys(rounds))
        self.layers = nn.ModuleList(different)
        self.order = [different.index(one) for one in rounds]

    def basis(self, lengths: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """What an edge knows of its length: e_ij."""
        raise NotImplementedError

    def readout(
        self, h: Float[Tensor, "nodes channels"], start: Float[Tensor, "nodes channels"]
    ) -> Float[Tensor, "nodes channels"]:
        """What is made of the features after the last round and of those before the first."""
        return h

    def forward(self, graph: AtomicGraph) -> Float[Tensor, "nodes 1 channels"]:
        """Features of each atom after the last round."""
        h = start = self.embedding(self.species(graph.atomic_numbers))
        lengths = graph.edge_lengths()
        e = self.basis(lengths)
        envelope = polynomial_cutoff(lengths, cutoff=self.cutoff)[:, None] / self.num_neighbors**0.5
        for place in self.order:
            layer = self.layers[place]
            m = aggregate(envelope * layer.message(h, e, graph), graph.receivers, graph.num_nodes)
            h = layer.update(h, m)
        return self.readout(h, start)[:, None]
