"""Exercises and questions of lesson 103, tensor products."""

from functools import partial

import torch
from ase.build import molecule
from e3nn import o3
from torch.nn.functional import silu

from equitour.graph import AtomicGraph
from equitour.learn import exercise, question, up_to_sign
from equitour.symmetry import irreps_matrix, random_orthogonal, random_rotation, symmetry_operations

question(
    "103.elementwise",
    "Two arrows `a` and `b` are fixed to a molecule, and the molecule turns. What does the feature `a * b` do, "
    "the three products a_x b_x, a_y b_y, a_z b_z?",
    options={
        "It turns like a vector": "It has three components, but no rotation matrix carries the old to the new.",
        "It stays, like a scalar": "Only the sum of the three stays: that sum is the dot product.",
        "Neither": "Other products, such as a_x b_y, flow into it, and you have thrown those away.",
    },
    answer="Neither",
)
question(
    "103.mirror",
    "a and b are polar: an inversion flips both. Which of the three parts of a b^T flips with them?",
    options={
        "The trace": "Two minus signs meet in every product a_i b_i, and they cancel.",
        "The cross product": "It turns like a vector, but two minus signs cancel in it too: it is a 1e, not a 1o.",
        "The symmetric traceless part": "Two minus signs cancel in a_i b_j + a_j b_i.",
        "None of them": "Parity multiplies: odd times odd is even, for all nine products at once.",
    },
    answer="None of them",
)
question(
    "103.born",
    "The oxygen of cubic BaTiO3 sits between two titaniums along z; x and y are alike, and so are +z and -z. How many "
    "of the nine numbers of its Born charge tensor are independent?",
    options={
        "One": "That would need z to be equal to x and y, as for titanium, which sees six oxygens.",
        "Two": "One along the Ti-O-Ti line and one across it; the other seven entries are zero or copies.",
        "Three": "x and y are exchanged by a quarter turn, so their two entries are one number.",
        "All nine": "Neumann's principle: the tensor must be left alone by every operation that leaves the site alone.",
    },
    answer="Two",
)


def _matrix(generator):
    return torch.randn(3, 3, generator=generator, dtype=torch.float64)


def _parts(trace_removed, sign=1.0, scale=1.0):
    def wrong(m):
        axial = torch.stack([m[1, 2] - m[2, 1], m[2, 0] - m[0, 2], m[0, 1] - m[1, 0]])
        symmetric = (m + m.T) / 2
        if trace_removed:
            symmetric = symmetric - trace_removed * torch.trace(m) * torch.eye(3, dtype=m.dtype)
        return torch.trace(m), sign * scale * axial, symmetric

    return wrong


@exercise(
    "103.decompose",
    inputs=_matrix,
    hints=(
        "Three pieces: one number, three numbers, and a symmetric matrix that has no trace left.",
        "For m = a bᵀ the axial vector must be a × b: its x component is m[1, 2] − m[2, 1]; go round cyclically.",
        "`(m + m.T) / 2` still holds the trace: subtract `torch.trace(m) / 3` on the diagonal.",
    ),
    mistakes={
        "The third part still holds the trace: take a third of it off each diagonal entry.": _parts(0.0),
        "Take a third of the trace off each diagonal entry, not all of it.": _parts(1.0),
        "The vector is b × a: for m = a bᵀ its x component must be m[1, 2] − m[2, 1].": _parts(
            1 / 3, sign=-1.0
        ),
        "The vector is half of a × b: leave out the 1/2 of the antisymmetric part.": _parts(1 / 3, scale=0.5),
    },
)
def decompose(m):
    """The three parts of a matrix: its trace, its axial vector, its symmetric traceless part."""
    axial = torch.stack([m[1, 2] - m[2, 1], m[2, 0] - m[0, 2], m[0, 1] - m[1, 0]])
    symmetric = (m + m.T) / 2 - torch.trace(m) / 3 * torch.eye(3, dtype=m.dtype)
    return torch.trace(m), axial, symmetric


