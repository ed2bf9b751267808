"""Exercises and questions of lesson 302, Born charges."""

import torch

from equitour.learn import exercise, question
from equitour.symmetry import random_rotation, rotation_matrix

question(
    "302.water",
    "Put a charge on each hydrogen of water, and twice its opposite on the oxygen, and choose it so that it gives the dipoles of many "
    "molecules as well as it can. Then move the atoms a little. The changes of the dipole are predicted …",
    options={
        "about as well as the dipoles": "So it would be if the charge was a load that the atom carries. It was fitted to where charge "
        "is, not to how it moves.",
        "much worse": "A slope is another property than a value. The electrons rearrange while the atom moves.",
        "much better: in a difference the error cancels": "A constant error would. But the error changes with the geometry.",
    },
    answer="much worse",
)
question(
    "302.titanium",
    "Move all titanium ions of BaTiO₃ by u. Chemists write Ti⁴⁺, and know that the bond to oxygen is partly covalent: less than four electrons have "
    "left. How large is the change of the dipole of a cell, divided by u?",
    options={
        "less than 4 e, as the bond is partly covalent": "That is the charge that sits there. A covalent bond is also a path for electrons "
        "to move along when its length changes.",
        "4 e": "That would be an ion that carries its charge and nothing else.",
        "more than 4 e": "The bond that is covalent in part is so more or less as its length changes, so electrons flow along it.",
    },
    answer="more than 4 e",
)
question(
    "302.oxygen",
    "In cubic BaTiO₃ each oxygen sits between two titaniums on a line, at a site of symmetry 4/mmm. Which parts of its Born "
    "charge, 0e + 1e + 2e, may be different from zero?",
    options={
        "0e alone: one number": "That is titanium's case, whose six neighbours make x, y and z alike. The oxygen's line is special.",
        "0e and one component of 2e": "The mean, and how much the direction of the line differs from the two across it.",
        "0e and one component of 1e": "1e is an axial vector. A mirror that holds the line would turn it over.",
    },
    answer="0e and one component of 2e",
)
question(
    "302.project",
    "A network's charges of a molecule do not quite add up to zero. We subtract their mean from each atom. Its error over all "
    "components, on molecules that it has never seen, …",
    options={
        "may grow: an atom that was right is moved": "One atom's may. But think of all numbers of a molecule as one point: the truth "
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
    tolerance=1e-5,
    axes=("nodes", "displacement", "field"),
    hints=(
        "Move one atom along one axis, forward and back, and see how the dipole changes.",
        "`u = torch.zeros_like(positions)`, then `u[n, i] = h`: that displacement has a row of Z of its own, `Z[n, i]`.",
        "`Z[n, i] = (dipole(positions + u) - dipole(positions - u)) / (2 * h)` with h = 1e-3 Å.",
    ),
    mistakes={
        "The transpose: the first axis after the atom is the displacement, the second is that of the dipole.": (
            lambda dipole, positions: _differences(dipole, positions).mT
        ),
        "From −h to +h is a way of 2h: your charges are twice too large.": (
            lambda dipole, positions: 2 * _differences(dipole, positions)
        ),
        "One step forward has an error of the size of h. Step back as well.": (
            lambda dipole, positions: _differences(dipole, positions, backward=False)
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
    jumps = torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64)
    return before, before + true + jumps * quantum, quantum


def _nearest(difference, quantum):
    return difference - quantum * torch.round(difference / quantum)


@exercise(
    "302.change",
    inputs=_branches,
    axes=("xyz",),
    hints=(
        "The difference is right up to a whole number of quanta. Which whole number makes it smallest?",
        "`torch.round((after - before) / quantum)` counts the quanta nearest to the difference.",
        "Take that number times the quantum off the difference.",
    ),
    mistakes={
        "The quanta are still in it: a change by a whole quantum is no change.": (
            lambda before, after, quantum: after - before
        ),
        "Count quanta, not e·Å: divide by the quantum before you round, and multiply after.": (
            lambda before, after, quantum: after - before - torch.round(after - before)
        ),
        "Wrapped one by one, the two still stand on different branches where one of them crossed a wall.": (
            lambda before, after, quantum: after % quantum - before % quantum
        ),
        "The sign: the change leads from before to after.": (
            lambda before, after, quantum: _nearest(before - after, quantum)
        ),
        "With the remainder alone all changes are positive: use the nearest branch, which may lie below.": (
            lambda before, after, quantum: (after - before) % quantum
        ),
        "In units of the quantum: multiply the rest by it.": (
            lambda before, after, quantum: (
                (after - before) / quantum - torch.round((after - before) / quantum)
            )
        ),
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
        "An allowed tensor is one that no operation changes. The mean over all its images is such a tensor.",
        "Both indices turn: an image is g Z gᵀ.",
        "`(operations @ Z @ operations.mT).mean(0)`",
    ),
    mistakes={
        "Only one index was turned: displacement and field turn both.": lambda operations, Z: (
            operations @ Z
        ).mean(0),
        "That is the symmetric part. The symmetry of the site is another matter.": lambda operations, Z: (
            (Z + Z.T) / 2
        ),
        "Nothing was taken away: this tensor still has what the site forbids.": lambda operations, Z: (
            Z.clone()
        ),
        "Only the mean of the diagonal is left: that is one number, and this site allows more.": (
            lambda operations, Z: torch.trace(Z) / 3 * torch.eye(3, dtype=Z.dtype)
        ),
        "A sum over the group is not yet a mean: divide by the number of operations.": (
            lambda operations, Z: (operations @ Z @ operations.mT).sum(0)
        ),
    },
)
def allowed(operations, Z):
    """The nearest tensor (3, 3) that the operations (n, 3, 3) of a site leave alone."""
    return (operations @ Z @ operations.mT).mean(0)


def _two_molecules(generator):
    Z = torch.randn(8, 3, 3, generator=generator, dtype=torch.float64)
    return Z, torch.tensor([0, 0, 0, 1, 1, 1, 1, 1])


def _imposed(Z, molecule, times=1.0):
    sums = Z.new_zeros(2, 3, 3).index_add(0, molecule, Z)
    return Z - times * (sums / torch.bincount(molecule)[:, None, None])[molecule]


@exercise(
    "302.sum_rule",
    inputs=_two_molecules,
    axes=("nodes", "displacement", "field"),
    hints=(
        "Each molecule has a sum rule of its own. Sum its charges, divide by its number of atoms, subtract.",
        "`torch.zeros(molecules, 3, 3).index_add(0, molecule, Z)` are the sums, `torch.bincount(molecule)` the numbers of atoms.",
        "`mean = sums / counts[:, None, None]`, then `Z - mean[molecule]`.",
    ),
    mistakes={
        "The mean over the whole batch was subtracted: molecules that do not know each other would share their errors.": (
            lambda Z, molecule: Z - Z.mean(0)
        ),
        "Nothing was subtracted: these charges still add up to what they did.": lambda Z, molecule: Z.clone(),
        "Only the diagonal was mended: all nine sums must vanish.": (
            lambda Z, molecule: Z - torch.diag_embed((Z - _imposed(Z, molecule)).diagonal(dim1=1, dim2=2))
        ),
        "The sum was subtracted from every atom: divide it by their number first.": (
            lambda Z, molecule: Z - Z.new_zeros(2, 3, 3).index_add(0, molecule, Z)[molecule]
        ),
    },
)
def sum_rule(Z, molecule):
    """The nearest charges (nodes, 3, 3) that add up to zero in each molecule; `molecule` (nodes) counts from 0."""
    counts = torch.bincount(molecule)
    sums = Z.new_zeros(len(counts), 3, 3).index_add(0, molecule, Z)
    return Z - (sums / counts[:, None, None])[molecule]
