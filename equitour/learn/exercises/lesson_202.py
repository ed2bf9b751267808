"""Exercises and questions of lesson 202, vectors in messages: EGNN."""

import torch

from equitour.datasets.bodies import charges_of
from equitour.learn import exercise, question

question(
    "202.xyz",
    "A network is handed the charge, the coordinates x, y, z and the velocity of each of five charges, and learns their motion "
    "from hundreds of systems that lie every which way. Turn the start of a new system by 120°, let it predict, turn its "
    "answer back by 120°. What do you get?",
    options={
        "The answer for the start that was not turned": "Nature would give that. What in the network makes it treat x, y and z alike?",
        "Another answer": "x, y and z are three different inputs with weights of their own. The examples lay every which way, "
        "but they were finitely many, and turning was never built in.",
        "The same answer up to rounding, once the error is small": "A small error is small on average; the answer may still wander "
        "within it. Look how far.",
    },
    answer="Another answer",
)
question(
    "202.hydrogens",
    "A network that sees only distances gives three numbers for each atom, meant as a force. Methane has four hydrogens, "
    "alike in every distance. What does it say at them?",
    options={
        "Four vectors that point along the four bonds": "It would need to know where the bonds point. Distances do not tell.",
        "Four times the same three numbers": "The same distances, the same numbers. The forces, though, point in four "
        "directions.",
        "Four vectors of one length, in random directions": "A network computes; the same inputs give the same numbers.",
    },
    answer="Four times the same three numbers",
)
question(
    "202.conserve",
    "A turned start gives a turned prediction, exactly. Which of these does EGNN then conserve exactly from t = 0 to 1?",
    options={
        "Angular momentum, because of the rotations": "Noether's theorem speaks of a motion that follows from an energy. A map "
        "that turns along with its input may still add angular momentum.",
        "Momentum, because of the translations": "A moved start gives a moved end. It may still have gained speed on the way.",
        "Energy": "Nothing in the network knows the energy.",
        "None of them": "Equivariance relates two motions. A conservation law relates two times of one motion.",
    },
    answer="None of them",
)
question(
    "202.ethane",
    "The edges of a graph are the bonds. One methyl group of ethane turns about the C-C bond; in hydrogen peroxide one O-H "
    "bond turns about O-O. Which of the two turns does EGNN feel?",
    options={
        "Both": "Sum the three arrows from a carbon to its hydrogens: what is left, and does it turn?",
        "Only that of hydrogen peroxide": "The push on an oxygen has a part across the axis, which turns. In ethane the three "
        "pushes across the axis cancel.",
        "Neither": "No bond changes its length, but the layers move the atoms, and the next layer measures new distances.",
    },
    answer="Only that of hydrogen peroxide",
)


def _edges(generator, nodes):
    """All ordered pairs, receivers i ascending."""
    i, j = torch.cartesian_prod(torch.arange(nodes), torch.arange(nodes)).T
    kept = (i != j) & (torch.rand(len(i), generator=generator) < 0.8)
    return i[kept], j[kept]


