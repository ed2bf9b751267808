"""Exercises and predictions of lesson 102, groups and irreps."""

import torch

from equitour.learn import exercise, question
from equitour.learn.point_groups import draw_ammonia, draw_damaged_group, draw_integer, draw_move
from equitour.learn.rotations import real_generators
from equitour.symmetry import random_rotation


def _lonely(matrices: torch.Tensor) -> int:
    return int((torch.cdist(matrices.mT.flatten(1), matrices.flatten(1)).amin(1) > 1e-6).sum())


def _open(products: torch.Tensor, matrices: torch.Tensor) -> int:
    return int((torch.cdist(products.reshape(-1, 9), matrices.reshape(-1, 9)).amin(1) > 1e-6).sum())


def _unequal(matrices: torch.Tensor) -> int:
    products = (matrices[:, None] @ matrices).reshape(-1, 1, 9)
    return int((~(products == matrices.reshape(-1, 9)).all(-1).any(-1)).sum())


@exercise(
    "102.open_products",
    inputs=draw_damaged_group,
    hints=(
        "`matrices[:, None] @ matrices` holds all products at once, shape (n, n, 3, 3).",
        "Compare each product with each matrix, shape (n, n, n, 3, 3). Rounded numbers are never equal: ask their "
        "difference to be below 1e-6.",
        "A product is inside when it is near any matrix: `.amax((-2, -1)) < 1e-6`, then `.any(-1)`.",
    ),
    mistakes={
        "You counted the elements whose inverse is missing; the question is which products g h are.": _lonely,
        "You multiplied each element with itself only: h runs over all elements too.": (
            lambda matrices: _open(matrices @ matrices, matrices)
        ),
        "You counted the products that are inside; the question is how many are not.": (
            lambda matrices: len(matrices) ** 2 - _open(matrices[:, None] @ matrices, matrices)
        ),
        "You compared exactly; products are rounded, so compare with a tolerance such as 1e-6.": _unequal,
        "You multiplied entry by entry: the product of two operations is the matrix product `@`.": (
            lambda matrices: _open(matrices[:, None] * matrices, matrices)
        ),
    },
)
def open_products(matrices):
    """How many of the n² products g h fall outside the set."""
    products = matrices[:, None] @ matrices
    difference = products[:, :, None] - matrices
    inside = (difference.abs().amax((-2, -1)) < 1e-6).any(-1)
    return int((~inside).sum())


@exercise(
    "102.displacement_character",
    inputs=draw_move,
    hints=(
        "The matrix has one 3×3 block for each atom: it stands in the row of the place the atom goes to. Which atoms "
        "have their block on the diagonal?",
        "Only atoms that stay where they are. Each of them gives the trace of R.",
        "Count them with `(places == torch.arange(len(places))).sum()` and multiply by `torch.trace(R)`.",
    ),
    mistakes={
        "You counted every atom; an atom that goes elsewhere has its block off the diagonal.": (
            lambda R, places: len(places) * torch.trace(R)
        ),
        "You counted the atoms that move; it is those that stay whose block is on the diagonal.": (
            lambda R, places: (places != torch.arange(len(places))).sum() * torch.trace(R)
        ),
        "You counted the atoms that stay; each of them brings its block, so the trace of R.": (
            lambda R, places: (places == torch.arange(len(places))).sum()
        ),
        "Each atom that stays brings the trace of R, not the number 3: the three axes turn.": (
            lambda R, places: 3 * (places == torch.arange(len(places))).sum()
        ),
    },
)
def displacement_character(R, places):
    """The trace of the displacement matrix, without building it."""
    staying = (places == torch.arange(len(places))).sum()
    return staying * torch.trace(R)


