"""Exercises and questions of lesson 501, motifs and Gram matrices."""

import torch
from scipy.optimize import linear_sum_assignment

from equitour.learn import exercise, question, turns
from equitour.symmetry import random_orthogonal, random_rotation

question(
    "501.axes",
    "Give every motif a standard pose: turn it to its principal axes, and choose the sign of each axis so that the motif reaches "
    "farther on its positive side. Now shake all atoms by 0.1 Å, as heat does at room temperature. "
    "In how many motifs of amorphous silicon does the pose jump, so that coordinates change by more than 0.5 Å?",
    options={
        "in none": "The axes of a long thin motif would hardly move. But these motifs are nearly round, and what is a longest axis of something round?",
        "in about one of ten": "Where two axes are nearly equal, or both sides reach nearly as far, a small push decides.",
        "in nearly all": "Most motifs have a longest axis that is longer by more than the shaking.",
    },
    answer="in about one of ten",
)
question(
    "501.sticks",
    "A centre has three neighbours. You know the three distances from the centre and the three between the neighbours, all different, as "
    "two sorted lists. How many motifs fit, a mirror image not counted apart?",
    options={
        "one": "Six numbers are as many as four atoms have freedoms. But a sorted list does not say who stands where: any of the three may lie between any two neighbours.",
        "two": "Exchanging two of the distances gives a second one. Which others could you exchange?",
        "six": "Three neighbours are told apart by their distances from the centre; then three distances go onto three pairs in 3 · 2 · 1 ways.",
    },
    answer="six",
)
question(
    "501.free",
    "Eight neighbours around a centre: G has 8 · 9 / 2 = 36 different entries. How many can change independently as atoms move a little?",
    options={
        "36": "In eight dimensions it would be so. Our atoms have three.",
        "24": "Three for each neighbour, counted without a thought of turning: three of these motions turn the whole motif, and G stays.",
        "21": "3 · 8 coordinates, and three turns that change nothing.",
        "18": "That is the count for eight atoms with nothing in their middle, where shifting all of them changes nothing. Here the centre stays, and a shift changes all lengths.",
    },
    answer="21",
)
question(
    "501.flat",
    "An error of 0.01 Å² in the entries of G moves the atoms of a motif of silicon by a few thousandths of an Å. And one of graphene, nine neighbours in a plane?",
    options={
        "less, as there is no third direction to get wrong": "It has to be guessed that there is none: a height whose square is lost in the noise may be anything up to the root of the noise.",
        "about the same": "That is so for the two directions in the plane.",
        "twenty times more": "Heights enter G as products of heights only: an error of h² is a height of h, and the root of a small number is much larger.",
    },
    answer="twenty times more",
)
question(
    "501.nearest",
    "Take a motif of amorphous silicon and look for the most alike among hundreds or thousands from other cells. How far is an atom from its partner, after the best turn, mirror and order?",
    options={
        "below 0.2 Å: all bonds are alike, and angles nearly so": "With four neighbours you would be right. But four more stand where the next tetrahedra happened to turn.",
        "0.4 to 0.7 Å": "Far less than between any two motifs, and far more than heat shakes.",
        "above 1 Å, like any two motifs": "That is what two at random are apart; among many there are better ones.",
    },
    answer="0.4 to 0.7 Å",
)


def _motif(generator):
    way = torch.nn.functional.normalize(torch.randn(8, 3, generator=generator, dtype=torch.float64), dim=1)
    return way * (2.3 + 1.5 * torch.rand(8, 1, generator=generator, dtype=torch.float64))


def _distances(generator):
    atoms = torch.cat([torch.zeros(1, 3, dtype=torch.float64), _motif(generator)])
    return torch.cdist(atoms, atoms)


def _squares(D):
    r2 = D[0, 1:] ** 2
    return r2[:, None] + r2, D[1:, 1:] ** 2


