"""Exercises and questions of lesson 302, Born charges."""

import torch

from equitour.learn import exercise, question
from equitour.symmetry import random_rotation, rotation_matrix

question(
    "302.water",
    "Put a charge q on each hydrogen of a water molecule and −2q on its oxygen, and choose q so that the dipoles of many molecules "
    "come out as well as they can. Now move the atoms a little. With this q, the change of the dipole is predicted …",
    options={
        "about as well as the dipoles": "So it would be if the atom carried its charge along like a load. But q was fitted to where charge "
        "is, not to how it moves.",
        "much worse": "A slope is another property than a value: the electrons rearrange while the atom moves.",
        "much better: in a difference the error cancels": "A constant error would. But the error changes with the geometry.",
    },
    answer="much worse",
)
question(
    "302.titanium",
    "Move the titanium ion of every cell of BaTiO₃ by u. Chemists write Ti⁴⁺, and know that the bond to oxygen is partly covalent: "
    "fewer than four electrons have left. How large is the change of a cell's dipole, divided by u?",
    options={
        "less than 4 e, as the bond is partly covalent": "That is the charge that sits there. But along a partly covalent bond electrons flow when its "
        "length changes.",
        "4 e": "That would be an ion that carries its charge and nothing else.",
        "more than 4 e": "A bond is the more covalent the shorter it is: as its length changes, electrons flow along it, and they add to the change.",
    },
    answer="more than 4 e",
)
question(
    "302.oxygen",
    "In cubic BaTiO₃ each oxygen sits on a line between two titaniums: quarter turns about this line leave the crystal as it is, and so "
    "do mirrors along and across it. Which parts of its Born charge, 0e + 1e + 2e, may differ from zero?",
    options={
        "0e alone: one number": "That is titanium's case, whose six neighbours make x, y and z alike. The oxygen's line is special.",
        "0e and one component of 2e": "The mean of the three directions, and how much the one along the line differs from the two across.",
        "0e and one component of 1e": "1e is an axial vector. It would have to lie along the line, and a mirror that holds the line turns it over.",
    },
    answer="0e and one component of 2e",
)
question(
    "302.project",
    "The Born charges of a molecule's atoms add up to zero (why, comes next). A network's do not quite, so we subtract their mean "
    "from each atom. Its total squared error, on molecules that it has never seen, …",
    options={
        "may grow: an atom that was right is changed": "One atom's may. But think of all numbers of a molecule as one point: the truth "
        "lies in the plane of zero sum, and we go to the nearest point of that plane.",
        "never grows": "Pythagoras: error² before = error² after + what was taken away².",
        "stays": "It would if the sum was zero before.",
    },
    answer="never grows",
)


def _molecule(generator):
    r = 2 * torch.randn(4, 3, generator=generator, dtype=torch.float64)
    q = torch.randn(4, 1, generator=generator, dtype=torch.float64)
    a = torch.randn(3, generator=generator, dtype=torch.float64)

    def dipole(positions):
        d = positions - positions.mean(0)
        return (q * d * (1 + 0.3 * torch.tanh(d @ a))[:, None]).sum(0)

    return dipole, r


def _differences(dipole, positions, h=1e-3, *, backward=True):
    Z = positions.new_zeros(len(positions), 3, 3)
    for n in range(len(positions)):
        for i in range(3):
            u = torch.zeros_like(positions)
            u[n, i] = h
            Z[n, i] = dipole(positions + u) - (dipole(positions - u) if backward else dipole(positions))
    return Z / (2 * h if backward else h)


