"""Crystal graph convolutional network (Xie, Grossman, Phys. Rev. Lett. 120, 145301, 2018, arXiv:1710.10324)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from equitour.graph import AtomicGraph
from equitour.models.message_passing import MessagePassing, Round
from equitour.models.trunk import settings_of
from equitour.radial import gaussian_basis


class GatedConvolution(Round):
    """Equation 5: v_i ← v_i + Σ_{j,k} σ(z W_f + b_f) ⊙ g(z W_s + b_s), z = v_i ⊕ v_j ⊕ u_(i,j)k.

    k counts the images of j around i, each an edge of its own; σ is the sigmoid, a gate that learns how much a
    neighbour matters, and g the softplus.

    Args:
        num_channels: Width of v.
        num_basis: Width of u.
    """

    def __init__(self, *, num_channels: int, num_basis: int) -> None:
        super().__init__()
        # W_f and W_s side by side: one product instead of two.
        self.W = nn.Linear(2 * num_channels + num_basis, 2 * num_channels)

    def message(
        self,
        h: Float[Tensor, "nodes channels"],
        e: Float[Tensor, "edges basis"],
        graph: AtomicGraph,
    ) -> Float[Tensor, "edges width"]:
        """σ(z W_f + b_f) ⊙ g(z W_s + b_s) of each edge."""
        # z W is a sum of three products, and those with v_i and v_j are done once an atom, not once an edge.
        of_i, of_j, of_u = self.W.weight.split([h.shape[1], h.shape[1], e.shape[1]], dim=1)
        z = linear(e, of_u, self.W.bias)
        z = (
            z
            + linear(h, of_i).index_select(0, graph.receivers)
            + linear(h, of_j).index_select(0, graph.senders)
        )
        gate, core = z.chunk(2, dim=1)
        return torch.sigmoid(gate) * nn.functional.softplus(core)

    def update(
        self, h: Float[Tensor, "nodes channels"], m: Float[Tensor, "nodes width"]
    ) -> Float[Tensor, "nodes channels"]:
        """v_i + what arrived."""
        return h + m


class CGCNN(MessagePassing):
    """Gated convolutions on crystals.

    Differences from the paper: an envelope at the cutoff in place of the 12 nearest neighbours (which are not well
    defined in a crystal with full shells), and no batch normalisation, which would let a structure feel the others
    in its batch.

    Args:
        elements: Atomic numbers that the model knows.
        cutoff: Length of the longest edge in Å.
        num_layers: Number of convolutions.
        num_channels: Width of v.
        num_basis: Gaussians of the distance that make u.
        num_neighbors: Typical number of neighbours.
    """

    def __init__(
        self,
        *,
        elements: Sequence[int],
        cutoff: float,
        num_layers: int = 3,
        num_channels: int = 32,
        num_basis: int = 16,
        num_neighbors: float = 16.0,
    ) -> None:
        settings = settings_of(locals())
        widths = {"num_channels": num_channels, "num_basis": num_basis}
        super().__init__(settings, [GatedConvolution(**widths) for _ in range(num_layers)])

    def basis(self, lengths: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Gaussians of the distance."""
        return gaussian_basis(lengths, cutoff=self.cutoff, num_basis=self.num_basis)
