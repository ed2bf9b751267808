"""Exercises and questions of lesson 205, a gallery of planned failures."""

import torch

from equitour.learn import exercise, question
from equitour.radial import cosine_cutoff, polynomial_cutoff

question(
    "205.test_error",
    "Six networks learn from the same 400 frames. Five of them have lost a part. How do their force errors on new "
    "frames compare?",
    options={
        "The sound one is better by a factor of two or more": "A network that lost a symmetry or a cutoff can still "
        "fit what it sees; what it has lost shows where the test set does not look.",
        "They lie close together": "The test frames look like the training frames, and nobody turned, mirrored, "
        "stretched or ran them.",
        "The sound one is worst, since it is the least free": "Symmetry takes away only functions that are wrong.",
    },
    answer="They lie close together",
)
question(
    "205.report",
    "The equivariance report asks one question: do the forces turn as vectors? How many of the five will it find?",
    options={
        "All five": "An equivariant function can still have steps, and need not be the gradient of anything.",
        "Two": "Gate and parity are about turning and mirroring. Envelope, count and gradient are not.",
        "None, they all learned it": "Training makes errors small near the training data; the report measures them "
        "with thirteen digits.",
    },
    answer="Two",
)
question(
    "205.spin",
    "Without the gate the energy depends on how the molecule lies in the laboratory. Forces are its exact gradient. "
    "We let the molecule go at rest. What will it do that no molecule does?",
    options={
        "Heat up by itself": "Forces that are a gradient keep the total energy, whatever the energy depends on.",
        "Fly away": "The energy still depends on differences of positions only, so momentum stays zero.",
        "Begin to turn": "An energy that depends on orientation has a slope in it: a torque out of nothing.",
    },
    answer="Begin to turn",
)
question(
    "205.step",
    "Where an energy has a step, what does its automatic gradient say?",
    options={
        "An enormous force": "Only a difference over the step would. The gradient at a point knows one side of it.",
        "Nothing: the slopes on both sides": "The work of the step is in no force. Every time an atom crosses it, "
        "energy appears or vanishes.",
        "NaN": "Both sides are smooth; the step itself has no width that a point could fall into.",
    },
    answer="Nothing: the slopes on both sides",
)
question(
    "205.direct",
    "The fifth network has no steps, turns and mirrors perfectly, and its forces are as accurate. They are an "
    "output, not a gradient. What will a run at constant energy do?",
    options={
        "Keep its energy as well as the sound one": "Nothing makes these forces add up to the same work on two paths "
        "between the same places.",
        "Keep it on average": "The errors are not noise: the same wrong work is done each time the same loop is run.",
        "Gain or lose energy without end": "On a closed loop the forces do work, and a vibration is a closed loop.",
    },
    answer="Gain or lose energy without end",
)


def _positions_and_forces(generator):
    def draw():
        return torch.randn(6, 3, generator=generator, dtype=torch.float64)

    return 3 + draw(), draw()


def _about(positions, forces, *, centre=True, swap=1):
    arm = positions - positions.mean(0) if centre else positions
    return swap * torch.linalg.cross(arm, forces).sum(0)


@exercise(
    "205.torque",
    inputs=_positions_and_forces,
    axes=("xyz",),
    hints=(
        "Each atom adds (its place, seen from the middle) × (its force).",
        "Take `positions - positions.mean(0)`, and `torch.linalg.cross` of it with the forces.",
        "Sum over the atoms: three numbers are left.",
    ),
    mistakes={
        "That is the torque about the origin: measure places from the mean position.": (
            lambda positions, forces: _about(positions, forces, centre=False)
        ),
        "The factors stand the wrong way round: place × force.": (
            lambda positions, forces: _about(positions, forces, swap=-1)
        ),
        "`positions.mean()` is one number, the mean of all coordinates: the mean position is `positions.mean(0)`.": (
            lambda positions, forces: torch.linalg.cross(positions - positions.mean(), forces).sum(0)
        ),
        "That is the mean over the atoms: the torque is their sum.": (
            lambda positions, forces: _about(positions, forces) / len(forces)
        ),
    },
)
def torque(positions, forces):
    """The torque of forces (nodes, 3) about the mean position: three numbers, zero for an invariant energy."""
    arm = positions - positions.mean(0)
    return torch.linalg.cross(arm, forces).sum(0)


def _edges(generator):
    receivers = torch.randint(0, 5, (24,), generator=generator).sort().values
    lengths = 0.8 + 2.6 * torch.rand(24, generator=generator, dtype=torch.float64)
    return lengths, receivers, 6, 3.0


def _counted(weight):
    def wrong(lengths, receivers, num_nodes, cutoff):
        return lengths.new_zeros(num_nodes).index_add(0, receivers, weight(lengths, cutoff))

    return wrong


