"""Structures and force constants whose vibrations are known in closed form."""

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk
from dynamics_potentials import Springs

from equitour.dynamics.response import nonanalytic_hessian
from equitour.graph import AtomicGraph
from equitour.symmetry import symmetry_operations

SPRING, SPACING = 3.0, 2.0  # eV/Å², Å


def spring_forces(graph):
    """Unstretched springs of the same stiffness between neighbours one spacing apart."""
    return Springs(k=SPRING, length=SPACING, cutoff=1.5 * SPACING).evaluate(graph).forces


def chain(symbols):
    """Atoms in a row that repeats along x."""
    atoms = Atoms(symbols, pbc=[True, False, False])
    atoms.positions[:, 0] = SPACING * np.arange(len(atoms))
    atoms.cell = [SPACING * len(atoms), 20, 20]
    return AtomicGraph.from_ase(atoms, cutoff=1.5 * SPACING)


def row(symbols):
    """The same without repetition: a linear molecule."""
    atoms = Atoms(symbols)
    atoms.positions[:, 0] = SPACING * np.arange(len(atoms))
    return AtomicGraph.from_ase(atoms, cutoff=1.5 * SPACING)


class RockSalt:
    """Two ions held by one isotropic spring constant, with a charge and a screening."""

    def __init__(self, *, charge=1.1, dielectric=2.3, spring=4.0):
        self.graph = AtomicGraph.from_ase(bulk("NaCl", "rocksalt", a=5.64), cutoff=3.0)
        self.volume = float(torch.linalg.det(self.graph.cell[0]).abs())
        unit = torch.eye(3, dtype=torch.float64)
        signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
        self.hessian = spring * torch.einsum("nm,ab->namb", signs, unit)
        self.born = torch.stack([charge * unit, -charge * unit])
        self.dielectric = dielectric * unit

    def along(self, direction):
        long_range = nonanalytic_hessian(
            self.born,
            self.dielectric,
            volume=self.volume,
            direction=torch.as_tensor(direction).double(),
        )
        return self.hessian + long_range


def perovskite():
    """Cubic BaTiO3: every atom sits on a centre of inversion."""
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    atoms = Atoms("BaTiO3", scaled_positions=places, cell=[4.0] * 3, pbc=True)
    return AtomicGraph.from_ase(atoms, cutoff=3.0)


def symmetrized(graph, tensors):
    """Tensors of atoms (nodes, 3, …) made to agree with every symmetry of a crystal that has no glides or screws."""
    cell, positions = graph.cell[0], graph.positions
    total = torch.zeros_like(tensors)
    operations = symmetry_operations(graph)
    for operation in operations:
        gap = ((positions @ operation.mT)[:, None] - positions) @ cell.inverse()
        target = (gap - gap.round()).norm(dim=2).argmin(1)
        turned = tensors
        for axis in range(1, tensors.dim()):
            turned = torch.tensordot(turned, operation, dims=([axis], [1])).movedim(-1, axis)
        total = total.index_add(0, target, turned)
    return total / len(operations)
