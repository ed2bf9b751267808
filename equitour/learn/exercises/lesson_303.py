"""Exercises and questions of lesson 303, infrared and Raman spectra from two kinds of networks."""

import torch
from e3nn import o3

from equitour.learn import exercise, question, squares

question(
    "303.heights",
    "Carbon dioxide is a straight line O=C=O with a centre of inversion. It stretches in two ways and bends in two. "
    "Which of the four show in its infrared spectrum (light absorbed) and in its Raman spectrum (laser light scattered)?",
    options={
        "All four in both spectra, tallest where the atoms move most": "Light does not see atoms move. It sees what "
        "the motion does to the dipole (infrared) or to the polarizability (Raman).",
        "Every one in exactly one of the two": "Under inversion a motion is even or odd, the dipole is odd, the "
        "polarizability even.",
        "All four in infrared, since both bonds are polar": "In the symmetric stretch the two polar bonds cancel.",
    },
    answer="Every one in exactly one of the two",
)
question(
    "303.carbon",
    "The carbon of carbon dioxide sits on the centre of inversion. How many of the 27 numbers dα/dR of this atom "
    "can differ from zero?",
    options={
        "None": "Inversion leaves the carbon where it is and turns the sign of each odd irrep. All of them are odd.",
        "9": "So many has a Born charge; its irreps are even, and inversion allows them.",
        "18": "So many has a site without any symmetry.",
    },
    answer="None",
)
question(
    "303.translation",
    "Move all atoms by the same step: the polarizability stays, so the Raman tensors of a molecule add up to zero. "
    "Which of the two trained networks knows?",
    options={
        "Both, after enough training": "The heads may come near. Near is not zero.",
        "The energy": "It sees differences of positions only, in any field, so the derivative along a common step "
        "vanishes for any weights.",
        "The heads": "Each atom's tensor is read off its own surroundings; nothing ties the atoms together.",
    },
    answer="The energy",
)
question(
    "303.axial",
    "A line of code calls the electric field an axial vector (1e), which is right for a magnetic one. The network "
    "still turns properly. It learns dipoles and polarizabilities of water. Which will it predict well?",
    options={
        "Neither": "The polarizability holds the field twice, and two wrong signs make a right one.",
        "Both, after enough training": "Weights cannot make what the irreps forbid.",
        "The polarizability alone": "Water lies in a mirror plane. The dipole lies in that plane; an axial "
        "vector that respects the mirror can only stand upright on it.",
    },
    answer="The polarizability alone",
)
question(
    "303.unseen",
    "Neither network has ever seen carbon dioxide. What will be right in the spectra they predict for it?",
    options={
        "Nothing": "What symmetry forbids, it forbids for every equivariant network, learnt or not.",
        "The zeros": "They follow from the shape of the molecule. Heights have to be learnt.",
        "Zeros and heights": "The surroundings of its atoms are unlike any in the training set.",
    },
    answer="The zeros",
)
question(
    "303.elastic",
    "A network with a head for elasticity has never been trained; its weights are random. It is given rock salt, a cubic "
    "crystal. How many different numbers does the 6 × 6 table of its answer hold, apart from zero?",
    options={
        "Up to 21": "So many are free where nothing is symmetric. What turns rock salt into itself must turn the answer into itself.",
        "3": "Cubic symmetry leaves 3 of the 21 free, and an equivariant network hands it on, whatever its weights.",
        "2": "So many has a solid that is alike in all directions. A cubic crystal may be stiffer along its edges.",
    },
    answer="3",
)


def _invariants(A, *, third=3.0, factor=0.5, squares=None):
    A = (A + A.mT) / 2
    trace = A.diagonal(dim1=1, dim2=2).sum(1)
    squares = A.square().sum((1, 2)) if squares is None else squares(A)
    return trace / third, factor * (3 * squares - trace**2)


def _diagonal_squares(A):
    return A.diagonal(dim1=1, dim2=2).square().sum(1)


