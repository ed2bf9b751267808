"""What the battery tries a model on: structures without symmetry, on which no component is zero by accident."""

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from equitour.graph import AtomicGraph

ELEMENTS = (1, 6, 8, 14)
CUTOFF = 3.5  # Å; longer than the lattice vectors of SiC, so that atoms are neighbours of their own images.


def rattled(atoms, *, stdev=0.08, seed=3):
    """Without any symmetry left, so that no component is zero by accident."""
    atoms = atoms.copy()
    atoms.positions += np.random.default_rng(seed).normal(scale=stdev, size=atoms.positions.shape)
    return AtomicGraph.from_ase(atoms, cutoff=CUTOFF)


def ethanol():
    """A molecule of three elements."""
    return rattled(molecule("CH3CH2OH"))


def water():
    """Another one, of another size."""
    return rattled(molecule("H2O"))


def silicon_carbide():
    """Two atoms in a skewed cell, each with 4 neighbours of the other kind and 12 of its own images."""
    atoms = bulk("SiC", "zincblende", a=4.36)
    strain = np.array([[1.03, 0.05, 0], [0, 0.98, 0.04], [0, 0, 1.01]])
    atoms.set_cell(atoms.cell[:] @ strain, scale_atoms=True)
    return rattled(atoms)


def lone_silicon():
    """One atom in a cell without symmetry: all of its neighbours are itself."""
    cell = [[2.6, 0.3, 0.0], [0.0, 2.7, 0.5], [0.4, 0.0, 2.9]]
    return AtomicGraph.from_ase(Atoms("Si", cell=cell, pbc=True), cutoff=CUTOFF)


def isolated_atom(number=8):
    """No neighbour at all."""
    return AtomicGraph.from_arrays([[0.3, -0.2, 0.5]], [number], cutoff=CUTOFF)


STRUCTURES = (ethanol, silicon_carbide)
