"""What is minimised, how fast, and for how long."""

import itertools
import math

import pytest
import torch
from toy_potential import ToyPotential, toy_examples

from equitour.graph import AtomicGraph
from equitour.models.heads import Prediction
from equitour.train import (
    Budget,
    Example,
    Minibatches,
    Plateau,
    Recipe,
    Target,
    Training,
    WeightedLoss,
    anneal,
    collate,
    energy_and_forces,
    fit,
    prediction_errors,
)


@pytest.fixture
def examples(generator):
    return toy_examples(8, generator=generator)


def test_the_loss_is_the_weighted_mean_of_energy_per_atom_and_force_deviations(examples):
    model, example = ToyPotential(), collate(examples[:2])
    prediction = model.evaluate(example.graph)
    atoms = torch.tensor([9.0, 5.0], dtype=torch.float64)
    energy = ((prediction.energy - example.labels["energy"]) / atoms / 0.5).square().mean()
    forces = ((prediction.forces - example.labels["forces"]) / 0.5).square().mean()
    terms = WeightedLoss(energy_and_forces(energy=2.0, forces=30.0, scale=0.5))(model, example)
    assert float(terms["energy"]) == pytest.approx(2.0 * float(energy))
    assert float(terms["forces"]) == pytest.approx(30.0 * float(forces))


def test_every_measure_is_the_textbook_one():
    deviations = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.001]], dtype=torch.float64)
    label = {"forces": torch.zeros(2, 3, dtype=torch.float64)}

    def value(measure, example):
        target = Target(name="forces", measure=measure)
        predict = lambda model, graph, names, create_graph: Prediction(deviations[:1, 0], deviations)  # noqa: E731
        return float(WeightedLoss([target], predict=predict)(ToyPotential(), example)["forces"])

    pair = AtomicGraph.from_arrays([[0.0, 0, 0], [0, 0, 1]], [1, 1], cutoff=3.0)
    example = Example(pair, label)
    assert value("squared", example) == pytest.approx((9 + 16 + 1e-6) / 6)
    assert value("absolute", example) == pytest.approx(7.001 / 6)
    assert value("length", example) == pytest.approx(5.001 / 2, rel=1e-5)
    assert value("huber", example) == pytest.approx((0.01 * (2.995 + 3.995) + 0.5e-6) / 6)


def test_the_length_of_a_force_error_does_not_depend_on_the_axes(examples):
    from equitour.symmetry import random_rotation, rotate

    model = ToyPotential()
    loss = WeightedLoss(energy_and_forces(measure="length"))
    rotation = random_rotation(generator=torch.Generator().manual_seed(1))
    turned = Example(
        rotate(examples[0].graph, rotation),
        {**examples[0].labels, "forces": examples[0].labels["forces"] @ rotation.T},
    )
    assert float(loss(model, turned)["forces"]) == pytest.approx(float(loss(model, examples[0])["forces"]))


def test_energies_stay_exact_where_totals_are_large(examples):
    """Single precision resolves 10⁵ eV to 8 meV; labels are subtracted in the precision of the prediction."""
    prediction = Prediction(torch.tensor([-1e5 + 1e-4], dtype=torch.float64), torch.zeros(9, 3))
    labels = {"energy": torch.tensor([-1e5], dtype=torch.float64), "forces": torch.zeros(9, 3)}
    target = Target(name="energy")
    example = Example(examples[0].graph, labels)
    assert float(target.deviations(prediction, example)) == pytest.approx(1e-4, rel=1e-6)


def test_training_recovers_the_potential_that_made_the_labels(examples):
    batches = Minibatches(examples, batch_size=4, generator=torch.Generator().manual_seed(0))
    training = Training(
        ToyPotential(),
        WeightedLoss(energy_and_forces()),
        batches=batches,
        budget=Budget(steps=600),
        recipe=Recipe(learning_rate=0.05),
    )
    before = prediction_errors(training.average, examples, energy_and_forces())
    for _ in training:
        pass
    after = prediction_errors(training.average, examples, energy_and_forces())
    assert after["forces"].mae < 0.1 * before["forces"].mae
    assert after["energy"].rmse < 0.1 * before["energy"].rmse


def test_errors_are_mean_absolute_and_root_mean_square_over_all_components(examples):
    model = ToyPotential()
    found = prediction_errors(model, examples, energy_and_forces(), batch_size=3)
    difference = torch.cat(
        [(model.evaluate(e.graph).forces - e.labels["forces"]).flatten() for e in examples]
    ).detach()
    assert found["forces"].mae == pytest.approx(float(difference.abs().mean()))
    assert found["forces"].rmse == pytest.approx(float(difference.square().mean().sqrt()))


def test_batches_of_an_epoch_are_as_equal_as_can_be_and_none_is_left_with_one(examples):
    for count in range(1, 40):
        for batch_size in (1, 2, 3, 4, 5, 7, 50):
            batches = Minibatches([examples[0]] * count, batch_size=batch_size, generator=torch.Generator())
            sizes = []
            for example in batches:
                sizes.append(example.graph.num_graphs)
                if batches.position == count:
                    break
            assert sum(sizes) == count
            assert max(sizes) - min(sizes) <= 1
            odd = batch_size == 2 and count % 2 and count > 1
            assert max(sizes) <= batch_size + odd
            assert len(sizes) == math.ceil(count / batch_size) - odd
            assert min(sizes) > 1 or batch_size == 1 or count == 1


