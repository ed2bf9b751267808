"""Exercises and questions of lesson 301, NMR shielding."""

from functools import partial

import torch
from e3nn import o3

from equitour.learn import exercise, question

question(
    "301.nine",
    "A network knows distances between atoms and gives nine numbers for each atom; they are trained to be the nine "
    "entries of its shielding tensor. Now somebody turns the whole cluster by 90 degrees. What do the nine numbers do?",
    options={
        "They turn with it, if there was enough training": "They are functions of distances, and no distance has changed.",
        "They stay, all nine": "Distances know nothing of the axes x, y, z. The true tensor turns, the answer does not.",
        "They change in some way of their own": "A function gives one answer for one input, and the input is the same.",
    },
    answer="They stay, all nine",
)
question(
    "301.parity",
    "Shielding is a tensor of two magnetic fields, and a magnetic field is axial: a mirror image of a current loop shows it. "
    "Hold the cluster up to a point mirror, r → −r. What do the antisymmetric three of the nine numbers do?",
    options={
        "They change sign: three numbers that turn like a vector are a 1o": "So would an arrow between atoms. These come from a "
        "product of two vectors, and each of the two brings its own sign.",
        "They stay: 1e": "Two polar vectors would give (−1)(−1), two axial ones (+1)(+1): 1e both times. Only a mixed pair is odd.",
        "They vanish": "Only where the point mirror is a symmetry of the atom's place could something have to vanish, and an even "
        "part does not.",
    },
    answer="They stay: 1e",
)
question(
    "301.powder",
    "A powder at rest: each grain's line stands at b·σ·b, with b the direction of the field as the grain sees it. Which "
    "irrep of σ can the spectrum not show, however well it is measured?",
    options={
        "0e": "The mean of all b·σ·b is the trace over three: the centre of the pattern.",
        "1e": "b·A·b = 0 for every antisymmetric A: swap the two indices and it is minus itself.",
        "2e": "That is what gives the pattern its width.",
    },
    answer="1e",
)
question(
    "301.direct",
    "Look at oxygen's δ in the table. An experimenter wants δ and η only, two invariant numbers. Would a network with two "
    "scalar outputs, trained on δ and η, not be simpler and better?",
    options={
        "Yes: invariants are what scalars are for": "It is possible. But look at what δ does when two of the principal values "
        "change places in the ordering.",
        "No: they jump where the tensor does not": "At η = 1 the value farthest from the mean changes sides, and δ changes its "
        "sign. A smooth network cannot follow; the tensor itself is smooth.",
        "No: δ is no invariant": "Eigenvalues do not turn, so neither δ nor η does.",
    },
    answer="No: they jump where the tensor does not",
)
question(
    "301.rate",
    "While the rotor is slow, the spectrum is a row of sharp lines, one rotor frequency apart. It turns twice as fast, and they "
    "stand twice as far from the centre. What happens to their mean square width, Σ intensity · distance²?",
    options={
        "It grows fourfold": "It would if the intensities stayed. They do not.",
        "It stays as it is": "Intensity moves to the centre, exactly as much as needed: at any rate the same number, that of the "
        "powder at rest.",
        "It shrinks to zero: spinning removes the anisotropy": "The outermost lines become invisible, but they stand so far "
        "out that the sum is kept.",
    },
    answer="It stays as it is",
)


def _pair(kinds, symmetric):
    # Only indices of one kind can be exchanged.
    return lambda generator: (*kinds, symmetric)


def _listed(first, second, symmetric, *, parity=None, degrees=None):
    degrees = degrees or ([0, 2] if symmetric else [0, 1, 2])
    parity = parity or (lambda l: "e" if first == second else "o")
    return o3.Irreps("+".join(f"1x{l}{parity(l)}" for l in degrees))


