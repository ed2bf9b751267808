"""Exercises of lesson 104: a crystal as (ρ, x, z), its images, its edges, its angles, its other bases."""

import math

import torch
from torch import Tensor

from equitour.learn import exercise, question
from equitour.learn.crystals import draw_basis, draw_lattice
from equitour.learn.explanations import explain_numbers

NEAR_PARALLEL = 1e-9  # Radians between the two vectors of the hard pairs: an arccos sees exactly zero.


def _lattice_and_cutoff(generator: torch.Generator) -> tuple[Tensor, float]:
    return draw_lattice(generator), 3.0 + 5.0 * float(torch.rand(1, generator=generator))


@exercise(
    "104.images",
    inputs=_lattice_and_cutoff,
    axes=("abc",),
    hints=(
        "What limits you is not how long a lattice vector is, but how far apart two neighbouring layers of cells lie.",
        "That height is volume / area of the face: |det ρ| / |b × c| for the direction a.",
        "The row i of ρ⁻¹ is perpendicular to the other two columns, so the height is 1 / |row i of ρ⁻¹|.",
        "Write `heights = 1 / torch.linalg.inv(rho).norm(dim=1)`, then `torch.ceil(cutoff / heights).long()`.",
    ),
    mistakes={
        "You divided by the lengths of the lattice vectors. In a skewed cell the layers lie closer together "
        "than the vectors are long: divide by the heights.": lambda rho, cutoff: torch.ceil(
            cutoff / rho.norm(dim=0)
        ).long(),
        "You took the columns of ρ⁻¹, as if ρ were transposed: its rows are perpendicular to the faces.": (
            lambda rho, cutoff: torch.ceil(cutoff / (1 / torch.linalg.inv(rho).norm(dim=0))).long()
        ),
        "You rounded down: the last layer that the sphere still cuts is lost.": lambda rho, cutoff: (
            torch.floor(cutoff / (1 / torch.linalg.inv(rho).norm(dim=1))).long()
        ),
        "Only the rounding up is missing: a count of cells is an integer.": lambda rho, cutoff: (
            cutoff * torch.linalg.inv(rho).norm(dim=1)
        ),
    },
)
def images_needed(rho, cutoff):
    """How many cells a sphere of this radius reaches along a, b and c."""
    heights = 1 / torch.linalg.inv(rho).norm(dim=1)  # Volume over the area of the opposite face.
    return torch.ceil(cutoff / heights).long()


