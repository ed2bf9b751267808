import pytest
import torch
from ase.build import bulk, molecule

from equitour.graph import AtomicGraph


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(20)


@pytest.fixture
def ethanol():
    return AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)


@pytest.fixture
def rattled_salt():
    """Rock salt without any symmetry left, so that no component is zero by accident."""
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    atoms.rattle(0.1, seed=1)
    return AtomicGraph.from_ase(atoms, cutoff=4.5)