def _characters_and_matrices(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """One irrep of C3v, mostly E, and how the displacements of ammonia change."""
    group, shuffles = draw_ammonia(generator)
    matrices = torch.stack([torch.kron(p, r.contiguous()) for p, r in zip(shuffles, group, strict=True)])
    trace = torch.einsum("gii->g", group)
    irreps = [torch.ones_like(trace), torch.linalg.det(group), trace - 1]
    return irreps[min(draw_integer(0, 9, generator), 2)], matrices


def _sum_with(weights: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    return torch.einsum("g,gij->ij", weights, matrices)


@exercise(
    "102.projector",
    inputs=_characters_and_matrices,
    tolerance=1e-10,
    hints=(
        "A weighted sum of the matrices, the weights being the characters: `torch.einsum('g,gij->ij', chi, D)`.",
        "Divide by the number of elements, `len(chi)`, so that it is an average.",
        "Without the dimension of the irrep it would shrink what it should leave alone: multiply by `chi[0]`, the "
        "trace of the identity.",
    ),
    mistakes={
        "The dimension of the irrep, `chi[0]`, is missing: for E everything comes out half as long.": (
            lambda chi, D: _sum_with(chi, D) / len(chi)
        ),
        "It must be an average: divide by the number of elements.": lambda chi, D: chi[0] * _sum_with(chi, D),
        "You averaged the matrices without their characters: that projects on A1, whichever irrep is asked for.": (
            lambda chi, D: D.mean(0)
        ),
    },
)
def projector(chi, D):
    """The matrix that keeps the part belonging to one irrep and removes the rest."""
    return chi[0] / len(chi) * torch.einsum("g,gij->ij", chi, D)


def _steps(l):
    return torch.arange(-l, l, dtype=torch.float64)


@exercise(
    "102.raising",
    inputs=lambda generator: (draw_integer(1, 6, generator),),
    tolerance=1e-12,
    axes=("m to", "m from"),
    hints=(
        "Column m holds what becomes of |m⟩: one number, in the row of m + 1, just below the diagonal.",
        "`torch.diag(values, -1)` puts 2l values below the diagonal; they belong to m = -l, ..., l - 1.",
        "The values are `torch.sqrt(l * (l + 1) - m * (m + 1))` with `m = torch.arange(-l, l, dtype=torch.float64)`.",
    ),
    mistakes={
        "This is J₋, which steps down: for J₊ the numbers stand below the diagonal, because m + 1 is the next row.": (
            lambda l: torch.diag((l * (l + 1) - _steps(l) * (_steps(l) + 1)).sqrt(), 1)
        ),
        "The root is missing: these numbers are the squared lengths.": (
            lambda l: torch.diag(l * (l + 1) - _steps(l) * (_steps(l) + 1), -1)
        ),
        "You used m (m - 1), which belongs to J₋: the ladder must end at the top, m = l.": (
            lambda l: torch.diag((l * (l + 1) - _steps(l) * (_steps(l) - 1)).sqrt(), -1)
        ),
    },
)
def raising(l):
    """J₊ of degree l, rows and columns m = -l, ..., l."""
    m = torch.arange(-l, l, dtype=torch.float64)
    return torch.diag(torch.sqrt(l * (l + 1) - m * (m + 1)), -1)


def _generators_and_vector(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    vector = torch.randn(3, generator=generator, dtype=torch.float64)
    return real_generators(raising(draw_integer(1, 3, generator))), vector


def _one_after_another(order: int, G: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.linalg.multi_dot(list(torch.matrix_exp(v[:, None, None] * G))[::order])


@exercise(
    "102.turn_by",
    inputs=_generators_and_vector,
    tolerance=1e-10,
    hints=(
        "v · G is one matrix: `torch.einsum('k,kij->ij', v, G)`.",
        "(1 + A/n)ⁿ for large n is the exponential of A. Turns about different axes do not commute, so v · G must stay "
        "together in one exponential.",
        "`torch.matrix_exp(A)`; `torch.exp` would act on each entry.",
    ),
    mistakes={
        "`torch.exp` acts on each entry; the exponential of a matrix is `torch.matrix_exp`.": (
            lambda G, v: torch.einsum("k,kij->ij", v, G).exp()
        ),
        "You turned about z, then y, then x. These turns do not commute: the turn about v is one exponential.": (
            lambda G, v: _one_after_another(1, G, v)
        ),
        "You turned about x, then y, then z. These turns do not commute: the turn about v is one exponential.": (
            lambda G, v: _one_after_another(-1, G, v)
        ),
        "1 + v · G is right for a small angle only.": (
            lambda G, v: torch.eye(G.shape[-1], dtype=G.dtype) + torch.einsum("k,kij->ij", v, G)
        ),
    },
)
def turn_by(G, v):
    """The matrix of the rotation by the angle |v| about v, from the generators."""
    return torch.matrix_exp(torch.einsum("...k,kij->...ij", v, G))


def _vector_and_operation(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Three times out of four the operation holds a reflection."""
    sign = 1 if draw_integer(1, 4, generator) == 1 else -1
    vector = torch.randn(3, generator=generator, dtype=torch.float64)
    return vector, sign * random_rotation(generator=generator)


@exercise(
    "102.transform_axial",
    inputs=_vector_and_operation,
    axes=("xyz",),
    hints=(
        "Try it on x × v: what do (g x) × (g v) and g (x × v) have to do with each other when g = -1?",
        "Under -1 both factors change sign and the product does not. So g alone is wrong by a sign when g mirrors.",
        "`torch.linalg.det(g)` is that sign.",
    ),
    mistakes={
        "You turned L like a velocity. That is right for rotations; under a reflection it has the wrong sign.": (
            lambda L, g: g @ L
        ),
        "The determinant is the sign, but L must turn as well.": lambda L, g: torch.linalg.det(g) * L,
        "You turned it the other way round: `L @ g` is gᵀ L.": lambda L, g: torch.linalg.det(g) * (L @ g),
    },
)
def transform_axial(L, g):
    """What becomes of an angular momentum L when g acts on the whole system."""
    return torch.linalg.det(g) * (g @ L)


question(
    "102.triplets",
    "On one ammonia molecule: the velocity of the nitrogen (vx, vy, vz), the stretches of the N–H bonds (s1, s2, s3) "
    "and the angular momentum (Lx, Ly, Lz). Apply the molecule's own turns and mirrors. Two of the three lists change "
    "in the same way, up to a change of basis. Which two?",
    options={
        "Velocity and angular momentum": "They turn alike; the mirrors will tell them apart.",
        "Velocity and stretches": "One is turned, one is shuffled, and a fixed matrix translates between them.",
        "Stretches and angular momentum": "A mirror leaves one stretch in its place; L does something else.",
        "All three: each has three components": "Three says how many numbers there are, not what becomes of them.",
    },
    answer="Velocity and stretches",
)

question(
    "102.frequencies",
    "Take the displacements 3 A1 + A2 + 4 E, remove the translations (A1 + E) and the rotations (A2 + E). Six "
    "vibrations are left. How many different frequencies can they have at most?",
    options={
        "Six": "Each would need a symmetry of its own; the two partners of an E cannot be told apart.",
        "Four": "What is left is 2 A1 + 2 E: two single ones and two pairs.",
        "Three": "One for each irrep would be too few: the two A1 are free to differ.",
        "One": "That needs more symmetry than even a cube has.",
    },
    answer="Four",
)
