"""Exercises and questions of lesson 506, crystals with a part given: masks, the way back up, and a screening with doubt."""

import torch

from equitour.learn import exercise, question
from equitour.learn.diagnosis import diagnose

question(
    "506.hold",
    "Two numbers are strongly correlated (0.9), each of mean 0 and variance 1. The first is known to be 2. A denoiser of pairs runs from noise; "
    "at every level the first is overwritten by the known one, as noisy as it should be. What is the second on average?",
    options={
        "1.8: the denoiser knows the correlation": "It does, and is too late: what was overwritten did not move the second number, and each level leaves less noise to move it with.",
        "between 0 and 1.8": "At each level the second answers to the first one a step late, and with each step it is freer to move no more.",
        "0: it never hears of the first": "It hears of it at each level, if late.",
    },
    answer="between 0 and 1.8",
)
question(
    "506.swap",
    "A composition is given, BaTiO3, and nothing else. The training set is drawn from a list of every pair of metals in either order, one in the large cage A and one in the octahedron B, "
    "whether or not nature makes it. What will the model predict?",
    options={
        "barium in the cage, always": "It would, had it learnt which of the two is more stable. It has learnt what is in the set.",
        "either order, in cells of different size": "Both are crystals of the set, and a model of the set draws both. The larger cell tells which one has barium in the octahedron.",
        "a mean of the two": "A mean of two crystals is no crystal. Means were the trouble of lesson 503.",
    },
    answer="either order, in cells of different size",
)
question(
    "506.late",
    "Now all positions and the lattice are given, and the elements are asked for. The sampler reveals elements while noise is large, and settles positions later. "
    "We put the known positions in, as noisy as they should be, and repeat each step. Will the elements fit the frame?",
    options={
        "yes: the positions are known all the way": "They are known to us. What is put in at that time is noise, nearly uniform: nobody can read a frame out of it.",
        "hardly: when elements are drawn, the frame is still noise": "And what is drawn stays. Known or not, at large noise positions say nothing.",
        "only with more repeats": "Repeats go back by one step, to the same noise. They cannot make it smaller.",
    },
    answer="hardly: when elements are drawn, the frame is still noise",
)


def _shaken(generator):
    sigma, higher = ((0.02, 0.3), (0.1, 0.15), (0.2, 0.25), (0.05, 0.4))[
        int(torch.randint(4, (1,), generator=generator))
    ]
    f = torch.rand(5, 3, generator=generator, dtype=torch.float64)
    noise = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    return f, torch.tensor(sigma).double(), torch.tensor(higher).double(), noise


@exercise(
    "506.back",
    inputs=_shaken,
    axes=("atom", "abc"),
    hints=(
        "Noise of deviation σ is there already. Independent noises add by their variances: how much variance is missing to σ'²?",
        "The missing noise has the variance σ'² − σ². And positions live on the torus.",
        "`(f + (higher**2 - sigma**2) ** 0.5 * noise) % 1`",
    ),
    mistakes={
        "The atoms have left the cell: take the positions modulo 1.": lambda f, s, h, e: (
            f + (h**2 - s**2) ** 0.5 * e
        ),
        "Deviations do not add, variances do: σ' − σ is too little.": lambda f, s, h, e: (
            (f + (h - s) * e) % 1
        ),
        "That adds all of σ' on top of the noise that is there: in the end it is more than σ'.": lambda f, s, h, e: (
            (f + h * e) % 1
        ),
        "That is the missing variance. Noise is multiplied by the deviation, its square root.": lambda f, s, h, e: (
            (f + (h**2 - s**2) * e) % 1
        ),
        "The variance of both together, σ'² + σ²: but σ² is there already.": lambda f, s, h, e: (
            (f + (h**2 + s**2) ** 0.5 * e) % 1
        ),
    },
)
def back(f, sigma, higher, noise):
    """Positions (atoms, 3) with noise of deviation sigma → with more of it, higher; `noise` is fresh, of variance 1."""
    return (f + (higher**2 - sigma**2) ** 0.5 * noise) % 1


