import torch

from equitour import datasets
from equitour.datasets.bodies import all_pairs, charges_of, flights
from equitour.datasets.charges import leapfrog
from equitour.graph import batch


def test_paths_end_where_the_set_says():
    made = flights(6, generator=torch.Generator().manual_seed(4))
    data = datasets.load("n_body", count=6, generator=torch.Generator().manual_seed(4))
    for name, end in (("later_positions", made.positions[-1]), ("later_velocities", made.velocities[-1])):
        torch.testing.assert_close(end, torch.stack(data.atom_labels[name]), rtol=1e-12, atol=1e-12)
    assert made.positions.shape == (11, 6, 5, 3)


def test_a_charge_without_partners_flies_straight_on():
    x, v = torch.zeros(1, 1, 3, dtype=torch.float64), torch.ones(1, 1, 3, dtype=torch.float64)
    path, speed = leapfrog(x, v, torch.ones(1, 1, dtype=torch.float64), every=500)
    torch.testing.assert_close(path[:, 0, 0, 0], torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    assert torch.equal(speed[-1], v)


def test_all_pairs_are_the_neighbour_list_with_a_large_cutoff():
    data = datasets.load("n_body", count=4)
    listed = batch(list(data.graphs))
    made = all_pairs(listed.positions.reshape(4, 5, 3), torch.stack(data.atom_labels["charges"]))
    pairs = [sorted(zip(g.receivers.tolist(), g.senders.tolist(), strict=True)) for g in (made, listed)]
    assert pairs[0] == pairs[1]
    for name in ("receivers", "cell_shifts", "batch", "positions", "pbc"):
        assert torch.equal(getattr(made, name), getattr(listed, name)), name
    assert torch.equal(charges_of(made)[:, 0], torch.cat(data.atom_labels["charges"]))


def test_each_system_is_asked_about_its_own_time(generator):
    made = flights(3, generator=generator)
    start, end = made.ask(torch.tensor([2, 0]), torch.tensor([10, 5]))
    assert start.times[::5, 0].tolist() == [1.0, 0.5]
    torch.testing.assert_close(start.graph.positions[:5], made.positions[0, 2].float())
    torch.testing.assert_close(end.positions[:5], made.positions[10, 2].float())
    torch.testing.assert_close(end.velocities[5:], made.velocities[5, 0].float())
    torch.testing.assert_close(start.velocities[5:], made.velocities[0, 0].float())
