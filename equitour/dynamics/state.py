"""The state of a run: plain numbers, and the few moves that every integrator is made of."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, runtime_checkable

import torch
from ase import units
from ase.data import atomic_masses
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.verlet_list import VerletList
from equitour.graph import AtomicGraph

BOLTZMANN = units.kB  # k in eV/K
# One eV/(Å u) is this acceleration in Å/fs²; ASE's constants, so that trajectories agree with ASE's to rounding.
ACCELERATION = units.fs**2


_BROKEN = (
    "{what} must be finite, received NaN or infinity: shorten the timestep, or relax the structure first"
)


@runtime_checkable
class Evaluates(Protocol):
    """What dynamics needs of a potential."""

    cutoff: float

    def evaluate(self, graph: AtomicGraph, *, stress: bool = False) -> Any:
        """An object with `energy` (graphs,) in eV and `forces` (nodes, 3) in eV/Å."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MDState:
    """Everything that the next step needs to know.

    Attributes:
        graph: Positions r in Å, not wrapped into the cell, so that displacements can be read off.
        velocities: v in Å/fs.
        forces: F in eV/Å at these positions.
        energy: Potential energy of each graph in eV.
        masses: m in u.
        degrees_of_freedom: Of each graph: three per atom, less those that the init froze.
        neighbors: The neighbour list with its skin.
    """

    graph: AtomicGraph
    velocities: Float[Tensor, "nodes 3"]
    forces: Float[Tensor, "nodes 3"]
    energy: Float[Tensor, " graphs"]
    masses: Float[Tensor, " nodes"]
    degrees_of_freedom: Float[Tensor, " graphs"]
    neighbors: VerletList

    @property
    def positions(self) -> Float[Tensor, "nodes 3"]:
        """Of the graph, in Å."""
        return self.graph.positions

    @property
    def momentum(self) -> Float[Tensor, "graphs 3"]:
        """Total momentum Σ m v of each graph in u Å/fs."""
        return per_graph(self.graph, self.masses[:, None] * self.velocities)

    @property
    def kinetic_energy(self) -> Float[Tensor, " graphs"]:
        """Σ m v² / 2 of each graph in eV."""
        return per_graph(self.graph, 0.5 * self.masses * self.velocities.square().sum(1)) / ACCELERATION

    @property
    def total_energy(self) -> Float[Tensor, " graphs"]:
        """Kinetic and potential energy of each graph in eV, the number that NVE must keep."""
        return self.kinetic_energy + self.energy

    @property
    def temperature(self) -> Float[Tensor, " graphs"]:
        """Of each graph in K: each degree of freedom holds kT/2 of kinetic energy."""
        return 2 * self.kinetic_energy / (BOLTZMANN * self.degrees_of_freedom)

    def replace(self, **fields) -> MDState:
        """A copy with other values in some fields; this state stays as it is."""
        return dataclasses.replace(self, **fields)


def kick(state: MDState, duration: float) -> MDState:
    """v ← v + duration · F/m."""
    acceleration = ACCELERATION * state.forces / state.masses[:, None]
    return state.replace(velocities=state.velocities + duration * acceleration)


def drift(state: MDState, duration: float) -> MDState:
    """r ← r + duration · v; the forces still are those of the old positions."""
    positions = state.graph.positions + duration * state.velocities
    return state.replace(graph=state.graph.replace(positions=positions))


def with_forces(potential: Evaluates, state: MDState) -> MDState:
    """F ← −∂E/∂r at the state's positions, with neighbours that fit them.

    Raises:
        FloatingPointError: Positions or forces are no longer finite.
    """
    if not bool(torch.isfinite(state.graph.positions).all()):
        raise FloatingPointError(_BROKEN.format(what="positions"))
    neighbors, graph = state.neighbors.follow(state.graph.positions, state.graph.cell)
    prediction = potential.evaluate(graph)
    forces, energy = prediction.forces.detach(), prediction.energy.detach().reshape(-1)
    if not bool(torch.isfinite(forces).all()):
        raise FloatingPointError(_BROKEN.format(what="forces"))
    return state.replace(graph=graph, forces=forces, energy=energy, neighbors=neighbors)


def first_state(
    potential: Evaluates,
    graph: AtomicGraph,
    *,
    velocities: Tensor,
    masses: Tensor,
    degrees_of_freedom: Tensor,
    skin: float,
) -> MDState:
    """A state with its forces; the caller's graph stays as it is."""
    neighbors = VerletList.build(graph, cutoff=float(potential.cutoff), skin=skin)
    state = MDState(
        graph=neighbors.wide,
        velocities=velocities.detach(),
        forces=torch.zeros_like(velocities),
        energy=torch.zeros_like(degrees_of_freedom),
        masses=masses,
        degrees_of_freedom=degrees_of_freedom,
        neighbors=neighbors,
    )
    return with_forces(potential, state)


def masses_of(graph: AtomicGraph, masses: Tensor | None) -> Tensor:
    """The given masses, or those of ASE's table, in u and in the dtype of the positions.

    Raises:
        ValueError: A mass is not positive.
    """
    if masses is None:
        table = torch.as_tensor(atomic_masses, device=graph.positions.device)
        masses = table.index_select(0, graph.atomic_numbers)
    if not bool((masses > 0).all()):
        raise ValueError(f"masses must be positive, received {float(masses.min())} u: give one for each atom")
    return masses.to(graph.positions)


def maxwell_boltzmann(
    graph: AtomicGraph, masses: Tensor, temperature: float | Tensor, generator: torch.Generator | None
) -> Tensor:
    """Velocities √(kT/m) ξ in Å/fs.

    Raises:
        ValueError: The temperature is negative, or there is no generator.
    """
    temperature = torch.as_tensor(temperature).to(masses).expand(graph.num_graphs)
    if not bool((temperature >= 0).all()):
        raise ValueError(
            f"temperature must be at least 0 K, received {float(temperature.min())}: give kelvins"
        )
    if generator is None:
        raise ValueError(
            "random velocities need a generator, received None: give generator=torch.Generator().manual_seed(0)"
        )
    spread = (BOLTZMANN * temperature.index_select(0, graph.batch) * ACCELERATION / masses).sqrt()
    noise = torch.randn(graph.num_nodes, 3, generator=generator, dtype=masses.dtype, device=generator.device)
    return spread[:, None] * noise.to(masses.device)


def per_graph(graph: AtomicGraph, values: Tensor) -> Tensor:
    """The sum of the atoms' values in each graph."""
    return values.new_zeros(graph.num_graphs, *values.shape[1:]).index_add(0, graph.batch, values)
