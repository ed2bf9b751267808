"""Exercises and questions of the page of conventions."""

import torch
from ase import units

from equitour.learn import exercise, question
from equitour.symmetry import irreps_matrix

question(
    "conventions.reorder",
    "A table gives d orbitals in the textbook order (xy, yz, z², xz, x² − y²), polar axis z. Is it enough to reorder the "
    "five numbers to get e3nn's components of the same function, in the same axes?",
    options={
        "Yes, as for l = 1": "For l = 1 it is a reordering, (y, z, x) to (x, y, z). Not beyond: see the picture.",
        "No, they must be mixed": "z² is −½ y² and a piece of z² − x² in functions about the y axis: a 5 x 5 matrix, not a permutation.",
        "No, some signs must change": "Signs and order are not enough: z² is no single one of the functions about y.",
    },
    answer="No, they must be mixed",
)
question(
    "conventions.pressure",
    "VASP prints `in kB 12.0 12.0 12.0 0 0 0`. What does ASE's `get_stress()` return for the first component?",
    options={
        "Positive": "VASP prints a pressure: positive when the crystal wants to expand. ASE's stress is then negative.",
        "Negative": "ASE's stress is dE/dε / V: a compressed crystal lowers its energy by expanding.",
    },
    answer="Negative",
)


def _textbook(generator):
    degree = int(torch.randint(1, 5, (1,), generator=generator))
    return degree, torch.randn(4, 2 * degree + 1, generator=generator, dtype=torch.float64)


def _relabelled(indices, degree, coefficients):
    relabel = torch.eye(3, dtype=torch.float64)[indices]
    return coefficients @ irreps_matrix(f"1x{degree}e", relabel).T


@exercise(
    "conventions.to_e3nn",
    inputs=_textbook,
    axes=("functions", "components"),
    hints=(
        "The same function, f = Σ c S = Σ c' Y. From Y(v) = S(P v) follows S(v) = Y(P⁻¹ v) = D(P)⁻¹ Y(v): put it in.",
        "Coefficients turn against the functions: from f = cᵀ D(P)ᵀ Y follows c' = D(P) c.",
        "`coefficients @ irreps_matrix(f'1x{degree}e', P).T`, where `P = torch.eye(3)[[2, 0, 1]]` in float64.",
    ),
    mistakes={
        "This is the way back: D(P) was needed, not its inverse.": (
            lambda degree, coefficients: _relabelled([1, 2, 0], degree, coefficients)
        ),
        "The coefficients are unchanged, but the polar axes differ: z in the textbook, y in e3nn.": (
            lambda degree, coefficients: coefficients
        ),
    },
)
def to_e3nn(degree, coefficients):
    """Coefficients (functions, 2l+1) of textbook real harmonics (polar axis z) as coefficients of e3nn's."""
    P = torch.eye(3, dtype=torch.float64)[[2, 0, 1]]
    return coefficients @ irreps_matrix(f"1x{degree}e", P).T


_OPERATIONS = [
    [[0, -1, 0], [1, -1, 0], [0, 0, 1]],
    [[1, -1, 0], [1, 0, 0], [0, 0, 1]],
    [[0, 1, 0], [1, 0, 0], [0, 0, -1]],
    [[-1, 1, 0], [0, 1, 0], [0, 0, 1]],
]


def _hexagonal(generator):
    a, c = (2 + 4 * torch.rand(2, generator=generator, dtype=torch.float64)).tolist()
    rows = [[a, 0, 0], [-a / 2, a * 0.75**0.5, 0], [0, 0, c]]
    which = int(torch.randint(len(_OPERATIONS), (1,), generator=generator))
    return torch.tensor(rows, dtype=torch.float64), torch.tensor(_OPERATIONS[which], dtype=torch.float64)