def test_a_place_between_two_batches_is_gone_on_from(examples):
    batches = Minibatches(examples, batch_size=3, generator=torch.Generator().manual_seed(0))
    next(iter(batches))
    # As a state of earlier batches of three, of which the last was smaller, may hold.
    batches.load_state_dict({**batches.state_dict(), "position": 3})
    assert [batch.graph.num_graphs for batch in itertools.islice(batches, 3)] == [2, 3, 2]


def test_every_epoch_holds_each_example_once_and_orders_differ(examples):
    batches = Minibatches(examples, batch_size=3, generator=torch.Generator().manual_seed(0))
    epochs = []
    for _ in range(2):
        orders = []
        for batch in itertools.islice(batches, 3):
            orders.append(batch.graph.num_graphs)
        assert orders == [2, 3, 3]
        epochs.append(batches.order.tolist())
        assert sorted(epochs[-1]) == list(range(8))
    assert epochs[0] != epochs[1]


def test_processes_share_each_batch_without_overlap(examples):
    def shares(rank, world):
        generator = torch.Generator().manual_seed(0)
        batches = Minibatches(examples, batch_size=3, generator=generator, rank=rank, world=world)
        return [0 if batch is None else batch.graph.num_graphs for batch in itertools.islice(batches, 3)]

    assert shares(0, 2) == [1, 2, 2]
    assert shares(1, 2) == [1, 1, 1]
    assert shares(3, 4) == [0, 0, 0]


def test_the_rate_rises_then_falls_to_its_end_without_a_jump():
    rates = [anneal(k / 1000, warmup=0.1, final=0.01) for k in range(1001)]
    assert rates[0] == 0
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 100
    assert rates[-1] == pytest.approx(0.01)
    assert max(abs(b - a) for a, b in itertools.pairwise(rates)) < 0.0101


def test_a_budget_in_minutes_follows_the_clock_and_forgets_the_pause(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("equitour.train.schedule.time.monotonic", lambda: now[0])
    budget = Budget(minutes=1.0)
    budget.start()
    now[0] += 15
    budget.tick()
    assert budget.progress == pytest.approx(0.25)
    later = Budget(minutes=1.0)
    later.load_state_dict(budget.state_dict())
    now[0] += 1000
    later.start()
    now[0] += 30
    later.tick()
    assert later.progress == pytest.approx(0.75)
    now[0] += 60
    assert later.progress == 1.0


def test_the_rate_decays_on_a_plateau_and_training_stops_at_last():
    plateau = Plateau(patience=2, factor=0.5, stop_after=5)
    assert plateau.look(1.0)
    assert plateau.look(0.9)
    rates = []
    for _ in range(5):
        assert not plateau.stopped
        assert not plateau.look(0.95)
        rates.append(plateau.rate)
    assert rates == [1.0, 0.5, 0.5, 0.25, 0.25]
    assert plateau.stopped
    assert plateau.best == 0.9


def test_a_stopped_plateau_ends_the_loop_and_its_rate_reaches_the_optimizer(examples):
    batches = Minibatches(examples, batch_size=4, generator=torch.Generator().manual_seed(0))
    plateau = Plateau(patience=1, stop_after=3)
    training = Training(
        ToyPotential(),
        WeightedLoss(energy_and_forces()),
        batches=batches,
        budget=Budget(steps=100),
        plateau=plateau,
    )
    rates = []
    for _ in training:
        plateau.look(1.0)
        rates.append(
            training.optimizer.param_groups[0]["lr"] / (0.01 * anneal(len(rates) / 100)) if rates else 1
        )
    assert rates == pytest.approx([1, 1, 0.5, 0.25])


def test_steps_go_on_counting_and_refuse_infinite_losses(examples):
    model = ToyPotential()
    example = Example(examples[0].graph, {**examples[0].labels, "energy": torch.tensor([math.nan]).double()})
    steps = fit(
        model,
        WeightedLoss(energy_and_forces()),
        batches=[example],
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        first=41,
    )
    with pytest.raises(
        FloatingPointError, match=r"the loss must be finite, received .*'energy': nan.* at step 41"
    ):
        next(steps)


def test_what_cannot_be_meant_is_refused(examples):
    generator = torch.Generator()
    with pytest.raises(
        ValueError, match="measure must be one of squared, absolute, huber, length, received 'mse'"
    ):
        Target(name="forces", measure="mse")
    with pytest.raises(ValueError, match="measure 'length' is for rows of an atom, received it for energy"):
        Target(name="energy", measure="length", per_atom=True)
    with pytest.raises(ValueError, match=r"minutes, received steps=None and minutes=None"):
        Budget()
    with pytest.raises(ValueError, match="received steps=0"):
        Budget(steps=0)
    with pytest.raises(ValueError, match="factor must lie between 0 and 1, received 2"):
        Plateau(factor=2)
    with pytest.raises(ValueError, match="a batch must hold at least one example, received none"):
        collate([])
    with pytest.raises(
        ValueError, match=r"must carry the same labels, received \['energy', 'forces'\] and \['energy'\]"
    ):
        collate([examples[0], Example(examples[1].graph, {"energy": examples[1].labels["energy"]})])
    with pytest.raises(ValueError, match="received 8 examples and batch_size 0"):
        Minibatches(examples, batch_size=0, generator=generator)
