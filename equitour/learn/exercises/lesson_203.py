"""Exercises and questions of lesson 203, NequIP."""

import torch

from equitour.graph import AtomicGraph
from equitour.learn import exercise, question

question(
    "203.bend",
    "A network carries scalars only and gets as many water molecules as you like. Which part of the force on a hydrogen can it "
    "never give?",
    options={
        "None, with enough molecules": "What is not in the messages cannot be learnt from any number of examples.",
        "The part along the bond": "That one it has: the length of the bond is all that is sent along it.",
        "The part across the bond": "The oxygen adds up what two lengths say. Bend the molecule: both lengths stay, and so does "
        "the energy, whatever the weights are.",
    },
    answer="The part across the bond",
)
question(
    "203.reach",
    "Now the cutoff is 4 Å, and the hydrogens send each other messages as well. Can scalars learn the force across the bond now?",
    options={
        "No: scalars know no angles": "Three lengths fix the triangle, its angle too. The distance between the hydrogens changes "
        "when the molecule bends, so its gradient has a part across the bond.",
        "Yes: the third side says how far it is bent": "So from here on it is no question of can or cannot, but of how many "
        "examples it takes. Section 5 measures that on ethanol.",
        "Only after several layers": "One message from hydrogen to hydrogen is enough.",
    },
    answer="Yes: the third side says how far it is bent",
)
question(
    "203.curve",
    "Without vectors, but with a cutoff of 4 Å, a network learns ethanol's forces from 800 frames. How many frames does a "
    "network with vectors and quadrupoles and no more weights need to be as good on new ones?",
    options={
        "About as many: more data make up for missing vectors": "That is the idea that this lesson was made for. Look at the right end "
        "of the plot.",
        "About half as many": "Both networks obey every rotation exactly. What differs is what one message can say: a length, or "
        "a length and a direction.",
        "A hundred or fewer": "From 30 frames on, each frame teaches a network with vectors more.",
    },
    answer="A hundred or fewer",
)
question(
    "203.conserve",
    "We let ethanol move on a trained potential, at constant energy. Its forces are off by several per cent. What happens to "
    "the total energy?",
    options={
        "It drifts, by the error of the forces": "The error is measured against GFN2. The motion knows nothing of GFN2: its forces "
        "are the gradient of one smooth function, and that is all that conservation asks.",
        "It stays, up to the ripple of the time step": "Forces that are minus the gradient of an energy conserve that energy, right "
        "or wrong. Conservation is no proof of accuracy.",
        "It stays only if the training set held this trajectory": "No data enter: it holds for random weights too.",
    },
    answer="It stays, up to the ripple of the time step",
)


