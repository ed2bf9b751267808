"""Neighbour lists that last for many steps: built with a skin, searched anew only when it may be used up."""

from __future__ import annotations

import dataclasses
import math

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.graph import AtomicGraph


@dataclasses.dataclass(frozen=True, eq=False)
class VerletList:
    """All pairs closer than `cutoff + skin` at the time of building (Verlet, Phys. Rev. 159, 98, 1967).

    Attributes:
        wide: The structure as it was when the list was built, with the edges of that longer reach.
        cutoff: Reach of the potential in Å.
        skin: Added to it, in Å; 0 has the list built anew whenever an atom moves.
    """

    wide: AtomicGraph
    cutoff: float
    skin: float

    @classmethod
    def build(cls, graph: AtomicGraph, *, cutoff: float, skin: float) -> VerletList:
        """Search all pairs of the graph's atoms; the edges that it has do not matter.

        Raises:
            ValueError: The skin is negative or not finite.
        """
        require_skin(skin)
        # Copies, because ASE and optimizers move atoms in place: a list whose own atoms move along notices nothing.
        wide = graph.replace(positions=graph.positions.detach().clone(), cell=graph.cell.detach().clone())
        return cls(wide.rebuild(cutoff=cutoff + skin), cutoff, skin)

    def covers(self, positions: Float[Tensor, "nodes 3"], cell: Float[Tensor, "graphs 3 3"]) -> bool:
        """Whether no pair can have come within the cutoff unseen.

        The cell h = h₀ D carries every atom along, what is left is its own way u = r − r₀ D, and an edge vector
        is d = d₀ D + u_j − u_i. So |d₀| ≤ (|d| + 2 max|u|) ‖D⁻¹‖, and every pair with |d| < cutoff is in the list while
        (cutoff + 2 max|u|) ‖D⁻¹‖ ≤ cutoff + skin. In a cell at rest this is the rule "half the skin".
        """
        strain, stretch = self._strain(cell)
        batch = self.wide.batch
        if strain is None:
            carried = self.wide.positions
        else:
            carried = torch.einsum("ni,nij->nj", self.wide.positions, strain.index_select(0, batch))
        way = positions - carried
        # A drift of the whole structure changes no distance, so it is not held against the list.
        longest = _away_from_mean(way, batch, cell.shape[0])
        return bool(((self.cutoff + 2 * longest) * stretch <= self.cutoff + self.skin).all())

    def _strain(self, cell: Tensor) -> tuple[Tensor | None, Tensor | float]:
        """D with h = h₀ D (None for the unit matrix), and ‖D⁻¹‖ for each graph."""
        if torch.equal(cell, self.wide.cell):
            return None, 1.0
        repeats = self.wide.pbc[:, :, None].to(cell.dtype)
        # Rows that do not repeat are left out; along their directions D is the unit matrix.
        change = torch.linalg.pinv(self.wide.cell * repeats) @ ((cell - self.wide.cell) * repeats)
        strain = torch.eye(3, dtype=cell.dtype, device=cell.device) + change
        return strain, 1 / torch.linalg.svdvals(strain).amin(-1)

    def graph(self, positions: Float[Tensor, "nodes 3"], cell: Float[Tensor, "graphs 3 3"]) -> AtomicGraph:
        """The structure with the edges closer than the cutoff, as a fresh search would find them."""
        moved = self.wide.replace(positions=positions, cell=cell)
        near = (moved.edge_lengths() < self.cutoff).nonzero().flatten()
        names = ("senders", "receivers", "cell_shifts")
        return moved.replace(**{name: getattr(moved, name).index_select(0, near) for name in names})

    def follow(
        self, positions: Float[Tensor, "nodes 3"], cell: Float[Tensor, "graphs 3 3"]
    ) -> tuple[VerletList, AtomicGraph]:
        """This list, or a new one where it no longer serves, and the structure with its edges."""
        if self.covers(positions, cell):
            return self, self.graph(positions, cell)
        moved = self.wide.replace(positions=positions, cell=cell)
        fresh = VerletList.build(moved, cutoff=self.cutoff, skin=self.skin)
        return fresh, fresh.graph(positions, cell)


def require_skin(skin: float) -> None:
    """Raise ValueError for a skin that is no length."""
    if not (math.isfinite(skin) and skin >= 0):
        raise ValueError(f"skin must be at least 0 Å and finite, received {skin}: 0.5 serves most solids")


def _away_from_mean(way: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    """The longest way of an atom in each graph, seen from the mean of its graph."""
    nodes = torch.bincount(batch, minlength=num_graphs).clamp_min(1).to(way.dtype)
    mean = way.new_zeros(num_graphs, 3).index_add(0, batch, way) / nodes[:, None]
    lengths = torch.linalg.vector_norm(way - mean.index_select(0, batch), dim=1)
    return way.new_zeros(num_graphs).scatter_reduce(0, batch, lengths, "amax")