@exercise(
    "301.irreps",
    inputs=(
        _pair(("axial", "axial"), False),
        _pair(("polar", "polar"), True),
        _pair(("polar", "axial"), False),
    ),
    hints=(
        "Each index is a vector: 1o if polar, 1e if axial. Which degrees does 1 ⊗ 1 hold, and what do parities do?",
        "Degrees 0, 1, 2; the parity is the product of the two. A symmetric tensor has no antisymmetric part.",
        '`"0e + 1e + 2e"` for two vectors of one kind; without the middle one where i and j may be exchanged.',
    ),
    mistakes={
        "The parity is not (−1)^l here: it is the product of the parities of the two vectors, the same for all degrees.": (
            partial(_listed, parity=lambda l: "oe"[l % 2 == 0])
        ),
        "Two axial vectors give an even product: (+1)(+1).": (
            lambda i, j, symmetric: _listed(
                i, j, symmetric, parity=lambda l: "e" if i == j == "polar" else "o"
            )
        ),
        "A polar and an axial vector give an odd product: (−1)(+1).": partial(_listed, parity=lambda l: "e"),
        "Where i and j may be exchanged there is no degree 1.": lambda i, j, s: _listed(i, j, False),
        "Without a symmetry the antisymmetric part stays: degree 1.": lambda i, j, s: _listed(i, j, True),
    },
)
def irreps_of(first, second, symmetric):
    """Irreps of a tensor with two indices, each "polar" or "axial"; symmetric if they may be exchanged."""
    parity = "e" if first == second else "o"
    degrees = [0, 2] if symmetric else [0, 1, 2]
    return o3.Irreps(" + ".join(f"1x{l}{parity}" for l in degrees))


def _shielding(generator):
    random = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    return 300 * torch.eye(3, dtype=torch.float64) + 30 * random


def _read(shielding, *, order=None, times=1.0, eta=None, symmetric=True, sign=torch.clone):
    matrix = (shielding + shielding.T) / 2 if symmetric else shielding
    values = torch.linalg.eigvalsh(matrix)
    mean = values.mean()
    yy, xx, zz = values if order == "size" else values[(values - mean).abs().argsort()]
    delta = zz - mean
    asymmetry = (yy - xx) / delta if eta is None else eta(xx, yy, zz, delta)
    return mean, sign(times * delta), asymmetry


@exercise(
    "301.haeberlen",
    inputs=_shielding,
    hints=(
        "Spectra see the symmetric part only: make it, then its three eigenvalues with `torch.linalg.eigvalsh`.",
        "Order them by distance from the mean: `(values - mean).abs().argsort()` gives the places of yy, xx, zz.",
        "δ = zz − mean keeps its sign; η = (yy − xx) / δ then lies between 0 and 1.",
    ),
    mistakes={
        "zz is the value farthest from the mean, on either side, not the largest.": partial(
            _read, order="size"
        ),
        "`eigvalsh` reads one triangle of the matrix: symmetrise first.": partial(_read, symmetric=False),
        "That is Δσ = 3δ/2 of other tables. Haeberlen's δ is zz − mean.": partial(_read, times=1.5),
        "η comes out negative: it is (yy − xx) / δ.": partial(_read, eta=lambda x, y, z, d: (x - y) / d),
        "η is a share of δ, not of zz.": partial(_read, eta=lambda x, y, z, d: (y - x) / z),
        "δ has a sign: leave out the `abs`.": partial(_read, sign=torch.abs),
    },
)
def read_off(shielding):
    """Mean, anisotropy δ and asymmetry η of a tensor (3, 3), in Haeberlen's convention."""
    values = torch.linalg.eigvalsh((shielding + shielding.T) / 2)
    mean = values.mean()
    yy, xx, zz = values[(values - mean).abs().argsort()]
    delta = zz - mean
    return mean, delta, (yy - xx) / delta


def _known_and_guessed(generator):
    mean = torch.tensor([500.0] + 8 * [0.0], dtype=torch.float64)
    sizes = torch.tensor([20.0, 4.0, 12.0], dtype=torch.float64).repeat_interleave(torch.tensor([1, 3, 5]))
    reference = mean + 3 + sizes * torch.randn(20, 9, generator=generator, dtype=torch.float64)
    x = reference + 0.3 * sizes * torch.randn(20, 9, generator=generator, dtype=torch.float64)
    return x, reference, mean


BLOCKS = (slice(0, 1), slice(1, 4), slice(4, 9))


def _ratio(wrong, size, add=torch.linalg.norm):
    return torch.stack([add(wrong[:, l]) / add(size[:, l]) for l in BLOCKS])


