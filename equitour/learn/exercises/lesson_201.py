"""Lesson 201, message passing: gather, a gated message, shares of attention, and the rate of oversmoothing."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from equitour.learn import exercise, question


def _messages(generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """Fourteen messages to six nodes in any order, none to the last."""
    messages = torch.randn(14, 3, generator=generator, dtype=torch.float64)
    receivers = torch.cat([torch.arange(5), torch.randint(0, 5, (9,), generator=generator)])
    return messages, receivers[torch.randperm(14, generator=generator)], 6


def _assigned(messages: Tensor, receivers: Tensor, num_nodes: int) -> Tensor:
    total = messages.new_zeros(num_nodes, messages.shape[1])
    total[receivers] += messages
    return total


def _means(messages: Tensor, receivers: Tensor, num_nodes: int) -> Tensor:
    count = torch.bincount(receivers, minlength=num_nodes).clamp(min=1)
    return gather(messages, receivers, num_nodes) / count[:, None]


@exercise(
    "201.gather",
    inputs=_messages,
    axes=("nodes", "channels"),
    hints=(
        "Begin with zeros, one row a node, and add each message to the row of its receiver.",
        "`total[receivers] += messages` keeps one message a node: torch reads, adds and writes all rows at once.",
        "torch has a function that adds rows one after the other: `index_add(0, receivers, messages)`.",
        "Write `messages.new_zeros(num_nodes, messages.shape[1]).index_add(0, receivers, messages)`.",
    ),
    mistakes={
        "Only one message a node has survived. `total[receivers] += messages` writes a row once, however often it is "
        "named: use index_add.": _assigned,
        "This is the mean over neighbours. Leave the sum as it is: how many there are is information.": _means,
    },
)
def gather(messages, receivers, num_nodes):
    """The sum of the messages that reach each node, (num_nodes, channels)."""
    return messages.new_zeros(num_nodes, messages.shape[1]).index_add(0, receivers, messages)


def _gated(generator: torch.Generator) -> tuple[Tensor, ...]:
    shapes = [(7, 3), (7, 3), (7, 2), (8, 4), (4,), (8, 4), (4,)]
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)


@exercise(
    "201.gate",
    inputs=_gated,
    axes=("edges", "channels"),
    hints=(
        "z = [v_i, v_j, u] puts the three rows of each edge side by side: `torch.cat([...], dim=1)`.",
        "⊙ multiplies entry by entry: one factor between 0 and 1, the gate, and one that is positive, the message.",
        "Write `torch.sigmoid(z @ W_f + b_f) * softplus(z @ W_s + b_s)`.",
    ),
    mistakes={
        "Gate and message have changed places: the sigmoid belongs to W_f, the softplus to W_s.": (
            lambda v_i, v_j, u, W_f, b_f, W_s, b_s: gated_message(v_i, v_j, u, W_s, b_s, W_f, b_f)
        ),
        "z begins with the receiver: [v_i, v_j, u]. With the sender first the weights meet the wrong atom.": (
            lambda v_i, v_j, *rest: gated_message(v_j, v_i, *rest)
        ),
        "This is the gate alone: multiply it by the message, softplus(z W_s + b_s).": (
            lambda v_i, v_j, u, W_f, b_f, W_s, b_s: torch.sigmoid(torch.cat([v_i, v_j, u], 1) @ W_f + b_f)
        ),
        "Gate and message are multiplied entry by entry, not added.": (
            lambda v_i, v_j, u, W_f, b_f, W_s, b_s: (
                torch.sigmoid(torch.cat([v_i, v_j, u], 1) @ W_f + b_f)
                + softplus(torch.cat([v_i, v_j, u], 1) @ W_s + b_s)
            )
        ),
        "b_f and b_s are missing.": (
            lambda v_i, v_j, u, W_f, b_f, W_s, b_s: gated_message(v_i, v_j, u, W_f, 0, W_s, 0)
        ),
    },
)
def gated_message(v_i, v_j, u, W_f, b_f, W_s, b_s):
    """CGCNN's message of each edge, σ(z W_f + b_f) ⊙ g(z W_s + b_s) with z = [v_i, v_j, u]."""
    z = torch.cat([v_i, v_j, u], dim=1)
    return torch.sigmoid(z @ W_f + b_f) * softplus(z @ W_s + b_s)