def _trace_squared(A):
    return A.diagonal(dim1=1, dim2=2).sum(1).square()


def _weighed(mean, anisotropy, first=45, second=7):
    return first * mean**2 + second * anisotropy


def _symmetric(generator):
    A = torch.randn(5, 3, 3, generator=generator, dtype=torch.float64)
    return ((A + A.mT) / 2,)


@exercise(
    "303.activity",
    inputs=_symmetric,
    axes=("modes",),
    hints=(
        "Two numbers of each matrix do not change when it turns: its trace, and the sum of its squared elements.",
        "`A.diagonal(dim1=1, dim2=2).sum(1)` is tr A of each mode, and tr(A A) = `A.square().sum((1, 2))`.",
        "Try it on two matrices: the unit matrix gives 45, a symmetric one without trace gives 10.5 tr(A A).",
    ),
    mistakes={
        "a is the mean of the three diagonal elements: divide the trace by 3.": (
            lambda A: _weighed(*_invariants(A, third=1.0))
        ),
        "The factor ½ of γ² is missing.": lambda A: _weighed(*_invariants(A, factor=1.0)),
        "45 and 7 stand the wrong way round: 45 belongs to a².": lambda A: _weighed(*_invariants(A), 7, 45),
        "That is 45 a² alone: a mode without trace can scatter too.": (
            lambda A: _weighed(*_invariants(A), 45, 0)
        ),
        "tr(A A) is the sum of all nine squares, and yours stops at the diagonal: A * A is no matrix product.": (
            lambda A: _weighed(*_invariants(A, squares=_diagonal_squares))
        ),
        "tr(A A) is not (tr A)²: multiply the matrices first, then take the trace.": (
            lambda A: _weighed(*_invariants(A, squares=_trace_squared))
        ),
        "γ² is already a square: do not square it again.": (
            lambda A: 45 * _invariants(A)[0] ** 2 + 7 * _invariants(A)[1] ** 2
        ),
        "a must be squared.": lambda A: 45 * _invariants(A)[0] + 7 * _invariants(A)[1],
    },
)
def activity(A):
    """Raman activities 45 a² + 7 γ² of symmetric dα/dQ (modes, 3, 3)."""
    trace = A.diagonal(dim1=1, dim2=2).sum(1)
    anisotropy = (3 * A.square().sum((1, 2)) - trace**2) / 2
    return 45 * (trace / 3) ** 2 + 7 * anisotropy


def _electric_energy(generator):
    slopes = torch.randn(4, 3, 3, generator=generator, dtype=torch.float64)
    stiffness = torch.randn(4, 3, generator=generator, dtype=torch.float64)

    def energy(R, field):
        dipole = torch.einsum("nab,na->b", slopes, torch.tanh(R))
        return (R**2).sum() - field @ dipole - (field @ field) * (stiffness * R).cos().sum()

    R = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    return energy, R, torch.randn(3, generator=generator, dtype=torch.float64)


def _mixed(energy, R, field):
    return torch.func.jacrev(torch.func.grad(energy, 0), 1)(R, field)


@exercise(
    "303.born",
    inputs=_electric_energy,
    axes=("nodes", "displacement", "field"),
    hints=(
        "A Born charge is also the change of a force with the field: Z = ∂F/∂𝓔 with F = −∂E/∂R.",
        "`torch.func.grad(energy, 0)` is the function ∂E/∂R of (R, field); number 0 is its first argument.",
        "`torch.func.jacrev(g, 1)(R, field)` differentiates g by its second argument and puts that index last.",
    ),
    mistakes={
        "The sign is wrong: F = −∂E/∂R, so Z = −∂²E/∂R∂𝓔.": _mixed,
        "Displacement and field are exchanged: the field comes last.": (
            lambda energy, R, field: -_mixed(energy, R, field).mT
        ),
        "The field must be the last index, and yours is the first: end with `.permute(1, 2, 0)`.": (
            lambda energy, R, field: -_mixed(energy, R, field).permute(2, 0, 1)
        ),
        "That is Z at zero field: differentiate at the field that is given.": (
            lambda energy, R, field: -_mixed(energy, R, torch.zeros_like(field))
        ),
    },
)
def born(energy, R, field):
    """Born charges (nodes, 3, 3) of `energy(R, field)`, with R (nodes, 3) and field (3)."""
    slope = torch.func.grad(energy, 0)
    return -torch.func.jacrev(slope, 1)(R, field)


