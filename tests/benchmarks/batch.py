"""A batch of labelled structures as plain arrays: what every side of a benchmark is handed, bit for bit the same.

This module runs in the environments of all peers, so it knows numpy and nothing else.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Structures with their edges and labels; lengths in Å, energies in eV.

    An edge leads from a neighbour j (sender) to a centre i (receiver); `shifts` are whole cells S in ASE's sense,
    so that the vector from centre to neighbour is r_j - r_i + S @ cell. Edges are sorted by receiver.
    """

    positions: np.ndarray  # (nodes, 3)
    atomic_numbers: np.ndarray  # (nodes,)
    structure: np.ndarray  # (nodes,) which structure an atom belongs to
    cells: np.ndarray  # (structures, 3, 3); rows are lattice vectors, zero for a molecule
    receivers: np.ndarray  # (edges,)
    senders: np.ndarray  # (edges,)
    shifts: np.ndarray  # (edges, 3)
    energies: np.ndarray  # (structures,)
    forces: np.ndarray  # (nodes, 3)

    @property
    def elements(self) -> list[int]:
        """The atomic numbers that occur, ascending."""
        return np.unique(self.atomic_numbers).tolist()

    @property
    def species(self) -> np.ndarray:
        """Index of each atom's element, (nodes,)."""
        return np.searchsorted(self.elements, self.atomic_numbers)

    @property
    def counts(self) -> np.ndarray:
        """Atoms of each structure, (structures,)."""
        return np.bincount(self.structure)

    @property
    def average_neighbors(self) -> float:
        """Edges per atom."""
        return len(self.receivers) / len(self.positions)

    @property
    def offsets(self) -> np.ndarray:
        """The lattice translation of each edge in Å, (edges, 3)."""
        return np.einsum("ei,eij->ej", self.shifts.astype(float), self.cells[self.structure[self.receivers]])

    def save(self, path: Path) -> None:
        """Write the arrays to an npz file."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "Batch":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})