def _queries(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, int]:
    q_i, k_j = torch.randn(2, 14, 4, generator=generator, dtype=torch.float64)
    _, receivers, num_nodes = _messages(generator)
    return q_i, k_j, receivers, num_nodes


def _scores(q_i: Tensor, k_j: Tensor) -> Tensor:
    return (q_i * k_j).sum(1) / q_i.shape[1] ** 0.5


def _unshared(s: Tensor, receivers: Tensor, num_nodes: int) -> Tensor:
    return s / gather(s[:, None], receivers, num_nodes)[receivers, 0]


@exercise(
    "201.attention",
    inputs=_queries,
    axes=("edges",),
    hints=(
        "First the score of each edge: the dot product of its two rows over √d, `(q_i * k_j).sum(1) / d**0.5`.",
        "Then exponentials, and divide each by the sum over the edges that reach the same node.",
        "That sum is a gather; `[receivers]` brings it back to the edges.",
        "With e = torch.exp(s): `e / e.new_zeros(num_nodes).index_add(0, receivers, e)[receivers]`.",
    ),
    mistakes={
        "You shared 1 among all edges. Each node shares 1 among the edges that reach it.": (
            lambda q_i, k_j, *at: torch.softmax(_scores(q_i, k_j), dim=0)
        ),
        "The root is missing: divide the dot products by √d before the exponential.": (
            lambda q_i, k_j, *at: _unshared(torch.exp((q_i * k_j).sum(1)), *at)
        ),
        "You divided by d, not by its root.": (
            lambda q_i, k_j, *at: _unshared(torch.exp((q_i * k_j).mean(1)), *at)
        ),
        "The exponential is missing: scores may be negative, shares may not.": (
            lambda q_i, k_j, *at: _unshared(_scores(q_i, k_j), *at)
        ),
        "These are the exponentials: divide by their sum over the edges that reach the same node.": (
            lambda q_i, k_j, *at: torch.exp(_scores(q_i, k_j))
        ),
    },
)
def shares(q_i, k_j, receivers, num_nodes):
    """The share of each edge in what reaches its receiver: exp(s) over the sum of exp(s), s = q·k / √d."""
    e = torch.exp((q_i * k_j).sum(1) / q_i.shape[1] ** 0.5)
    return e / e.new_zeros(num_nodes).index_add(0, receivers, e)[receivers]


