"""Tensors that a head reads off features turn as their indices say."""

import pytest
import torch
from ase.build import molecule

from equitour.graph import AtomicGraph, batch
from equitour.models.nequip import NequIP
from equitour.models.tensor_head import TensorHead
from equitour.symmetry import random_orthogonal, rotate

TENSORS = {
    "dipole": ("i", ""),
    "Born charge": ("ij", ""),
    "shielding": ("ij", "ij"),
    "polarizability": ("ij=ji", ""),
    "Raman tensor": ("ijk=ikj", ""),
    "magnetoelectric": ("ij", "j"),
}


def head(name: str, per: str = "node") -> TensorHead:
    formula, axial = TENSORS[name]
    torch.manual_seed(3)
    trunk = NequIP(
        elements=[1, 6, 8], cutoff=4.0, num_layers=3, num_channels=8, lmax=2, irreps_out=irreps_of(name)
    )
    return TensorHead(trunk, formula, axial=axial, per=per).double()


def irreps_of(name: str) -> str:
    from equitour.symmetry import CartesianTensor

    return " + ".join(str(ir) for _, ir in CartesianTensor(*TENSORS[name]).irreps)


@pytest.fixture(scope="module")
def ethanol():
    return AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=4.0)


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_turns_with_the_molecule_and_knows_its_mirror_image(ethanol, name):
    model, generator = head(name), torch.Generator().manual_seed(1)
    tensors = model(ethanol)
    assert tensors.abs().max() > 1e-3
    for matrix in random_orthogonal(4, generator=generator):
        turned = model(rotate(ethanol, matrix))
        assert torch.allclose(turned, model.tensor.rotate(tensors, matrix), atol=1e-12)


def test_a_polarizability_is_symmetric_and_a_raman_tensor_symmetric_in_the_fields(ethanol):
    alpha, raman = head("polarizability")(ethanol), head("Raman tensor")(ethanol)
    assert torch.allclose(alpha, alpha.mT, atol=1e-14)
    assert torch.allclose(raman, raman.mT, atol=1e-14)
    born = head("Born charge")(ethanol)
    assert (born - born.mT).abs().max() > 0.01 * born.abs().max()


def test_a_tensor_of_the_whole_is_the_sum_over_its_atoms(ethanol):
    water = AtomicGraph.from_ase(molecule("H2O"), cutoff=4.0)
    both = batch([ethanol, water])
    shares, whole = head("polarizability")(both), head("polarizability", per="graph")(both)
    assert torch.allclose(whole[0], shares[:9].sum(0), atol=1e-14)
    assert torch.allclose(whole[1], shares[9:].sum(0), atol=1e-14)


def test_a_polar_trunk_refuses_an_axial_tensor_by_name():
    trunk = NequIP(elements=[8], cutoff=4.0, lmax=2, irreps_out="0e + 1o + 2e")
    with pytest.raises(
        ValueError, match=r"needs 1x0e\+1x1e\+1x2e .* build the trunk with irreps_out that hold 1e"
    ):
        TensorHead(trunk, "ij", axial="ij")


def test_an_invariant_output_gives_no_vector():
    with pytest.raises(ValueError, match="irreps_out that hold 1o"):
        TensorHead(NequIP(elements=[8], cutoff=4.0, irreps_out="0e"), "i")


def test_a_head_belongs_to_atoms_or_to_structures():
    with pytest.raises(ValueError, match="per must be 'node' or 'graph', received 'edge'"):
        TensorHead(NequIP(elements=[8], cutoff=4.0), "ij=ji", per="edge")
