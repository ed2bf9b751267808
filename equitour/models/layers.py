"""Dense, convolutional, recurrent and attention layers as message passing, each on a graph of its own.

Every function takes one of torch's layers, for its weights, and gives what that layer gives, to rounding:

| layer | nodes | edges | message along an edge | update |
| --- | --- | --- | --- | --- |
| dense | inputs, outputs | each input to each output, a weight of its own | w_ij x_j | + bias |
| convolution | pixels | a pixel to those around it; the weight belongs to the offset | W_offset h_j | + bias |
| recurrent | steps in time | each step to the next | W h_j | tanh with the input of the step |
| attention | tokens | each to each; the weight is computed | softmax_j(q_i · k_j / √d) v_j | dense layers, norms |

Which edges share a weight is the symmetry of a layer: none, translations, shifts in time, permutations.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.models.message_passing import aggregate

Edges = tuple[Int[Tensor, " edges"], Int[Tensor, " edges"]]


def all_pairs(senders: int, receivers: int | None = None) -> Edges:
    """Edges from each of some nodes to each of others, or among the same nodes, loops included."""
    j, i = torch.cartesian_prod(torch.arange(senders), torch.arange(receivers or senders)).T
    return j, i


def chain(steps: int) -> Edges:
    """Edges from each step to the next."""
    return torch.arange(steps - 1), torch.arange(1, steps)


def grid(
    height: int, width: int, kernel: tuple[int, int], *, periodic: bool = False
) -> tuple[Int[Tensor, " edges"], Int[Tensor, " edges"], Int[Tensor, " edges"]]:
    """Edges to each pixel from those under a kernel of odd size centred on it, and the kernel's entry of each edge.

    Pixels are numbered row by row. Edges from outside of the image do not exist, or come in from the other side.
    """
    y, x = (
        part.reshape(-1, 1)
        for part in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    )
    b, a = (part.reshape(1, -1) for part in torch.meshgrid(*map(torch.arange, kernel), indexing="ij"))
    from_y, from_x = y + b - kernel[0] // 2, x + a - kernel[1] // 2
    inside = (from_y >= 0) & (from_y < height) & (from_x >= 0) & (from_x < width)
    receivers, entry = (inside | periodic).nonzero().T
    senders = (from_y % height) * width + from_x % width
    return senders[receivers, entry], receivers, entry


def dense(layer: nn.Linear, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
    """A dense layer: each output hears from each input, and every edge has a weight of its own."""
    senders, receivers = all_pairs(layer.in_features, layer.out_features)
    h = x.movedim(-1, 0)  # A node for each input; what stands in a batch is its features.
    weights = layer.weight[receivers, senders].reshape(-1, *[1] * (h.ndim - 1))
    m = aggregate(weights * h.index_select(0, senders), receivers, layer.out_features)
    m = m.movedim(0, -1)
    return m if layer.bias is None else m + layer.bias


def convolution(
    layer: nn.Conv2d, image: Float[Tensor, "channels height width"]
) -> Float[Tensor, "channels_out height width"]:
    """A convolution: pixels hear from those around them, and edges with the same offset share a weight.

    Raises:
        ValueError: The layer has strides, dilation, groups or another padding than half of an odd kernel.
    """
    half = tuple(size // 2 for size in layer.kernel_size)
    plain = layer.stride == layer.dilation == (1, 1) and layer.groups == 1
    if not (plain and layer.padding in (half, "same") and all(size % 2 for size in layer.kernel_size)):
        raise ValueError(
            "layer must keep the size of the image, with an odd kernel, its half as padding and nothing else, "
            f"received {layer}: use Conv2d(a, b, 3, padding=1)"
        )
    height, width = image.shape[1:]
    periodic = layer.padding_mode == "circular"
    senders, receivers, entry = grid(height, width, layer.kernel_size, periodic=periodic)
    h = image.flatten(1).T  # (pixels, channels)
    W = layer.weight.flatten(2).permute(2, 0, 1)  # (entries of the kernel, channels_out, channels)
    messages = torch.einsum("eoc,ec->eo", W.index_select(0, entry), h.index_select(0, senders))
    m = aggregate(messages, receivers, height * width)
    m = m if layer.bias is None else m + layer.bias
    return m.T.unflatten(1, (height, width))


def recurrent(
    layer: nn.RNN, x: Float[Tensor, "steps inputs"], *, rounds: int | None = None
) -> Float[Tensor, "steps channels"]:
    """A recurrent layer: each step in time hears from the one before, and all edges share one weight.

    All steps are updated at once in each round. What the first step knows travels one step a round, so that as many
    rounds as there are steps give what the loop of torch gives.

    Args:
        layer: Of one layer and one direction, with tanh.
        x: The sequence, the input of each step.
        rounds: Number of rounds; as many as steps by default.
    """
    senders, receivers = chain(len(x))
    h = x.new_zeros(len(x), layer.hidden_size)
    inputs = nn.functional.linear(x, layer.weight_ih_l0, layer.bias_ih_l0 if layer.bias else None)
    for _ in range(len(x) if rounds is None else rounds):
        m = aggregate(h.index_select(0, senders) @ layer.weight_hh_l0.T, receivers, len(x))
        h = torch.tanh(inputs + (m + layer.bias_hh_l0 if layer.bias else m))
    return h


def attention(
    layer: nn.MultiheadAttention, x: Float[Tensor, "tokens channels"], *, edges: Edges | None = None
) -> Float[Tensor, "tokens channels"]:
    """Self-attention: tokens hear from all, and the weight of an edge is computed from its two ends.

    Args:
        layer: With keys and values of the tokens' own width.
        x: Features of the tokens.
        edges: Senders and receivers; all pairs by default. Fewer edges are what is called a mask.
    """
    senders, receivers = all_pairs(len(x)) if edges is None else edges
    q, k, v = nn.functional.linear(x, layer.in_proj_weight, layer.in_proj_bias).chunk(3, dim=1)
    q, k, v = (part.unflatten(1, (layer.num_heads, -1)) for part in (q, k, v))  # (tokens, heads, d)
    scores = (q.index_select(0, receivers) * k.index_select(0, senders)).sum(2) / q.shape[
        2
    ] ** 0.5  # (edges, heads)
    weights = neighbor_softmax(scores, receivers, len(x))
    m = aggregate(weights[:, :, None] * v.index_select(0, senders), receivers, len(x))
    return layer.out_proj(m.flatten(1))


def neighbor_softmax(
    scores: Float[Tensor, "edges heads"], receivers: Int[Tensor, " edges"], num_nodes: int
) -> Float[Tensor, "edges heads"]:
    """exp(s_ij) / Σ_j exp(s_ij): the edges that reach a node share a weight of 1."""
    # The largest score is taken off first, so that no exponential overflows.
    largest = aggregate(scores, receivers, num_nodes, how="max")
    exponentials = torch.exp(scores - largest.index_select(0, receivers))
    return exponentials / aggregate(exponentials, receivers, num_nodes).index_select(0, receivers)


def transformer(
    layer: nn.TransformerEncoderLayer, x: Float[Tensor, "tokens channels"], *, edges: Edges | None = None
) -> Float[Tensor, "tokens channels"]:
    """A transformer's encoder layer: attention is message and aggregation, the rest is the update of each token.

    Args:
        layer: In evaluation mode, or without dropout.
        x: Features of the tokens.
        edges: As in `attention`.
    """

    def update(h: Tensor) -> Tensor:
        return layer.linear2(layer.activation(layer.linear1(h)))

    if layer.norm_first:
        x = x + attention(layer.self_attn, layer.norm1(x), edges=edges)
        return x + update(layer.norm2(x))
    x = layer.norm1(x + attention(layer.self_attn, x, edges=edges))
    return layer.norm2(x + update(x))
