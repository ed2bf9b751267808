"""Exercises and questions of lesson 204, body order and attention."""

import itertools

import torch

from equitour.learn import exercise, question

question(
    "204.same",
    "Two environments of a carbon: all distances to its four neighbours are equal, and the lists of the six angles "
    "between neighbours are equal too. Are the two the same, up to a turn or a mirror?",
    options={
        "Yes": "The list says which angles occur, not which of them share a neighbour.",
        "No": "Which angles meet in one neighbour is lost: it takes triples of neighbours to say so.",
        "Only if the network is deep": "Depth helps where neighbours look around themselves; the question is what this "
        "list holds.",
    },
    answer="No",
)
question(
    "204.smallest",
    "What is the least that tells pair 3 apart in one layer?",
    options={
        "ν = 4 with l ≤ 1": "Four factors are there, but with vectors alone they multiply to dot products, whose angles "
        "are too coarse here: the map is dark.",
        "ν = 3 with l ≤ 3": "Finer harmonics add no body: all triples of A and B agree, however finely you look.",
        "ν = 4 with l ≤ 2": "Enough bodies and enough angular resolution: both are needed at once.",
        "ν = 2 with many layers": "One layer is asked for; section 6 comes to many.",
    },
    answer="ν = 4 with l ≤ 2",
)
question(
    "204.depth",
    "In both clusters each atom sees two others at 1.2 Å, two at 1.6 Å and one at 2.0 Å. A network passes messages "
    "that depend on distances only. How many layers does it take to tell the clusters apart?",
    options={
        "One": "After one layer all atoms of both clusters carry the same feature.",
        "Five, so that messages go around": "All atoms carry the same feature after each layer, so the next one has "
        "nothing new to tell.",
        "No number of layers is enough": "Atoms that cannot be told apart send equal messages for ever.",
    },
    answer="No number of layers is enough",
)
question(
    "204.softmax",
    "An atom has a single neighbour, which moves out through the cutoff. What weight does a softmax over "
    "neighbours give it just inside, if its terms are multiplied by the envelope?",
    options={
        "One": "The envelope stands above and below the fraction and cancels: full weight, then suddenly none.",
        "Almost zero": "It would be, if the sum below the fraction did not vanish just as fast.",
        "It depends on the score": "With one neighbour the score cancels as well.",
    },
    answer="One",
)


def _order_two(points):
    return float((points @ points.T).square().sum())


def _order_three(points):
    return float(torch.einsum("aj,bj,bk,ck,cl,al->", points, points, points, points, points, points))


def _function_and_points(generator):
    """A function of two or three neighbours at a time, and neighbours; some have a value where there is none."""
    count = int(torch.randint(1, 4, (1,), generator=generator))
    points = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    shift = float(torch.rand(1, generator=generator)) + 0.5
    body = (_order_two, _order_three)[int(torch.randint(2, (1,), generator=generator))]
    return (lambda chosen: body(chosen) + shift), points


def _subsets(f, neighbours, *, signs=lambda n, size: (-1) ** (n - size), smallest=0):
    n = len(neighbours)
    return sum(
        signs(n, size) * f(neighbours[list(chosen)])
        for size in range(smallest, n + 1)
        for chosen in itertools.combinations(range(n), size)
    )


@exercise(
    "204.mixed_difference",
    inputs=_function_and_points,
    hints=(
        "For two neighbours: f(both) − f(first) − f(second) + f(none). What each does alone drops out.",
        "All subsets, with a plus where as many are left out as an even number, and a minus otherwise.",
        "`for size in range(n + 1)`, `for chosen in itertools.combinations(range(n), size)`: add "
        "`(-1) ** (n - size) * f(neighbours[list(chosen)])`.",
    ),
    mistakes={
        "The empty set counts too: f of no neighbours may be a number.": (
            lambda f, neighbours: _subsets(f, neighbours, smallest=1)
        ),
        "The sign follows from how many are left out, so that f of all neighbours enters with a plus.": (
            lambda f, neighbours: _subsets(f, neighbours, signs=lambda _, size: (-1) ** size)
        ),
        "What each neighbour does alone is taken away; so must be what pairs do, triples, and so on.": (
            lambda f, neighbours: f(neighbours) - sum(f(r[None]) for r in neighbours)
        ),
        "All subsets are there, but all with a plus.": (
            lambda f, neighbours: _subsets(f, neighbours, signs=lambda *_: 1)
        ),
        "Only single neighbours are taken away: pairs, triples … must come back with their sign.": (
            lambda f, neighbours: (
                f(neighbours)
                - sum(
                    f(neighbours[[k for k in range(len(neighbours)) if k != j]])
                    for j in range(len(neighbours))
                )
            )
        ),
    },
)
def mixed_difference(f, neighbours):
    """What the neighbours (n, 3) do only all together: f of all subsets, with alternating signs."""
    n = len(neighbours)
    return sum(
        (-1) ** (n - size) * f(neighbours[list(chosen)])
        for size in range(n + 1)
        for chosen in itertools.combinations(range(n), size)
    )


