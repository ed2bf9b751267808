"""Standardising tensors of atoms: what it may take away, and what an error counts against."""

import pytest
import torch
from matplotlib.figure import Figure

from equitour.graph import AtomicGraph
from equitour.learn.tensor_blocks import (
    PlainOutputs,
    Standardised,
    draw_learning_curve,
    learning_curve,
    relative_errors,
    standard_of,
    trained,
)
from equitour.models import build
from equitour.symmetry import CartesianTensor, random_rotation, rotate
from equitour.train import Example

T = CartesianTensor("ij", axial="ij")
NUMBERS = torch.tensor([1, 8, 1, 8, 11, 8, 1])
ONES = torch.ones(2, 3, dtype=torch.float64)
LAW = torch.arange(9.0, dtype=torch.float64) / 9


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


class Linear(torch.nn.Module):
    """Numbers that are linear in the distance from the origin, for a training with a known end."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1, 9, dtype=torch.float64))

    def components(self, graph):
        return graph.positions.norm(dim=1, keepdim=True) * self.weight


def _examples(count, generator):
    for _ in range(count):
        positions = 3 * torch.rand(4, 3, generator=generator, dtype=torch.float64)
        graph = AtomicGraph.from_arrays(positions, [8, 8, 1, 1], cutoff=6.0, min_distance=1e-6)
        yield Example(graph, {"tensor": graph.positions.norm(dim=1, keepdim=True) * LAW})


def _loss(model, example):
    return (model.components(example.graph) - example.labels["tensor"]).square().mean()


def test_training_finds_a_linear_law_and_leaves_a_model_at_rest(generator):
    model = trained(Linear(), _loss, list(_examples(6, generator)), steps=1500, batch_size=4)
    assert not model.weight.requires_grad
    assert torch.allclose(model.weight[0], LAW, atol=1e-2)


def test_a_standardised_head_gives_what_undoing_the_standard_gives(tensors, generator):
    standard = standard_of(T.to_irreps(tensors), NUMBERS, T.irreps)
    graph = next(_examples(1, generator)).graph
    head = Linear()
    head.weight.data += 1
    model = Standardised(head, standard)
    assert torch.equal(model.components(graph), standard.undo(head.components(graph), graph.atomic_numbers))
    assert {"mean", "size"} <= model.state_dict().keys()


def test_plain_outputs_do_not_know_that_the_structure_turned(generator):
    torch.manual_seed(0)
    trunk = build(
        "nequip", elements=[1, 8], cutoff=5.0, num_layers=1, num_channels=4, lmax=1, irreps_out="0e"
    )
    model = PlainOutputs(trunk, 9).double()
    graph = next(_examples(1, generator)).graph
    numbers = model.components(graph)
    assert numbers.shape == (4, 9)
    assert numbers.std() > 1e-3
    turned = model.components(rotate(graph, random_rotation(generator=generator)))
    assert torch.allclose(turned, numbers)


def test_a_learning_curve_is_the_mean_over_draws_whose_sets_are_nested(generator):
    seen = []

    def errors(examples, seed):
        seen.append({id(example) for example in examples})
        return torch.tensor([seed / len(examples), 1.0])

    examples = list(_examples(10, generator))
    table = learning_curve(errors, examples, sizes=[2, 4, 8], seeds=[1, 3])
    assert torch.allclose(table[:, 0], torch.tensor([1.0, 0.5, 0.25]))
    assert [len(few) for few in seen] == [2, 4, 8, 2, 4, 8]
    assert seen[0] < seen[1] < seen[2]
    assert seen[0] != seen[3]


def test_a_drawn_curve_names_each_block_with_its_power():
    figure = Figure()
    table = torch.tensor([[0.4, 0.8], [0.2, 0.8 / 2**0.5]])
    falls = draw_learning_curve(figure.subplots(), [4, 16], table, ["0e", "1e"])
    assert falls == pytest.approx([0.5, 0.25], abs=1e-6)
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["0e: error ∝ N^−0.50", "1e: error ∝ N^−0.25"]
