"""The one data structure of the house."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from equitour.graph.neighbors import neighbor_list
from equitour.graph.reading import read_structure, require_apart, require_structure

if TYPE_CHECKING:
    from ase import Atoms


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AtomicGraph:
    """One structure, or several side by side, as a graph. Labels travel beside it, never inside.

    The vector of an edge points from its sender to its receiver,
    `positions[receivers] - positions[senders] + cell_shifts @ cell`, which is `D` of ASE's neighbour list.
    Edges are sorted by receiver. A direction without periodicity may have a zero row in `cell`.

    Attributes:
        positions: Cartesian, in Å.
        atomic_numbers: 1 (hydrogen) to 118.
        senders: The node that a message leaves.
        receivers: The node that a message reaches.
        cell_shifts: Whole cells between the two atoms of an edge.
        cell: Rows are the lattice vectors, in Å.
        pbc: Which lattice vectors repeat.
        batch: The graph that each node belongs to, ascending.
    """

    positions: Float[Tensor, "nodes 3"]
    atomic_numbers: Int[Tensor, " nodes"]
    senders: Int[Tensor, " edges"]
    receivers: Int[Tensor, " edges"]
    cell_shifts: Int[Tensor, "edges 3"]
    cell: Float[Tensor, "graphs 3 3"]
    pbc: Bool[Tensor, "graphs 3"]
    batch: Int[Tensor, " nodes"]

    @classmethod
    def from_ase(
        cls,
        atoms: Atoms | str | Path,
        *,
        cutoff: float,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
        min_distance: float = 0.1,
    ) -> AtomicGraph:
        """Graph of an ASE structure, or of a CIF, POSCAR, xyz or extxyz file (its last frame).

        Args:
            atoms: The structure or the path of its file.
            cutoff: Largest length of an edge, in Å.
            dtype: Of positions and cell.
            device: Of all tensors.
            min_distance: Two atoms closer than this (Å) are an error; 0 lets them pass.

        Raises:
            ValueError: The file or the structure cannot be used; the sentence says why and what to do.
        """
        if isinstance(atoms, str | Path):
            atoms = read_structure(Path(atoms))
        return cls.from_arrays(
            atoms.positions,
            atoms.numbers,
            cutoff=cutoff,
            cell=np.asarray(atoms.cell),
            pbc=atoms.pbc,
            dtype=dtype,
            device=device,
            min_distance=min_distance,
        )

    @classmethod
    def from_arrays(
        cls,
        positions,
        atomic_numbers,
        *,
        cutoff: float,
        cell=None,
        pbc=False,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
        min_distance: float = 0.1,
    ) -> AtomicGraph:
        """Graph of positions (nodes, 3) in Å and atomic numbers (nodes,); arguments as in `from_ase`."""
        # Copies: ASE moves its atoms in place, and a graph must stay what it was made of.
        positions = torch.as_tensor(positions, dtype=dtype, device=device).clone()
        atomic_numbers = torch.as_tensor(atomic_numbers, device=device).long().clone()
        cell = torch.zeros(3, 3) if cell is None else torch.as_tensor(cell)
        cell = cell.to(dtype=dtype, device=device, copy=True)
        pbc = torch.as_tensor(pbc, device=device).bool().expand(3).clone()
        require_structure(positions, atomic_numbers, cell, pbc)
        senders, receivers, cell_shifts = neighbor_list(positions, cutoff=cutoff, cell=cell, pbc=pbc)
        graph = cls(
            positions=positions,
            atomic_numbers=atomic_numbers,
            senders=senders,
            receivers=receivers,
            cell_shifts=cell_shifts,
            cell=cell[None],
            pbc=pbc[None],
            batch=torch.zeros_like(atomic_numbers),
        )
        pairs = torch.stack([senders, receivers])
        require_apart(graph.edge_lengths().detach(), pairs, min_distance=min_distance)
        return graph

    @property
    def num_nodes(self) -> int:
        """Number of atoms in all graphs together."""
        return self.positions.shape[0]

    @property
    def num_edges(self) -> int:
        """Number of directed edges in all graphs together."""
        return self.senders.shape[0]

    @property
    def num_graphs(self) -> int:
        """Number of structures side by side."""
        return self.cell.shape[0]

    def edge_vectors(self) -> Float[Tensor, "edges 3"]:
        """Vectors from sender to receiver in Å; differentiable in positions and cell."""
        # index_select is several times as fast as positions[receivers], forward and backward.
        ends = self.positions.index_select(0, self.receivers) - self.positions.index_select(0, self.senders)
        shifts = self.cell_shifts.to(ends.dtype)
        if self.num_graphs == 1:
            return ends + shifts @ self.cell[0]
        cells = self.cell.index_select(0, self.batch.index_select(0, self.senders))
        return ends + torch.einsum("ei,eij->ej", shifts, cells)

    def edge_lengths(self) -> Float[Tensor, " edges"]:
        """Lengths of the edges in Å."""
        return torch.linalg.vector_norm(self.edge_vectors(), dim=1)

    def replace(self, **fields) -> AtomicGraph:
        """A copy with other values in some fields; this graph stays as it is."""
        return dataclasses.replace(self, **fields)

    def rebuild(self, *, cutoff: float) -> AtomicGraph:
        """The same atoms with edges found anew, after they have moved or with another cutoff (Å)."""
        return batch([graph._with_new_edges(cutoff) for graph in self.split()])

    def _with_new_edges(self, cutoff: float) -> AtomicGraph:
        edges = neighbor_list(self.positions, cutoff=cutoff, cell=self.cell[0], pbc=self.pbc[0])
        return self.replace(**dict(zip(("senders", "receivers", "cell_shifts"), edges, strict=True)))

    def to(self, *, device=None, dtype: torch.dtype | None = None) -> AtomicGraph:
        """All tensors on another device; positions and cell in another dtype."""
        moved = {name: value.to(device=device) for name, value in vars(self).items()}
        for name in ("positions", "cell"):
            moved[name] = moved[name].to(dtype=dtype)
        return AtomicGraph(**moved)

    def to_ase(self) -> Atoms:
        """The structure as ASE's `Atoms`; edges stay behind.

        Raises:
            ValueError: The graph holds several structures.
        """
        from ase import Atoms

        if self.num_graphs != 1:
            raise ValueError(f"to_ase needs one structure, received {self.num_graphs}: call split() first")
        return Atoms(
            numbers=self.atomic_numbers.cpu().numpy(),
            positions=self.positions.detach().cpu().double().numpy(),
            cell=self.cell[0].detach().cpu().double().numpy(),
            pbc=self.pbc[0].cpu().numpy(),
        )

    def split(self) -> list[AtomicGraph]:
        """The structures one by one; undoes `batch` exactly."""
        if self.num_graphs == 1:
            return [self]
        nodes = torch.bincount(self.batch, minlength=self.num_graphs)
        first_node = nodes.cumsum(0) - nodes
        edge_graph = self.batch.index_select(0, self.receivers)
        edges = torch.bincount(edge_graph, minlength=self.num_graphs).tolist()
        first = first_node.index_select(0, edge_graph)
        nodes = nodes.tolist()
        columns = {
            "positions": self.positions.split(nodes),
            "atomic_numbers": self.atomic_numbers.split(nodes),
            "senders": (self.senders - first).split(edges),
            "receivers": (self.receivers - first).split(edges),
            "cell_shifts": self.cell_shifts.split(edges),
            "cell": self.cell.split(1),
            "pbc": self.pbc.split(1),
            "batch": torch.zeros_like(self.batch).split(nodes),
        }
        rows = zip(*columns.values(), strict=True)
        return [AtomicGraph(**dict(zip(columns, row, strict=True))) for row in rows]

    def __repr__(self) -> str:
        return f"AtomicGraph(graphs={self.num_graphs}, nodes={self.num_nodes}, edges={self.num_edges})"


def batch(graphs: Sequence[AtomicGraph]) -> AtomicGraph:
    """Structures side by side as one graph without edges between them.

    Raises:
        ValueError: There is no graph, or dtypes differ.
    """
    graphs = list(graphs)
    if not graphs:
        raise ValueError(
            "batch needs at least one graph, received an empty list: check the selection before it"
        )
    dtypes = {graph.positions.dtype for graph in graphs}
    if len(dtypes) > 1:
        names = " and ".join(sorted(str(dtype) for dtype in dtypes))
        raise ValueError(f"graphs in a batch must share one dtype, received {names}: use graph.to(dtype=...)")
    if len(graphs) == 1:
        return graphs[0]
    first_node = np.cumsum([0] + [graph.num_nodes for graph in graphs]).tolist()
    first_graph = np.cumsum([0] + [graph.num_graphs for graph in graphs]).tolist()

    def joined(name: str, offsets: Sequence[int] | None = None) -> Tensor:
        parts = [getattr(graph, name) for graph in graphs]
        if offsets is not None:
            parts = [part + offset for part, offset in zip(parts, offsets, strict=False)]
        return torch.cat(parts)

    return AtomicGraph(
        positions=joined("positions"),
        atomic_numbers=joined("atomic_numbers"),
        senders=joined("senders", first_node),
        receivers=joined("receivers", first_node),
        cell_shifts=joined("cell_shifts"),
        cell=joined("cell"),
        pbc=joined("pbc"),
        batch=joined("batch", first_graph),
    )