def _crystal(generator):
    """Planes through a perovskite somewhere in its cell, its places a little off by rounding."""
    sites = torch.tensor([[0, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]).double()
    shift = torch.rand(3, generator=generator, dtype=torch.float64)
    off = 1e-9 * torch.randn(5, 3, generator=generator, dtype=torch.float64)
    planes = torch.tensor([[0, 0, 1], [1, 1, 1], [1, 1, 0], [1, 0, 0], [1, -1, 1], [0, 1, 2]])
    h = planes[int(torch.randint(6, (1,), generator=generator))]
    return (sites + shift + off) % 1, h.double(), int(torch.randint(5, (1,), generator=generator))


def _height(f, h, through):
    return (f - f[through]) @ h


def _same_truth(answer, expected, *arguments):
    """Truth values, or ones and zeros."""
    answer = torch.as_tensor(answer)
    answer = answer if answer.is_complex() else answer.double()
    wrong = diagnose([answer], [expected.double()], tolerance=1e-8, axes=("atom",))
    return wrong.sentence if wrong else None


@exercise(
    "506.plane",
    inputs=_crystal,
    compare=_same_truth,
    hints=(
        "A lattice plane (hkl) goes through all points with h·f = h x + k y + l z equal to one number, and the planes beside it have that number plus 1, 2, ... "
        "In the crystal these are all the same plane.",
        "An atom is in the plane of another if h·(f − f₀) is a whole number, up to rounding. Mind 0.999999: it is nearly 1.",
        "`s = (f - f[through]) @ h` and then `(s - s.round()).abs() < 1e-4`",
    ),
    mistakes={
        "Only the plane itself, not its images in the next cells: h·(f − f₀) may be any whole number.": lambda f, h, k: (
            _height(f, h, k).abs() < 1e-4
        ),
        "Rounding: 0.999999 % 1 is not near 0, but it is near a whole number.": lambda f, h, k: (
            _height(f, h, k) % 1 < 1e-4
        ),
        "The plane has to go through the given atom: subtract its position first.": lambda f, h, k: (
            ((f @ h) - (f @ h).round()).abs() < 1e-4
        ),
        "Exactly whole is too much to ask: the places are rounded numbers.": lambda f, h, k: (
            _height(f, h, k) == _height(f, h, k).round()
        ),
        "That compares the coordinates one by one; what counts is the sum h x + k y + l z.": lambda f, h, k: (
            ((f - f[k]) * h - ((f - f[k]) * h).round()).abs() < 1e-4
        ).all(1),
    },
)
def plane(f, h, through):
    """Which atoms (atoms,) of fractional positions f (atoms, 3) lie in the lattice plane h (3,) of the atom `through`."""
    s = (f - f[through]) @ h
    return (s - s.round()).abs() < 1e-4


def _normal(x):
    return 0.5 * (1 + torch.erf(x / 2**0.5))


def _candidates(generator):
    heat = 1.2 * torch.rand(6, generator=generator, dtype=torch.float64) - 0.3
    gap = 5 * torch.rand(6, generator=generator, dtype=torch.float64)
    gapped = torch.rand(6, generator=generator, dtype=torch.float64)
    return heat, gapped, gap, torch.tensor(0.3).double(), torch.tensor(0.8).double()


def _window(gap, error):
    return _normal((3 - gap) / error) - _normal((1.5 - gap) / error)


@exercise(
    "506.chance",
    inputs=_candidates,
    axes=("candidate",),
    hints=(
        "The true energy is Gaussian around the predicted one. With Φ the cumulative normal distribution, what is the chance that it is below 0.2?",
        "Below 0.2: Φ((0.2 − heat) / heat_error). Between 1.5 and 3: Φ at the upper end less Φ at the lower end. There must be a gap at all. Chances multiply.",
        "`P = torch.distributions.Normal(0, 1).cdf`, then `P((0.2 - heat) / heat_error) * gapped * (P((3 - gap) / gap_error) - P((1.5 - gap) / gap_error))`",
    ),
    mistakes={
        "That passes or fails the prediction and forgets that it may be wrong.": lambda h, p, g, s, q: (
            ((h < 0.2) & (g > 1.5) & (g < 3)).double() * p
        ),
        "There has to be a gap at all: multiply by the chance of that.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s) * _window(g, q)
        ),
        "The sign: a low energy is the good one.": lambda h, p, g, s, q: (
            _normal((h - 0.2) / s) * p * _window(g, q)
        ),
        "Too wide a gap is no good either: take away what lies above 3 eV.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s) * p * (1 - _normal((1.5 - g) / q))
        ),
        "The energy is forgotten.": lambda h, p, g, s, q: p * _window(g, q),
        "All conditions have to hold: chances multiply, they do not add.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s) + p * _window(g, q)
        ),
    },
)
def chance(heat, gapped, gap, heat_error, gap_error):
    """The chance (candidates,) that energies are below 0.2 eV/atom, and that there is a gap, of 1.5 to 3 eV."""
    P = torch.distributions.Normal(0, 1).cdf
    window = P((3 - gap) / gap_error) - P((1.5 - gap) / gap_error)
    return P((0.2 - heat) / heat_error) * gapped * window