@exercise(
    "501.gram",
    inputs=_distances,
    axes=("neighbour", "neighbour"),
    hints=(
        "|r_i − r_j|² = |r_i|² + |r_j|² − 2 r_i · r_j. Which of these three do you have?",
        "`D[0, 1:]` are the lengths r, and `D[1:, 1:]` the distances between neighbours.",
        "With `r2 = D[0, 1:] ** 2`, the sums are `r2[:, None] + r2`; subtract `D[1:, 1:] ** 2` and halve.",
    ),
    mistakes={
        "Twice too large: the law of cosines has 2 r_i · r_j.": lambda D: _squares(D)[0] - _squares(D)[1],
        "The sign: near neighbours have a large product, so what is between them is subtracted.": lambda D: (
            (_squares(D)[1] - _squares(D)[0]) / 2
        ),
        "Distances must be squared before they are added.": lambda D: (
            (D[0, 1:, None] + D[0, 1:] - D[1:, 1:]) / 2
        ),
        "|r_i|² must vary down the rows and |r_j|² along the columns: write `r2[:, None] + r2`.": lambda D: (
            D[0, 1:] ** 2 - D[1:, 1:] ** 2 / 2
        ),
        "These are the cosines of the angles. G keeps the lengths as well: |r_i| |r_j| cos θ.": lambda D: (
            gram(D) / (D[0, 1:, None] * D[0, 1:])
        ),
        "The centre comes first in D: leave out row and column 0, not the last ones.": lambda D: (
            (D[0, :-1, None] ** 2 + D[0, :-1] ** 2 - D[:-1, :-1] ** 2) / 2
        ),
        "That is the matrix of squared distances. On G's diagonal stand |r_i|², not zeros.": lambda D: (
            D[1:, 1:] ** 2
        ),
        "The centre is still in it: its row and column of G are zero. Keep the neighbours.": lambda D: (
            (D[0, :, None] ** 2 + D[0] ** 2 - D**2) / 2
        ),
    },
)
def gram(D):
    """G[i, j] = r_i · r_j (n, n) in Å², from all distances D (n + 1, n + 1) in Å, the centre first."""
    r2 = D[0, 1:] ** 2
    return (r2[:, None] + r2 - D[1:, 1:] ** 2) / 2


def _matrix(noise):
    def draw(generator):
        r, N = _motif(generator), torch.randn(8, 8, generator=generator, dtype=torch.float64)
        return r @ r.T + noise * (N + N.T)

    return draw


def _one_gram_matrix(answer: object, expected: torch.Tensor, *arguments: torch.Tensor) -> str | None:
    """Vectors are right in any pose: their Gram matrices are compared."""
    answer = torch.as_tensor(answer)
    if answer.is_complex():
        return "Your vectors are complex: `torch.linalg.eigh` keeps what belongs to a symmetric matrix real."
    if answer.shape != expected.shape:
        return f"The shape must be {tuple(expected.shape)} (neighbours, xyz), received {tuple(answer.shape)}."
    if not bool(torch.isfinite(answer).all()):
        return "There are NaN among your vectors: was a root taken of a negative eigenvalue?"
    apart = float((answer.double() @ answer.double().T - expected @ expected.T).abs().max())
    wrong = f"The Gram matrix of your vectors is {apart:.2g} Å² away from the one of the best vectors."
    return wrong if apart > 1e-6 else None


@exercise(
    "501.back",
    inputs=(_matrix(0), _matrix(0.1)),
    compare=_one_gram_matrix,
    hints=(
        "`values, V = torch.linalg.eigh(G)` gives G = V Λ Vᵀ, the columns of V being eigenvectors and the smallest value first.",
        "Only three directions are real. Which columns belong to them, and which power of the value gives r rᵀ = G?",
        "`V[:, -3:]` are the three columns; `values[-3:].sqrt()` multiplies each of them.",
    ),
    mistakes={
        "The first three eigenvalues are the smallest, of rounding or noise: take the last three.": lambda G: (
            _columns(G, slice(0, 3))
        ),
        "The columns have length one: each must be multiplied with the root of its eigenvalue.": lambda G: (
            torch.linalg.eigh(G)[1][:, -3:]
        ),
        "Multiply with the root of the eigenvalues, else r rᵀ is V Λ² Vᵀ.": lambda G: (
            torch.linalg.eigh(G)[1][:, -3:] * torch.linalg.eigh(G)[0][-3:]
        ),
        "These are rows of V; eigenvectors are its columns, `V[:, -3:]`.": lambda G: (
            torch.linalg.eigh(G)[1][-3:].T * torch.linalg.eigh(G)[0][-3:].sqrt()
        ),
    },
)
def back(G):
    """Vectors (n, 3) in Å whose Gram matrix comes as near to G (n, n) as three dimensions allow."""
    values, V = torch.linalg.eigh(G)
    return V[:, -3:] * values[-3:].sqrt()


