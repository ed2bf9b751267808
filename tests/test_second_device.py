"""What computes, trains and moves atoms does so on any device, alike; and the stand-in for one refuses what CUDA does."""

from functools import partial

import battery
import pytest
import torch
from ase.build import bulk, molecule
from second_device import NAME, There, second_device
from torch.optim import adam
from toy_response import CUTOFF, derivatives, shaken

from equitour.dynamics import calculator, langevin_init, langevin_step, nve_init, nve_step
from equitour.graph import AtomicGraph
from equitour.models import Committee, Potential, Response, irreps_for
from equitour.models.mace import MACE
from equitour.models.nequip import NequIP
from equitour.train import (
    Budget,
    EachMember,
    Example,
    Minibatches,
    Recipe,
    TensorTarget,
    Training,
    WeightedLoss,
    energy_and_forces,
    predict_tensors,
    prediction_errors,
)

NETWORK = partial(NequIP, num_layers=2, num_channels=4, lmax=2, radial_channels=(6, 8))


# The stand-in


def test_tensors_there_compute_as_here_and_come_back():
    with second_device() as device:
        x = torch.arange(6.0, device=device).reshape(2, 3).requires_grad_()
        total = (x @ torch.tensor([1.0, 2.0, 3.0], device=device)).square().sum()
        total.backward()
        assert (str(total.device), str(x.grad.device)) == (NAME, NAME)
        assert isinstance(x.new_tensor([1.0]), There)
        assert x[:, [2, 0]].tolist() == [[2.0, 0.0], [5.0, 3.0]]
        x.data.mul_(2)
    assert total.item() == 8**2 + 26**2
    assert x.grad.cpu().tolist() == [[16.0, 32.0, 48.0], [52.0, 104.0, 156.0]]
    assert x.detach().cpu().sum() == 30


def test_what_lies_on_the_cpu_is_refused_beside_what_lies_there():
    with second_device() as device:
        x, y = torch.ones(3, device=device), torch.ones(3)
        for mixed in (lambda: x + y, lambda: torch.cat([x, y]), lambda: x.index_add(0, y.long(), x)):
            with pytest.raises(RuntimeError, match=r"tensors of the CPU, \[\(3,\)\]"):
                mixed()
        with pytest.raises(RuntimeError, match="tensors of the CPU"):
            y[x.long()]
        # As on CUDA: single numbers, indices and copies may.
        assert (x * y.sum())[y.long()].cpu().tolist() == [3.0, 3.0, 3.0]
        assert x.copy_(2 * y).cpu().tolist() == [2.0, 2.0, 2.0]
        with pytest.raises((RuntimeError, TypeError)):
            x.numpy()


def test_a_model_with_a_table_of_its_own_on_the_cpu_is_caught():
    trunk = battery.build(NETWORK)
    table = torch.full((4,), 2.0).double()
    trunk.register_forward_hook(lambda module, given, found: found * table)
    with pytest.raises(RuntimeError, match="tensors of the CPU"):
        battery.check_another_device_gives_the_same(trunk)


# Training


def energies(device):
    """A committee and what it learns: energies and forces of ethanol, shaken."""
    torch.manual_seed(0)
    learner = partial(MACE, num_channels=16, lmax=(1, 1), correlation=2)(elements=[1, 6, 8], cutoff=CUTOFF)
    model = Committee(learner, members=2).double().to(device)
    examples = []
    for seed in range(4):
        graph = AtomicGraph.from_ase(shaken("CH3CH2OH", seed=seed), cutoff=CUTOFF, device=device)
        labels = {"energy": torch.tensor([float(seed)]).double(), "forces": graph.positions.sin().cpu()}
        examples.append(Example(graph, labels))
    targets = energy_and_forces(energy=1.0, forces=10.0)
    return model, EachMember(WeightedLoss(targets)), examples, targets


def tensors(device):
    """A response and what it learns: Born charges and polarizabilities of water, shaken."""
    torch.manual_seed(0)
    names = ["born_effective_charges", "polarizability"]
    trunk = NETWORK(elements=[1, 8], cutoff=CUTOFF, irreps_out=irreps_for(names))
    model, examples = Response(trunk, names).double().to(device), []
    for seed in range(4):
        graph = AtomicGraph.from_ase(shaken("H2O", seed=seed), cutoff=CUTOFF)
        found = {name: torch.from_numpy(value) for name, value in derivatives(graph).items()}
        labels = {names[0]: found[names[0]], names[1]: found[names[1]][None]}
        examples.append(Example(graph.to(device=device), labels))
    targets = [TensorTarget(name=name) for name in names]
    return model, WeightedLoss(targets, predict=predict_tensors), examples, targets


def trained(work, device):
    """The losses of five steps, and the errors after them."""
    model, loss, examples, targets = work(device)
    batches = Minibatches(examples, batch_size=2, generator=torch.Generator().manual_seed(0))
    training = Training(model, loss, batches=batches, budget=Budget(steps=5), recipe=Recipe(optimizer="muon"))
    losses = [step.loss for step in training]
    options = {"predict": predict_tensors} if work is tensors else {}
    errors = prediction_errors(training.average, examples, targets, **options)
    assert {weight.device.type for weight in training.average.parameters()} == {device}
    return losses, [value.rmse for value in errors.values()]


@pytest.mark.parametrize("work", [energies, tensors])
def test_training_on_another_device_takes_the_same_steps(work, device, monkeypatch):
    if device == NAME:
        # torch keeps a list of devices with fused kernels, and no stand-in is on it.
        monkeypatch.setattr(adam, "_device_dtype_check_for_fused", lambda *_, **__: None)
    here, there = trained(work, "cpu"), trained(work, device)
    assert there[0] == pytest.approx(here[0], rel=1e-9)
    assert there[1] == pytest.approx(here[1], rel=1e-9)
    assert here[0][4] < here[0][0]


# Dynamics


def potential():
    return Potential(battery.build(NETWORK)).double()


def test_the_calculator_computes_on_another_device(device):
    atoms, twin = molecule("CH3CH2OH"), molecule("CH3CH2OH")
    atoms.calc, twin.calc = calculator(potential(), device=device), calculator(potential())
    assert atoms.get_forces() == pytest.approx(twin.get_forces(), abs=1e-10)
    crystal, twin = bulk("SiC", "zincblende", a=4.36), bulk("SiC", "zincblende", a=4.36)
    crystal.calc, twin.calc = calculator(potential(), device=device), calculator(potential())
    assert crystal.get_stress() == pytest.approx(twin.get_stress(), abs=1e-10)


@pytest.mark.parametrize("friction", [None, 0.01], ids=["NVE", "Langevin"])
def test_atoms_move_alike_on_another_device(device, friction):
    def path(place):
        model, graph = potential().to(place), battery.ethanol().to(device=place)
        chance = torch.Generator().manual_seed(4)
        begin, step = (nve_init, nve_step) if friction is None else (langevin_init, langevin_step)
        state = begin(model, graph, temperature=300.0, generator=chance)
        more = {} if friction is None else {"temperature": 300.0, "friction": friction, "generator": chance}
        for _ in range(5):
            state = step(model, state, timestep=0.5, **more)
        return state.positions

    there, here = path(device), path("cpu")
    assert there.device.type == device
    battery.assert_same(there.cpu(), here)
    assert float((here - battery.ethanol().positions).abs().max()) > 1e-3
