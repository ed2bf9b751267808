"""What a convolution needs to know of the edges, made once for all layers."""

import dataclasses
import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.graph import AtomicGraph
from equitour.radial import polynomial_cutoff, stretched


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """Edges with their harmonics and radial basis, loose or in equal rows of neighbours.

    Attributes:
        senders: The node that a message leaves.
        receivers: The node that it reaches, ascending.
        num_nodes: Number of nodes.
        harmonics: Spherical harmonics of the directions.
        basis: Radial functions of the lengths, times the envelope: zero at the cutoff.
        degree: Number of slots of every node when the edges are padded, else None.
    """

    senders: Int[Tensor, " edges"]
    receivers: Int[Tensor, " edges"]
    num_nodes: int
    harmonics: Float[Tensor, "edges rows"]
    basis: Float[Tensor, "edges basis"]
    degree: int | None = None

    @classmethod
    def of(
        cls,
        graph: AtomicGraph,
        *,
        harmonics: Callable[[Tensor], Tensor],
        cutoff: float,
        num_basis: int,
        stretch: float = 0.0,
    ) -> "Edges":
        """All edges of a graph, with Bessel functions times the polynomial envelope as the radial basis.

        Args:
            graph: One structure or several.
            harmonics: From directions to harmonics, such as `SphericalHarmonics`.
            cutoff: c in Å, where the basis √(2/c) sin(n π r / c) / r · envelope ends.
            num_basis: Number of functions.
            stretch: a in 1/Å; the sine then sees `stretched` distances.
        """
        vectors = graph.edge_vectors()
        squared = vectors.square().sum(1, keepdim=True)
        inverse = squared.rsqrt()
        lengths = squared * inverse
        frequencies = torch.arange(1, num_basis + 1, dtype=lengths.dtype, device=lengths.device) * (
            math.pi / cutoff
        )
        # `bessel_basis` times the envelope, without the care for r = 0, where there is no direction either.
        size = inverse * (math.sqrt(2 / cutoff) * polynomial_cutoff(lengths, cutoff=cutoff))
        phases = stretched(lengths, cutoff=cutoff, stretch=stretch) * frequencies
        return cls(
            senders=graph.senders,
            receivers=graph.receivers,
            num_nodes=graph.num_nodes,
            harmonics=harmonics(vectors * inverse),
            basis=torch.sin(phases) * size,
        )

    def padded(self) -> "Edges":
        """The same edges in rows of equal length; empty slots have a zero basis and so send zero."""
        counts = torch.bincount(self.receivers, minlength=self.num_nodes)
        degree = max(int(counts.max()), 1)
        if degree * self.num_nodes == len(self.receivers):  # Perfect crystals have no empty slot.
            return dataclasses.replace(self, degree=degree)
        first = counts.cumsum(0) - counts
        number = torch.arange(len(self.receivers), device=self.receivers.device)
        slot = self.receivers * degree + number - first.index_select(0, self.receivers)
        receivers = torch.arange(self.num_nodes, device=slot.device).repeat_interleave(degree)

        def spread(values: Tensor) -> Tensor:
            return values.new_zeros(len(receivers), values.shape[1]).index_copy(0, slot, values)

        return Edges(
            senders=receivers.index_copy(0, slot, self.senders),
            receivers=receivers,
            num_nodes=self.num_nodes,
            harmonics=spread(self.harmonics),
            basis=spread(self.basis),
            degree=degree,
        )


def sum_over_neighbors(
    messages: Float[Tensor, "edges *rest"], receivers: Int[Tensor, " edges"], num_nodes: int
) -> Float[Tensor, "nodes *rest"]:
    """Σ of the messages that reach each node; zero for a node that none reaches."""
    return messages.new_zeros(num_nodes, *messages.shape[1:]).index_add(0, receivers, messages)