_TRIPLES = [(1, 1, 2), (1, 2, 2), (2, 2, 2), (1, 2, 3), (1, 1, 1), (2, 2, 1)]


def _representations(generator):
    degrees = _TRIPLES[int(torch.randint(len(_TRIPLES), (1,), generator=generator))]
    rotations = random_rotation(4, generator=generator)
    return tuple(irreps_matrix(f"1x{degree}e", rotations) for degree in degrees)


@exercise(
    "103.couple",
    inputs=_representations,
    compare=up_to_sign,
    hints=(
        "Nothing changes from 1 ⊗ 1 → 1 but the matrices: a turn of all three axes of C must leave C as it is.",
        'Start with `turns = torch.einsum("gai,gbj,gck->gabcijk", d1, d2, d3)`, whose last three axes act on C.',
        "Flatten each turn to a square matrix, subtract the unit matrix, stack the turns under one another: the last "
        "right singular vector of the stack is C, of length 1.",
    ),
)
def couple(d1, d2, d3):
    """The coupling tensor C of three representations, of length 1: the one that every turn leaves alone."""
    shape = (d1.shape[-1], d2.shape[-1], d3.shape[-1])
    size = shape[0] * shape[1] * shape[2]
    turns = torch.einsum("gai,gbj,gck->gabcijk", d1, d2, d3).reshape(-1, size, size)
    conditions = (turns - torch.eye(size, dtype=turns.dtype)).flatten(0, 1)
    return torch.linalg.svd(conditions, full_matrices=False).Vh[-1].reshape(shape)


def _two_irreps(generator):
    def draw():
        degrees = torch.randint(0, 3, (2,), generator=generator).tolist()
        parities = ["eo"[p] for p in torch.randint(0, 2, (2,), generator=generator).tolist()]
        counts = torch.randint(1, 5, (2,), generator=generator).tolist()
        return "+".join(f"{n}x{degree}{p}" for n, degree, p in zip(counts, degrees, parities, strict=True))

    return draw(), draw()


def _triples(irreps_1, irreps_2, *, degrees=lambda a, b: range(abs(a - b), a + b + 1), parity=None):
    found = set()
    for _, a in o3.Irreps(irreps_1):
        for _, b in o3.Irreps(irreps_2):
            for degree in degrees(a.l, b.l):
                p = a.p * b.p if parity is None else parity(degree)
                found.add((str(a), str(b), str(o3.Irrep(degree, p))))
    return found


@exercise(
    "103.paths",
    inputs=_two_irreps,
    hints=(
        "The lists are strings: `o3.Irreps(irreps_1)` reads one. Take every irrep of the first with every irrep of the "
        "second; how often each occurs does not matter here.",
        "The degree runs from |l1 − l2| to l1 + l2, both included; the parity is the product p1 p2.",
        "`for _, a in o3.Irreps(irreps_1)` gives irreps with `a.l` and `a.p`; `str(o3.Irrep(l, p))` writes one.",
    ),
    mistakes={
        "The parity of a product is p1 p2, whatever its l is.": partial(
            _triples, parity=lambda l3: (-1) ** l3
        ),
        "The parity of a product is p1 p2: two odd ones make an even one.": partial(
            _triples, parity=lambda _: 1
        ),
        "l3 starts at |l1 − l2|, not at 0.": partial(_triples, degrees=lambda a, b: range(a + b + 1)),
        "l3 ends at l1 + l2: Python's `range` stops one before its end.": (
            partial(_triples, degrees=lambda a, b: range(abs(a - b), a + b))
        ),
        "l3 goes up in steps of one: 1 ⊗ 1 holds the cross product too.": (
            partial(_triples, degrees=lambda a, b: range(abs(a - b), a + b + 1, 2))
        ),
    },
)
def paths(irreps_1, irreps_2):
    """All allowed paths of a product of two strings of irreps, as a set of triples ("1o", "1o", "2e")."""
    found = set()
    for _, a in o3.Irreps(irreps_1):
        for _, b in o3.Irreps(irreps_2):
            for degree in range(abs(a.l - b.l), a.l + b.l + 1):
                found.add((str(a), str(b), str(o3.Irrep(degree, a.p * b.p))))
    return found


