"""The battery is tested: a sound trunk passes every check, and each broken one fails those that name its fault."""

from functools import partial

import battery
import pytest
import torch
from e3nn import o3
from torch import nn

from equitour.radial import bessel_basis, polynomial_cutoff


class Toy(nn.Module):
    """Two rounds of neighbours' charges and directions, as small as a sound trunk can be; `fault` breaks one thing."""

    irreps_out = o3.Irreps("0e + 1o")

    def __init__(self, *, elements, cutoff, num_channels=3, fault=""):
        super().__init__()
        self.settings = {"elements": elements, "cutoff": cutoff, "num_channels": num_channels, "fault": fault}
        self.elements, self.cutoff, self.num_channels, self.fault = elements, cutoff, num_channels, fault
        self.embedding = nn.Embedding(len(elements), num_channels)
        self.radial = nn.Linear(4, num_channels)
        self.mix = nn.Linear(num_channels, num_channels)
        self.dead = nn.Linear(2, 2) if fault == "dead weight" else None

    def forward(self, graph):
        h = self.embedding(self.species(graph.atomic_numbers))
        weight, vectors = self.weight(graph)
        if self.fault == "first atom is special":
            h = torch.cat([h[:1] + 1, h[1:]])
        for _ in range(2):
            h = h + torch.tanh(self.mix(self.gather(graph, weight * h[graph.senders])))
            if self.fault == "mean over the batch":
                h = h - h.mean(0)
            if self.fault == "mean over a structure":
                sums = h.new_zeros(graph.num_graphs, h.shape[1]).index_add(0, graph.batch, h)
                h = h - (sums / torch.bincount(graph.batch)[:, None])[graph.batch]
        arrows = self.gather(graph, (weight * h[graph.senders])[:, None] * vectors[:, :, None])
        if self.fault == "absolute positions":
            h = h + torch.sin(graph.positions[:, :1])
        if self.fault == "handedness":
            first, second, third = arrows.unbind(2)
            h = h + (torch.linalg.cross(first, second) * third).sum(1, keepdim=True)
        if self.fault == "a cross product as vector":
            arrows = torch.linalg.cross(arrows, arrows.roll(1, 2), dim=1)
        return torch.cat([h[:, None], arrows], dim=1)

    def species(self, atomic_numbers):
        home = None if self.fault == "constants left on the CPU" else atomic_numbers.device
        match = atomic_numbers[:, None] == torch.tensor(self.elements, device=home)
        if self.fault != "unknown elements" and not bool(match.any(1).all()):
            raise ValueError("every element must be known")
        return 0 * atomic_numbers if self.fault == "blind to elements" else match.int().argmax(1)

    def weight(self, graph):
        vectors = graph.edge_vectors()
        if self.fault == "nearest image only":
            vectors = graph.positions[graph.receivers] - graph.positions[graph.senders] + 1e-3
        r = torch.linalg.vector_norm(vectors, dim=1)
        felt = r.detach() if self.fault == "detached distances" else r
        basis = bessel_basis(felt, cutoff=self.cutoff, num_basis=4)
        if self.fault == "double only":
            basis = basis.double()
        if self.fault == "constants rounded to single":
            vectors = vectors @ torch.eye(3).mul(1 + 1e-6).add(torch.tensor([0.0, 0.0, 1e-7])).to(vectors)
        return self.radial(basis) * self.envelope(r)[:, None], vectors

    def envelope(self, r):
        if self.fault == "no envelope":
            return torch.ones_like(r)
        if self.fault == "envelope with a kink":
            return (1 - r / self.cutoff).clamp(min=0)
        return polynomial_cutoff(r, cutoff=self.cutoff)

    def gather(self, graph, messages):
        sums = messages.new_zeros(graph.num_nodes, *messages.shape[1:]).index_add(
            0, graph.receivers, messages
        )
        if self.fault == "mean over neighbours":
            count = torch.bincount(graph.receivers, minlength=graph.num_nodes)
            return sums / count.reshape(-1, *[1] * (messages.ndim - 1))
        return sums


# Each fault and the checks that must see it; others may.
FAULTS = {
    "absolute positions": {
        "features_turn_mirror_move_and_permute",
        "forces_push_nothing_away_and_turn_nothing",
    },
    "handedness": {"features_turn_mirror_move_and_permute", "energy_is_a_scalar_and_forces_are_vectors"},
    "a cross product as vector": {"features_turn_mirror_move_and_permute"},
    "constants rounded to single": {"features_turn_mirror_move_and_permute"},
    "first atom is special": {"features_turn_mirror_move_and_permute", "far_apart_parts_add_up"},
    "mean over the batch": {"a_batch_of_different_structures_equals_one_by_one"},
    "mean over a structure": {"far_apart_parts_add_up"},
    "no envelope": {
        "energy_and_forces_are_smooth_at_the_cutoff",
        "a_longer_neighbour_list_changes_nothing",
    },
    "envelope with a kink": {"energy_and_forces_are_smooth_at_the_cutoff"},
    "mean over neighbours": {
        "an_isolated_atom_has_an_energy_and_no_force",
        "energy_and_forces_are_smooth_at_the_cutoff",
        "a_longer_neighbour_list_changes_nothing",
    },
    "detached distances": {"forces_are_minus_the_gradient"},
    "nearest image only": {"a_supercell_is_so_many_cells"},
    "blind to elements": {"elements_are_told_apart_and_unknown_ones_refused"},
    "unknown elements": {"elements_are_told_apart_and_unknown_ones_refused"},
    "double only": {"single_precision_gives_the_same"},
    "constants left on the CPU": {"another_device_gives_the_same"},
    "dead weight": {"every_weight_reaches_the_output"},
}


@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
def test_a_sound_trunk_passes(check):
    check(battery.build(Toy))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_trunk_fails_where_its_fault_is(fault):
    trunk, failed = battery.build(partial(Toy, fault=fault)), set()
    for check in battery.CHECKS:
        try:
            check(trunk)
        except (Exception, pytest.fail.Exception):
            failed.add(battery.name(check))
    assert FAULTS[fault] <= failed, FAULTS[fault] - failed
    # One fault is no disaster everywhere: a battery of which all fails would name nothing.
    assert len(failed) <= len(battery.CHECKS) // 2


def test_a_trunk_that_forgets_a_setting_is_caught():
    trunk = battery.build(Toy)
    del trunk.settings["cutoff"]
    with pytest.raises(TypeError, match="cutoff"):
        battery.check_settings_and_weights_rebuild_the_trunk(trunk)


def test_a_model_that_turns_the_callers_graph_is_caught():
    def spoil(module, given):
        given[0].positions.data.add_(0.1)

    trunk = battery.build(Toy)
    trunk.register_forward_pre_hook(spoil)
    with pytest.raises(AssertionError):
        battery.check_the_callers_graph_is_left_alone(trunk)


def test_forces_that_forget_half_the_energy_are_caught():
    class Wrong(nn.Module):
        def __init__(self, trunk):
            super().__init__()
            self.trunk = trunk
            self.energy = battery.energy_of(trunk)

        def forward(self, graph):
            return self.energy(graph)

        def evaluate(self, graph):
            found = battery.forces_of(self.trunk, graph)
            return type("Prediction", (), {"forces": 0.5 * found})

    subject = Wrong(battery.build(Toy))
    battery.check_far_apart_parts_add_up(subject)
    with pytest.raises(AssertionError, match="not minus the gradient"):
        battery.check_forces_are_minus_the_gradient(subject)
