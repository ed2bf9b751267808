"""Exercises and predictions of the first page: how the course works, and what stays when a molecule turns."""

import torch

from equitour.learn import exercise, question
from equitour.learn.point_groups import draw_integer
from equitour.symmetry import random_rotation


def _atoms(generator: torch.Generator) -> torch.Tensor:
    return torch.randn(draw_integer(4, 8, generator), 3, generator=generator, dtype=torch.float64)


def _atoms_and_rotation(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    return _atoms(generator), random_rotation(generator=generator)


@exercise(
    "start.turn",
    inputs=_atoms_and_rotation,
    axes=("atoms", "xyz"),
    hints=(
        "For one atom the turned position is `R @ x`. Here the atoms are the rows of a table.",
        "A row times a matrix from the right: `x @ M`. Which M makes it R times the row, written as a column?",
        "The transposed one, `R.T`.",
    ),
    mistakes={
        "You turned backwards: `x @ R` gives each row Rᵀ x. For atoms in rows the matrix on the right is `R.T`.": (
            lambda x, R: x @ R
        ),
        "The atoms must stay in the rows; here they stand in the columns.": lambda x, R: R @ x.T,
    },
)
def turn(x, R):
    """The positions of all atoms after the rotation R."""
    return x @ R.T


@exercise(
    "start.distances",
    inputs=_atoms,
    axes=("atoms", "atoms"),
    hints=(
        "`x[:, None] - x` is a table of all differences, shape (atoms, atoms, 3).",
        "The length of a difference is the root of the sum of its squares, over the last axis.",
        "`(x[:, None] - x).norm(dim=-1)`.",
    ),
    mistakes={
        "These are the squared distances: the root is missing.": (lambda x: ((x[:, None] - x) ** 2).sum(-1)),
        "You added the differences without squaring them: they cancel, and they depend on the axes.": (
            lambda x: (x[:, None] - x).sum(-1)
        ),
        "You added absolute values along x, y and z; that length changes when the axes turn.": (
            lambda x: (x[:, None] - x).abs().sum(-1)
        ),
        "These are scalar products of positions, which change when the molecule is moved.": lambda x: x @ x.T,
    },
)
def distances(x):
    """The distance of every atom from every other."""
    return (x[:, None] - x).norm(dim=-1)


def _three_arms(generator: torch.Generator, hand: int) -> tuple[torch.Tensor, ...]:
    """Three arms of unequal lengths, not quite at right angles, of the right (+1) or the left hand (-1)."""
    noise = 0.1 * torch.randn(3, 3, generator=generator, dtype=torch.float64)
    arms = random_rotation(generator=generator) + noise.clamp(-0.2, 0.2)
    return tuple((hand * arms).unbind())


def _right_hand(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    return _three_arms(generator, 1)


def _left_hand(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    return _three_arms(generator, -1)


@exercise(
    "start.handedness",
    inputs=(_right_hand, _left_hand),
    hints=(
        "`torch.linalg.cross(a, b)` points along the thumb of a right hand whose fingers go from a to b.",
        "Is c on the side of the thumb? The sign of a scalar product says so.",
        "`torch.sign(torch.linalg.cross(a, b) @ c)`.",
    ),
    mistakes={
        "The sign is lost: a length or an absolute value cannot tell left from right.": (
            lambda a, b, c: torch.ones((), dtype=a.dtype)
        ),
        "The order is turned round: a, b, c must follow each other like thumb, index and middle finger.": (
            lambda a, b, c: torch.sign(torch.linalg.cross(b, a) @ c)
        ),
        "This is the volume that a, b and c span; only its sign is asked for.": (
            lambda a, b, c: torch.linalg.cross(a, b) @ c
        ),
    },
)
def handedness(a, b, c):
    """+1 when a, b, c stand like thumb, index and middle finger of the right hand, -1 for the left."""
    return torch.sign(torch.linalg.cross(a, b) @ c)


question(
    "start.slider",
    "You will turn an ethanol molecule. Which of these stays exactly as it is?",
    options={
        "The x component of its dipole": "The dipole turns along with the atoms, so its components change.",
        "The length of its dipole": "The arrow turns and keeps its length; the components pay for one another.",
        "The force on the oxygen": "Its length stays, but a force has a direction, and that turns.",
        "Nothing: all coordinates change": "The coordinates do. What the molecule is does not depend on them.",
    },
    answer="The length of its dipole",
)

question(
    "start.mirror",
    "Two molecules have the same atoms at the same distances from one another, all of them. Are they the same molecule?",
    options={
        "Yes, distances fix everything": "They fix everything up to a mirror image. See below what that leaves open.",
        "Not always": "A left and a right hand have the same distances, and no turn brings one onto the other. Up to such a mirror "
        "image distances do fix everything.",
        "Only if they have the same number of atoms": "They have; that is part of the question.",
    },
    answer="Not always",
)