@exercise(
    "302.born",
    inputs=_molecule,
    tolerance=3e-5,
    axes=("nodes", "displacement", "field"),
    hints=(
        "Move one atom along one axis, forward and back, and see how the dipole changes.",
        "`u = torch.zeros_like(positions)`, then `u[n, i] = h`: that displacement has a row of Z of its own, `Z[n, i]`.",
        "`Z[n, i] = (dipole(positions + u) - dipole(positions - u)) / (2 * h)` with h = 1e-3 Å.",
    ),
    mistakes={
        "The last two axes are exchanged: i, the displacement, comes before j, the dipole.": lambda mu, r: (
            _differences(mu, r).mT
        ),
        "From −h to +h is a way of 2h: your charges are twice too large.": lambda mu, r: (
            2 * _differences(mu, r)
        ),
        "One step forward has an error of the size of h. Step back as well.": lambda mu, r: _differences(
            mu, r, backward=False
        ),
        "The steps are too long, and the slope changes on the way: take 0.001 Å.": lambda mu, r: _differences(
            mu, r, h=0.1
        ),
        "Zero everywhere. Did all atoms move at once? That leaves the dipole as it is: move one at a time.": lambda mu, r: (
            r.new_zeros(len(r), 3, 3)
        ),
    },
)
def born(dipole, positions):
    """Z[n, i, j]: how dipole component j changes with a displacement of atom n along i, (nodes, 3, 3)."""
    h, Z = 1e-3, positions.new_zeros(len(positions), 3, 3)
    for n in range(len(positions)):
        for i in range(3):
            u = torch.zeros_like(positions)
            u[n, i] = h
            Z[n, i] = (dipole(positions + u) - dipole(positions - u)) / (2 * h)
    return Z


def _branches(generator):
    quantum = 3 + 2 * torch.rand(3, generator=generator, dtype=torch.float64)
    true = 0.4 * quantum * (2 * torch.rand(3, generator=generator, dtype=torch.float64) - 1)
    before = quantum * torch.randn(3, generator=generator, dtype=torch.float64)
    jumps = torch.randint(-2, 3, (3,), generator=generator)
    return before, before + true + jumps * quantum, quantum


def _one_at_most(before, after, quantum):
    difference = after - before
    return difference - quantum * (difference / quantum).round().clamp(-1, 1)


@exercise(
    "302.change",
    inputs=_branches,
    axes=("xyz",),
    hints=(
        "The difference is right up to a whole number of quanta. Which whole number makes it smallest?",
        "`torch.round((after - before) / quantum)` is that whole number.",
        "Take that number times the quantum off the difference.",
    ),
    mistakes={
        "The quanta are still in it: a change by a whole quantum is no change.": lambda b, a, q: a - b,
        "Count quanta, not e·Å: divide by the quantum before you round, and multiply after.": lambda b, a, q: (
            a - b - torch.round(a - b)
        ),
        "Each was wrapped alone; where one of them crossed a wall, the two still stand on different branches.": lambda b, a, q: (
            a % q - b % q
        ),
        "The sign: the change leads from before to after.": lambda b, a, q: change(a, b, q),
        "With the remainder alone all changes are positive: use the nearest branch, which may lie below.": lambda b, a, q: (
            (a - b) % q
        ),
        "There may be more than one quantum in it: count them with `torch.round`.": _one_at_most,
        "The remainder keeps the sign of the difference, and may be larger than half a quantum: round to the nearest.": lambda b, a, q: (
            torch.fmod(a - b, q)
        ),
        "That is how many quanta are in it: take them off the difference.": lambda b, a, q: torch.round(
            (a - b) / q
        ),
        "In units of the quantum: multiply the rest by it.": lambda b, a, q: change(b, a, q) / q,
    },
)
def change(before, after, quantum):
    """The change of a cell's dipole on the nearest branch; dipoles are known up to multiples of the quantum."""
    difference = after - before
    return difference - quantum * torch.round(difference / quantum)


def _site(generator):
    turn = random_rotation(generator=generator)
    axis, across = [0.0, 0.0, 1.0], torch.diag(torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))
    quarters = torch.stack([rotation_matrix(axis, k * torch.pi / 2) for k in range(4)])
    group = turn @ torch.cat([quarters, quarters @ across]) @ turn.T
    return group, torch.randn(3, 3, generator=generator, dtype=torch.float64)


