"""MACE: the battery, its body order counted, and what each layer can see."""

import itertools
from functools import partial

import battery
import pytest
import torch

from equitour.graph import AtomicGraph
from equitour.models.heads import Potential
from equitour.models.mace import MACE

MODELS = {
    "default": partial(MACE, num_channels=4),
    "stretched": partial(MACE, num_channels=4, stretch=3.0),
    "invariant": partial(MACE, num_channels=4, lmax=(2, 0), correlation=2),
    "quadrupoles": partial(MACE, num_channels=3, lmax=(2, 2)),
    "four factors": partial(MACE, num_channels=3, lmax=(1, 0), num_layers=3, correlation=4),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
def test_physics(check, model):
    check(battery.build(MODELS[model]))


def star(directions):
    """A carbon with hydrogens in these directions; the carbon is atom 0."""
    positions = torch.cat([torch.zeros(1, 3).double(), directions])
    return AtomicGraph.from_arrays(positions, [6] + [1] * len(directions), cutoff=3.0)


def mixed_difference(trunk, directions):
    """Σ over subsets S of the neighbours of (−1)^|S| features(S): what they do only all together."""
    total = 0
    for count in range(len(directions) + 1):
        for chosen in itertools.combinations(range(len(directions)), count):
            total = total + (-1) ** count * trunk(star(directions[list(chosen)]))[0]
    return total


@pytest.mark.parametrize("correlation", [1, 2, 3])
def test_one_layer_sees_as_many_bodies_as_its_correlation_says(correlation, generator):
    torch.manual_seed(0)
    trunk = MACE(elements=[1, 6], cutoff=3.0, num_layers=1, num_channels=4, correlation=correlation).double()
    directions = torch.randn(correlation + 1, 3, generator=generator).double()
    directions = directions / directions.norm(dim=1, keepdim=True) * 1.3
    seen = mixed_difference(trunk, directions[:correlation]).abs().max()
    beyond = mixed_difference(trunk, directions).abs().max()
    assert seen > 1e-4
    assert beyond < 1e-12


def test_the_second_layer_sees_twice_as_far_and_the_first_does_not():
    torch.manual_seed(0)
    trunk = MACE(elements=[1, 6], cutoff=2.0, num_channels=4).double()
    chain = torch.tensor([[0.0, 0, 0], [1.5, 0, 0], [3.0, 0.2, 0]]).double()
    moved = chain + torch.tensor([[0.0, 0, 0], [0, 0, 0], [0, 0.3, 0]]).double()
    graphs = [AtomicGraph.from_arrays(x, [6, 1, 1], cutoff=2.0) for x in (chain, moved)]
    before, after = [trunk(graph)[0, 0] for graph in graphs]
    first, second = (after - before).split(4)
    assert first.abs().max() == 0
    assert second.abs().max() > 1e-6


def test_scalars_of_all_layers_stand_side_by_side_for_one_head():
    torch.manual_seed(0)
    trunk = MACE(elements=[1, 8], cutoff=3.0, num_layers=3, num_channels=4)
    assert trunk.num_channels == 12
    assert str(trunk.irreps_out) == "1x0e"
    potential = Potential(trunk)
    # A head without hidden layer is the published model's sum of one linear readout a layer.
    potential.readout = torch.nn.Linear(12, 1, bias=False)
    graph = battery.water().to(dtype=torch.float32)
    parts = trunk(graph).split(4, 2)
    weights = potential.readout.weight.split(4, 1)
    summed = sum((part[:, 0] @ weight.T).sum() for part, weight in zip(parts, weights, strict=True))
    assert potential(graph).item() == pytest.approx(summed.item(), rel=1e-5)


def test_features_of_a_molecule_begin_near_unit_size():
    torch.manual_seed(0)
    features = MACE(elements=[1, 6, 8], cutoff=3.5)(battery.ethanol().to(dtype=torch.float32))
    assert 0.3 < features.std() < 5


def test_one_degree_stands_for_harmonics_and_at_most_vectors_between_layers():
    settings = [MACE(elements=[1], cutoff=2.0, lmax=lmax).settings["lmax"] for lmax in (0, 3, (2, 2))]
    assert settings == [[0, 0], [3, 1], [2, 2]]


def test_a_correlation_out_of_reach_is_refused():
    with pytest.raises(ValueError, match="correlation must be 1 to 4, received 0"):
        MACE(elements=[1], cutoff=2.0, correlation=0)
