"""Heads: what is read off a trunk's features."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph, keep_freed_memory


class Prediction(NamedTuple):
    """Energy and its derivatives.

    Attributes:
        energy: In eV.
        forces: −dE/dr in eV/Å.
        stress: (dE/dε)/volume in eV/Å³, ASE's sign; None unless asked for.
    """

    energy: Float[Tensor, " graphs"]
    forces: Float[Tensor, "nodes 3"]
    stress: Float[Tensor, "graphs 3 3"] | None = None


class Head(nn.Module):
    """What reads a `trunk`: it looks as far and knows the same elements."""

    @property
    def cutoff(self) -> float:
        """Length of the longest edge, in Å."""
        return self.trunk.cutoff

    @property
    def elements(self) -> list[int]:
        """Atomic numbers that the model knows, ascending."""
        return self.trunk.elements


class Potential(Head):
    """Energies as sums over atoms, E = Σ_i scale · readout(scalars_i) + shift of the species of i.

    Args:
        trunk: From a graph to features (nodes, rows, channels), scalars in the first row.
        shifts: Energy of each element of the trunk in eV, in the order of `trunk.elements`; zero by default.
        scale: Size of an atom's energy in eV; the root mean square of forces in eV/Å is a good choice.
        compile: Let torch.compile fuse energy and forces of `evaluate`, which then gives the same numbers to rounding.
            NequIP's training step was twice as fast, after a first step of half a minute (l = 1) to minutes (l = 2).
            It needs a C++ compiler, is a choice of the moment that no file keeps, and leaves stress as it is.
    """

    def __init__(
        self,
        trunk: nn.Module,
        *,
        shifts: Sequence[float] | None = None,
        scale: float = 1.0,
        compile: bool = False,
    ) -> None:
        super().__init__()
        self.trunk, self.compile_forces = trunk, compile
        shifts = [0.0] * len(trunk.elements) if shifts is None else list(shifts)
        if len(shifts) != len(trunk.elements):
            raise ValueError(
                f"shifts must hold one energy for each of the elements {list(trunk.elements)}, "
                f"received {len(shifts)}: order them by atomic number"
            )
        self.readout = nn.Sequential(
            nn.Linear(trunk.num_channels, trunk.num_channels // 2 or 1, bias=False),
            nn.SiLU(),
            nn.Linear(trunk.num_channels // 2 or 1, 1, bias=False),
        )
        self.settings = {"shifts": [float(shift) for shift in shifts], "scale": float(scale)}
        self.register_buffer("shifts", torch.tensor(shifts, dtype=torch.float64), persistent=False)

    def _apply(self, function, recurse: bool = True):
        super()._apply(function, recurse)
        # Total energies reach 10⁵ eV, where single precision resolves 10 meV: shifts stay in float64.
        exact = torch.tensor(self.settings["shifts"], dtype=torch.float64)
        self.shifts = exact.to(self.shifts.device)
        return self

    def interaction_energies(self, graph: AtomicGraph) -> Float[Tensor, " nodes"]:
        """Each atom's energy beyond the shift of its element, in eV."""
        return self.settings["scale"] * self.readout(self.trunk(graph)[:, 0]).squeeze(1)

    def node_energies(self, graph: AtomicGraph) -> Float[Tensor, " nodes"]:
        """Each atom's share of the energy in eV, in float64 whatever the model's own precision."""
        shifts = self.shifts.index_select(0, self.trunk.species(graph.atomic_numbers))
        return self.interaction_energies(graph).double() + shifts

    def forward(self, graph: AtomicGraph) -> Float[Tensor, " graphs"]:
        """Energies in eV, in float64."""
        energies = self.node_energies(graph)
        return energies.new_zeros(graph.num_graphs).index_add(0, graph.batch, energies)

    def evaluate(self, graph: AtomicGraph, *, stress: bool = False, create_graph: bool = False) -> Prediction:
        """Energies with forces and, if asked for, stress, as derivatives of one number.

        Args:
            graph: One structure or several; it is not touched.
            stress: Also differentiate with respect to a uniform strain of positions and cell.
            create_graph: Keep what is needed to differentiate the result again, as training does.

        Raises:
            ValueError: Stress is asked for where a structure has no volume.
        """
        if stress and not bool(graph.pbc.all()):
            raise ValueError(
                "stress needs structures that repeat in three directions, received some that do not: "
                "leave stress out, or give them a cell"
            )
        keep_freed_memory()
        if self.compile_forces and not stress:
            energy, forces = self._compiled(graph)
            return (
                Prediction(energy, forces) if create_graph else Prediction(energy.detach(), forces.detach())
            )
        strain = torch.zeros_like(graph.cell).requires_grad_(stress)
        positions = graph.positions.detach().requires_grad_()
        with torch.enable_grad():
            energy = self(
                _strained(graph.replace(positions=positions), strain)
                if stress
                else graph.replace(positions=positions)
            )
            wanted = [positions, strain] if stress else [positions]
            gradients = torch.autograd.grad(energy.sum(), wanted, create_graph=create_graph)
        if not create_graph:
            energy = energy.detach()
        if not stress:
            return Prediction(energy, -gradients[0])
        volumes = torch.linalg.det(graph.cell).abs()[:, None, None]
        return Prediction(energy, -gradients[0], gradients[1] / volumes)

    def _compiled(self, graph: AtomicGraph) -> tuple[Tensor, Tensor]:
        # Unknown elements are refused here, since compiled code cannot; gradients are always on, so that training
        # and validation share one piece of compiled code.
        self.trunk.species(graph.atomic_numbers)
        with torch.enable_grad():
            return _compiler()(self, graph.positions.detach(), dict(vars(graph)))


@cache
def _compiler() -> Callable[..., tuple[Tensor, Tensor]]:
    return torch.compile(_energy_and_forces, dynamic=True, fullgraph=True)


def _energy_and_forces(
    potential: Potential, positions: Float[Tensor, "nodes 3"], fields: dict[str, Tensor]
) -> tuple[Float[Tensor, " graphs"], Float[Tensor, "nodes 3"]]:
    """Energy and forces as one function that a compiler can follow; `fields` are those of the graph."""

    def total(positions: Tensor) -> tuple[Tensor, Tensor]:
        energy = potential(AtomicGraph(**{**fields, "positions": positions}))
        return energy.sum(), energy

    gradient, energy = torch.func.grad(total, has_aux=True)(positions)
    return energy, -gradient


def _strained(graph: AtomicGraph, strain: Float[Tensor, "graphs 3 3"]) -> AtomicGraph:
    """Positions and cell after r → r (1 + ε), with the symmetric part of ε so that the stress is symmetric."""
    symmetric = (strain + strain.mT) / 2
    moved = torch.einsum("ni,nij->nj", graph.positions, symmetric.index_select(0, graph.batch))
    return graph.replace(positions=graph.positions + moved, cell=graph.cell + graph.cell @ symmetric)
