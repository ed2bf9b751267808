"""Muon: orthogonal steps of matrices, against the singular value decomposition, torch's own Muon and torch's AdamW."""

import copy

import pytest
import torch
from torch import nn
from toy_potential import toy_examples

from equitour.train import Budget, Minibatches, Muon, Recipe, Training, fit
from equitour.train.muon import newton_schulz, orthogonal


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(32, 32), (48, 20), (20, 48)])
def test_the_iteration_gives_the_polar_factor_but_for_singular_values_near_one(shape):
    left, values, right = torch.linalg.svd(drawn(*shape), full_matrices=False)
    # Singular values over a hundredfold, as gradients have them.
    spread = torch.logspace(0, -2, len(values), dtype=torch.float64)
    (found,) = newton_schulz((left * spread @ right)[None])
    made = left.T @ found @ right.T
    assert float((made - made.diag().diag()).abs().max()) < 1e-10
    assert 0.6 < float(made.diag().min()) < float(made.diag().max()) < 1.25


def test_stacks_of_all_shapes_are_worked_on_as_if_each_matrix_were_alone():
    matrices = [
        drawn(3, 16, 24, seed=1),
        drawn(24, 16, seed=2),
        drawn(16, 24, seed=3),
        drawn(2, 24, 16, seed=4),
    ]
    for one, found in zip(matrices, orthogonal(matrices), strict=True):
        expected = [newton_schulz(matrix[None]) * 24**0.5 for matrix in one.reshape(-1, *one.shape[-2:])]
        assert torch.allclose(found, torch.cat(expected).view_as(one), rtol=1e-12)
        assert 0.8 < float(found.square().mean().sqrt()) < 1.2


def steps(
    optimizer, weights, *, count=5, gradient=lambda weight, n: weight.detach().sin() + n * weight.detach()
):
    """The weights after steps along gradients that depend on where they are."""
    for n in range(count):
        for weight in weights:
            weight.grad = gradient(weight, n)
        optimizer.step()
    return [weight.detach().clone() for weight in weights]


def test_one_matrix_moves_as_torchs_own_muon_moves_it():
    mine, theirs = (nn.Parameter(drawn(32, 64).float()) for _ in range(2))
    begun = mine.detach().clone()
    (found,) = steps(Muon([mine], lr=0.02, weight_decay=0.1, match=0.2), [mine])
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    (expected,) = steps(reference, [theirs])
    # Theirs rounds to bfloat16 on the way.
    assert float((found - expected).norm() / (expected - begun).norm()) < 0.02


def test_what_is_no_matrix_moves_as_in_adamw():
    shapes = [(5,), (8, 64), (3, 15, 64), ()]
    mine, theirs = ([nn.Parameter(drawn(*shape)) for shape in shapes] for _ in range(2))
    matrix = nn.Parameter(drawn(16, 16))
    found = steps(Muon([matrix, *mine], lr=0.02, weight_decay=0.1), [matrix, *mine])[1:]
    reference = torch.optim.AdamW(theirs, lr=0.02, weight_decay=0.1, fused=True)
    for one, other in zip(found, steps(reference, theirs), strict=True):
        assert torch.equal(one, other)


def test_steps_turn_with_the_channels():
    """Adam's do not: they depend on the basis in which a matrix of channels is written."""
    turns = [torch.linalg.qr(drawn(24, 24, seed=seed))[0] for seed in (1, 2)]
    goal, weight = drawn(24, 24, seed=6), drawn(24, 24, seed=7)

    def moved(kind, left, right):
        turned = nn.Parameter(left @ weight @ right)
        pull = lambda now, n: now.detach() - left @ goal @ right  # noqa: E731
        (found,) = steps(kind([turned], lr=0.1), [turned], gradient=pull)
        return left.T @ found @ right.T

    for kind, same in ((Muon, True), (torch.optim.AdamW, False)):
        plain = moved(kind, torch.eye(24).double(), torch.eye(24).double())
        assert torch.allclose(moved(kind, *turns), plain, atol=1e-10) == same


def test_every_direction_moves_however_weakly_the_loss_feels_it():
    """A valley that lies askew, felt from 1 to 1e-5: in 200 steps Adam leaves most of the way, at whichever rate."""
    turn = torch.linalg.qr(drawn(32, 32, seed=9))[0]
    felt = turn.T * torch.logspace(0, -5, 32, dtype=torch.float64) @ turn
    goal = drawn(32, 32)

    def distance(kind, **options):
        weight = nn.Parameter(torch.zeros(32, 32, dtype=torch.float64))
        pull = lambda now, n: felt @ (now.detach() - goal)  # noqa: E731
        (found,) = steps(kind([weight], weight_decay=0.0, **options), [weight], count=200, gradient=pull)
        return float((found - goal).norm() / goal.norm())

    assert distance(Muon, lr=0.05) < 0.2
    assert min(distance(torch.optim.AdamW, lr=rate) for rate in (0.02, 0.05, 0.1, 0.2, 0.5)) > 0.5


def test_nothing_moves_without_a_gradient():
    still, resting = nn.Parameter(drawn(16, 16)), nn.Parameter(drawn(16, 16))
    before = still.detach().clone()
    optimizer = Muon([still, resting], lr=0.1)
    resting.grad = torch.zeros(16, 16).double()
    optimizer.step()
    assert torch.equal(still, before)
    assert torch.equal(resting, before)
    resting.grad = torch.full((16, 16), 1e-30).double()
    optimizer.step()
    assert bool(torch.isfinite(resting).all())
    assert not torch.equal(resting, before)


def wide():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)).double()


def loss(model, batch):
    return (model(batch) - batch.prod(1, keepdim=True)).square().mean()


def test_a_state_taken_on_the_way_goes_on_to_the_last_bit():
    data = [drawn(16, 4, seed=seed) for seed in range(8)]
    model = wide()
    optimizer = Muon(model.parameters(), weight_decay=0.1)
    first = [step.loss for step in fit(model, loss, batches=data[:4], optimizer=optimizer)]
    twin = wide()
    twin.load_state_dict(model.state_dict())
    other = Muon(twin.parameters(), weight_decay=0.1)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    rest = [step.loss for step in fit(model, loss, batches=data[4:], optimizer=optimizer)]
    assert [step.loss for step in fit(twin, loss, batches=data[4:], optimizer=other)] == rest
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))
    assert len(first + rest) == 8


def test_a_recipe_names_the_optimizer():
    chance = torch.Generator().manual_seed(0)
    batches = Minibatches(toy_examples(2, generator=chance), batch_size=1, generator=chance)
    made = Training(wide(), loss, batches=batches, budget=Budget(steps=1), recipe=Recipe(optimizer="muon"))
    assert isinstance(made.optimizer, Muon)
    assert sorted(group["orthogonal"] for group in made.optimizer.param_groups) == [False, True]
    plain = Training(wide(), loss, batches=batches, budget=Budget(steps=1))
    assert type(plain.optimizer) is torch.optim.AdamW
    with pytest.raises(ValueError, match="optimizer must be one of adamw, muon, received 'sgd'"):
        Recipe(optimizer="sgd")