def _normal(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _message_parts(generator):
    degrees = torch.randint(0, 3, (2,), generator=generator).tolist()
    rows = [2 * l + 1 for l in (*degrees, 1)]
    return (
        _normal(generator, *rows),
        _normal(generator, 7, rows[0], 4),
        _normal(generator, 7, rows[1]),
        _normal(generator, 7, 4),
    )


@exercise(
    "203.message",
    inputs=_message_parts,
    axes=("edges", "rows", "channels"),
    hints=(
        "Two rows, a of the sender and b of the harmonic, are summed away; edges and channels stay.",
        "Name the axes: C is `abm`, h is `eac`, Y is `eb`, w is `ec`. Which letters does the result keep?",
        '`torch.einsum("abm,eac,eb,ec->emc", C, h, Y, w)`',
    ),
    mistakes={
        "The weights are missing: how loud a message is depends on the distance, by w.": (
            lambda C, h, Y, w: torch.einsum("abm,eac,eb->emc", C, h, Y)
        ),
        "Every edge has weights of its own: you have summed or averaged them over the edges.": (
            lambda C, h, Y, w: torch.einsum("abm,eac,eb,fc->emc", C, h, Y, w)
        ),
        "Channels do not mix here: each keeps its own weight.": (
            lambda C, h, Y, w: torch.einsum("abm,eac,eb,ed->emc", C, h, Y, w)
        ),
    },
)
def message(C, h, Y, w):
    """The message of each edge: C couples the sender's h with the harmonic Y, and w weighs it."""
    return torch.einsum("abm,eac,eb,ec->emc", C, h, Y, w)


def _spring_chain(generator):
    graph = AtomicGraph.from_arrays(
        _normal(generator, 5, 3) * 2, [1, 6, 8, 1, 1], cutoff=50.0, min_distance=0
    )
    stiffness = float(torch.rand((), generator=generator, dtype=torch.float64)) + 0.5

    def energy(graph):
        lengths = graph.edge_vectors().norm(dim=1)
        return (stiffness * torch.cos(lengths)).sum()

    return energy, graph


def _slope_of(energy, graph, *, sign=-1.0, share=1.0):
    r = graph.positions.detach().requires_grad_()
    return sign * share * torch.autograd.grad(energy(graph.replace(positions=r)).sum(), r)[0]


@exercise(
    "203.forces",
    inputs=_spring_chain,
    axes=("nodes", "xyz"),
    hints=(
        "Only a tensor that asks for gradients gets one. The graph is frozen: put positions of your own into a copy.",
        "`r = graph.positions.detach().requires_grad_()`, then the energy of `graph.replace(positions=r)`.",
        "`torch.autograd.grad(energy, r)` returns a tuple with one gradient. A force points downhill.",
    ),
    mistakes={
        "That points uphill: a force is minus the gradient.": lambda energy, graph: _slope_of(
            energy, graph, sign=1.0
        ),
        "The whole energy belongs to all atoms: do not divide by their number.": (
            lambda energy, graph: _slope_of(energy, graph, share=1 / graph.num_nodes)
        ),
    },
)
def forces(energy, graph):
    """F = −∂E/∂r of a function from a graph to its energy, (nodes, 3)."""
    r = graph.positions.detach().requires_grad_()
    E = energy(graph.replace(positions=r)).sum()
    return -torch.autograd.grad(E, r)[0]


def _learning_curve(generator):
    sizes = torch.tensor([10.0, 30.0, 100.0, 300.0, 1000.0], dtype=torch.float64)
    slope = 0.3 + torch.rand((), generator=generator, dtype=torch.float64)
    noise = (0.05 * _normal(generator, 5)).exp()
    return sizes, 300 * sizes**-slope * noise


def _fitted(x, y):
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / (x * x).sum()


@exercise(
    "203.slope",
    inputs=_learning_curve,
    hints=(
        "Take the logarithm of error = a N^(−s). What is the slope of that line?",
        "Least squares: with x and y measured from their means, the slope is Σ x y / Σ x².",
        "`x = N.log() - N.log().mean()`, the same for the error, and a minus sign: s is positive when errors fall.",
    ),
    mistakes={
        "The error falls, so the exponent s of N^(−s) is positive: turn the sign.": (
            lambda N, error: _fitted(N.log(), error.log())
        ),
        "Both axes need the logarithm, N as well.": lambda N, error: -_fitted(N, error.log()),
        "Both axes need the logarithm, the error as well.": lambda N, error: -_fitted(N.log(), error),
        "That is the line through the first and the last point; let all points pull, by least squares.": (
            lambda N, error: -(error[-1] / error[0]).log() / (N[-1] / N[0]).log()
        ),
    },
)
def slope(N, error):
    """The exponent s of error ∝ N^(−s), by least squares through all points."""
    x, y = N.log() - N.log().mean(), error.log() - error.log().mean()
    return -(x * y).sum() / (x * x).sum()


def _noisy_run(generator):
    times = torch.arange(200, dtype=torch.float64) * 0.5
    energy = (
        -300 + 1e-5 * times * _normal(generator, 1) + 1e-3 * torch.sin(times) + 1e-4 * _normal(generator, 200)
    )
    return times, energy, int(torch.randint(3, 20, (), generator=generator))


@exercise(
    "203.drift",
    inputs=_noisy_run,
    hints=(
        "The ripple of the time step goes up and down. What you want is the slope of the line through all points.",
        "Σ x y / Σ x² again, with times and energies measured from their means, in eV/fs.",
        "1 eV/fs is 10⁶ meV/ps. Then divide by the atoms.",
    ),
    mistakes={
        "A drift is wanted for each atom: divide by their number.": (
            lambda times, energy, atoms: 1e6 * _fitted(times, energy)
        ),
        "Still in eV/fs: 1 eV/fs is 10⁶ meV/ps.": lambda times, energy, atoms: _fitted(times, energy) / atoms,
        "1 eV/fs is 10⁶ meV/ps: a thousand for the milli, a thousand for the pico.": (
            lambda times, energy, atoms: 1e3 * _fitted(times, energy) / atoms
        ),
        "The last point minus the first catches the ripple: fit a line through all of them.": (
            lambda times, energy, atoms: 1e6 * (energy[-1] - energy[0]) / (times[-1] - times[0]) / atoms
        ),
    },
)
def drift(times, energy, atoms):
    """Drift of the total energy in meV per ps and atom, of times in fs and energies in eV."""
    x, y = times - times.mean(), energy - energy.mean()
    return 1e6 * (x * y).sum() / (x * x).sum() / atoms