@exercise(
    "302.allowed",
    inputs=_site,
    axes=("displacement", "field"),
    hints=(
        "An allowed tensor is one that no operation changes. Take the images of Z under all operations: what do you make of them?",
        "The mean of all images g Z gᵀ: a further operation only puts them into another order.",
        "torch multiplies stacks of matrices: `operations @ Z @ operations.mT` are all images, (n, 3, 3).",
    ),
    mistakes={
        "Only one index was turned: displacement and field turn both.": lambda g, Z: (g @ Z).mean(0),
        "The second index turns with gᵀ, not with g: an image is g Z gᵀ.": lambda g, Z: (g @ Z @ g).mean(0),
        "The operations were averaged before they acted: average the images g Z gᵀ.": lambda g, Z: (
            g.mean(0) @ Z @ g.mean(0).T
        ),
        "Only the diagonal was kept: which entries the site allows depends on how it lies to the axes.": lambda g, Z: (
            torch.diag(Z.diagonal())
        ),
        "That is the symmetric part. The symmetry of the site is another matter.": lambda g, Z: (Z + Z.T) / 2,
        "Only the mean of the diagonal is left: that is one number, and this site allows more.": lambda g, Z: (
            torch.trace(Z) / 3 * torch.eye(3, dtype=Z.dtype)
        ),
        "A sum over the group is not yet a mean: divide by the number of operations.": lambda g, Z: (
            g @ Z @ g.mT
        ).sum(0),
    },
)
def allowed(operations, Z):
    """The nearest tensor (3, 3) that the operations (n, 3, 3) of a site leave alone."""
    return (operations @ Z @ operations.mT).mean(0)


def _two_molecules(generator):
    Z = torch.randn(8, 3, 3, generator=generator, dtype=torch.float64)
    return Z, torch.tensor([0, 0, 0, 1, 1, 1, 1, 1])


def _on_the_last(Z, molecule):
    last = torch.bincount(molecule).cumsum(0) - 1
    return Z.index_add(0, last, -Z.new_zeros(2, 3, 3).index_add(0, molecule, Z))


@exercise(
    "302.sum_rule",
    inputs=_two_molecules,
    axes=("nodes", "displacement", "field"),
    hints=(
        "The nearest charges share the change among all atoms of a molecule: subtract from each the molecule's mean tensor.",
        "`Z[molecule == k]` are the charges of molecule k: a loop over k will do.",
        "Without a loop: `Z.new_zeros(k, 3, 3).index_add(0, molecule, Z)` are the sums of k molecules, "
        "`torch.bincount(molecule)` their numbers of atoms, and `mean[molecule]` gives each atom its molecule's mean.",
    ),
    mistakes={
        "The mean over the whole batch was subtracted: molecules that do not know each other would share their errors.": lambda Z, m: (
            Z - Z.mean(0)
        ),
        "Only the diagonal was mended: all nine sums must vanish.": lambda Z, m: (
            Z - torch.diag_embed((Z - sum_rule(Z, m)).diagonal(dim1=1, dim2=2))
        ),
        "The sums vanish, but one atom bears it all: nearest is to share it equally among the molecule's atoms.": _on_the_last,
        "One number was subtracted from all nine components: each has a mean of its own.": lambda Z, m: (
            Z - (Z - sum_rule(Z, m)).mean((1, 2), keepdim=True)
        ),
        "The sum was subtracted from every atom: divide it by their number first.": lambda Z, m: (
            Z - Z.new_zeros(2, 3, 3).index_add(0, m, Z)[m]
        ),
    },
)
def sum_rule(Z, molecule):
    """The nearest charges (nodes, 3, 3) that add up to zero in each molecule; `molecule` (nodes) counts from 0."""
    counts = torch.bincount(molecule)
    sums = Z.new_zeros(len(counts), 3, 3).index_add(0, molecule, Z)
    return Z - (sums / counts[:, None, None])[molecule]
