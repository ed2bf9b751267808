"""Small exercises on which the tutor itself is tested; their lesson is called "test"."""

import torch
from ase.build import molecule

from equitour.graph import AtomicGraph
from equitour.learn import exercise
from equitour.symmetry import random_rotation

HINTS = ("Look at the shapes.", "Which one acts first?", "Write `a @ b`.")


def _rotations(generator):
    return random_rotation(generator=generator), random_rotation(generator=generator)


def _matrices(generator):
    return tuple(torch.randn(2, 3, 3, generator=generator, dtype=torch.float64))


def _vectors(generator):
    return torch.randn(7, 3, generator=generator, dtype=torch.float64) + 1.0


def _graph(generator):
    graph = AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)
    noise = 0.1 * torch.randn(graph.num_nodes, 3, generator=generator, dtype=torch.float64)
    return graph.replace(positions=graph.positions + noise)


@exercise("test.turn", inputs=_rotations, hints=HINTS, axes=("to", "from"))
def turn(a, b):
    """Do b, then a."""
    return a @ b


@exercise(
    "test.product",
    inputs=_matrices,
    hints=HINTS,
    mistakes={
        "You exchanged a and b.": lambda a, b: b @ a,
        "You summed too much.": lambda a, b: (a @ b).sum(),
    },
)
def product(a, b):
    """The product of two matrices."""
    return a @ b


@exercise("test.steps", inputs=_vectors, hints=HINTS, axes=("nodes", "xyz"))
def steps(x):
    """Vectors from their mean, plus one."""
    return x - x.mean(0) + 1.0


@exercise("test.lengths", inputs=_vectors, hints=HINTS)
def lengths(x):
    """The lengths of some vectors."""
    return x.norm(dim=1)


@exercise(
    "test.count", inputs=lambda generator: int(torch.randint(-5, 6, (), generator=generator)), hints=HINTS
)
def count(n):
    """Components of degree n."""
    return 2 * abs(n) + 1


@exercise("test.dipole", inputs=_graph, hints=HINTS, irreps_out="1x1o")
def dipole(graph):
    """A vector at each atom: the sum of its edges."""
    start = torch.zeros_like(graph.positions)
    return start.index_add(0, graph.receivers, graph.edge_vectors())


@exercise("test.pair", inputs=_matrices, hints=HINTS)
def pair(a, b):
    """A sum and a difference."""
    return a + b, a - b


@exercise("test.table", inputs=_matrices, hints=HINTS)
def table(a, b):
    """Two traces by name."""
    return {"a": torch.trace(a), "b": torch.trace(b)}


@exercise("test.order", hints=("Count turns and flips.",))
def order():
    """How many elements has the group of the triangle?"""
    turns = 3  # By 0, 1/3 and 2/3.
    return 2 * turns


@exercise("test.irreps", hints=HINTS)
def irreps():
    """A vector times a vector."""
    from e3nn.o3 import Irreps

    return Irreps("1x0e + 1x1e + 1x2e")


@exercise("test.word", hints=HINTS)
def word():
    """The other name of the tensor of rank one."""
    return "vector"


@exercise("test.set", hints=HINTS)
def members():
    """The degrees in a product of two vectors."""
    return {0, 1, 2}


@exercise("test.constant", hints=HINTS)
def constant():
    """A length."""
    return 1.75


@exercise(
    "test.spectrum",
    inputs=lambda generator: int(torch.randint(2, 9, (), generator=generator)),
    hints=HINTS,
    mistakes={"The second must be the root of the first.": lambda n: (_levels(n), _levels(n))},
)
def spectrum(n):
    """Some energies, and their roots."""
    return _levels(n), _levels(n).sqrt()


def _levels(n):
    return torch.arange(n, dtype=torch.float64) ** 2 + 2