def _sums(generator):
    return torch.randn(9, 4, generator=generator, dtype=torch.float64)


def _per_degree(A, function):
    return torch.stack([function(block) for block in A.split([1, 3, 5])])


@exercise(
    "204.power",
    inputs=_sums,
    axes=("degree", "channels"),
    hints=(
        "A turn mixes the rows of one degree with an orthogonal matrix: which number of a vector does it leave alone?",
        "`A.split([1, 3, 5])` gives the rows of l = 0, 1, 2: take the sum of squares of each.",
        "Stack them: `torch.stack([(block * block).sum(0) for block in A.split([1, 3, 5])])`.",
    ),
    mistakes={
        "Sums of the components turn: square them first.": lambda A: _per_degree(
            A, lambda block: block.sum(0)
        ),
        "That is the length, the root of the sum of squares: a sum over pairs of neighbours has no root.": (
            lambda A: _per_degree(A, lambda block: block.norm(dim=0))
        ),
        "Take the sum over the rows m, not their mean.": (
            lambda A: _per_degree(A, lambda block: block.square().mean(0))
        ),
        "l = 1 has three rows and l = 2 has five: `A.split([1, 3, 5])`.": (
            lambda A: torch.stack([rows.square().sum(0) for rows in (A[:1], A[1:3], A[3:])])
        ),
        "Channels stay apart: sum over the rows only.": (
            lambda A: _per_degree(A, lambda block: block.square().sum().expand(block.shape[1]))
        ),
    },
)
def power(A):
    """Invariants of pairs: A (9, channels) holds l = 0, 1, 2; the result (3, channels) is Σ_m A_lm²."""
    return torch.stack([(block * block).sum(0) for block in A.split([1, 3, 5])])


def _tensor(generator):
    return torch.randn(3, 3, 3, generator=generator, dtype=torch.float64)


def _orders(T):
    return [T.permute(order) for order in itertools.permutations(range(3))]


@exercise(
    "204.symmetrise",
    inputs=_tensor,
    hints=(
        "A product A_a A_b A_c does not know which factor came first: only the part of T that is blind to it survives.",
        "There are 3! = 6 orders of the three axes; take the mean of T over all of them.",
        "`T.permute(order)` for each `order` in `itertools.permutations(range(3))`.",
    ),
    mistakes={
        "Divide by the number of orders, 6: a symmetric T must stay as it is.": lambda T: sum(_orders(T)),
        "Those are the three cyclic orders: the other three exchange two axes.": (
            lambda T: (T + T.permute(1, 2, 0) + T.permute(2, 0, 1)) / 3
        ),
        "Those are the exchanges of two axes; the two orders that go around are missing.": (
            lambda T: (T + T.permute(0, 2, 1) + T.permute(1, 0, 2) + T.permute(2, 1, 0)) / 4
        ),
        "Two axes are exchanged; all three must be.": lambda T: (T + T.permute(1, 0, 2)) / 2,
    },
)
def symmetrise(T):
    """The part of T (n, n, n) that is blind to the order of its three axes."""
    orders = list(itertools.permutations(range(3)))
    return sum(T.permute(order) for order in orders) / len(orders)


def _scores_and_envelope(generator):
    count = int(torch.randint(1, 6, (1,), generator=generator))
    scores = 2 * torch.randn(count, generator=generator, dtype=torch.float64)
    return scores, torch.rand(count, generator=generator, dtype=torch.float64)


@exercise(
    "204.attention",
    inputs=_scores_and_envelope,
    axes=("neighbours",),
    hints=(
        "Above the fraction stands f exp(s) of one neighbour, below it the sum over all of them, and nobody.",
        "Nobody has the score 0 and no envelope, so that 1 is added below.",
        "`terms = f * torch.exp(s)`, then `terms / (1 + terms.sum())`.",
    ),
    mistakes={
        "Below the fraction the 1 of nobody is missing: the last neighbour would keep all the weight.": (
            lambda s, f: f * torch.exp(s) / (f * torch.exp(s)).sum()
        ),
        "That is torch's softmax: the envelope must enter.": lambda s, f: torch.softmax(s, 0),
        "An envelope times a softmax: below the fraction the envelopes are missing, and nobody.": (
            lambda s, f: f * torch.softmax(s, 0)
        ),
        "Below the fraction stands the sum over all neighbours, not this one alone.": (
            lambda s, f: f * torch.exp(s) / (1 + f * torch.exp(s))
        ),
        "The envelope must stand below the fraction too, or far neighbours take weight from near ones.": (
            lambda s, f: f * torch.exp(s) / (1 + torch.exp(s).sum())
        ),
        "The envelope belongs before the exponential, not inside: exp(f s) is 1 at the cutoff, not 0.": (
            lambda s, f: torch.exp(f * s) / (1 + torch.exp(f * s).sum())
        ),
    },
)
def attention(s, f):
    """Weights f exp(s) / (1 + Σ f exp(s)) of one atom's neighbours, from scores s and envelopes f, both (n)."""
    terms = f * torch.exp(s)
    return terms / (1 + terms.sum())