def _description_and_basis(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.rand(5, 3, generator=generator, dtype=torch.float64)
    return draw_lattice(generator), x, draw_basis(generator)


@exercise(
    "104.basis",
    inputs=_description_and_basis,
    axes=("atoms", "abc"),
    hints=(
        "The atoms must stay where they are: ρ x before and ρ' x' after must be the same places.",
        "From ρ' = ρ g follows ρ g x' = ρ x. What is x'?",
        "x' = g⁻¹ x for a column; the atoms stand in rows here, so multiply by the transpose from the right.",
        "Write `(rho @ g, x @ torch.linalg.inv(g).T % 1)`.",
    ),
    mistakes={
        "You turned x with g where g⁻¹ is needed: lattice and coordinates must change against each other.": (
            lambda rho, x, g: (rho @ g, x @ g.T % 1)
        ),
        "Right up to a transposition: the atoms are rows of x, so g⁻¹ x is written `x @ inv(g).T`.": (
            lambda rho, x, g: (rho @ g, x @ torch.linalg.inv(g) % 1)
        ),
        "You multiplied ρ from the left: that turns or shears space. The columns of ρ g are combinations of "
        "lattice vectors.": lambda rho, x, g: (g @ rho, x @ torch.linalg.inv(g).T % 1),
        "You left x as it was. The new lattice vectors need new coordinates for the same places.": (
            lambda rho, x, g: (rho @ g, x)
        ),
        "Right, but not brought back into the cell: take x modulo 1.": lambda rho, x, g: (
            rho @ g,
            x @ torch.linalg.inv(g).T,
        ),
        "You changed the lattice with g⁻¹ and x with g: the same pair, but the way back.": lambda rho, x, g: (
            rho @ torch.linalg.inv(g),
            x @ g.T % 1,
        ),
    },
)
def change_basis(rho, x, g):
    """The same crystal in the lattice basis ρ g, coordinates between 0 and 1."""
    return rho @ g, x @ torch.linalg.inv(g).T % 1


def _pair(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x = torch.rand(2, 7, 3, generator=generator, dtype=torch.float64)
    shift = torch.randint(-2, 3, (7, 3), generator=generator).double()
    return draw_lattice(generator), x[0], x[1], shift


@exercise(
    "104.edge",
    inputs=_pair,
    axes=("edges", "xyz"),
    hints=(
        "First find the fractional coordinates of the receiver's image, then those of the step to it.",
        "The image stands at x_receiver + n. A vector points from where it starts: minus x_sender.",
        "One multiplication with ρ makes Å of it; for rows that is `@ rho.T`.",
        "Write `(x_receiver + n - x_sender) @ rho.T`.",
    ),
    mistakes={
        "The direction is right, but the shift has the wrong sign: n belongs to the receiver.": (
            lambda rho, x_sender, x_receiver, n: (x_receiver - n - x_sender) @ rho.T
        ),
        "The vector points from receiver to sender, and the shift does not: only the shift has the right sign.": (
            lambda rho, x_sender, x_receiver, n: (x_sender + n - x_receiver) @ rho.T
        ),
        "The vector points the wrong way, from the receiver to the sender.": (
            lambda rho, x_sender, x_receiver, n: (x_sender - n - x_receiver) @ rho.T
        ),
        "The shift is missing: this is the vector to the copy inside the cell.": (
            lambda rho, x_sender, x_receiver, n: (x_receiver - x_sender) @ rho.T
        ),
        "You multiplied with ρ where its transpose belongs: rows of atoms meet the lattice as `@ rho.T`.": (
            lambda rho, x_sender, x_receiver, n: (x_receiver + n - x_sender) @ rho
        ),
        "These are still fractional coordinates: multiply with ρ to get Å.": (
            lambda rho, x_sender, x_receiver, n: x_receiver + n - x_sender
        ),
        "The shift was added after the multiplication: n counts cells, not Å.": (
            lambda rho, x_sender, x_receiver, n: (x_receiver - x_sender) @ rho.T + n
        ),
    },
)
def edge_vectors(rho, x_sender, x_receiver, n):
    """The vectors from the senders to the receivers' images n cells away, in Å."""
    return (x_receiver + n - x_sender) @ rho.T


def _two_vectors(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ordinary pairs, then pairs almost parallel and almost antiparallel."""
    a, b = torch.randn(2, 8, 3, generator=generator, dtype=torch.float64)
    b[4:6] = 1.7 * a[4:6] + NEAR_PARALLEL * b[4:6]
    b[6:] = -0.6 * a[6:] + NEAR_PARALLEL * b[6:]
    return a, b


def _as_good_near_parallel(answer: object, expected: Tensor, *arguments: Tensor) -> str | None:
    """Judge angles by their distance from 0 and from π, where an arccos is blind."""
    answer = torch.as_tensor(answer).double()
    if answer.shape != expected.shape:
        return f"The shape must be {tuple(expected.shape)} (pairs), received {tuple(answer.shape)}."
    if explained := explain_numbers([answer[:4]], [expected[:4]], tolerance=1e-8):
        return explained[1]
    if not bool(torch.isfinite(answer).all()):
        return "Right for ordinary pairs, NaN for almost parallel ones: rounding carries the cosine beyond 1."
    small = torch.minimum(expected, math.pi - expected)[4:]
    error = ((answer - expected)[4:].abs() / small).max()
    # Next to π the spacing of float64 itself, 4e-16, is 1e-6 of such an angle.
    if error > 1e-4:
        return (
            f"Right for ordinary pairs; but where the vectors are {small[0]:.0e} rad apart you give {answer[4]:.1e}. "
            "The cosine is flat there: use the sine too, torch.atan2."
        )
    return None


@exercise(
    "104.angle",
    inputs=_two_vectors,
    compare=_as_good_near_parallel,
    hints=(
        "|a × b| = |a| |b| sin θ and a · b = |a| |b| cos θ. Which function takes both?",
        "torch.atan2(sine, cosine): the lengths |a| |b| cancel, so nothing need be normalised.",
        "Write `torch.atan2(torch.linalg.cross(a, b).norm(dim=-1), (a * b).sum(-1))`.",
    ),
    mistakes={
        "The arguments of atan2 stand the wrong way round: first the sine, then the cosine.": lambda a, b: (
            torch.atan2((a * b).sum(-1), torch.linalg.cross(a, b).norm(dim=-1))
        ),
        "arcsin folds obtuse angles back: an angle of 120° comes out as 60°. The cosine is needed too.": (
            lambda a, b: torch.asin(torch.linalg.cross(a, b).norm(dim=-1) / (a.norm(dim=-1) * b.norm(dim=-1)))
        ),
        "The vectors were not normalised before the arccos.": lambda a, b: torch.acos((a * b).sum(-1)),
        "This is the cosine of the angle, not the angle.": lambda a, b: torch.cosine_similarity(a, b, dim=-1),
    },
)
def angle(a, b):
    """The angles between pairs of vectors in radians, exact also near 0 and π."""
    return torch.atan2(torch.linalg.cross(a, b).norm(dim=-1), (a * b).sum(-1))


def _edges_of_triplets(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    a, b = torch.randn(2, 6, 3, generator=generator, dtype=torch.float64)
    return a, b


@exercise(
    "104.area",
    inputs=_edges_of_triplets,
    axes=("triplets",),
    hints=(
        "Two vectors span a parallelogram; its area is the length of their cross product.",
        "The triangle is half of it: `torch.linalg.cross(a, b).norm(dim=-1) / 2`.",
    ),
    mistakes={
        "This is the parallelogram: the triangle is half of it.": lambda a, b: torch.linalg.cross(a, b).norm(
            dim=-1
        ),
        "This is half the product of the lengths, right only for a right angle: sin θ is missing.": (
            lambda a, b: a.norm(dim=-1) * b.norm(dim=-1) / 2
        ),
    },
)
def triangle_area(a, b):
    """The area of the triangle between two edges that meet in an atom, in Å²."""
    return torch.linalg.cross(a, b).norm(dim=-1) / 2


question(
    "104.list",
    "Each atom of copper has 12 nearest neighbours, 2.56 Å away. A file lists one atom, the primitive cell. You take "
    "each pair of atoms in the list, with its nearest copy, and count those within 3 Å. How many does the atom get?",
    options={
        "12": "A pair needs two atoms, and the list has one: all twelve neighbours are copies of the atom itself.",
        "1": "There is no second atom in the list to be a neighbour.",
        "0": "The list has no pair, and all twelve neighbours are copies of the atom itself.",
    },
    answer="0",
)
question(
    "104.slide",
    "A slide turns crystals by ρ → ρ Q, with a rotation Q, and keeps x. What becomes of a crystal whose cell is no cube?",
    options={
        "It is turned by Q": "That would be Q ρ: space is acted on from the left. Run the test.",
        "It is the same crystal in another basis": "For that Q would have to be a matrix of integers. Run the test.",
        "It becomes another crystal": "ρ Q mixes a, b, c with numbers that are not integers: another lattice.",
    },
    answer="It becomes another crystal",
)
question(
    "104.invariant",
    "Iron is described by its primitive cell, its cubic cell, a skewed basis and a supercell. Which of these is the "
    "same for all: (1) the graph of all neighbours within a cutoff, (2) the graph of the 12 nearest neighbours of each "
    "atom, (3) a network's output for (ρ, x)?",
    options={
        "All three": "A network on (ρ, x) sees numbers that differ. And are the 12 nearest of iron well defined?",
        "(1) and (2)": "Iron has 8 neighbours at 2.48 Å and 6 at 2.87 Å. Which 4 of the 6 belong to the 12 nearest?",
        "(1) only": "The 12 nearest of 8 + 6 are not well defined: the order of the list decides.",
    },
    answer="(1) only",
)
