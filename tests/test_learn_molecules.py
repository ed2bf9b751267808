import ase.io
import numpy as np
import pytest
import torch

from equitour import datasets
from equitour.graph import batch
from equitour.learn.bridge import NEQUIP_SETTINGS
from equitour.learn.layer_weights import layer_weights
from equitour.learn.molecules import (
    across_bonds,
    bond_lengths,
    bonds_of,
    narrow_to_wide,
    quadratic_potential,
    seen_from_above,
    write_extxyz,
)
from equitour.models import Potential, build, shipped

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


def test_a_choice_from_narrow_to_wide_begins_and_ends_with_the_extremes():
    chosen, places, turn, angle = narrow_to_wide(PLACES, 5)
    assert bool((angle.diff() > 0).all())
    everyone = seen_from_above(PLACES)[2]
    assert (float(angle[0]), float(angle[-1])) == (float(everyone.min()), float(everyone.max()))
    moved = (PLACES[chosen] - PLACES[chosen][:, :1]) @ turn.mT
    assert torch.allclose(places, moved)


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


def test_a_quadratic_potential_finds_springs_exactly():
    """E = Σ_bonds (d − 1)² is a polynomial of second degree in Σ d and Σ d² over the bonds of each oxygen."""

    def lengths(graph):
        d, i = graph.edge_lengths(), graph.receivers
        sums = d.new_zeros(graph.num_nodes, 2).index_add(0, i, torch.stack([d, d**2], 1))
        return sums[graph.atomic_numbers == 8]

    def springs(graph):
        r = graph.positions.detach().requires_grad_()
        d = graph.replace(positions=r).edge_lengths()
        return -torch.autograd.grad((d - 1).square().sum() / 2, r)[0]

    known, new = batch(list(WATER.graphs[:20])), batch(list(WATER.graphs[20:30]))
    predicted = quadratic_potential(lengths, known, springs(known))(new)
    assert torch.allclose(predicted, springs(new), atol=1e-8)


def test_what_stands_across_the_bonds_stands_at_right_angles_to_them_and_loses_nothing_else():
    forces = torch.randn(PLACES.flatten(0, 1).shape, generator=torch.Generator().manual_seed(0)).double()
    across = across_bonds(forces, PLACES.flatten(0, 1))
    arms = PLACES[:, 1:] - PLACES[:, :1]
    assert float((across[:, 1:] * arms).sum(2).abs().max()) < 1e-12
    along = forces.view(-1, 3, 3)[:, 1:] - across[:, 1:]
    assert float(torch.linalg.cross(along, arms).abs().max()) < 1e-12
    assert float(across[:, 0].abs().max()) == 0


def test_ethanol_has_the_eight_bonds_of_the_textbook_in_every_frame():
    ethanol = datasets.load("molecules_md/ethanol", cutoff=1.3)
    first, kinds = bonds_of(ethanol.graphs[0])
    assert sorted(kinds) == ["C–C", "C–H", "C–H", "C–H", "C–H", "C–H", "C–O", "O–H"]
    for graph in ethanol.graphs[::100]:
        assert torch.equal(bonds_of(graph)[0], first)


def test_the_letters_of_the_lesson_name_every_weight_of_the_layers_once():
    potential = shipped.load("nequip_ethanol/l2_n800")
    layers = layer_weights(potential)
    named = [m for w in layers for m in (*w.U.values(), *w.V.values(), *w.W.values(), *w.radial)]
    held = [weight for layer in potential.trunk.layers for weight in layer.parameters()]
    assert sum(m.numel() for m in named) == sum(weight.numel() for weight in held)
    assert {m.untyped_storage().data_ptr() for m in named} == {w.untyped_storage().data_ptr() for w in held}


def test_only_a_nequip_has_the_letters_of_the_lesson():
    potential = Potential(build("schnet", elements=[1, 8], cutoff=3.0))
    with pytest.raises(ValueError, match="the trunk must be a NequIP, received SchNet"):
        layer_weights(potential)


def test_the_settings_for_nequip_name_the_files_elements_and_cutoff_of_the_lesson():
    files = "train_file_path: train.extxyz", "val_file_path: valid.extxyz"
    for line in ("elements: [H, C, O]", *files, "r_max: 4.0", "parity: false"):
        assert line in NEQUIP_SETTINGS
    # Frames of one walk resemble each other: no code may split the file by frame.
    assert "split" not in NEQUIP_SETTINGS
    assert "&#36;" not in NEQUIP_SETTINGS
