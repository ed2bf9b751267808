"""Molecular dynamics as plain state: `init` makes it, `step` returns the next one, the loop belongs to the caller.

    state = langevin_init(potential, graph, temperature=300, generator=generator)
    for _ in range(1000):
        state = langevin_step(potential, state, timestep=0.5, temperature=300, friction=0.01, generator=generator)
        print(state.temperature, state.total_energy)

Units: Å, fs, eV, K, and atomic mass units. A batched graph runs all its structures at once; each is its own system.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.state import (
    Evaluates,
    MDState,
    drift,
    first_state,
    kick,
    masses_of,
    maxwell_boltzmann,
    per_graph,
    with_forces,
)
from equitour.graph import AtomicGraph


def nve_init(
    potential: Evaluates,
    graph: AtomicGraph,
    *,
    temperature: float | Float[Tensor, " graphs"] | None = None,
    velocities: Float[Tensor, "nodes 3"] | None = None,
    masses: Float[Tensor, " nodes"] | None = None,
    skin: float = 0.5,
    generator: torch.Generator | None = None,
) -> MDState:
    """The first state of a run at constant energy; give a temperature or the velocities.

    Drawn velocities follow Maxwell and Boltzmann, v ~ N(0, kT/m), and the drift of each graph is taken out, so that
    three degrees of freedom are gone. Given velocities are kept as they are, with three degrees of freedom per atom.

    Args:
        potential: With `evaluate` and `cutoff`.
        graph: One structure or several; its edges do not matter, they are searched anew.
        temperature: T in K, one for all or one for each graph.
        velocities: v in Å/fs.
        masses: m in u; ASE's atomic masses by default.
        skin: Of the neighbour list, in Å.
        generator: Where the chance comes from; needed with a temperature.

    Raises:
        ValueError: Neither or both of temperature and velocities are given, or a number has no meaning.
        FloatingPointError: The forces are not finite.
    """
    if (temperature is None) == (velocities is None):
        given = "neither" if temperature is None else "both"
        raise ValueError(
            f"a run must start from a temperature or from velocities, received {given}: give just one"
        )
    masses = masses_of(graph, masses)
    degrees_of_freedom = _three_per_atom(graph, masses)
    if velocities is None:
        velocities = _without_drift(graph, masses, maxwell_boltzmann(graph, masses, temperature, generator))
        degrees_of_freedom = degrees_of_freedom - 3
    return first_state(
        potential,
        graph,
        velocities=velocities.to(graph.positions),
        masses=masses,
        degrees_of_freedom=degrees_of_freedom,
        skin=skin,
    )


def nve_step(potential: Evaluates, state: MDState, *, timestep: float) -> MDState:
    """One step of velocity Verlet: energy is kept up to a ripple of order dt², and time can be turned back.

    | equation              | code                            |
    | --------------------- | ------------------------------- |
    | v ← v + (dt/2) F/m    | `kick(state, 0.5 * timestep)`   |
    | r ← r + dt v          | `drift(state, timestep)`        |
    | F ← −∂E/∂r            | `with_forces(potential, state)` |
    | v ← v + (dt/2) F/m    | `kick(state, 0.5 * timestep)`   |

    Swope et al., J. Chem. Phys. 76, 637 (1982), eq. 4.

    Args:
        potential: The one of the init.
        state: Stays as it is.
        timestep: dt in fs; about a tenth of the shortest period, 0.5 with hydrogen.

    Raises:
        FloatingPointError: The forces are no longer finite.
    """
    state = drift(kick(state, 0.5 * timestep), timestep)
    return kick(with_forces(potential, state), 0.5 * timestep)


def langevin_init(
    potential: Evaluates,
    graph: AtomicGraph,
    *,
    temperature: float | Float[Tensor, " graphs"],
    generator: torch.Generator,
    masses: Float[Tensor, " nodes"] | None = None,
    skin: float = 0.5,
) -> MDState:
    """The first state of a run at constant temperature: velocities drawn from Maxwell and Boltzmann.

    The noise shakes the centre of mass as well, so its three degrees of freedom count. Arguments as in `nve_init`.
    """
    masses = masses_of(graph, masses)
    return first_state(
        potential,
        graph,
        velocities=maxwell_boltzmann(graph, masses, temperature, generator),
        masses=masses,
        degrees_of_freedom=_three_per_atom(graph, masses),
        skin=skin,
    )


def langevin_step(
    potential: Evaluates,
    state: MDState,
    *,
    timestep: float,
    temperature: float | Float[Tensor, " graphs"],
    friction: float,
    generator: torch.Generator,
) -> MDState:
    """One step of Langevin's equation, m dv = F dt − γ m v dt + √(2 γ m kT) dW, split as BAOAB.

    | equation                          | code                                       |
    | --------------------------------- | ------------------------------------------ |
    | B: v ← v + (dt/2) F/m             | `kick(state, 0.5 * timestep)`              |
    | A: r ← r + (dt/2) v               | `drift(state, 0.5 * timestep)`             |
    | O: v ← c v + √(1 − c²) √(kT/m) ξ  | `kept * velocities + √(1 − kept²) * noise` |
    |    with c = exp(−γ dt)            | `kept`                                     |
    | A: r ← r + (dt/2) v               | `drift(state, 0.5 * timestep)`             |
    |    F ← −∂E/∂r                     | `with_forces(potential, state)`            |
    | B: v ← v + (dt/2) F/m             | `kick(state, 0.5 * timestep)`              |

    Positions in a harmonic well have exactly the right spread kT/k at any stable timestep; velocities come out a
    little too slow, by the factor 1 − (ω dt)²/4 in ⟨v²⟩. Leimkuhler and Matthews, J. Chem. Phys. 138, 174102 (2013).

    Args:
        potential: The one of the init.
        state: Stays as it is.
        timestep: dt in fs.
        temperature: T in K, one for all or one for each graph.
        friction: γ in 1/fs; 0.01 couples gently, 0 gives velocity Verlet.
        generator: Where ξ comes from.

    Raises:
        ValueError: The timestep is not positive, or temperature or friction are negative.
        FloatingPointError: The forces are no longer finite.
    """
    if not timestep > 0:
        raise ValueError(
            f"timestep must be positive, received {timestep} fs: friction leaves no way back in time; 0.5 is usual"
        )
    if not friction >= 0:
        raise ValueError(f"friction must be at least 0 per fs, received {friction}: 0.01 couples gently")
    state = drift(kick(state, 0.5 * timestep), 0.5 * timestep)
    noise = maxwell_boltzmann(state.graph, state.masses, temperature, generator)
    kept = math.exp(-friction * timestep)
    state = state.replace(velocities=kept * state.velocities + math.sqrt(1 - kept**2) * noise)
    state = with_forces(potential, drift(state, 0.5 * timestep))
    return kick(state, 0.5 * timestep)


def _three_per_atom(graph: AtomicGraph, masses: Tensor) -> Tensor:
    return 3 * torch.bincount(graph.batch, minlength=graph.num_graphs).to(masses)


def _without_drift(graph: AtomicGraph, masses: Tensor, velocities: Tensor) -> Tensor:
    """Velocities seen from the centre of mass of each graph."""
    if int(torch.bincount(graph.batch, minlength=graph.num_graphs).min()) < 2:
        raise ValueError(
            "a run without drift must have at least 2 atoms in each graph, received one with a single atom: "
            "give its velocities instead of a temperature"
        )
    centre = per_graph(graph, masses[:, None] * velocities) / per_graph(graph, masses)[:, None]
    return velocities - centre.index_select(0, graph.batch)
