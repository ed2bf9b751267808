"""Layers of torch as message passing: equal to rounding, with gradients, and with the symmetries that sharing gives."""

import pytest
import torch
from torch import nn

from equitour.models import layers

DOUBLE = torch.float64


@pytest.fixture
def seeded():
    torch.manual_seed(4)


def same(left, right):
    return left.shape == right.shape and torch.allclose(left, right, rtol=0, atol=1e-12)


def same_gradients(layer, ours, theirs):
    """Training is the same too: the gradients of a random number made of the output."""
    weights = torch.randn(theirs.shape, dtype=DOUBLE)
    parameters = [p for p in layer.parameters() if p.requires_grad]
    first, second = (torch.autograd.grad((out * weights).sum(), parameters) for out in (ours, theirs))
    return all(same(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("bias", [True, False])
def test_a_dense_layer_is_a_message_from_each_input_to_each_output(bias):
    layer, x = nn.Linear(5, 3, bias=bias, dtype=DOUBLE), torch.randn(2, 4, 5, dtype=DOUBLE)
    assert same(layers.dense(layer, x), layer(x))
    assert same_gradients(layer, layers.dense(layer, x), layer(x))


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": 3, "padding": "same", "bias": False},
        {"kernel_size": (5, 3), "padding": (2, 1), "padding_mode": "circular"},
        {"kernel_size": 1},
    ],
)
def test_a_convolution_is_messages_between_pixels_with_a_weight_for_each_offset(settings):
    layer, image = nn.Conv2d(2, 4, dtype=DOUBLE, **settings), torch.randn(2, 7, 6, dtype=DOUBLE)
    theirs = layer(image[None])[0]
    assert same(layers.convolution(layer, image), theirs)
    assert same_gradients(layer, layers.convolution(layer, image), theirs)


@pytest.mark.usefixtures("seeded")
def test_sharing_by_offset_makes_a_periodic_convolution_commute_with_translations():
    layer = nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular", dtype=DOUBLE)
    image = torch.randn(2, 5, 6, dtype=DOUBLE)
    moved = layers.convolution(layer, image.roll((2, 3), dims=(1, 2)))
    assert same(moved, layers.convolution(layer, image).roll((2, 3), dims=(1, 2)))


def test_a_convolution_that_shrinks_the_image_is_refused():
    image = torch.zeros(1, 4, 4)
    for wrong in (nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, padding=1, stride=2), nn.Conv2d(1, 1, 4, padding=2)):
        with pytest.raises(ValueError, match="layer must keep the size of the image, with an odd kernel"):
            layers.convolution(wrong, image)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("bias", [True, False])
def test_a_recurrent_layer_is_messages_along_a_chain_in_as_many_rounds_as_steps(bias):
    layer, x = nn.RNN(3, 4, bias=bias, dtype=DOUBLE), torch.randn(6, 3, dtype=DOUBLE)
    theirs = layer(x)[0]
    assert same(layers.recurrent(layer, x), theirs)
    assert same_gradients(layer, layers.recurrent(layer, x), theirs)
    for rounds in range(1, 6):
        short = layers.recurrent(layer, x, rounds=rounds)
        assert same(short[:rounds], theirs[:rounds])
        assert not same(short[rounds:], theirs[rounds:])


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_transformer_layer_is_messages_on_the_complete_graph(norm_first, activation):
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, activation=activation, norm_first=norm_first, dropout=0.0, dtype=DOUBLE
    )
    x = torch.randn(5, 8, dtype=DOUBLE)
    theirs = layer(x[:, None])[:, 0]
    assert same(layers.transformer(layer, x), theirs)
    assert same_gradients(layer, layers.transformer(layer, x), theirs)


@pytest.mark.usefixtures("seeded")
def test_a_causal_mask_is_a_graph_with_fewer_edges():
    layer, x = nn.MultiheadAttention(8, 4, dtype=DOUBLE), torch.randn(6, 8, dtype=DOUBLE)
    senders, receivers = layers.all_pairs(6)
    kept = senders <= receivers
    masked, _ = layer(x, x, x, attn_mask=torch.ones(6, 6).triu(1).bool())
    assert same(layers.attention(layer, x, edges=(senders[kept], receivers[kept])), masked)


@pytest.mark.usefixtures("seeded")
def test_attention_without_positions_commutes_with_permutations():
    layer, x = nn.MultiheadAttention(8, 2, dtype=DOUBLE), torch.randn(6, 8, dtype=DOUBLE)
    order = torch.randperm(6)
    assert same(layers.attention(layer, x[order]), layers.attention(layer, x)[order])


def test_shares_of_neighbours_add_up_to_one_however_large_the_scores():
    receivers = torch.tensor([0, 0, 0, 2, 2])
    scores = torch.tensor([[800.0], [799.0], [-800.0], [-1e4], [-1e4]], dtype=DOUBLE)
    shares = layers.neighbor_softmax(scores, receivers, 3)
    expected = torch.cat([torch.softmax(scores[:3], 0), torch.tensor([[0.5], [0.5]], dtype=DOUBLE)])
    assert same(shares, expected)
