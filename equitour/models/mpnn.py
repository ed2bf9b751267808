"""Neural message passing (Gilmer, Schoenholz, Riley, Vinyals, Dahl, ICML 2017, arXiv:1704.01212).

| equation of the paper | here |
| --- | --- |
| 1: m_v = Σ_w M(h_v, h_w, e_vw) | `MessagePassing.forward` |
| 5.1, edge network: M = A(e_vw) h_w, A a matrix made by a network | `EdgeNetwork.message` with `EdgeNetwork.update` |
| 2: h_v ← U(h_v, m_v) = GRU(h_v, m_v), the same weights in each round | `EdgeNetwork.update` |
| 4: R = Σ_v σ(i(h_v, h_v⁰)) ⊙ j(h_v) | `MPNN.readout`; the sum over atoms belongs to the head |
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.message_passing import MessagePassing, Round
from equitour.models.trunk import settings_of
from equitour.radial import bessel_basis


class EdgeNetwork(Round):
    """Messages A(e_ij) h_j, updates by a gated recurrent unit.

    The matrix A of an edge is linear in b(e_ij), the last hidden layer of its network: A(e) = Σ_k b_k(e) A_k. So
    Σ_j A(e_ij) h_j = Σ_k A_k Σ_j b_k(e_ij) h_j: what travels is the product of b and h, and the matrices are applied
    once an atom and not once an edge. The constant b_0 = 1 carries the bias of A.

    Args:
        num_channels: Width of h.
        num_basis: Width of e_ij.
        num_hidden: Width of b.
    """

    def __init__(self, *, num_channels: int, num_basis: int, num_hidden: int) -> None:
        super().__init__()
        self.b = nn.Sequential(
            nn.Linear(num_basis, num_hidden), nn.SiLU(), nn.Linear(num_hidden, num_hidden), nn.SiLU()
        )
        self.A = nn.Linear((num_hidden + 1) * num_channels, num_channels, bias=False)
        self.gru = nn.GRUCell(num_channels, num_channels)

    def message(
        self,
        h: Float[Tensor, "nodes channels"],
        e: Float[Tensor, "edges basis"],
        graph: AtomicGraph,
    ) -> Float[Tensor, "edges width"]:
        """b(e_ij) h_j, all products, of which `update` makes A(e_ij) h_j."""
        b = torch.cat([torch.ones_like(e[:, :1]), self.b(e)], dim=1)
        return (b[:, :, None] * h.index_select(0, graph.senders)[:, None]).flatten(1)

    def update(
        self, h: Float[Tensor, "nodes channels"], m: Float[Tensor, "nodes width"]
    ) -> Float[Tensor, "nodes channels"]:
        """GRU(h_i, Σ_j A(e_ij) h_j)."""
        return self.gru(self.A(m), h)

    def matrices(self, e: Float[Tensor, "edges basis"]) -> Float[Tensor, "edges channels channels"]:
        """A(e_ij) itself, as the paper writes it: for looking at and for tests, too large to compute with."""
        b = torch.cat([torch.ones_like(e[:, :1]), self.b(e)], dim=1)
        return torch.einsum("ek,dkc->edc", b, self.A.weight.unflatten(1, (b.shape[1], -1)))


class MPNN(MessagePassing):
    """Gilmer's message passing network with edge network, gated recurrent update and gated readout.

    Args:
        elements: Atomic numbers that the model knows.
        cutoff: Length of the longest edge in Å.
        num_layers: Rounds T; they share their weights.
        num_channels: Width of h.
        num_basis: Bessel functions of the distance that make e_ij.
        num_hidden: Width of the edge network.
        num_neighbors: Typical number of neighbours.
    """

    def __init__(
        self,
        *,
        elements: Sequence[int],
        cutoff: float,
        num_layers: int = 3,
        num_channels: int = 32,
        num_basis: int = 8,
        num_hidden: int = 16,
        num_neighbors: float = 8.0,
    ) -> None:
        settings = settings_of(locals())
        layer = EdgeNetwork(num_channels=num_channels, num_basis=num_basis, num_hidden=num_hidden)
        super().__init__(settings, [layer] * num_layers)
        self.i = nn.Linear(2 * num_channels, num_channels)
        self.j = nn.Linear(num_channels, num_channels)

    def basis(self, lengths: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Bessel functions of the distance."""
        return bessel_basis(lengths, cutoff=self.cutoff, num_basis=self.num_basis)

    def readout(
        self, h: Float[Tensor, "nodes channels"], start: Float[Tensor, "nodes channels"]
    ) -> Float[Tensor, "nodes channels"]:
        """σ(i(h_v, h_v⁰)) ⊙ j(h_v) of each atom."""
        return torch.sigmoid(self.i(torch.cat([h, start], dim=1))) * self.j(h)
