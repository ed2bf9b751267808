"""The classical potential of silicon: its crystal, as its author gives it."""

import pytest
import torch
from ase.build import bulk

from equitour.graph import AtomicGraph
from equitour.learn.silicon import relaxed


def test_diamond_has_the_energy_and_the_lattice_constant_of_tersoffs_paper():
    """-4.63 eV an atom at 5.432 Å (Phys. Rev. B 38, 9902, table I)."""
    energy = {
        a: relaxed(AtomicGraph.from_ase(bulk("Si", a=a), cutoff=3.0), steps=0)[1] for a in (5.40, 5.432, 5.46)
    }
    assert energy[5.432] == pytest.approx(-4.63, abs=0.005)
    assert energy[5.432] == min(energy.values())


def test_a_shaken_crystal_goes_back_and_the_callers_stays_shaken(generator):
    perfect = AtomicGraph.from_ase(bulk("Si", cubic=True, a=5.432), cutoff=3.0)
    kick = 0.1 * torch.randn(perfect.positions.shape, generator=generator, dtype=torch.float64)
    shaken = perfect.replace(positions=perfect.positions + kick)
    back, energy = relaxed(shaken, steps=200, fmax=0.01)
    assert energy == pytest.approx(-4.6296, abs=1e-3)
    assert back.rebuild(cutoff=3.0).edge_lengths().std() < 0.01
    assert torch.equal(shaken.positions, perfect.positions + kick)


def test_another_element_is_refused():
    with pytest.raises(ValueError, match=r"must be given silicon, received atomic numbers \[32\]: choose"):
        relaxed(AtomicGraph.from_ase(bulk("Ge"), cutoff=3.0))
