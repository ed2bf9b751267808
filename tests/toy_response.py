"""A closed-form response: every pair of atoms carries a dipole and a polarizability along its bond.

The tensors that follow obey all symmetries and the sum rules by construction, so that they can be learnt exactly.
"""

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk, molecule

from equitour.graph import AtomicGraph

CUTOFF = 3.0
CHARGES = {1: 0.4, 6: -0.3, 8: -0.8, 11: 1.0, 17: -1.0, 56: 1.2, 22: 2.0}


def responses(graph: AtomicGraph) -> tuple[torch.Tensor, torch.Tensor]:
    """Dipole (3) and polarizability (3, 3) of one structure, differentiable."""
    vectors, lengths = graph.edge_vectors(), graph.edge_lengths()[:, None]
    charges = torch.tensor([CHARGES[int(number)] for number in graph.atomic_numbers]).to(vectors)
    size = torch.exp(-lengths) * (1 - lengths / CUTOFF) ** 2
    difference = (charges[graph.receivers] - charges[graph.senders])[:, None]
    dipole = (difference * size * vectors).sum(0)
    along = size[:, :, None] * vectors[:, :, None] * vectors[:, None, :]
    return dipole, (along + size[:, :, None] * torch.eye(3).to(vectors)).sum(0)


def derivatives(graph: AtomicGraph) -> dict[str, np.ndarray]:
    """Everything that a file may carry, by automatic differentiation."""

    def at(positions):
        return responses(graph.replace(positions=positions))

    dipole, alpha = at(graph.positions)
    by_dipole, by_alpha = torch.autograd.functional.jacobian(at, graph.positions)
    return {
        "dipole": dipole.numpy(),
        "polarizability": alpha.numpy(),
        "born_effective_charges": by_dipole.permute(1, 2, 0).numpy(),
        "raman_tensors": by_alpha.permute(2, 3, 0, 1).numpy(),
    }


def shaken(name: str, *, seed: int) -> Atoms:
    """A molecule, or four atoms of rock salt, off its sites."""
    atoms = bulk("NaCl", "rocksalt", a=5.0, cubic=True)[:4] if name == "NaCl" else molecule(name)
    atoms.rattle(0.1, seed=seed)
    return atoms


def labelled(name: str, *, seed: int) -> Atoms:
    """A shaken structure with its tensors, as a file carries them."""
    atoms = shaken(name, seed=seed)
    found = derivatives(AtomicGraph.from_ase(atoms, cutoff=CUTOFF))
    for label in ("born_effective_charges", "raman_tensors"):
        atoms.arrays[label] = found[label].reshape(len(atoms), -1)
    atoms.info["polarizability"], atoms.info["dipole"] = found["polarizability"], found["dipole"]
    return atoms
