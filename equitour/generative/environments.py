"""Local environments: a centre and its nearest neighbours, cut out of a structure, periodic images included."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.graph import AtomicGraph


@dataclass(frozen=True, kw_only=True, eq=False)
class Environments:
    """One environment a centre, each with the same number of neighbours, the nearest first.

    Attributes:
        vectors: From the centre to its neighbours, in Å.
        centers: Node in the middle.
        neighbors: Nodes around it; the same node may stand there twice, as two of its images.
        atomic_numbers: Of the neighbours.
        center_numbers: Atomic numbers of the centres.
    """

    vectors: Float[Tensor, "environments neighbors 3"]
    centers: Int[Tensor, " environments"]
    neighbors: Int[Tensor, "environments neighbors"]
    atomic_numbers: Int[Tensor, "environments neighbors"]
    center_numbers: Int[Tensor, " environments"]

    def __len__(self) -> int:
        return len(self.vectors)

    def of_element(self, atomic_number: int) -> Environments:
        """Those around one element.

        Raises:
            ValueError: No centre is of this element.
        """
        chosen = self.center_numbers == atomic_number
        if not chosen.any():
            there = ", ".join(str(z) for z in self.center_numbers.unique().tolist())
            raise ValueError(
                f"environments must be around an element that is there, received atomic number {atomic_number} where "
                f"the centres are {there}: choose one of these"
            )
        return Environments(**{name: values[chosen] for name, values in vars(self).items()})


def environments(graph: AtomicGraph, *, num_neighbors: int) -> Environments:
    """The nearest neighbours of each atom, among those within the graph's cutoff.

    Args:
        graph: One or more structures; its edges say who is within reach.
        num_neighbors: Neighbours of a centre, n.

    Returns:
        As many environments as nodes. The vectors are differentiable by the positions.

    Raises:
        ValueError: n is below 2, an atom has fewer neighbours than n, or two atoms coincide.
    """
    if num_neighbors < 2:
        raise ValueError(
            f"num_neighbors must be at least 2, received {num_neighbors}: one neighbour has a distance and no angle"
        )
    lengths = graph.edge_lengths()
    if lengths.numel() and lengths.min() == 0:
        pair = int(lengths.argmin())
        raise ValueError(
            f"atoms must lie apart, received atoms {int(graph.senders[pair])} and {int(graph.receivers[pair])} in one "
            "place: remove one of them"
        )
    counts = torch.bincount(graph.senders, minlength=graph.num_nodes)
    if graph.num_nodes and counts.min() < num_neighbors:
        poor = int(counts.argmin())
        raise ValueError(
            f"each atom must have {num_neighbors} neighbours within the cutoff, received {int(counts[poor])} around "
            f"atom {poor}: rebuild the graph with a longer cutoff or ask for fewer neighbours"
        )
    # Sorted by length and then, keeping this order, by centre.
    order = lengths.argsort(stable=True)
    order = order[graph.senders[order].argsort(stable=True)]
    first = counts.cumsum(0) - counts
    nearest = order[first[:, None] + torch.arange(num_neighbors, device=first.device)]
    neighbors = graph.receivers[nearest]
    return Environments(
        vectors=graph.edge_vectors()[nearest],
        centers=torch.arange(graph.num_nodes, device=first.device),
        neighbors=neighbors,
        atomic_numbers=graph.atomic_numbers[neighbors],
        center_numbers=graph.atomic_numbers,
    )
