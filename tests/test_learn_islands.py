"""The toy of lesson 502: points on islands, and the film of a training."""

import torch

from equitour.learn import islands


def test_points_of_an_island_are_ashore_and_the_middle_of_the_sea_is_not(generator):
    points, names = islands.on_islands(400, generator=generator)
    assert islands.ashore(points) > 0.97
    assert islands.ashore(torch.zeros(5, 2)) == 0
    assert names == sorted(names)
    assert len(set(names)) == 8
    middles = islands.islands()
    assert torch.allclose(middles.norm(dim=1), torch.full((8,), 2.0))
    for shore, middle in zip(islands.shores(), middles, strict=True):
        assert torch.allclose((shore - middle).norm(dim=1), torch.full((len(shore),), islands.SHORE))


def test_layers_have_no_activation_after_the_last(generator):
    network = islands.layers(2, 5, 3)
    assert [type(part).__name__ for part in network] == ["Linear", "Tanh", "Linear"]
    assert network(torch.randn(7, 2, generator=generator)).shape == (7, 3)


def test_a_film_is_denser_at_the_beginning_and_shows_the_last_step(generator):
    z = torch.randn(3, 2, generator=generator, requires_grad=True)
    every = [islands.Shot(k, z, z, torch.tensor(1.0), torch.tensor(2.0)) for k in range(101)]
    shots = list(islands.film(every, 100, shots=12))
    steps = torch.tensor([shot.step for shot in shots])
    assert (steps[0], steps[-1]) == (0, 100)
    assert steps.diff()[0] == 1
    assert steps.diff()[-2] > 20
    assert not shots[0].z.requires_grad
    assert (shots[0].error, shots[0].D) == (1.0, 2.0)


def test_a_film_shows_each_shot_before_the_next_step_is_made(generator):
    made = []

    def training():
        for k in range(11):
            made.append(k)
            z = torch.zeros(3, 2)
            yield islands.Shot(k, z, z, torch.tensor(0.0), torch.tensor(0.0))

    first = next(islands.film(training(), 10, shots=5))
    assert first.step == 0
    assert made == [0]