def _normal(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _weighted_points(generator):
    i, j = _edges(generator, 6)
    return _normal(generator, 6, 3), _normal(generator, len(i)), i, j


@exercise(
    "202.move",
    inputs=_weighted_points,
    axes=("nodes", "xyz"),
    hints=(
        "One arrow an edge, from j to i; a weight stretches it; node i adds up the arrows that end in it.",
        "The arrows are `x[i] - x[j]`, (edges, 3); `w[:, None]` stretches each as a whole.",
        "`torch.zeros_like(x).index_add(0, i, arrows)` adds at the receivers; the old x stays in the sum.",
    ),
    mistakes={
        "The arrows point from i to j: eq. 4 wants x_i - x_j.": (
            lambda x, w, i, j: x + torch.zeros_like(x).index_add(0, i, w[:, None] * (x[j] - x[i]))
        ),
        "You added at the senders: node i adds up what arrives at i.": (
            lambda x, w, i, j: x + torch.zeros_like(x).index_add(0, j, w[:, None] * (x[i] - x[j]))
        ),
        "That is the sum of the pushes: x_i itself is missing.": (
            lambda x, w, i, j: torch.zeros_like(x).index_add(0, i, w[:, None] * (x[i] - x[j]))
        ),
        "You summed w x_j, whose arrows start at the origin: take x_i - x_j, which do not care where it lies.": (
            lambda x, w, i, j: x + torch.zeros_like(x).index_add(0, i, w[:, None] * x[j])
        ),
        "The arrows have been made unit vectors: eq. 4 takes x_i - x_j with its length.": (
            lambda x, w, i, j: x + torch.zeros_like(x).index_add(
                0, i, w[:, None] * torch.nn.functional.normalize(x[i] - x[j], dim=1)
            )
        ),
        "Only one push a node has survived: `x[i] += ...` writes a row once, however often i names it. Use index_add.": (
            lambda x, w, i, j: x.index_put((i,), x[i] + w[:, None] * (x[i] - x[j]))
        ),
    },
)  # fmt: skip
def move(x, w, i, j):
    """Where eq. 4 moves the nodes: x_i plus the sum of (x_i - x_j) w_ij over its edges."""
    arrows = w[:, None] * (x[i] - x[j])
    return x + torch.zeros_like(x).index_add(0, i, arrows)


def _charges(generator):
    q = 2.0 * torch.randint(0, 2, (5,), generator=generator).double() - 1
    return _normal(generator, 5, 3), _normal(generator, 5, 3), q


def _conserved(
    pairs=lambda products: products.triu(1),
    *,
    cross=torch.linalg.cross,
    kinetic=0.5,
    soft=0.01,
    mass=torch.ones_like,
):
    def wrong(x, v, q):
        r2 = (x[:, None] - x).square().sum(-1) + torch.eye(len(x)) * (soft == 0)
        energy = kinetic * v.square().sum() + (pairs(q[:, None] * q) / (r2 + soft).sqrt()).sum()
        return energy, (mass(q)[:, None] * v).sum(0), cross(x, v).sum(0)

    return wrong


@exercise(
    "202.conserved",
    inputs=_charges,
    hints=(
        "All masses are 1: the momentum is the sum of v, the angular momentum the sum of x × v.",
        "The energy is Σ v²/2 over charges and Σ q_i q_j / √(r² + 0.01) over pairs, each pair once, none with itself.",
        "`i, j = torch.triu_indices(5, 5, 1)` lists the ten pairs; `torch.linalg.cross(x, v)` works row by row.",
    ),
    mistakes={
        "Each pair is counted twice: i with j, and j with i.": (
            _conserved(lambda products: products - torch.diag(products.diagonal()))
        ),
        "Each charge meets itself in the sum, at r = 0.": _conserved(lambda products: products.triu(0)),
        "The angular momentum is x × v, not v × x.": _conserved(cross=lambda x, v: torch.linalg.cross(v, x)),
        "The angular momentum is taken about the centre of the charges; take it about the origin.": (
            _conserved(cross=lambda x, v: torch.linalg.cross(x - x.mean(0), v))
        ),
        "The kinetic energy is v²/2.": _conserved(kinetic=1.0),
        "The softening is missing: q_i q_j / √(r² + 0.01).": _conserved(soft=0),
        "The momentum is that of masses, which are all 1; you took the charges for masses.": _conserved(
            mass=lambda q: q
        ),
    },
)
def conserved(x, v, q):
    """Energy, momentum (3,) and angular momentum (3,) of charges with mass 1."""
    i, j = torch.triu_indices(len(q), len(q), 1)
    r2 = (x[i] - x[j]).square().sum(1)
    energy = v.square().sum() / 2 + (q[i] * q[j] / (r2 + 0.01).sqrt()).sum()
    return energy, v.sum(0), torch.linalg.cross(x, v).sum(0)


def _points_and_table(generator):
    return _normal(generator, 5, 3), _normal(generator, 5, 5)


def _pushes(x, w):
    return torch.einsum("ij,ijx->ix", w, x[:, None] - x)


@exercise(
    "202.mutual",
    inputs=_points_and_table,
    axes=("nodes", "xyz"),
    hints=(
        "The arrow from j to i and the arrow from i to j are opposite. What must hold for their weights?",
        "Weights w_ij = w_ji make every pair of pushes cancel: take the mean of the two.",
        "`s = (w + w.T) / 2`, then `torch.einsum('ij,ijx->ix', s, x[:, None] - x)`.",
    ),
    mistakes={
        "These pushes do not add up to zero yet: w_ij and w_ji differ.": _pushes,
        "With w_ij = -w_ji both partners are pushed the same way: add the two, do not subtract.": (
            lambda x, w: _pushes(x, (w - w.T) / 2)
        ),
        "That is the sum of w_ij and w_ji; take their mean.": lambda x, w: _pushes(x, w + w.T),
        "These are the arrows from i to j: the push on i goes along x_i - x_j.": (
            lambda x, w: _pushes(x, -(w + w.T) / 2)
        ),
        "These are the new places; only the pushes are asked for.": lambda x, w: (
            x + _pushes(x, (w + w.T) / 2)
        ),
        "You summed s_ij x_j, whose arrows start at the origin: take x_i - x_j.": lambda x, w: (
            (w + w.T) / 2 @ x
        ),
    },
)
def mutual(x, w):
    """Pushes Σ_j (x_i - x_j) s_ij that cancel in sum, with s_ij the mean of w_ij and w_ji."""
    s = (w + w.T) / 2
    return torch.einsum("ij,ijx->ix", s, x[:, None] - x)


def wake(model):
    """For the report: how far a model of motion carries the charges of a graph in t = 1, from velocities that turn along."""

    def carried(graph):
        weights = graph.edge_lengths().cos() / 10
        velocities = move(graph.positions, weights, graph.receivers, graph.senders) - graph.positions
        return model(graph, torch.ones_like(charges_of(graph)), velocities).positions - graph.positions

    return carried


def chiral():
    """Positions in Å of a carbon and, at the corners of a tetrahedron around it, of H, F, Cl and Br: (5, 3)."""
    corners = torch.tensor([[0, 0, 0], [1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]], dtype=torch.float64)
    return corners / 3**0.5 * torch.tensor([[0.0], [1.09], [1.36], [1.77], [1.94]])