@exercise(
    "conventions.cartesian_operation",
    inputs=_hexagonal,
    axes=("xyz", "xyz"),
    hints=(
        "W acts on fractional columns, u' = W u. How do fractional columns become Cartesian ones?",
        "With the lattice vectors as columns of A (the transpose of `cell`), r = A u; so r' = A W u = A W A⁻¹ r.",
        "`cell.T @ W @ torch.linalg.inv(cell.T)`",
    ),
    mistakes={
        "The lattice vectors must stand in columns here: use `cell.T`. In a cubic cell nobody would notice.": (
            lambda cell, W: cell @ W @ torch.linalg.inv(cell)
        ),
        "The inverse stands on the wrong side: first from Cartesian to fractional, then W, then back.": (
            lambda cell, W: torch.linalg.inv(cell.T) @ W @ cell.T
        ),
        "W is still fractional: in a hexagonal cell it is not even orthogonal.": lambda cell, W: W,
    },
)
def cartesian_operation(cell, W):
    """The Cartesian matrix of an operation W on fractional columns; the lattice vectors are rows of cell."""
    return cell.T @ W @ torch.linalg.inv(cell.T)


def _six(generator):
    return 100 * torch.randn(6, generator=generator, dtype=torch.float64)


def _from_vasp(kbar, order=(0, 3, 5, 3, 1, 4, 5, 4, 2), factor=-0.1):
    return factor * units.GPa * kbar[list(order)].reshape(3, 3)


@exercise(
    "conventions.vasp_stress",
    inputs=_six,
    axes=("xyz", "xyz"),
    tolerance=1e-6,
    hints=(
        "Three things differ: the order XX YY ZZ XY YZ ZX, the sign, and the unit (1 kB = 0.1 GPa).",
        "`-0.1 * units.GPa` takes care of two of them.",
        "`xx, yy, zz, xy, yz, zx = kbar`, then stack the nine entries row by row.",
    ),
    mistakes={
        "The sign: VASP prints a pressure, positive when the crystal wants to expand.": (
            lambda kbar: _from_vasp(kbar, factor=0.1)
        ),
        "The order: VASP's last three are XY YZ ZX, not the YZ XZ XY of Voigt and ASE.": (
            lambda kbar: _from_vasp(kbar, order=(0, 5, 4, 5, 1, 3, 4, 3, 2))
        ),
        "1 kB is 0.1 GPa: your numbers are ten times too large.": lambda kbar: _from_vasp(kbar, factor=-1.0),
        "Order and sign are right, the unit is not: multiply by `units.GPa` to have eV/Å³.": (
            lambda kbar: _from_vasp(kbar, factor=-0.1 / units.GPa)
        ),
    },
)
def vasp_stress(kbar):
    """ASE's stress (3, 3) in eV/Å³ from the six numbers (6,) that VASP prints in kB."""
    xx, yy, zz, xy, yz, zx = -0.1 * units.GPa * kbar
    return torch.stack([xx, xy, zx, xy, yy, yz, zx, yz, zz]).reshape(3, 3)


def _jacobian(generator):
    half = torch.randn(3, 3, 4, 3, generator=generator, dtype=torch.float64)
    return half + half.transpose(0, 1)


@exercise(
    "conventions.raman",
    inputs=_jacobian,
    axes=("atoms", "displacement", "field", "field"),
    hints=(
        "Name the four axes of what you have, and of what you want.",
        "You have (field, field, atom, displacement) and want (atom, displacement, field, field).",
        "`jacobian.permute(2, 3, 0, 1)`: the axes of the result, each by its number in the original.",
    ),
    mistakes={
        "reshape keeps the order in memory and mixes the axes: move them with permute.": (
            lambda jacobian: jacobian.reshape(jacobian.shape[2], 3, 3, 3)
        ),
        "The atoms are first, but the displacement must come before the two fields.": (
            lambda jacobian: jacobian.permute(2, 0, 1, 3)
        ),
    },
)
def raman(jacobian):
    """Raman tensors (atoms, displacement, field, field) of a Jacobian (field, field, atoms, displacement)."""
    return jacobian.permute(2, 3, 0, 1)
