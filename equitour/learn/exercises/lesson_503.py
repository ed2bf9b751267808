"""Exercises and questions of lesson 503, infilling: pictures, atoms, and whole cells."""

import torch

from equitour.learn import exercise, question
from equitour.learn.diagnosis import diagnose

question(
    "503.hidden",
    "The upper half of a digit is hidden. What can be seen below fits a 3, a 5 and a 9. A network was trained with the squared error to "
    "predict the hidden pixels from the others. What does it draw?",
    options={
        "a 3, a 5 or a 9, now this, now that": "Nothing in it throws dice: one question, one answer.",
        "a picture that is no digit": "The least squared error has the mean of all that fits, and the mean of three digits is none.",
        "the most frequent of the three": "That would be the least number of errors. Squared errors are least in the middle.",
    },
    answer="a picture that is no digit",
)
question(
    "503.fair",
    "3, 5 and 9 fit equally well. A 9 differs from a 3 in one stroke and from a 5 in one stroke, a 3 from a 5 in two. The loop above is run a thousand "
    "times. What comes out?",
    options={
        "each in a third of the runs": "So it should be. But at each level the loop goes to the mean of what fits and forgets the noise that led there.",
        "9 more often than the others": "9 lies between the others, nearest to the mean, and going to the mean at each level favours the middle.",
        "9 less often than the others": "Being in the middle is no disadvantage for one who always goes to the mean.",
    },
    answer="9 more often than the others",
)
question(
    "503.seven",
    "Seven of the eight neighbours of a silicon atom are known, one is missing. In how many of 100 such questions does the place on which the tries agree "
    "lie within 0.3 Å of a real atom?",
    options={
        "90, since silicon is tetrahedral and seven of eight are known": "Where one of the four bonds is missing the tetrahedron helps. The other neighbours stand around bonds that may turn.",
        "50 to 70": "That holds for the bonded ones at best.",
        "20 to 40": "Seven atoms do not say where the eighth is. The question is whether the model knows that.",
    },
    answer="20 to 40",
)
question(
    "503.grow",
    "Grow a cluster atom by atom, always where the tries agree most. What will be missing, compared with a piece of the real material?",
    options={
        "bonds: many atoms keep three or more than four": "Look at the atoms inside: nearly all have four. A motif knows about bonds.",
        "rings: branches pass each other and do not meet": "A ring of six is wider than a motif. No question ever mentions the other side of the ring.",
        "nothing, if the model is good": "Even a perfect model of motifs sees no farther than a motif.",
    },
    answer="rings: branches pass each other and do not meet",
)


def _pictures(generator):
    p = torch.rand(5, 12, generator=generator, dtype=torch.float64)
    x = p[:4] + 0.7 * torch.randn(4, 12, generator=generator, dtype=torch.float64)
    return x, torch.tensor(0.6, dtype=torch.float64), p


def _weighted(x, sigma, p, *, power=2, factor=0.5):
    return (-factor * (x[:, None] - p).square().sum(-1) / sigma**power).softmax(1) @ p


@exercise(
    "503.denoiser",
    inputs=_pictures,
    axes=("try", "pixel"),
    hints=(
        "Squared distances of each x from each picture first: a table (tries, pictures), `torch.cdist(x, p) ** 2`.",
        "The weights are the softmax of −|x − p|² / (2 σ²) over the pictures; `.softmax(1)` does it without overflow.",
        "`w = (-(torch.cdist(x, p) ** 2) / (2 * sigma**2)).softmax(1)`, and the mean is `w @ p`.",
    ),
    mistakes={
        "The exponent holds 2 σ²: the 2 is missing.": lambda x, s, p: _weighted(x, s, p, factor=1.0),
        "The exponent of a Gaussian holds σ², not σ.": lambda x, s, p: _weighted(x, s, p, power=1),
        "The distance must be squared.": lambda x, s, p: (-torch.cdist(x, p) / (2 * s**2)).softmax(1) @ p,
        "The sign: near pictures must weigh more, so the exponent is negative.": lambda x, s, p: _weighted(
            x, s, p, factor=-0.5
        ),
        "The weights of one x must add up to one over the pictures: softmax over the other axis.": lambda x, s, p: (
            (-(torch.cdist(x, p) ** 2) / (2 * s**2)).softmax(0) @ p
        ),
        "The weights must add up to one for each x: divide by their sum over the pictures.": lambda x, s, p: (
            (-(torch.cdist(x, p) ** 2) / (2 * s**2)).exp() @ p
        ),
        "|x − p|² is the sum over the pixels, not their mean.": lambda x, s, p: _weighted(
            x, s, p, factor=0.5 / x.shape[1]
        ),
        "That is the nearest picture. The mean over all that are possible is asked for.": lambda x, s, p: p[
            torch.cdist(x, p).argmin(1)
        ],
    },
)
def denoise(x, sigma, p):
    """D(x; σ) (tries, pixels): the mean picture behind each noisy x, the pictures p being equally likely."""
    w = (-(torch.cdist(x, p) ** 2) / (2 * sigma**2)).softmax(1)
    return w @ p


