"""Exercises and questions of lesson 506, crystals with a part given: the way back up, asking for properties, and a screening with doubt."""

import torch

from equitour.learn import exercise, question

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

question(
    "506.ask",
    "The same composition once more, BaTiO3, but now the model is also told an energy: 0.2 eV an atom, as nearly stable crystals have, or 2.8, as hopeless ones. "
    "It was never told which metal belongs where. What will it do?",
    options={
        "draw both orders as before: an energy is no place": "It learnt places and energies together. Among the crystals that it saw, low energies went with certain metals in the cage.",
        "put barium in the cage where the energy is low, titanium where it is high": "Of the two orders one is low and one is high, and it has learnt which, from other metals than these.",
        "make cells of another size, the order as before": "The size follows the order: that is how the two groups came to stand apart.",
    },
    answer="put barium in the cage where the energy is low, titanium where it is high",
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
        "−0.2 and 0.8 are the same place; the rest of the lesson wants it between 0 and 1: `% 1`.": lambda f, s, h, e: (
            (x := f + (h**2 - s**2) ** 0.5 * e) - x.round()
        ),
        "What leaves through one wall comes back through the opposite one: `% 1`, not a clamp.": lambda f, s, h, e: (
            (f + (h**2 - s**2) ** 0.5 * e).clamp(0, 1)
        ),
        "On a torus positions are not shrunk while noise is added; that is how lattices go.": lambda f, s, h, e: (
            ((1 - h**2) ** 0.5 * f + h * e) % 1
        ),
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
    """Positions (atoms, 3) with noise of deviation sigma → with more of it, of deviation higher."""
    return (f + (higher**2 - sigma**2) ** 0.5 * noise) % 1


def _wishes(generator):
    """A denoiser of four crystals and two properties, and a wish; of the second crystal only one property is asked."""
    width = torch.randn(4, 6, generator=generator, dtype=torch.float64)
    wish = torch.randn(4, 2, generator=generator, dtype=torch.float64)
    wish[1, 1] = torch.nan

    def denoise(condition=None):
        told = torch.full_like(wish, torch.nan) if condition is None else condition
        return (torch.cat([told.nan_to_num(), told.isfinite().to(told)], 1) @ width + 0.3).tanh()

    return (
        denoise,
        wish,
        torch.tensor((1.5, 2.0, 3.0)[int(torch.randint(3, (1,), generator=generator))]).double(),
    )


def _nothing(wish):
    return torch.full_like(wish, torch.nan)


@exercise(
    "506.guide",
    inputs=_wishes,
    axes=("crystal", "number"),
    hints=(
        "Ask the denoiser twice. What is the condition of somebody who asks for nothing at all?",
        "`torch.full_like(wish, torch.nan)` asks for nothing. Start at that answer, and go w times the way to the answer to the wish.",
        "`nothing = denoise(torch.full_like(wish, torch.nan))`, then `nothing + w * (denoise(wish) - nothing)`",
    ),
    mistakes={
        "Zeros are a wish too: 0 eV an atom, and no gap. Who asks for nothing says NaN.": lambda d, c, w: (
            d(torch.zeros_like(c)) + w * (d(c) - d(torch.zeros_like(c)))
        ),
        "The mean of the wishes is a wish too, an average crystal's. Who asks for nothing says NaN.": lambda d, c, w: (
            d(c.nanmean(0).expand_as(c)) + w * (d(c) - d(c.nanmean(0).expand_as(c)))
        ),
        "`0 * wish` is zero, and zero is a wish (and NaN only where NaN was). Nothing is NaN everywhere.": lambda d, c, w: (
            d(0 * c) + w * (d(c) - d(0 * c))
        ),
        "The answer to nothing is taken away w times and never put in: shares of 1 − w and w add up to 1.": lambda d, c, w: (
            d(c) - w * d(_nothing(c))
        ),
        "Turned round: at w = 1 that is the answer to nothing, and beyond it flees the wish.": lambda d, c, w: (
            d(c) + w * (d(_nothing(c)) - d(c))
        ),
        "That starts at the answer to the wish, so that w = 0 is asking already (the paper counts so, 1 + w). Start at the answer to nothing.": lambda d, c, w: (
            d(c) + w * (d(c) - d(_nothing(c)))
        ),
        "That is only the way. It starts somewhere: at the answer to nothing.": lambda d, c, w: (
            w * (d(c) - d(_nothing(c)))
        ),
        "The sign: from nothing to the wish is `denoise(wish) - nothing`.": lambda d, c, w: (
            d(_nothing(c)) - w * (d(c) - d(_nothing(c)))
        ),
        "w exaggerates how the answer *changes*. That exaggerates the wish itself, and asks for other values.": lambda d, c, w: (
            d(w * c)
        ),
        "w times the whole answer is w times too much noise: only the difference is exaggerated.": lambda d, c, w: (
            w * d(c)
        ),
        "That is w = 1: asked as it was learnt. Where is w?": lambda d, c, w: d(c),
        "With w between 0 and 1 that would be a compromise; the shares must add up to 1: 1 − w for nothing, w for the wish.": lambda d, c, w: (
            d(_nothing(c)) + w * d(c)
        ),
        "NaN in a wish is no accident: that property is not asked for. Leave it NaN.": lambda d, c, w: (
            d(_nothing(c)) + w * (d(c.nan_to_num()) - d(_nothing(c)))
        ),
    },
)
def guide(denoise, wish, w):
    """What a denoiser answers to a wish (crystals, properties), exaggerated by w; NaN is not asked."""
    nothing = denoise(torch.full_like(wish, torch.nan))
    return nothing + w * (denoise(wish) - nothing)


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
        "Between 1.5 and 3 means below 3 *less* below 1.5. Those two chances do not multiply: they are about one gap.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s) * p * _normal((3 - g) / q) * _normal((g - 1.5) / q)
        ),
        "At least 1.5 eV as well: take away what lies below.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s) * p * _normal((3 - g) / q)
        ),
        "Distances count in units of the error: divide by it before Φ.": lambda h, p, g, s, q: (
            _normal(0.2 - h) * p * _window(g, 1)
        ),
        "The predicted gap may be wrong as well: its window is a chance, not a test.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s) * p * ((g > 1.5) & (g < 3))
        ),
        "The errors given are deviations already: divide by them, not by their squares.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s**2) * p * _window(g, q**2)
        ),
        "Two errors, two quantities: they are mixed up.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / q) * p * _window(g, s)
        ),
        "`gapped` is a chance: multiply by it. A threshold throws the doubt away.": lambda h, p, g, s, q: (
            _normal((0.2 - h) / s) * (p > 0.5) * _window(g, q)
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
