"""Crystals as a generator sees them: a lattice, points on a torus, elements. No edges: those follow from the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from ase import Atoms

HIDDEN = 0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Crystals:
    """Several crystals side by side.

    Attributes:
        lattices: Rows are the lattice vectors, in Å.
        fractional: Positions in units of the lattice vectors, on the torus [0, 1)³.
        atomic_numbers: 1 to 118; 0 where the element is hidden.
        batch: The crystal that each atom belongs to, ascending.
    """

    lattices: Float[Tensor, "crystals 3 3"]
    fractional: Float[Tensor, "nodes 3"]
    atomic_numbers: Int[Tensor, " nodes"]
    batch: Int[Tensor, " nodes"]

    @classmethod
    def of(cls, structures: Sequence[Atoms], *, dtype: torch.dtype = torch.float32) -> Crystals:
        """Crystals of ASE's structures; the cells stay as they are (`reduced_cell` finds the shortest ones).

        Raises:
            ValueError: There is none, or one is no crystal: not periodic, left-handed or flat, sites shared by elements.
        """
        if not structures:
            raise ValueError(
                "there must be at least one crystal, received none: check the file or the selection"
            )
        for place, atoms in enumerate(structures):
            require_crystal(atoms, place)
        counts = torch.tensor([len(atoms) for atoms in structures])
        return cls(
            lattices=torch.as_tensor(np.stack([atoms.cell.array for atoms in structures]), dtype=dtype),
            fractional=torch.as_tensor(
                np.concatenate([atoms.get_scaled_positions() for atoms in structures]), dtype=dtype
            ),
            atomic_numbers=torch.as_tensor(np.concatenate([atoms.numbers for atoms in structures])).long(),
            batch=torch.repeat_interleave(torch.arange(len(structures)), counts),
        )

    @property
    def num_crystals(self) -> int:
        """How many crystals there are."""
        return len(self.lattices)

    @property
    def num_nodes(self) -> int:
        """How many atoms all of them have."""
        return len(self.fractional)

    @property
    def counts(self) -> Int[Tensor, " crystals"]:
        """Atoms of each crystal."""
        return torch.bincount(self.batch, minlength=self.num_crystals)

    def replace(self, **fields: Tensor) -> Crystals:
        """The same crystals with other values of some fields."""
        return dataclasses.replace(self, **fields)

    def select(self, chosen: Int[Tensor, " some"]) -> Crystals:
        """Some of the crystals, in the order asked for; one may come several times."""
        counts = self.counts
        starts = counts.cumsum(0) - counts
        new = counts[chosen]
        batch = torch.repeat_interleave(torch.arange(len(chosen), device=chosen.device), new)
        within = torch.arange(len(batch), device=chosen.device) - (new.cumsum(0) - new)[batch]
        nodes = starts[chosen][batch] + within
        return Crystals(
            lattices=self.lattices[chosen],
            fractional=self.fractional[nodes],
            atomic_numbers=self.atomic_numbers[nodes],
            batch=batch,
        )

    def to_ase(self) -> list[Atoms]:
        """One ASE structure a crystal."""
        from ase import Atoms

        counts = self.counts.tolist()
        parts = zip(
            self.lattices.detach().double().cpu().numpy(),
            self.fractional.detach().double().cpu().split(counts),
            self.atomic_numbers.cpu().split(counts),
            strict=True,
        )
        return [
            Atoms(numbers=z.numpy(), cell=cell, scaled_positions=f.numpy() % 1.0, pbc=True)
            for cell, f, z in parts
        ]


def mean_over(
    values: Float[Tensor, "nodes channels"], crystals: Crystals
) -> Float[Tensor, "crystals channels"]:
    """Mean over the atoms of each crystal."""
    total = values.new_zeros(crystals.num_crystals, values.shape[1]).index_add(0, crystals.batch, values)
    return total / crystals.counts[:, None]


def centred(values: Float[Tensor, "nodes channels"], crystals: Crystals) -> Float[Tensor, "nodes channels"]:
    """Values less their mean over the atoms of each crystal."""
    return values - mean_over(values, crystals)[crystals.batch]


def require_crystal(atoms: Atoms, place: int = 0) -> None:
    """Refuse what is no crystal, in one sentence that names its place among the others."""
    volume = np.linalg.det(atoms.cell.array)
    if not atoms.pbc.all() or abs(volume) < 1e-6:
        raise ValueError(
            f"a crystal must repeat along three lattice vectors, received structure {place} with pbc {atoms.pbc.tolist()} "
            f"and volume {abs(volume):.3g} Å³: give its cell and set pbc to True"
        )
    if volume < 0:
        raise ValueError(
            f"lattice vectors must be right-handed, received structure {place} with determinant {volume:.4g} Å³: "
            "swap two of them"
        )
    if any(
        occupancy < 1 - 1e-6
        for site in atoms.info.get("occupancy", {}).values()
        for occupancy in site.values()
    ):
        raise ValueError(
            f"each site must belong to one element, received structure {place} ({atoms.get_chemical_formula()}) with "
            "partial occupancies: choose an ordered cell"
        )


def reduced_cell(atoms: Atoms) -> Atoms:
    """The same crystal in its Niggli cell, the shortest and most regular of all its cells.

    Many cells describe one crystal, and they follow from each other by SL(3, Z). A network that sees lattice and fractional
    coordinates rather than distances must always be shown the same one.

    Source: I. Křivý and B. Gruber, Acta Cryst. A 32, 297 (1976); spglib.
    """
    import spglib

    lattice = spglib.niggli_reduce(atoms.cell.array, eps=1e-5)
    if lattice is None:
        return atoms
    other = atoms.copy()
    # The lattice is the same set of points, so positions in Å stand; only the vectors that count them change.
    other.set_cell(lattice if np.linalg.det(lattice) > 0 else -lattice, scale_atoms=False)
    other.wrap()
    return other
