"""From tensors to spectra: normal modes, infrared and Raman, by lattice dynamics or from a trajectory.

    H = hessian(lambda g: potential.evaluate(g).forces, graph)            # (nodes, 3, nodes, 3) eV/Å²
    modes = normal_modes(H, graph)                                        # frequencies in cm⁻¹, eigenvectors
    infrared = infrared_intensities(modes, born_effective_charges)        # km/mol
    raman = raman_activities(mode_polarizabilities(modes, raman_tensors))  # Å⁴/u
    curve = spectrum(modes.frequencies, infrared, grid=grid, width=10.0)  # km/mol per cm⁻¹

No model is imported here: forces come in as a function, charges and Raman tensors as plain tensors.
"""

from equitour.dynamics.response.autocorrelation import PowerSpectrum, autocorrelation, power_spectrum
from equitour.dynamics.response.hessian import calculator_forces, hessian, hessian_by_autograd
from equitour.dynamics.response.infrared import (
    infrared_intensities,
    mode_dipoles,
    mode_effective_charges,
    oscillator_strengths,
)
from equitour.dynamics.response.line_shapes import line_shape, spectrum
from equitour.dynamics.response.long_range import dielectric_function, nonanalytic_hessian
from equitour.dynamics.response.normal_modes import NormalModes, normal_modes
from equitour.dynamics.response.raman import (
    RamanInvariants,
    depolarization_ratios,
    mode_polarizabilities,
    raman_activities,
    raman_intensities,
    raman_invariants,
)
from equitour.dynamics.response.sum_rules import (
    impose_hessian_sum_rule,
    impose_sum_rule,
    sum_rule_violation,
)
from equitour.dynamics.response.trajectory import (
    RamanSpectrum,
    infrared_from_dipoles,
    raman_from_polarizabilities,
    vibrational_density,
)

__all__ = [
    "NormalModes",
    "PowerSpectrum",
    "RamanInvariants",
    "RamanSpectrum",
    "autocorrelation",
    "calculator_forces",
    "depolarization_ratios",
    "dielectric_function",
    "hessian",
    "hessian_by_autograd",
    "impose_hessian_sum_rule",
    "impose_sum_rule",
    "infrared_from_dipoles",
    "infrared_intensities",
    "line_shape",
    "mode_dipoles",
    "mode_effective_charges",
    "mode_polarizabilities",
    "nonanalytic_hessian",
    "normal_modes",
    "oscillator_strengths",
    "power_spectrum",
    "raman_activities",
    "raman_from_polarizabilities",
    "raman_intensities",
    "raman_invariants",
    "spectrum",
    "sum_rule_violation",
    "vibrational_density",
]
