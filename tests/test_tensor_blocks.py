"""Standardising tensors of atoms: what it may take away, and what an error counts against."""

import pytest
import torch

from equitour.learn.tensor_blocks import relative_errors, standard_of
from equitour.symmetry import CartesianTensor, random_rotation

T = CartesianTensor("ij", axial="ij")
NUMBERS = torch.tensor([1, 8, 1, 8, 11, 8, 1])
ONES = torch.ones(2, 3, dtype=torch.float64)


@pytest.fixture
def tensors(generator):
    means = torch.tensor([30.0, 340.0, 580.0], dtype=torch.float64)[torch.tensor([0, 1, 0, 1, 2, 1, 0])]
    noise = torch.randn(7, 3, 3, generator=generator, dtype=torch.float64)
    return means[:, None, None] * torch.eye(3, dtype=torch.float64) + noise


def test_standardising_before_or_after_a_turn_is_the_same(tensors, generator):
    rotation = random_rotation(generator=generator)
    turned = T.to_irreps(rotation @ tensors @ rotation.T)
    standard = standard_of(T.to_irreps(tensors), NUMBERS, T.irreps)
    again = standard_of(turned, NUMBERS, T.irreps)
    assert torch.allclose(standard.mean, again.mean)
    assert torch.allclose(standard.size, again.size)
    for block in T.irreps.slices():
        assert (standard.size[:, block] == standard.size[:, block][:, :1]).all()


def test_a_standardised_block_has_size_one_and_0e_has_no_mean(tensors):
    x = T.to_irreps(tensors)
    standard = standard_of(x, NUMBERS, T.irreps)
    y = standard.apply(x, NUMBERS)
    assert torch.allclose(standard.undo(y, NUMBERS), x)
    for number in (1, 8):
        rows = y[number == NUMBERS]
        assert abs(rows[:, 0].mean()) < 1e-12
        for block in T.irreps.slices():
            assert float(rows[:, block].square().mean()) == pytest.approx(1)


def test_an_element_that_occurs_once_is_divided_by_one_where_nothing_is_left(tensors):
    standard = standard_of(T.to_irreps(tensors), NUMBERS, T.irreps)
    assert standard.size[11, 0] == 1
    assert torch.equal(standard.mean[6], torch.zeros(9, dtype=torch.float64))


def test_the_mean_of_each_element_has_the_relative_error_one(tensors):
    x, numbers = T.to_irreps(tensors)[NUMBERS != 11], NUMBERS[NUMBERS != 11]
    standard = standard_of(x, numbers, T.irreps)
    assert torch.allclose(relative_errors(standard.mean[numbers], x, numbers, standard=standard), ONES)
    assert torch.equal(relative_errors(x, x, numbers, standard=standard), 0 * ONES)
    half = (standard.mean[numbers] + x) / 2
    assert torch.allclose(relative_errors(half, x, numbers, standard=standard), 0.5 * ONES)
