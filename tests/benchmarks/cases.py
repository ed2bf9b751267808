"""The two workloads: five aspirins at l = 1 and two cells of 32 silicon atoms at l = 2."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from .batch import Batch
from .settings import Settings

# Frame 0 of rMD17 aspirin, training split 1 (CC0), in Å to three decimals (Christensen and von Lilienfeld 2020).
ASPIRIN = Atoms(
    "CCCCCCCOOOCCOHHHHHHHH",
    positions=[
        [2.010, -1.185, -0.020],
        [1.214, 1.294, -0.664],
        [2.946, -0.435, -0.737],
        [2.454, 0.731, -1.205],
        [-2.798, 2.465, 0.398],
        [0.643, -0.823, 0.288],
        [0.340, 0.525, 0.007],
        [-1.382, -1.619, 1.394],
        [-1.677, 1.393, -1.463],
        [0.214, -3.050, 0.525],
        [-0.294, -1.785, 0.862],
        [-1.716, 1.656, -0.309],
        [-0.823, 1.121, 0.600],
        [-0.178, -3.733, 1.045],
        [2.367, -2.093, 0.436],
        [0.927, 2.299, -0.925],
        [3.915, -0.867, -0.966],
        [3.131, 1.488, -1.685],
        [-2.616, 3.474, 0.550],
        [-3.755, 2.570, -0.163],
        [-2.767, 1.961, 1.420],
    ],
)


@dataclass(frozen=True)
class Case:
    """One workload: structures moved out of their places, and the network that trains on them."""

    title: str
    structure: Atoms
    copies: int
    displacement: float  # Å, standard deviation of each coordinate
    settings: Settings

    def describe(self) -> str:
        """Structures, edges and the settings that all sides share."""
        batch, settings = self.batch(), self.settings
        return (
            f"{self.title}, {len(batch.positions)} atoms, {len(batch.senders)} edges within {settings.cutoff} Å; "
            f"lmax {settings.lmax}, {settings.num_layers} layers, {settings.num_channels} channels, "
            f"radial networks {settings.num_basis}-{settings.radial_width}-out, float32, one thread"
        )

    def task(self, folder: Path) -> dict:
        """Write the batch; return what every side is told."""
        path = folder / "batch.npz"
        self.batch().save(path)
        return {"batch": str(path), "settings": asdict(self.settings)}

    def batch(self, seed: int = 0) -> Batch:
        """The labelled batch. The labels are noise: the work of a training step does not depend on them."""
        generator = np.random.default_rng(seed)
        structures = [self.structure.copy() for _ in range(self.copies)]
        for atoms in structures:
            atoms.positions += generator.normal(scale=self.displacement, size=atoms.positions.shape)
        return collate(structures, self.settings.cutoff, generator)


def collate(structures: list[Atoms], cutoff: float, generator: np.random.Generator) -> Batch:
    """Join structures; ASE finds the edges, so that no side's neighbour list is part of the comparison."""
    counts = [len(atoms) for atoms in structures]
    first = np.cumsum([0, *counts[:-1]])
    pairs = [neighbor_list("ijS", atoms, cutoff) for atoms in structures]
    numbers = np.concatenate([atoms.numbers for atoms in structures])
    return Batch(
        positions=np.concatenate([atoms.positions for atoms in structures]),
        atomic_numbers=numbers,
        structure=np.repeat(np.arange(len(structures)), counts),
        cells=np.stack([atoms.cell.array for atoms in structures]),
        receivers=np.concatenate([i + start for (i, _, _), start in zip(pairs, first, strict=True)]),
        senders=np.concatenate([j + start for (_, j, _), start in zip(pairs, first, strict=True)]),
        shifts=np.concatenate([shift for _, _, shift in pairs]),
        energies=generator.normal(size=len(structures)),
        forces=generator.normal(size=(len(numbers), 3)),
    )


CASES = {
    "aspirin": Case("five aspirins", ASPIRIN, 5, 0.05, Settings(lmax=1, cutoff=4.0)),
    "silicon": Case(
        "two Si32 cells", bulk("Si", cubic=True) * (2, 2, 1), 2, 0.1, Settings(lmax=2, cutoff=5.0)
    ),
}
