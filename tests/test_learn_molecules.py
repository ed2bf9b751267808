import ase.io
import numpy as np
import torch

from equitour import datasets
from equitour.learn.molecules import bond_lengths, seen_from_above, write_extxyz

WATER = datasets.load("molecules_md/water", cutoff=1.3)
PLACES = torch.stack([graph.positions for graph in WATER.graphs[:20]])


def test_a_molecule_seen_from_above_lies_in_the_plane_and_keeps_its_shape():
    places, turn, angle = seen_from_above(PLACES)
    assert float(places[:, :, 2].abs().max()) < 1e-12
    assert float(places[:, 0].abs().max()) == 0
    assert bool((places[:, 1:, 1] < 0).all())  # The hydrogens hang below the oxygen.
    assert torch.allclose(torch.cdist(places, places), torch.cdist(PLACES, PLACES))
    assert torch.allclose(torch.linalg.det(turn), torch.ones(20, dtype=torch.float64))
    by_ase = [graph.to_ase().get_angle(1, 0, 2) for graph in WATER.graphs[:20]]
    assert np.allclose(angle.numpy(), by_ase)


def test_bond_lengths_are_those_of_ase():
    lengths = bond_lengths(PLACES, torch.tensor([[0, 1], [1, 2]]))
    atoms = WATER.graphs[3].to_ase()
    assert np.allclose(lengths[3].numpy(), [atoms.get_distance(0, 1), atoms.get_distance(1, 2)])


def test_a_written_file_holds_what_the_data_set_holds(tmp_path):
    path = tmp_path / "water.extxyz"
    assert write_extxyz(path, WATER[:5], energy="energy_gfn2", forces="forces_gfn2") == 5
    for sample, atoms in zip(WATER[:5], ase.io.read(path, index=":"), strict=True):
        assert abs(atoms.get_potential_energy() - float(sample.labels["energy_gfn2"])) < 1e-6
        assert np.allclose(atoms.get_forces(), sample.atom_labels["forces_gfn2"], atol=1e-6)
        assert np.allclose(atoms.positions, sample.graph.positions, atol=1e-7)
