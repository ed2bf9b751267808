import itertools

import pytest
import torch
from torch import nn

from equitour.train import exponential_average, fit, load_weights, save_weights


def squared_error(model, batch):
    x, y = batch
    return (model(x) - y).square().mean()


@pytest.fixture
def line(generator):
    x = torch.randn(64, 2, generator=generator, dtype=torch.float64)
    return x, x @ torch.tensor([[2.0], [-1.0]], dtype=torch.float64) + 0.5


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Linear(2, 1, dtype=torch.float64)


def test_fit_takes_the_same_steps_as_the_loop_by_hand(model, line):
    twin = nn.Linear(2, 1, dtype=torch.float64)
    twin.load_state_dict(model.state_dict())
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    losses = []
    for _ in range(5):
        value = squared_error(twin, line)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value))
    steps = fit(
        model, squared_error, batches=[line] * 5, optimizer=torch.optim.SGD(model.parameters(), lr=0.1)
    )
    steps = list(steps)
    assert [step.loss for step in steps] == losses
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert torch.equal(model.weight, twin.weight)


def test_only_what_the_optimizer_moves_gets_a_gradient(model, line):
    x, y = line[0].clone().requires_grad_(), line[1]
    before = model.bias.clone()
    # A bias that stays would otherwise gather gradients step by step, and share in the length that is clipped.
    optimizer = torch.optim.SGD([model.weight], lr=0.1)
    for _ in fit(model, squared_error, batches=[(x, y)] * 3, optimizer=optimizer, max_norm=1e-3):
        assert model.weight.grad.norm() == pytest.approx(1e-3)
    assert x.grad is None
    assert model.bias.grad is None
    assert torch.equal(model.bias, before)
    model.requires_grad_(False)
    (step,) = fit(model, squared_error, batches=[(x, y)], optimizer=optimizer)
    assert step.loss > 0


def test_fit_finds_the_line(model, line):
    steps = fit(
        model,
        squared_error,
        batches=itertools.repeat(line, 300),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.2),
    )
    for step in steps:
        last = step
    assert last.loss < 1e-20
    assert torch.allclose(model.weight, torch.tensor([[2.0, -1.0]], dtype=torch.float64))


def test_the_caller_may_stop_an_endless_fit(model, line):
    steps = fit(
        model,
        squared_error,
        batches=itertools.repeat(line),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
    )
    assert [step.number for step in itertools.islice(steps, 3)] == [1, 2, 3]


def test_named_terms_add_up_to_the_loss(model, line):
    def loss(model, batch):
        return {"data": squared_error(model, batch), "decay": 0.1 * model.weight.square().sum()}

    (step,) = fit(model, loss, batches=[line], optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    assert step.loss == pytest.approx(step.terms["data"] + step.terms["decay"])


def test_a_loss_that_is_not_finite_stops_before_the_weights_are_spoilt(model, line):
    before = model.weight.clone()
    loss = lambda model, batch: {"energy": squared_error(model, batch), "forces": model.weight.sum() / 0}  # noqa: E731
    steps = fit(model, loss, batches=[line], optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(FloatingPointError, match=r"the loss must be finite, received .*'forces'.* at step 1"):
        next(steps)
    assert torch.equal(model.weight, before)


def test_gradients_are_shortened_to_the_largest_norm(model, line):
    before = torch.cat([p.detach().clone().flatten() for p in model.parameters()])
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    list(fit(model, squared_error, batches=[line], optimizer=optimizer, max_norm=0.01))
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.01, rel=1e-3)


def test_the_average_follows_the_exponential_law(model, line):
    average = exponential_average(model, decay=0.5)
    expected = None
    steps = fit(
        model,
        squared_error,
        batches=[line] * 4,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        average=average,
    )
    for _ in steps:
        now = model.weight.detach().clone()
        expected = now if expected is None else 0.5 * expected + 0.5 * now
    assert torch.allclose(average.module.weight, expected, atol=1e-15)
    with pytest.raises(ValueError, match=r"decay must lie in \[0, 1\), received 1.0"):
        exponential_average(model, decay=1.0)


def test_a_ramped_average_soon_forgets_the_untrained_start_and_copies_buffers():
    model = nn.BatchNorm1d(1, dtype=torch.float64)
    model.register_buffer("table", torch.tensor([3, -1]))
    average = exponential_average(model, decay=0.999, ramp=True)
    expected = None
    for number in range(30):
        model.weight.data.fill_(float(number))
        model.running_mean.fill_(float(number))
        average.update_parameters(model)
        decay = (1 + number) / (10 + number)
        expected = 0.0 if number == 0 else decay * expected + (1 - decay) * number
        assert float(average.module.weight) == pytest.approx(expected)
    assert expected > 20
    assert float(average.module.running_mean) == 29.0
    assert average.module.table.tolist() == [3, -1]


def test_weights_survive_the_round_trip_exactly(model, tmp_path):
    save_weights(model, tmp_path / "line.safetensors", metadata={"lmax": 2})
    other = nn.Linear(2, 1, dtype=torch.float64)
    assert load_weights(other, tmp_path / "line.safetensors") == {"lmax": 2}
    assert torch.equal(other.weight, model.weight)
    assert [path.name for path in tmp_path.iterdir()] == ["line.safetensors"]


def test_weights_that_do_not_fit_are_refused_in_one_sentence(model, tmp_path):
    path = tmp_path / "line.safetensors"
    save_weights(model, path)
    with pytest.raises(ValueError, match=r"weights must fit the model, received \(1, 2\) for weight"):
        load_weights(nn.Linear(3, 1), path)
    with pytest.raises(ValueError, match=r"received nothing for 0\.bias"):
        load_weights(nn.Sequential(nn.Linear(2, 1)), path)
    with pytest.raises(FileNotFoundError, match="weights must exist"):
        load_weights(model, tmp_path / "none.safetensors")
    path.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="weights must be a safetensors file"):
        load_weights(model, path)