def _columns(G, which):
    values, V = torch.linalg.eigh(G)
    return V[:, which] * values[which].abs().sqrt()


def _pair(hand, mirrors):
    def draw(generator):
        r, noise = _motif(generator), torch.randn(8, 3, generator=generator, dtype=torch.float64)
        return r, hand * r @ random_rotation(generator=generator).T + 0.1 * noise, mirrors

    return draw


@exercise(
    "501.kabsch",
    inputs=(_pair(-1, False), _pair(1, False), _pair(-1, True)),
    axes=("xyz", "xyz"),
    hints=(
        "`U, s, Vh = torch.linalg.svd(other.T @ r)`; without a condition on the hand the answer is Q = U Vᵀ, `U @ Vh`.",
        "If `torch.linalg.det(U @ Vh)` is negative, Q is a mirror. If none is allowed, turn one column of U over: which one?",
        "The last column, of the smallest singular value: `U[:, -1] *= -1`, then `U @ Vh` again.",
    ),
    mistakes=turns.MISTAKES,
)
def kabsch(r, other, mirrors):
    """Q (3, 3), orthogonal, with the least Σ |Q r_i − other_i|²; a mirror only if `mirrors` is True."""
    U, _, Vh = torch.linalg.svd(other.T @ r)
    if not mirrors and torch.linalg.det(U @ Vh) < 0:
        U[:, -1] *= -1
    return U @ Vh


def _crowd(generator):
    """Eight pairs; in two of them the squares, and not the distances, decide, and two places have one nearest atom."""
    other = 8 * torch.tensor([[0.0, 0, 0], [0.125, 0, 0], *[[0, k, 0] for k in range(1, 7)]])
    shift = torch.tensor([[1.0, 0.01, 0], [0.8, 0.6, 0], *[[0.2, 0.3, 0.1]] * 6])
    r = (other + shift).double()
    Q, order = random_orthogonal(generator=generator), torch.randperm(8, generator=generator)
    while bool((order == torch.arange(8)).any()) or bool((order.argsort() == order).all()):
        order = torch.randperm(8, generator=generator)
    return r[order] @ Q.T, other.double() @ Q.T


@exercise(
    "501.partners",
    inputs=_crowd,
    axes=("place",),
    hints=(
        "The cost of giving place i the atom j is the square of their distance: a table, `torch.cdist(other, r) ** 2`.",
        "`linear_sum_assignment(table)` of scipy takes each row and each column once, with the least sum.",
        "It returns rows and columns; the rows are 0, 1, 2, … and the columns are the answer: `torch.tensor(columns)`.",
    ),
    mistakes={
        "Each place took its nearest atom, and one atom was taken twice: use `linear_sum_assignment`.": lambda r, o: (
            torch.cdist(o, r).argmin(1)
        ),
        "The sum of squares is to be least, as in Kabsch's rotation: square the distances.": lambda r, o: (
            torch.tensor(linear_sum_assignment(torch.cdist(o, r))[1])
        ),
        "The other way round: `order[i]` is the atom that goes to place i, so places are the rows of the table.": lambda r, o: (
            torch.tensor(linear_sum_assignment(torch.cdist(r, o) ** 2)[1])
        ),
        "Those are the rows, which count 0, 1, 2, …; take what comes second.": lambda r, o: torch.arange(
            len(r)
        ),
    },
)
def partners(r, other):
    """order (n): the atom of r for each place of `other`, with the least sum of squared distances."""
    _, columns = linear_sum_assignment(torch.cdist(other, r) ** 2)
    return torch.tensor(columns)