def _step(generator):
    x, seen, noise = torch.randn(3, 4, 6, generator=generator, dtype=torch.float64)
    return x, seen, torch.tensor(1.3, dtype=torch.float64), torch.tensor(0.8, dtype=torch.float64), noise


@exercise(
    "503.lower",
    inputs=_step,
    axes=("try", "pixel"),
    hints=(
        "x − D is the noise that you believe is in x. Keep the share σ'²/σ² of it.",
        "What was kept has the variance (σ'²/σ²)² σ² = σ'⁴/σ². Fresh noise must fill it up to σ'²: σ'² − σ'⁴/σ².",
        "`seen + (lower / sigma) ** 2 * (x - seen) + lower * (1 - (lower / sigma) ** 2) ** 0.5 * noise`",
    ),
    mistakes={
        "All noise was thrown away and drawn anew: keep the share σ'²/σ² of x − D.": lambda x, D, s, q, e: (
            D + q * e
        ),
        "You kept the share σ'/σ: then no fresh noise fits in. Keep σ'²/σ².": lambda x, D, s, q, e: (
            D + q / s * (x - D) + q * (1 - (q / s) ** 2) ** 0.5 * e
        ),
        "Too noisy: kept and fresh noise together must have the variance σ'².": lambda x, D, s, q, e: (
            D + (q / s) ** 2 * (x - D) + q * e
        ),
        "The root is missing: variances add up, and noise is multiplied with a deviation.": lambda x, D, s, q, e: (
            D + (q / s) ** 2 * (x - D) + q * (1 - (q / s) ** 2) * e
        ),
        "What was kept has the variance σ'⁴/σ², and σ'² is wanted: fill up by their difference, not by σ² − σ'².": (
            lambda x, D, s, q, e: D + (q / s) ** 2 * (x - D) + (s**2 - q**2) ** 0.5 * e
        ),
        "The noise in x is x − D, not D − x.": lambda x, D, s, q, e: (
            D - (q / s) ** 2 * (x - D) + q * (1 - (q / s) ** 2) ** 0.5 * e
        ),
        "σ' is the smaller one: the share that is kept is σ'²/σ², less than one.": lambda x, D, s, q, e: (
            D + (s / q) ** 2 * (x - D) + q * (1 - (q / s) ** 2) ** 0.5 * e
        ),
        "That goes on from x. Start from what was seen, D.": lambda x, D, s, q, e: (
            x + (q / s) ** 2 * (x - D) + q * (1 - (q / s) ** 2) ** 0.5 * e
        ),
    },
)
def lower_noise(x, seen, sigma, lower, noise):
    """x' one level down, at lower: part of the noise x − D is kept, `noise` is fresh."""
    kept = (lower / sigma) ** 2
    return seen + kept * (x - seen) + lower * (1 - kept) ** 0.5 * noise


def _tries(generator):
    places = 3 * torch.randn(3, 3, generator=generator, dtype=torch.float64)
    which = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 2])
    return places[which] + 0.12 * torch.randn(9, 3, generator=generator, dtype=torch.float64), 0.3


def _in_steps(points, radius):
    near = (torch.cdist(points, points) < radius).double()
    return ((near @ near) > 0).double().mean(1)


def _same_shares(answer, expected, *arguments):
    """Shares are right in single precision, too."""
    answer = torch.as_tensor(answer)
    answer = answer.to(expected.dtype) if answer.is_floating_point() else answer
    wrong = diagnose([answer], [expected], tolerance=1e-6, axes=("try",))
    return wrong.sentence if wrong else None


