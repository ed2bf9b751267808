"""What lesson 201 takes from data: molecules sorted by size, ethanol with some of its edges, atoms sorted by what they heard."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour import datasets
from equitour.datasets import Dataset
from equitour.graph import AtomicGraph
from equitour.train import Example


def colours(
    h: Float[Tensor, "rounds molecules atoms channels"],
) -> Int[Tensor, "rounds molecules atoms"]:
    """One number for all atoms whose features have been equal in every round so far.

    Groups only split. A group keeps its number, and what splits off gets one that was free.
    """
    rounds = h.round(decimals=9).flatten(1, 2).movedim(0, 1)  # (atoms, rounds, channels)
    now = [torch.unique(rounds[:, : T + 1].flatten(1), dim=0, return_inverse=True)[1] for T in range(len(h))]
    # The smallest of the final numbers stands for the whole group until the group splits.
    settled = [torch.stack([now[-1][groups == group].min() for group in groups]) for groups in now]
    return torch.stack(settled).reshape(h.shape[:3])


def by_size(
    corner: Dataset, sample: Dataset, *, generator: torch.Generator
) -> tuple[Dataset, Dataset, Dataset]:
    """Molecules of QM9: 500 and another 100 with at most 6 heavy atoms, and 300 with 9.

    Args:
        corner: All small ones, "qm9_small/corner".
        sample: Some of all sizes, "qm9_small/sample".
        generator: Draws the small ones.
    """
    small = torch.where(_heavy(corner) <= 6)[0]
    small = small[torch.randperm(len(small), generator=generator)]
    return corner[small[:500]], corner[small[500:600]], sample[torch.where(_heavy(sample) == 9)[0][:300]]


def _heavy(molecules: Dataset) -> Int[Tensor, " molecules"]:
    # Counted in the SMILES, since looking at atoms would build the edges of all molecules.
    return torch.tensor([sum(c in "CNOF" for c in s.upper()) for s in molecules.labels["smiles"]])


def ethanol_frames(
    *, cutoff: float, bonds: AtomicGraph | None = None
) -> tuple[list[Example], list[Example], float]:
    """Ethanol at 500 K with energies and forces by GFN2-xTB: 200 frames of eight walkers, 200 of two others.

    Args:
        cutoff: Longest edge in Å.
        bonds: Take the edges of this graph of an ethanol instead, in every frame.

    Returns:
        Examples to learn from, examples to be tested on, and the root mean square of the first's forces in eV/Å.
    """
    data = datasets.load("molecules_md/ethanol", cutoff=cutoff, dtype=torch.float32)
    energy, forces = data.labels["energy_gfn2"].double(), data.atom_labels["forces_gfn2"]
    energy = energy - energy[:800].mean()

    def example(k: int) -> Example:
        graph = data.graphs[k] if bonds is None else with_edges_of(bonds, data.graphs[k])
        return Example(graph, {"energy": energy[k : k + 1], "forces": forces[k]})

    learned, asked = [example(k) for k in range(0, 800, 4)], [example(k) for k in range(800, 1000)]
    scale = torch.cat([one.labels["forces"] for one in learned]).square().mean().sqrt()
    return learned, asked, float(scale)


def with_edges_of(bonds: AtomicGraph, graph: AtomicGraph) -> AtomicGraph:
    """The atoms of a graph where they are, with the edges of another one."""
    return graph.replace(senders=bonds.senders, receivers=bonds.receivers, cell_shifts=bonds.cell_shifts)