@exercise(
    "301.blocks",
    inputs=_known_and_guessed,
    axes=("blocks",),
    hints=(
        "Two tables of differences: x − reference is the error, reference − mean is what there was to learn.",
        "Square both, sum over all atoms and over the columns of a block, 0:1, then 1:4, then 4:9, and divide.",
        "The root of that, stacked: `torch.stack([(wrong[:, l].sum() / size[:, l].sum()).sqrt() for l in blocks])`.",
    ),
    mistakes={  # x, r, m: the answer, the reference, the mean.
        "Size counts from `mean`: else any trace looks splendid.": lambda x, r, m: _ratio(x - r, r),
        "That is an error for each of the nine components. It would depend on the axes: sum over the whole block.": (
            lambda x, r, m: (x - r).norm(dim=0) / (r - m).norm(dim=0)
        ),
        "One error for all nine hides the small blocks.": lambda x, r, m: (x - r).norm() / (r - m).norm(),
        "That is the square of it: take the root.": lambda x, r, m: _ratio(x - r, r - m) ** 2,
        "You add absolute values of components, which depend on the axes; squares of a block do not.": (
            lambda x, r, m: _ratio(x - r, r - m, lambda block: block.abs().sum())
        ),
        "A mean over atoms of anything but the trace depends on the axes: take off the `mean` that was given.": (
            lambda x, r, m: _ratio(x - r, r - r.mean(0))
        ),
        "That is the error in ppm, in which no block can be compared with another: divide by what there was to learn.": (
            lambda x, r, m: torch.stack([(x - r)[:, l].square().mean().sqrt() for l in BLOCKS])
        ),
        "That is R² = 1 − ε²; wanted is ε itself.": lambda x, r, m: 1 - _ratio(x - r, r - m) ** 2,
    },
)
def block_errors(x, reference, mean):
    """Relative error of each block, 1 + 3 + 5 components, (3,); x and reference (atoms, 9), mean (9,)."""
    wrong, size = (x - reference).square(), (reference - mean).square()
    blocks = [slice(0, 1), slice(1, 4), slice(4, 9)]
    return torch.stack([(wrong[:, l].sum() / size[:, l].sum()).sqrt() for l in blocks])


def _sidebands(generator):
    orders = torch.arange(-4, 5, dtype=torch.float64)
    heights = torch.rand(9, generator=generator, dtype=torch.float64) * torch.exp(-orders.abs())
    centre, spacing = 100 + 400 * torch.rand(2, generator=generator, dtype=torch.float64)
    return centre + 0.1 * spacing * orders, 7 * heights


def _width(positions, intensities, *, about=None, factor=7.5, root=True):
    share = intensities / intensities.sum()
    centre = (share * positions).sum() if about is None else about(positions)
    found = factor * (share * (positions - centre).square()).sum()
    return found.sqrt() if root else found


@exercise(
    "301.moment",
    inputs=_sidebands,
    hints=(
        "Intensities in a spectrum have a scale of their own: divide by their sum first.",
        "The centre is Σ I x, the mean square width M₂ = Σ I (x − centre)².",
        "M₂ = (2/15) |2e|², so |2e| = √(15 M₂ / 2).",
    ),
    mistakes={
        "Intensities do not add up to one: divide by their sum.": lambda x, I: _width(x, I) * I.sum().sqrt(),
        "Distances count from the mean of the spectrum, not from zero.": partial(_width, about=lambda x: 0.0),
        "Distances count from the mean of the spectrum, weighted by intensity: the middle band is not the mean.": (
            partial(_width, about=lambda x: x[len(x) // 2])
        ),
        "M₂ = (2/15) |2e|²: solve for |2e|, the 15 goes up.": partial(_width, factor=2 / 15),
        "That is |2e|²: take the root.": partial(_width, root=False),
        "That is √M₂; |2e| is √(15/2) times larger.": partial(_width, factor=1.0),
    },
)
def size_of_2e(positions, intensities):
    """|2e| in ppm of a tensor, read off its sidebands at positions in ppm."""
    share = intensities / intensities.sum()
    mean = (share * positions).sum()
    M2 = (share * (positions - mean).square()).sum()
    return (15 / 2 * M2).sqrt()
