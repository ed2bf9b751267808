"""Infrared: how much each mode moves charge."""

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.constants import DEBYE, KM_PER_MOL
from equitour.dynamics.response.inputs import Array, real
from equitour.dynamics.response.normal_modes import NormalModes

UNITS = {"km/mol": KM_PER_MOL, "D²/(Å² u)": DEBYE**-2, "e²/u": 1.0}


def mode_dipoles(modes: NormalModes, born_effective_charges: Array) -> Float[Tensor, "modes 3"]:
    """dμ_β/dQ = Σ_κα Z*_κ,αβ u_κα: the dipole that a mode makes, in e/√u.

    Args:
        modes: From `normal_modes`.
        born_effective_charges: Z* = dμ_β/dR_κα (nodes, 3, 3) in e, [atom, displacement α, field or dipole β]. A matrix
            with its two directions exchanged looks just the same; only their sum over atoms can be checked, see
            `sum_rule_violation`.

    Raises:
        ValueError: The shape is another.
    """
    cure = "give a matrix [displacement, field] for each atom of the modes"
    charges = real("born_effective_charges", born_effective_charges, (len(modes.masses), 3, 3), cure)
    return torch.einsum("nab,mna->mb", charges, modes.displacements)


def mode_effective_charges(modes: NormalModes, born_effective_charges: Array) -> Float[Tensor, "modes 3"]:
    """Z̃_β = Σ Z*_κ,αβ u_κα / √(Σ u²): the charge, in e, that would move like the mode.

    Gonze and Lee, Phys. Rev. B 55, 10355 (1997), eq. 53. Arguments as in `mode_dipoles`.
    """
    return mode_dipoles(modes, born_effective_charges) * modes.reduced_masses.sqrt()[:, None]


def oscillator_strengths(modes: NormalModes, born_effective_charges: Array) -> Float[Tensor, "modes 3 3"]:
    """S_m,αβ = (dμ_α/dQ)(dμ_β/dQ) in e²/u, what the mode adds to the dielectric function.

    Gonze and Lee, Phys. Rev. B 55, 10355 (1997), eq. 54. Arguments as in `mode_dipoles`.
    """
    dipoles = mode_dipoles(modes, born_effective_charges)
    return dipoles[:, :, None] * dipoles[:, None]


def infrared_intensities(
    modes: NormalModes, born_effective_charges: Array, *, unit: str = "km/mol"
) -> Float[Tensor, " modes"]:
    """|dμ/dQ|² of each mode: its absorption integrated over wavenumbers, averaged over orientations.

    In km/mol it is N_A |dμ/dQ|² / (12 ε₀ c²), with the absorption as a natural logarithm; 1 D²/(Å² u) is
    42.256 km/mol. Wilson, Decius and Cross, Molecular Vibrations (1955), chapter 7.

    Args:
        modes: From `normal_modes`.
        born_effective_charges: As in `mode_dipoles`.
        unit: "km/mol", "D²/(Å² u)" or "e²/u", which is (e Å)²/(Å² u).

    Raises:
        ValueError: The shape is another, or the unit is unknown.
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, received {unit!r}: choose one of them")
    return UNITS[unit] * mode_dipoles(modes, born_effective_charges).square().sum(1)
