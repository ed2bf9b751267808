"""Exercises and predictions of lesson 101, symmetry in learning."""

import torch

from equitour.learn import exercise, question
from equitour.symmetry import random_rotation

_REAL = torch.float64


def _network(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Points, labels and the weights w, b, v of a small network."""
    return tuple(torch.randn(size, generator=generator, dtype=_REAL) for size in (7, 7, 4, 4, 4))


def _grad_w(x, y, w, b, v, *, slope=lambda h: 1 - h**2, gate=lambda x: x, weight=lambda v: v) -> torch.Tensor:
    """The gradient with one link of the chain replaced, to know the usual slips by name."""
    h = torch.tanh(x[:, None] * w + b)
    e = h @ v - y
    return 2 / len(x) * (e[:, None] * weight(v) * slope(h) * gate(x[:, None])).sum(0)


@exercise(
    "101.grad_w",
    inputs=_network,
    axes=("units",),
    hints=(
        "Follow the chain from the loss inwards: loss → e → v → tanh → w x + b. One factor for each link.",
        "It is the gradient for b, which stands above, with one factor more: the derivative of w x + b by w.",
        "`h = torch.tanh(x[:, None] * w + b)` is (points, units), `e = h @ v - y` is (points). Multiply "
        "`e[:, None] * v * (1 - h**2) * x[:, None]` and sum over the points; 2 / N stands in front.",
    ),
    mistakes={
        "That is the gradient for b: the derivative of w x + b by w brings one factor x more.": (
            lambda x, y, w, b, v: _grad_w(x, y, w, b, v, gate=lambda x: torch.ones_like(x))
        ),
        "The derivative of tanh is missing: 1 − tanh².": (
            lambda x, y, w, b, v: _grad_w(x, y, w, b, v, slope=lambda h: torch.ones_like(h))
        ),
        "The derivative of tanh is 1 − tanh², not 1 − tanh.": (
            lambda x, y, w, b, v: _grad_w(x, y, w, b, v, slope=lambda h: 1 - h)
        ),
        "The output weight v is missing: it stands between the unit and the error.": (
            lambda x, y, w, b, v: _grad_w(x, y, w, b, v, weight=lambda v: torch.ones_like(v))
        ),
    },
)
def grad_w(x, y, w, b, v):
    """Gradient of the mean squared error with respect to w."""
    h = torch.tanh(x[:, None] * w + b)  # (points, units)
    e = h @ v - y  # (points)
    return 2 / len(x) * (e[:, None] * v * (1 - h**2) * x[:, None]).sum(0)


def _function_and_ring(generator: torch.Generator) -> tuple:
    weights = torch.randn(12, generator=generator, dtype=_REAL)
    return (lambda ring: torch.tanh(ring @ weights)), torch.randn(12, generator=generator, dtype=_REAL)


def _average(f, x, shifts=range(12)) -> torch.Tensor:
    return torch.stack([f(x.roll(s, -1)) for s in shifts]).mean(0)


@exercise(
    "101.orbit_average",
    inputs=_function_and_ring,
    hints=(
        "The orbit of x is `x.roll(0)`, `x.roll(1)`, ... `x.roll(11)`. Ask f about each of them.",
        "Average what f says, not what f is shown.",
        "`torch.stack([f(x.roll(s, -1)) for s in range(12)]).mean(0)`",
    ),
    mistakes={
        "You averaged the flags and asked f once: the mean of an orbit is a flag of one grey, and everything but "
        "the brightness is lost. Average the answers.": lambda f, x: f(torch.full_like(x, float(x.mean()))),
        "The twelfth flag is missing, so the orbit is not closed.": lambda f, x: _average(f, x, range(11)),
        "The flag as it came is missing: shift by 0 too.": lambda f, x: _average(f, x, range(1, 12)),
    },
)
def orbit_average(f, x):
    """The average of f over the twelve cyclic shifts of the flag x."""
    return torch.stack([f(x.roll(s, -1)) for s in range(12)]).mean(0)


def _shifted(x, sign=-1) -> torch.Tensor:
    return torch.stack([x.roll(sign * s) for s in range(12)])


@exercise(
    "101.triple",
    inputs=lambda generator: torch.rand(12, generator=generator, dtype=_REAL),
    axes=("shift s", "shift t"),
    hints=(
        "First all shifted copies: a (12, 12) tensor whose row s holds x[i + s], which is `x.roll(-s)`.",
        '`torch.einsum("i,si,ti->st", x, moved, moved) / 12`',
    ),
    mistakes={
        "That is the triple correlation of the mirrored flag: `x.roll(s)` puts x[i − s] in place i.": (
            lambda x: torch.einsum("i,si,ti->st", x, _shifted(x, 1), _shifted(x, 1)) / 12
        ),
        "That multiplies two pixels only: a pair correlation is the power spectrum again, and cannot tell a flag "
        "from its mirror image.": lambda x: _shifted(x) @ _shifted(x).T / 12,
    },
)
def triple(x):
    """The triple correlation T[s, t] = mean over i of x[i] x[i + s] x[i + t]."""
    moved = torch.stack([x.roll(-s) for s in range(12)])  # row s holds x[i + s]
    return torch.einsum("i,si,ti->st", x, moved, moved) / 12


def _labelled(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    positions, dipoles = torch.randn(5, 4, 3, generator=generator, dtype=_REAL).split([3, 1], dim=1)
    return positions, dipoles[:, 0], random_rotation(4, generator=generator)


def _augmented(positions, dipoles, rotations, of_dipoles) -> tuple:
    """Copies whose labels may be turned by other matrices than their positions, as in the usual slips."""
    turned = [positions @ R.mT for R in rotations], [dipoles @ R.mT for R in of_dipoles]
    return tuple(torch.cat(copies) for copies in turned)


@exercise(
    "101.augment",
    inputs=_labelled,
    hints=(
        "A copy is a frame as it would have been computed in another orientation. What would its dipole have been?",
        "Rows hold vectors, so R r is `positions @ R.mT`; the same for the labels: μ turns as r does.",
        "`torch.cat([positions @ R.mT for R in rotations])`, and the same line for the dipoles.",
    ),
    mistakes={
        "The molecules are turned and their labels are not: the same dipole now stands beside every orientation, "
        "and a network that learns this perfectly is perfectly wrong. A vector's label turns too.": (
            lambda r, mu, R: _augmented(r, mu, R, torch.eye(3, dtype=_REAL).expand_as(R))
        ),
        "The labels turn by the inverse, the positions do not: `mu @ R` is Rᵀμ for rows.": (
            lambda r, mu, R: _augmented(r, mu, R, R.mT)
        ),
        "The positions turn by the inverse, the labels do not: `r @ R` is Rᵀr for rows.": (
            lambda r, mu, R: _augmented(r, mu, R.mT, R)
        ),
        "All turns by the inverse of R: sound, but not the rotations asked for. Rows need `@ R.mT`.": (
            lambda r, mu, R: _augmented(r, mu, R.mT, R.mT)
        ),
        "All copies of one frame stand together; the copies made by one rotation should (frame runs fastest).": (
            lambda r, mu, R: tuple(
                z.unflatten(0, (len(R), -1)).transpose(0, 1).flatten(0, 1) for z in _augmented(r, mu, R, R)
            )
        ),
    },
)
def augment(positions, dipoles, rotations):
    """One turned copy of the labelled frames for each rotation."""
    return (
        torch.cat([positions @ R.mT for R in rotations]),
        torch.cat([dipoles @ R.mT for R in rotations]),
    )


def _charged(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    charges = torch.randn(5, 9, generator=generator, dtype=_REAL)
    return charges, 3 + torch.randn(5, 9, 3, generator=generator, dtype=_REAL)


@exercise(
    "101.dipole",
    inputs=_charged,
    axes=("graphs", "xyz"),
    hints=(
        "Σ qᵢ rᵢ turns with the molecule because each rᵢ does, whatever the charges are.",
        "Move the origin by t: Σ qᵢ (rᵢ + t) = Σ qᵢ rᵢ + t Σ qᵢ. Which property of the charges removes the second part?",
        "Make them neutral first: `q = charges - charges.mean(1, keepdim=True)`, then `(q[:, :, None] * positions).sum(1)`.",
    ),
    mistakes={
        "It turns as it should, but it moves with the origin: the charges do not add up to zero.": (
            lambda q, r: torch.einsum("na,nai->ni", q, r)
        ),
    },
)
def dipole(charges, positions):
    """The dipole Σ q r of molecules made neutral, whatever the charges are."""
    q = charges - charges.mean(1, keepdim=True)
    return torch.einsum("na,nai->ni", q, positions)


question(
    "101.turns",
    "Ethanol turns by 50°. Which of these numbers change?",
    options={
        "The three components of its dipole, and nothing else": "Its length stays, as every distance and the energy.",
        "The components of the dipole, and the energy a little": "The energy belongs to the molecule alone.",
        "None: the molecule is the same": "The molecule is; the numbers that say where its dipole points are not.",
    },
    answer="The three components of its dipole, and nothing else",
)
question(
    "101.double_descent",
    "A network has 100 labels to learn from. Its hidden units grow in number from 2 to 1600. Its error on new frames ...",
    options={
        "falls to a minimum and rises for good: too many parameters overfit": "True up to 100 units. Go on.",
        "falls all the way: more parameters fit better": "On the training frames. On new ones there is a mountain.",
        "falls, rises to a peak at 100 units, and falls again, lower than before": "At 100 units one network alone "
        "passes through all labels, however wild. With more there are many, and least squares takes the calmest.",
    },
    answer="falls, rises to a peak at 100 units, and falls again, lower than before",
)
question(
    "101.outside",
    "The network has learned V(φ) from 0° to 120° to within a few meV. What will it say at 180°?",
    options={
        "About right: it has seen the shape": "Nothing told it that the shape repeats.",
        "Something unrelated to V": "Outside its data a network follows its tanh units, not chemistry.",
        "The value at 120°: it knows that nothing lies beyond": "It does not know where its data ended.",
    },
    answer="Something unrelated to V",
)
question(
    "101.mirror",
    "Six flags, four of them in mirror pairs. A classifier sees |F| only. How many photographs will it name rightly?",
    options={
        "All": "A flag and its mirror image have the same |F|: nothing is left to tell them apart.",
        "About 67 %": "Two flags always, and a coin is tossed for the other four: 2/6 + 4/6 · 1/2.",
        "About 33 %": "Right for the pairs if it never named them; a guess between two is right half of the time.",
        "About 17 %": "That is blind guessing; |F| still tells four kinds of flag from each other.",
    },
    answer="About 67 %",
)
question(
    "101.fold",
    "Sixteen frames of water. The raw learner gets each in k orientations. From which k on is it as good as the "
    "symmetric ways, which get the sixteen frames once?",
    options={
        "4": "Four orientations leave most of the sphere empty.",
        "16": "There are three angles to cover: 16 is between two and three values for each.",
        "64": "That is four values for each of three angles. The curve will tell.",
        "more than 64": "Three angles must be covered as finely as the error asks for, and it asks for much.",
    },
    answer="more than 64",
)
question(
    "101.choose",
    "Molecules lie on a crystal's surface, equal in four orientations (turns by 90°). You have a good network that knows "
    "no symmetry, and want an energy. What do you try first?",
    options={
        "Four-fold augmentation": "The group has four elements: four copies are all there is. Measure it.",
        "An equivariant network for all rotations": "The surface breaks all rotations but four.",
        "Distances between the molecule's atoms": "They forget where the surface is: too much symmetry.",
    },
    answer="Four-fold augmentation",
)