HC_OVER_K = 1.438777  # cm K


def _two_peaks(generator):
    nu = 100 + 300 * torch.rand((), generator=generator, dtype=torch.float64)
    laser = 450 + 400 * torch.rand((), generator=generator, dtype=torch.float64)
    T = 200 + 600 * torch.rand((), generator=generator, dtype=torch.float64)
    light = 1e7 / laser
    return ((light + nu) / (light - nu)) ** 4 * torch.exp(-HC_OVER_K * nu / T), nu, laser


def _kelvin(ratio, nu, light, *, power=4):
    gain = torch.log((light + nu) / (light - nu))
    return HC_OVER_K * nu / (power * gain - torch.log(ratio))


@exercise(
    "303.thermometer",
    inputs=_two_peaks,
    tolerance=1e-5,
    hints=(
        "Take the logarithm of both sides, and T stands alone in one term.",
        "log ratio = 4 log((ν₀ + ν)/(ν₀ − ν)) − 1.438777 ν/T.",
        "With ν₀ = 1e7 / laser: T = 1.438777 ν / (4 log((ν₀ + ν)/(ν₀ − ν)) − log ratio).",
    ),
    mistakes={
        "The laser's wavelength must become a wavenumber: ν₀ = 1e7 / laser.": (
            lambda ratio, nu, laser: _kelvin(ratio, nu, laser)
        ),
        "The fourth power of the light's frequency is missing.": (
            lambda ratio, nu, laser: _kelvin(ratio, nu, 1e7 / laser, power=0)
        ),
        "The light's frequency counts to the fourth power, not the first.": (
            lambda ratio, nu, laser: _kelvin(ratio, nu, 1e7 / laser, power=1)
        ),
        "The ratio is anti-Stokes to Stokes, so the light of the numerator has gained ν: (ν₀ + ν)/(ν₀ − ν).": (
            lambda ratio, nu, laser: _kelvin(ratio, nu, 1e7 / laser, power=-4)
        ),
    },
)
def temperature(ratio, nu, laser):
    """T in K from anti-Stokes/Stokes of a mode at nu (cm⁻¹) under a laser (nm)."""
    light = 1e7 / laser
    return 1.438777 * nu / (4 * torch.log((light + nu) / (light - nu)) - torch.log(ratio))


@exercise(
    "303.square",
    inputs=(squares.strain, squares.copies, squares.of_both_parities),
    hints=(
        "Think of a symmetric matrix in blocks: on the diagonal a square of each part, beside it each pair of parts once.",
        "The square of one irrep keeps the degrees `range(0, 2 * l + 1, 2)`, all even; a pair gives all of a ⊗ b.",
        "`parts = [ir for copies, ir in o3.Irreps(irreps) for _ in range(copies)]`; then `list(a * b)` are the irreps of a ⊗ b, and "
        "`o3.Irreps([o3.Irrep(0, 1), …])` makes irreps of a list.",
    ),
    mistakes=squares.MISTAKES,
)
def symmetric_square(irreps):
    """Irreps of the symmetric matrices whose rows and columns have `irreps`, such as "0e + 2e"."""
    parts = [ir for copies, ir in o3.Irreps(irreps) for _ in range(copies)]
    found = []
    for n, a in enumerate(parts):
        found += [o3.Irrep(l, 1) for l in range(0, 2 * a.l + 1, 2)]
        for b in parts[:n]:
            found += a * b
    return o3.Irreps(found).sort().irreps.simplify()