def _features(generator):
    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return draw(5, 4), draw(5, 3), draw(5, 3, 3)


@exercise(
    "103.gate",
    inputs=_features,
    hints=(
        "A scalar may pass through any function. What may a vector be multiplied by, without losing its direction?",
        "By a number that does not turn: one gate, squeezed to (0, 1) by the sigmoid, for each vector.",
        "`torch.sigmoid(gates)[..., None] * vectors` spreads a gate over its three components.",
    ),
    mistakes={
        "sigmoid of each component turns the arrow: it belongs on the gates.": (
            lambda scalars, gates, vectors: (silu(scalars), torch.sigmoid(vectors))
        ),
        "tanh of each component turns the arrow: multiply the whole arrow by one gate.": (
            lambda scalars, gates, vectors: (silu(scalars), torch.tanh(vectors))
        ),
        "The gates multiply the vectors, but without their sigmoid: squeeze them to (0, 1) first.": (
            lambda scalars, gates, vectors: (silu(scalars), gates[..., None] * vectors)
        ),
        "The vectors are gated; the scalars still need their silu.": (
            lambda scalars, gates, vectors: (scalars, torch.sigmoid(gates)[..., None] * vectors)
        ),
    },
)
def gate(scalars, gates, vectors):
    """Gated features: silu(scalars) of (n, c), and vectors (n, k, 3) times sigmoid(gates), (n, k)."""
    return torch.nn.functional.silu(scalars), torch.sigmoid(gates)[..., None] * vectors


_MOLECULES = ["H2O", "NH3", "CH4", "C2H4", "H2CO", "C6H6"]
_IRREPS = ["1x0e+1x1e+1x2e", "2x1o+1x2o+1x3o", "1x0e+1x2e", "1x1o", "1x0o+1x1o+1x2o"]


def _group_and_irreps(generator):
    which, kind = (int(torch.randint(len(x), (1,), generator=generator)) for x in (_MOLECULES, _IRREPS))
    graph = AtomicGraph.from_ase(molecule(_MOLECULES[which]), cutoff=2.0)
    turn = random_orthogonal(generator=generator)
    return turn @ symmetry_operations(graph, tolerance=1e-3) @ turn.T, _IRREPS[kind]


def _characters(operations, irreps):
    return torch.einsum("gii->g", irreps_matrix(irreps, operations))


@exercise(
    "103.free_components",
    inputs=_group_and_irreps,
    hints=(
        "The projector is the mean of D(g) over all operations; what is left alone has the eigenvalue 1, the rest 0.",
        "The trace of a projector counts its ones.",
        "`irreps_matrix(irreps, operations)` has the shape (operations, dim, dim): average over the first axis.",
    ),
    mistakes={
        "Mirrors and inversions are taken for rotations: the parity of the irreps must enter.": (
            lambda operations, irreps: round(float(_characters(operations, irreps.replace("o", "e")).mean()))
        ),
        "You summed over the group without dividing by the number of its operations.": (
            lambda operations, irreps: round(float(_characters(operations, irreps).sum()))
        ),
        "`int` cuts 0.9999999 off to 0: take `round` for a number that is whole up to rounding errors.": (
            lambda operations, irreps: int(torch.trace(irreps_matrix(irreps, operations).mean(0)))
        ),
        "That is the number of all components: the group has not been used.": (
            lambda operations, irreps: o3.Irreps(irreps).dim
        ),
    },
)
def free_components(operations, irreps):
    """How many components of a tensor with these irreps a symmetry leaves free."""
    projector = irreps_matrix(irreps, operations).mean(0)
    return round(float(torch.trace(projector)))