def _ring(generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """A ring of five to nine atoms with two bonds across."""
    n = int(torch.randint(5, 10, (1,), generator=generator))
    first = int(torch.randint(n, (1,), generator=generator))
    left = torch.cat([torch.arange(n), torch.tensor([first, first])])
    right = torch.cat([torch.arange(1, n + 1), torch.tensor([first + 2, first + 3])])
    return _both_ways(torch.stack([left, right % n]))


def _two_threes(generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """Three atoms each bound to three others: an eigenvalue below zero is the second largest in size."""
    left, right = torch.randperm(6, generator=generator).split(3)
    return _both_ways(torch.cartesian_prod(left, right).T)


def _both_ways(pairs: Tensor) -> tuple[Tensor, Tensor, int]:
    pairs = torch.cat([pairs, pairs.flip(0)], dim=1).unique(dim=1)
    return pairs[0], pairs[1], int(pairs.max()) + 1


def _table(senders: Tensor, receivers: Tensor, num_nodes: int, *, loops: bool = True) -> Tensor:
    P = torch.eye(num_nodes, dtype=torch.float64) * loops
    P[receivers, senders] = 1
    return P / P.sum(1, keepdim=True)


def _second(sizes: Tensor) -> Tensor:
    return sizes.sort(descending=True).values[1]


@exercise(
    "201.rate",
    inputs=(_ring, _two_threes),
    hints=(
        "One round is a matrix: h ← P h. The row of atom i holds 1 / (1 + number of neighbours) at i and its neighbours.",
        "Each round multiplies each eigenvector by its eigenvalue. The constant one has λ = 1: all atoms alike, for ever.",
        "What makes atoms differ dies out like the next largest: `torch.linalg.eigvals(P).abs().sort(...)`.",
        "Begin with `P = torch.eye(num_nodes, dtype=torch.float64)` and `P[receivers, senders] = 1`; divide by `P.sum(1, keepdim=True)`.",
    ),
    mistakes={
        "1 is the largest: it belongs to what all atoms have in common. The next one tells how fast the rest dies.": (
            lambda *graph: torch.ones((), dtype=torch.float64)
        ),
        "The atom itself takes part in its average: put ones on the diagonal before you divide.": (
            lambda *graph: _second(torch.linalg.eigvals(_table(*graph, loops=False)).abs())
        ),
        "These rows are sums, not averages: divide each by its own sum.": (
            lambda *graph: _second(torch.linalg.eigvals((_table(*graph) > 0).double()).abs())
        ),
        "P is not symmetric, and eigvalsh reads one half of it only: use eigvals.": (
            lambda *graph: _second(torch.linalg.eigvalsh(_table(*graph)).abs())
        ),
        "An eigenvalue of -1/2 shrinks as slowly as one of 1/2: sort by absolute values.": (
            lambda *graph: _second(torch.linalg.eigvals(_table(*graph)).real)
        ),
    },
)
def smoothing_rate(senders, receivers, num_nodes):
    """By which factor differences between atoms shrink in a round of averaging, in the long run."""
    P = torch.eye(num_nodes, dtype=torch.float64)
    P[receivers, senders] = 1
    P = P / P.sum(1, keepdim=True)
    return torch.linalg.eigvals(P).abs().sort(descending=True).values[1]


question(
    "201.twins",
    "Norbornane and dicyclopropylmethane: both C₇H₁₂, with energies 1.49 eV apart. A network passes messages along their "
    "bonds, with any weights and as many rounds as you like. Does it tell them apart?",
    options={
        "Yes, after enough rounds": "More rounds bring news from farther away. Is it different news?",
        "Yes, once it is trained": "Training chooses the weights. Run it with any weights you like.",
        "No": "Both have the same atoms with the same neighbours with the same neighbours, and so on for ever.",
    },
    answer="No",
)
question(
    "201.sum",
    "Diamond and graphene: all atoms are carbon, and all neighbours are carbon. Messages carry elements, not lengths. With "
    "which aggregation can a network tell the two apart?",
    options={
        "Sum, mean and max": "The mean of four equal messages is the message. And of three?",
        "Sum only": "Four equal messages add up to more than three; their mean and their max are the message itself.",
        "Sum and mean": "The mean of four equal messages is the message. And of three?",
        "None": "An atom of diamond has four neighbours, one of graphene three. Which aggregation counts?",
    },
    answer="Sum only",
)
question(
    "201.readout",
    "A network learns from small molecules, then meets larger ones. Once it learns the zero-point energy, once the gap between "
    "occupied and empty orbitals. Should the readout add up atoms, or average over them?",
    options={
        "Add, for both": "Twice the molecule, twice the zero-point energy. Twice the gap?",
        "Average, for both": "An average cannot know how large the molecule is, and a zero-point energy grows with it.",
        "Add for the zero-point energy, average for the gap": "One grows with the molecule, the other does not, and the "
        "readout must do the same.",
    },
    answer="Add for the zero-point energy, average for the gap",
)
question(
    "201.depth",
    "Forces in ethanol, learned from the same 200 frames. Network 1: one round of messages between atoms up to 4 Å apart. "
    "Network 2: six rounds along bonds only, more than five times as many weights. Which has the smaller error?",
    options={
        "Network 2: it is deeper": "Six rounds carry news across the molecule. News of what?",
        "Network 1": "No bond length changes when a molecule bends, so no number of rounds along bonds can see it.",
        "About the same": "Six rounds reach as far as 4 Å. But what is it that travels?",
    },
    answer="Network 1",
)