@exercise(
    "205.smooth_count",
    inputs=_edges,
    axes=("nodes",),
    hints=(
        "A neighbour must count less and less on its way out, and nothing at the cutoff.",
        "Let each edge count `polynomial_cutoff(lengths, cutoff=cutoff)` in place of 1.",
        "`lengths.new_zeros(num_nodes).index_add(0, receivers, weight)` adds the weights of each receiver.",
    ),
    mistakes={
        "That still counts every edge as one, so the count jumps when an atom crosses the cutoff.": _counted(
            lambda lengths, cutoff: torch.ones_like(lengths)
        ),
        "The edges within the cutoff still count as one each, so the count jumps there.": _counted(
            lambda lengths, cutoff: (lengths < cutoff).to(lengths)
        ),
        "The cosine cutoff is smooth too, but the exercise asks for the polynomial one.": _counted(
            lambda lengths, cutoff: cosine_cutoff(lengths, cutoff=cutoff)
        ),
        "1 − r / cutoff ends at zero, but with a kink: take the polynomial cutoff.": _counted(
            lambda lengths, cutoff: (1 - lengths / cutoff).clamp(min=0)
        ),
    },
)
def smooth_count(lengths, receivers, num_nodes, cutoff):
    """A number of neighbours for each node that does not jump: an edge counts less and less towards the cutoff."""
    weight = polynomial_cutoff(lengths, cutoff=cutoff)
    return lengths.new_zeros(num_nodes).index_add(0, receivers, weight)


def _loop(generator):
    angles = torch.arange(20, dtype=torch.float64)[:, None, None] * 2 * torch.pi / 20
    a, b, c = (torch.randn(1, 4, 3, generator=generator, dtype=torch.float64) for _ in range(3))
    positions = a + b * angles.cos() + c * angles.sin()
    return positions, torch.randn(20, 4, 3, generator=generator, dtype=torch.float64)


def _work(positions, forces, *, closed=True, end=0.5):
    """The work with so much of the force at a step's end in it, and the rest of the force at its beginning."""
    if closed:
        positions, forces = (torch.cat([x, x[:1]]) for x in (positions, forces))
    force = end * forces[1:] + (1 - end) * forces[:-1]
    return (force * (positions[1:] - positions[:-1])).sum()


@exercise(
    "205.loop_work",
    inputs=_loop,
    hints=(
        "Each little step adds force · step. Which force: that of its beginning, of its end, or of both?",
        "Take the mean of both ends: (F_k + F_k+1) / 2 · (r_k+1 − r_k), summed over atoms and directions too.",
        "`positions.roll(-1, 0)` is the next place of each step, and after the last comes the first again.",
    ),
    mistakes={
        "The loop is open: the way from the last place back to the first is missing.": (
            lambda positions, forces: _work(positions, forces, closed=False)
        ),
        "The force of the beginning alone is one order less accurate: take the mean of both ends.": (
            lambda positions, forces: _work(positions, forces, end=0)
        ),
        "The force of the end alone is one order less accurate: take the mean of both ends.": (
            lambda positions, forces: _work(positions, forces, end=1)
        ),
        "That is force · place: a step is the difference of two places.": (
            lambda positions, forces: (forces * positions).sum()
        ),
        "You went round the wrong way: a step leads from k to k + 1.": (
            lambda positions, forces: -_work(positions, forces)
        ),
    },
)
def loop_work(positions, forces):
    """Work of forces on a closed path, both (steps, nodes, 3); after the last place comes the first again."""
    step = positions.roll(-1, 0) - positions
    force = (forces + forces.roll(-1, 0)) / 2
    return (force * step).sum()


NAMES = ("sound", "no gate", "no parity", "no envelope", "own count", "direct")
# Who lies in which bed. Look at the readings first.
_BEDS = {"A": "own count", "B": "no parity", "C": "sound", "D": "direct", "E": "no gate"}
_SIGNS = {
    "sound": "every reading is rounding.",
    "no gate": "a rotation alone already makes an error.",
    "no parity": "rotations are right to thirteen digits, and only a mirror makes an error.",
    "own count": "it turns and mirrors well, and its energy has a step, but only where a third atom is near.",
    "direct": "it turns and mirrors well, the energy has no step, and its forces push the molecule as a whole.",
}


def patients(models):
    """The models under the letters of their beds."""
    return {letter: models[name] for letter, name in _BEDS.items()}


def _same_names(answer, expected):
    if not isinstance(answer, (list, tuple)) or len(answer) != len(expected):
        return f"There must be {len(expected)} names in a list, one for each bed from A to E."
    for letter, mine, theirs in zip(_BEDS, answer, expected, strict=True):
        if mine not in NAMES:
            return f"Bed {letter}: {mine!r} is none of {', '.join(NAMES)}."
        if mine != theirs:
            return f"Bed {letter} is not {mine!r}. Look again: {_SIGNS[theirs]}"
    return None


@exercise(
    "205.diagnosis",
    hints=(
        "Go column by column. Which readings are rounding errors, and which are not?",
        "A rotation error above 1e-10: the gate. No rotation error, but one under reflection: parity.",
        "A step of a pair alone: the envelope. A step only beside a third atom: the count. A net force: the forces are no gradient. Nothing at all: sound.",
    ),
    compare=_same_names,
)
def diagnosis():
    """What each patient from A to E has lost, or "sound"."""
    return ["own count", "no parity", "sound", "direct", "no gate"]
