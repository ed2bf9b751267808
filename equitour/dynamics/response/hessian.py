"""Second derivatives of the energy, from forces by differences or from an energy by automatic differentiation."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.inputs import positive
from equitour.graph import AtomicGraph


def hessian(
    forces: Callable[[AtomicGraph], Any],
    graph: AtomicGraph,
    *,
    step: float = 0.01,
    cutoff: float | None = None,
) -> Float[Tensor, "nodes 3 nodes 3"]:
    """H = −∂F/∂r by central differences, −(F(r + h) − F(r − h)) / 2h, made symmetric.

    In a crystal an atom moves with all its images, which gives the phonons at Γ of this cell. The error is of order h²
    and 6 evaluations an atom are needed.

    Args:
        forces: From a graph to forces (nodes, 3) in eV/Å, torch or numpy: `lambda g: potential.evaluate(g).forces`,
            or `calculator_forces(any_ase_calculator)`.
        graph: One structure, best at rest.
        step: h in Å.
        cutoff: Search the neighbours anew within this length at each displacement; by default edges stay, which is
            exact where the force vanishes smoothly at the cutoff.

    Returns:
        In eV/Å², indices (atom, xyz, atom, xyz).

    Raises:
        ValueError: There are several structures, the step is not positive, or the forces have another shape.
    """
    _require_one(graph)
    positive("step", step, "Å", "0.01 is usual")

    def at(atom: int, axis: int, shift: float) -> Tensor:
        positions = graph.positions.detach().double().clone()
        positions[atom, axis] += shift
        moved = graph.replace(positions=positions.to(graph.positions.dtype))
        return _checked(forces(moved if cutoff is None else moved.rebuild(cutoff=cutoff)), graph)

    rows = [
        (at(atom, axis, -step) - at(atom, axis, step)) / (2 * step)
        for atom in range(graph.num_nodes)
        for axis in range(3)
    ]
    found = torch.stack(rows).reshape(graph.num_nodes, 3, graph.num_nodes, 3)
    return (found + found.permute(2, 3, 0, 1)) / 2


def hessian_by_autograd(
    energy: Callable[[AtomicGraph], Float[Tensor, "..."]], graph: AtomicGraph
) -> Float[Tensor, "nodes 3 nodes 3"]:
    """H = ∂²E/∂r∂r, exact to rounding, by differentiating each force once more.

    Args:
        energy: From a graph to its energy in eV, differentiable twice: a `Potential` is called just so.
        graph: One structure; its edges stay.

    Returns:
        In eV/Å² and float64, indices (atom, xyz, atom, xyz).

    Raises:
        ValueError: There are several structures.
    """
    _require_one(graph)
    positions = graph.positions.detach().clone().requires_grad_()
    with torch.enable_grad():
        total = energy(graph.replace(positions=positions)).sum()
        (gradient,) = torch.autograd.grad(total, positions, create_graph=True)
        rows = [
            torch.autograd.grad(component, positions, retain_graph=True)[0]
            for component in gradient.flatten()
        ]
    found = torch.stack(rows).cpu().double().reshape(graph.num_nodes, 3, graph.num_nodes, 3)
    return (found + found.permute(2, 3, 0, 1)) / 2


def calculator_forces(calculator: Any) -> Callable[[AtomicGraph], Float[Tensor, "nodes 3"]]:
    """Forces of an ASE calculator as a function of a graph, for `hessian`.

    Args:
        calculator: Any ASE calculator; neighbours are its own affair.
    """

    def forces(graph: AtomicGraph) -> Tensor:
        atoms = graph.to_ase()
        atoms.calc = calculator
        return torch.as_tensor(atoms.get_forces(), dtype=torch.float64)

    return forces


def _checked(forces: Any, graph: AtomicGraph) -> Tensor:
    forces = torch.as_tensor(forces).detach().cpu().double()
    if forces.shape != (graph.num_nodes, 3):
        raise ValueError(
            f"forces must have shape ({graph.num_nodes}, 3), received {tuple(forces.shape)}: "
            "give a function from a graph to the forces on its atoms"
        )
    return forces


def _require_one(graph: AtomicGraph) -> None:
    if graph.num_graphs != 1:
        raise ValueError(
            f"a Hessian must belong to one structure, received {graph.num_graphs}: take them from graph.split()"
        )
