"""Committees: the mean and the spread of their members, who learn apart."""

from functools import partial

import battery
import pytest
import torch

from equitour import models
from equitour.dynamics import calculator
from equitour.models import Committee
from equitour.models.mace import MACE
from equitour.models.nequip import NequIP
from equitour.train import EachMember, Example, WeightedLoss, energy_and_forces

SHIFTS = [-0.5, -1.5, -2.5, -3.5]
MODELS = {"nequip": partial(NequIP, num_layers=2, num_channels=4), "mace": partial(MACE, num_channels=4)}


def committee(model="nequip", *, members=3):
    return Committee(battery.build(MODELS[model]), members=members, shifts=SHIFTS, scale=2.0).double()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
def test_a_committee_obeys_physics(check, model):
    check(committee(model, members=2))


def test_it_says_the_mean_of_its_members_and_how_far_they_disagree():
    torch.manual_seed(0)
    subject, graph = committee(), battery.silicon_carbide()
    said, spread = subject.evaluate(graph, stress=True), subject.spread(graph, stress=True)
    alone = [member.evaluate(graph, stress=True) for member in subject.members]
    for name in ("energy", "forces", "stress"):
        values = torch.stack([getattr(one, name) for one in alone])
        assert torch.allclose(getattr(said, name), values.sum(0) / 3, atol=1e-12)
        squares = (values - values.sum(0) / 3).square().sum(0) / 2
        assert torch.allclose(getattr(spread, name), squares.sqrt(), atol=1e-12)
        assert float(getattr(spread, name).max()) > 1e-4
    assert torch.allclose(subject.node_energies(graph).sum(), said.energy.sum(), atol=1e-12)
    assert subject.evaluate(graph).stress is None


def test_members_of_one_mind_do_not_disagree():
    subject = committee()
    for member in subject.members:
        member.load_state_dict(subject.members[0].state_dict())
    graph = battery.ethanol()
    assert float(subject.spread(graph).forces.max()) < 1e-12
    assert torch.allclose(subject.evaluate(graph).forces, subject.members[0].evaluate(graph).forces)


def test_each_member_learns_as_if_it_were_alone():
    torch.manual_seed(0)
    subject, graph = committee(), battery.ethanol()
    forces = torch.randn(graph.num_nodes, 3, dtype=torch.float64)
    example = Example(graph, {"energy": torch.tensor([-15.0]).double(), "forces": forces})
    loss = WeightedLoss(energy_and_forces(energy=1.0, forces=10.0))
    together = EachMember(loss)(subject, example)
    alone = [loss(member, example) for member in subject.members]
    assert together.keys() == alone[0].keys()
    for name, value in together.items():
        assert torch.allclose(value, sum(terms[name] for terms in alone) / 3)
    sum(together.values()).backward()
    for member, terms in zip(subject.members, alone, strict=True):
        weights = list(member.parameters())
        expected = torch.autograd.grad(sum(terms.values()), weights)
        assert all(
            torch.allclose(3 * weight.grad, slope) for weight, slope in zip(weights, expected, strict=True)
        )


def test_a_file_keeps_all_members(tmp_path):
    subject, graph = committee("mace"), battery.ethanol()
    models.save(subject, tmp_path / "committee.safetensors")
    again = models.load(tmp_path / "committee.safetensors")
    assert isinstance(again, Committee)
    assert len(again.members) == 3
    assert torch.equal(again.evaluate(graph).forces, subject.evaluate(graph).forces)
    assert torch.equal(again.spread(graph).forces, subject.spread(graph).forces)


def test_ase_reads_the_mean_energy():
    from ase.build import molecule

    subject, atoms = committee(), molecule("CH3CH2OH")
    atoms.calc = calculator(subject)
    graph = battery.AtomicGraph.from_ase(atoms, cutoff=subject.cutoff)
    assert atoms.get_potential_energy() == pytest.approx(float(subject(graph)), abs=1e-9)


def test_one_alone_is_no_committee():
    with pytest.raises(ValueError, match="at least two members, received 1"):
        Committee(battery.build(MODELS["nequip"]), members=1)
