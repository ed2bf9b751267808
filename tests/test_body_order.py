"""The degenerate pairs of lesson 204, judged by Gram matrices and not by the models that they are to judge."""

import itertools

import pytest
import torch

from equitour.learn.body_order import (
    antiprism,
    around_carbon,
    carbon,
    difference,
    example,
    learned,
    pairs,
    spans,
    spectrum,
    star,
    trunk,
)

PAIRS = {int(name[-1]): both for name, both in pairs().items()}


def shape_of(group):
    """What no rotation, mirror or renaming changes: the Gram matrix in the smallest of all orders."""
    gram = (group @ group.T).round(decimals=6) + 0.0
    orders = itertools.permutations(range(len(group)))
    return min(tuple(gram[list(order)][:, list(order)].flatten().tolist()) for order in orders)


def groups_of(neighbours, members):
    return sorted(
        shape_of(neighbours[list(g)]) for g in itertools.combinations(range(len(neighbours)), members)
    )


@pytest.mark.parametrize("order", PAIRS)
def test_both_of_a_pair_hold_the_same_groups_up_to_its_order_and_not_beyond(order):
    a, b = PAIRS[order]
    assert a.shape == b.shape
    for members in range(1, order + 1):
        assert groups_of(a, members) == groups_of(b, members), members
    assert groups_of(a, order + 1) != groups_of(b, order + 1)


def test_corners_of_swapped_antiprisms_see_the_same_distances_and_are_not_the_same_cluster():
    a, b = antiprism(1.2, 1.6), antiprism(1.6, 1.2)
    rows = [torch.cdist(x, x).sort(dim=1).values for x in (a, b)]
    expected = torch.tensor([0, 1.2, 1.2, 1.6, 1.6, 2.0], dtype=torch.float64)
    for row in (*rows[0], *rows[1]):
        assert torch.allclose(row, expected, atol=1e-7)
    # Short bonds make two triangles in one and a ring of six in the other.
    near = [((torch.cdist(x, x) < 1.3) & ~torch.eye(6, dtype=torch.bool)).double() for x in (a, b)]
    assert [float(torch.trace(n @ n @ n)) for n in near] == [12, 0]


def test_a_carbon_has_the_same_features_however_its_neighbours_are_turned_and_named():
    model, neighbours = trunk(num_layers=1), PAIRS[3][0]
    turned = neighbours.flip(0) @ torch.linalg.qr(torch.randn(3, 3).double())[0]
    assert difference(carbon(model, neighbours), carbon(model, turned)) < 1e-12


def test_a_trunk_for_comparison_is_the_same_at_each_call_and_leaves_chance_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = trunk(num_layers=1), trunk(num_layers=1)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_star_keeps_the_edges_from_the_carbon_only():
    graph = around_carbon(PAIRS[2][0])
    drawn = star(PAIRS[2][0])
    assert drawn.senders.tolist() == [0] * 4
    assert sorted(drawn.receivers.tolist()) == [1, 2, 3, 4]
    assert graph.num_edges == 5 * 4


def test_an_example_carries_energy_and_forces_of_one_method_in_single_precision():
    from equitour import datasets

    sample = datasets.load("molecules_md/ethanol")[0]
    found = example(sample)
    assert found.graph.positions.dtype == found.labels["forces"].dtype == torch.float32
    assert float(found.labels["energy"]) == pytest.approx(float(sample.labels["energy_gfn2"]))
    assert torch.allclose(found.labels["forces"].double(), sample.atom_labels["forces_gfn2"], atol=1e-5)


def test_spans_of_equal_groups_are_equal_however_they_are_turned_and_named():
    neighbours = PAIRS[2][0]
    turned = neighbours.flip(0) @ torch.linalg.qr(torch.randn(3, 3).double())[0]
    for members in (1, 2, 3):
        assert torch.allclose(spans(neighbours, members), spans(turned, members))
    assert len(spans(neighbours, 2)) == 6
    assert len(spans(neighbours, 5)) == 0


def test_a_spectrum_counts_the_groups():
    x = torch.linspace(0, 12, 2001, dtype=torch.float64)
    area = torch.trapezoid(spectrum(PAIRS[2][0], 2, x), x) / (0.05 * torch.pi**0.5)
    assert float(area) == pytest.approx(6)


def test_learning_tells_size_time_and_errors_of_each_seed_and_leaves_chance_alone():
    from equitour import datasets

    frames = [example(sample) for sample in datasets.load("molecules_md/ethanol")[:10]]
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    sets = frames[:5], frames[5:]
    found = learned("nequip", *sets, steps=3, num_channels=2, lmax=0, num_layers=2)
    assert torch.equal(torch.rand(1), expected)
    assert found.layers == 2
    # Three elements' embeddings; U, V of each element, W and the radial networks of two layers; the readout.
    assert found.weights == 3 * 2 + 2 * (4 + 12 + 4 + 8 * 16 + 16 * 2) + 3
    assert found.ms > 0
    assert all(100 < error < 3000 for error in found.errors)
    assert found.errors[0] != found.errors[1]
    again = learned("nequip", *sets, steps=3, num_channels=2, lmax=0, num_layers=2, seeds=[1])
    assert again.errors == found.errors[1:]
