"""Atoms in motion: an ASE calculator of any potential, and molecular dynamics as plain state."""

from equitour.dynamics.ase_calculator import PotentialCalculator, calculator
from equitour.dynamics.md import langevin_init, langevin_step, nve_init, nve_step
from equitour.dynamics.state import ACCELERATION, BOLTZMANN, MDState
from equitour.dynamics.verlet_list import VerletList

__all__ = [
    "ACCELERATION",
    "BOLTZMANN",
    "MDState",
    "PotentialCalculator",
    "VerletList",
    "calculator",
    "langevin_init",
    "langevin_step",
    "nve_init",
    "nve_step",
]
