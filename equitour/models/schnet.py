"""SchNet: continuous-filter convolutions (Schütt et al., NeurIPS 2017, arXiv:1706.08566)."""

import math
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.message_passing import MessagePassing, Round
from equitour.models.trunk import settings_of
from equitour.radial import gaussian_basis


class ShiftedSoftplus(nn.Module):
    """ssp(x) = ln(½ eˣ + ½): smooth everywhere, as forces need, and zero at zero."""

    def forward(self, x: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        """ssp(x), entry by entry."""
        return nn.functional.softplus(x) - math.log(2)


class Interaction(Round):
    """Interaction block (figure 2 of the paper) around cfconv, eq. 2: x_i ← Σ_j x_j ∘ W(r_ij).

    An image has a weight for each of a few offsets; atoms lie anywhere, so the weight is a function of the distance,
    made by a network, the filter W.

    Args:
        num_channels: Width of x and of the filter.
        num_basis: Number of Gaussians of the distance.
    """

    def __init__(self, *, num_channels: int, num_basis: int) -> None:
        super().__init__()
        c = num_channels
        self.W = nn.Sequential(nn.Linear(num_basis, c), ShiftedSoftplus(), nn.Linear(c, c), ShiftedSoftplus())
        self.atom_wise_in = nn.Linear(c, c, bias=False)
        self.atom_wise_out = nn.Sequential(nn.Linear(c, c), ShiftedSoftplus(), nn.Linear(c, c))

    def message(
        self,
        h: Float[Tensor, "nodes channels"],
        e: Float[Tensor, "edges basis"],
        graph: AtomicGraph,
    ) -> Float[Tensor, "edges width"]:
        """x_j ∘ W(r_ij) of each edge."""
        return self.atom_wise_in(h).index_select(0, graph.senders) * self.W(e)

    def update(
        self, h: Float[Tensor, "nodes channels"], m: Float[Tensor, "nodes width"]
    ) -> Float[Tensor, "nodes channels"]:
        """x_i plus two dense layers of what arrived."""
        return h + self.atom_wise_out(m)


class SchNet(MessagePassing):
    """Continuous-filter convolutions with residuals.

    One difference from the paper: an envelope ends the filters smoothly at the cutoff.

    Args:
        elements: Atomic numbers that the model knows.
        cutoff: Length of the longest edge in Å.
        num_layers: Number of interaction blocks.
        num_channels: Width of x.
        num_basis: Gaussians of the distance.
        num_neighbors: Typical number of neighbours.
    """

    def __init__(
        self,
        *,
        elements: Sequence[int],
        cutoff: float,
        num_layers: int = 3,
        num_channels: int = 64,
        num_basis: int = 25,
        num_neighbors: float = 8.0,
    ) -> None:
        settings = settings_of(locals())
        widths = {"num_channels": num_channels, "num_basis": num_basis}
        super().__init__(settings, [Interaction(**widths) for _ in range(num_layers)])

    def basis(self, lengths: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Gaussians of the distance."""
        return gaussian_basis(lengths, cutoff=self.cutoff, num_basis=self.num_basis)