@exercise(
    "503.agree",
    inputs=_tries,
    compare=_same_shares,
    hints=(
        "All distances between tries at once: `torch.cdist(points, points)`.",
        "Which of them are shorter than the radius? A try agrees with itself, so it counts too.",
        "`(torch.cdist(points, points) < radius).double().mean(1)`",
    ),
    mistakes={
        "A number, not a share: divide by the number of tries.": lambda x, r: (
            (torch.cdist(x, x) < r).double().sum(1)
        ),
        "A try agrees with itself: it counts too.": lambda x, r: (
            ((torch.cdist(x, x) < r).double().sum(1) - 1) / len(x)
        ),
        "That is the share of those farther away.": lambda x, r: (torch.cdist(x, x) >= r).double().mean(1),
        "The radius is compared with the squared distance.": lambda x, r: (
            (torch.cdist(x, x) ** 2 < r).double().mean(1)
        ),
        "Two tries agree only if one lies within the radius of the other, not by way of a third.": _in_steps,
    },
)
def agree(points, radius):
    """For each try (tries, 3): the share of all tries, itself among them, within the radius."""
    return (torch.cdist(points, points) < radius).double().mean(1)


def _wishes(generator):
    count, pairs = 6, 30
    i = torch.arange(pairs) % count
    j = (i + 1 + torch.randint(count - 1, (pairs,), generator=generator)) % count
    j[:count] = (i[:count] + 1) % count  # so that all atoms hang together
    return i, j, torch.randn(pairs, 3, generator=generator, dtype=torch.float64)


def _table(i, j):
    B = torch.zeros(len(i), int(max(i.max(), j.max())) + 1, dtype=torch.float64)
    pairs = torch.arange(len(i))
    B[pairs, j], B[pairs, i] = 1.0, -1.0
    return B


def _each_neighbour(i, j, w):
    B = _table(i, j).clamp(min=0)
    return B.T @ w / B.sum(0)[:, None].clamp(min=1)


def _each_alone(i, j, w):
    B = _table(i, j)
    u = B.T @ w / B.abs().sum(0)[:, None]
    return u - u.mean(0)


@exercise(
    "503.compromise",
    inputs=_wishes,
    axes=("atom", "xyz"),
    hints=(
        "Write the differences as a matrix: B has a row for each pair, with 1 in the column of the neighbour j and −1 in that of the centre i. "
        "Then u_j − u_i for all pairs is `B @ u`.",
        "Minimise |B u − w|². Shifting all atoms alike changes nothing, so there are many solutions; the pseudo-inverse takes the shortest.",
        "`B = torch.zeros(len(i), atoms).double()`, `B[k, j] = 1`, `B[k, i] = -1` with `k = torch.arange(len(i))`, and `torch.linalg.pinv(B) @ w`.",
    ),
    mistakes={
        "The sign: u_j − u_i is to be w, with j the neighbour and i the centre.": lambda i, j, w: (
            -torch.linalg.pinv(_table(i, j)) @ w
        ),
        "That moves each atom to the mean of its wishes as a neighbour. But the centres move as well.": _each_neighbour,
        "That moves each atom to the mean of its wishes as if the others stood still: solve for all at once.": (
            _each_alone
        ),
        "That is Bᵀ w, the pull on each atom. It is not yet the move at which the pulls balance.": lambda i, j, w: (
            _table(i, j).T @ w
        ),
        "All atoms may be shifted alike: take the solution whose mean is zero, by the pseudo-inverse.": lambda i, j, w: (
            torch.linalg.pinv(_table(i, j)) @ w - (torch.linalg.pinv(_table(i, j)) @ w)[:1]
        ),
    },
)
def compromise(i, j, w):
    """u (atoms, 3), of mean zero, with the least Σ |u_j − u_i − w|² over the pairs of i and j."""
    pair, atoms = torch.arange(len(i)), int(torch.cat([i, j]).max()) + 1
    B = torch.zeros(len(i), atoms, dtype=w.dtype)
    B[pair, j], B[pair, i] = 1.0, -1.0
    return torch.linalg.pinv(B) @ w
