"""From the tensors of atoms to the peaks and curves of a molecule at rest, as the lesson on Raman tensors draws them."""

import math
from collections.abc import Mapping

from ase import units
from jaxtyping import Float
from torch import Tensor

from equitour.datasets import load
from equitour.datasets.record import Sample
from equitour.dynamics.response import NormalModes, normal_modes, raman_intensities, spectrum


def molecules_at_rest(*, cutoff: float = 4.0) -> dict[str, Sample]:
    """The shipped molecules in their minimum, with Hessian, Born charges and Raman tensors, by chemical formula.

    Args:
        cutoff: Of their graphs, in Å.
    """
    samples = load("molecules_vibrations", cutoff=cutoff)
    return {sample.graph.to_ase().get_chemical_formula(): sample for sample in samples}


def vibrations(sample: Sample) -> NormalModes:
    """Modes of a molecule from its computed Hessian; the shelf keeps Hessians of all sizes padded to one width."""
    hessian = sample.atom_labels["hessian"][:, :, : sample.graph.num_nodes]
    return normal_modes(hessian, sample.graph, masses=sample.atom_labels["masses"])


def zero_point_amplitudes(modes: NormalModes) -> Float[Tensor, " modes"]:
    """√⟨Q²⟩ = √(ħ/4πcν̃) of the ground state, times the largest |u| of the mode: how far its liveliest atom swings, in Å.

    Args:
        modes: Of positive frequencies.
    """
    angular = 2 * math.pi * units._c * 100 * modes.frequencies
    spread = (units._hbar / (2 * angular) / units._amu).sqrt() * 1e10
    return spread * modes.displacements.norm(dim=2).amax(1)


def curves(
    modes: NormalModes,
    heights: Mapping[str, Float[Tensor, " modes"]],
    *,
    grid: Float[Tensor, " points"],
    laser_wavelength: float,
    temperature: float,
    width: float = 30.0,
) -> dict[str, Float[Tensor, " points"]]:
    """Infrared and Stokes curves: every peak a Lorentzian, the Raman ones weighed by laser and temperature.

    Args:
        modes: Of the molecule.
        heights: Of each mode, first infrared in km/mol, then Raman activity in Å⁴/u; the keys come back.
        grid: Wavenumbers in cm⁻¹.
        laser_wavelength: In nm.
        temperature: In K.
        width: Full width at half maximum, in cm⁻¹.
    """
    infrared, activity = heights.values()
    light = {"laser_wavelength": laser_wavelength, "temperature": temperature}
    areas = infrared, raman_intensities(modes.frequencies, activity, **light)
    return {
        row: spectrum(modes.frequencies, area, grid=grid, width=width)
        for row, area in zip(heights, areas, strict=True)
    }


def area_between(
    curves: Mapping[str, Float[Tensor, " points"]], reference: Mapping[str, Float[Tensor, " points"]]
) -> list[float]:
    """∫|I − I_ref| / ∫ I_ref for each curve, on one even grid: 0 is perfect, and 1 is as bad as a flat line."""
    return [float((curves[row] - true).abs().sum() / true.sum()) for row, true in reference.items()]
