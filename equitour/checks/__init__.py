"""Proofs that a model respects physics, made so that they cannot pass by accident."""

from equitour.checks.diagnosis import Finding
from equitour.checks.measure import ProvesNothing
from equitour.checks.physics import Smoothness, forces_against_energy, smoothness_at_cutoff
from equitour.checks.report import EquivarianceReport, assert_equivariant, equivariance_report

__all__ = [
    "EquivarianceReport",
    "Finding",
    "ProvesNothing",
    "Smoothness",
    "assert_equivariant",
    "equivariance_report",
    "forces_against_energy",
    "smoothness_at_cutoff",
]
