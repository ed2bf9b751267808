"""Surgery on NequIP and the instruments that find what was lost (lesson 205)."""

from collections.abc import Callable

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

from equitour.checks import equivariance_report, smoothness_at_cutoff
from equitour.graph import AtomicGraph, batch
from equitour.learn.exercises.lesson_205 import loop_work
from equitour.models.nequip import Interaction, NequIP
from equitour.tensor_product import Gate

CUTOFF = 3.0  # Å
SETTINGS = {
    "elements": [1, 6, 8],
    "cutoff": CUTOFF,
    "num_layers": 3,
    "num_channels": 16,
    "num_neighbors": 7.0,
}


def with_gates(trunk: NequIP, kind: type[Gate]) -> NequIP:
    """The trunk with another kind of gate in each layer."""
    for layer in trunk.layers:
        layer.gate = kind(layer.irreps_out, num_channels=trunk.num_channels)
    return trunk


def with_irreps(trunk: NequIP, change: Callable[[o3.Irreps], o3.Irreps]) -> NequIP:
    """The trunk with new layers, in which features and harmonics have other irreps."""
    sizes = {name: trunk.settings[name] for name in ("num_channels", "radial_channels", "num_neighbors")}
    trunk.layers = nn.ModuleList(
        Interaction(
            change(layer.irreps_in),
            change(layer.convolution.irreps_edge),
            change(layer.irreps_out),
            num_species=len(trunk.species),
            **sizes,
        )
        for layer in trunk.layers
    )
    return trunk


def loop_around(
    graph: AtomicGraph, *, size: float, points: int = 120
) -> tuple[Float[Tensor, "points nodes 3"], AtomicGraph]:
    """A closed path on which every atom goes round an ellipse of its own.

    Args:
        graph: Where the path is centred.
        size: Of the ellipses, in Å.
        points: Number of places on the path, without the first one again.

    Returns:
        The places, and one batch of all of them.
    """
    chance = torch.Generator().manual_seed(1)
    a, b = size * torch.randn(2, *graph.positions.shape, generator=chance, dtype=torch.float64)
    phi = torch.arange(points).double()[:, None, None] * 2 * torch.pi / points
    places = graph.positions + a * phi.cos() + b * phi.sin()
    return places, batch([graph.replace(positions=place).rebuild(cutoff=CUTOFF) for place in places])


def examine(model: nn.Module, molecule: AtomicGraph) -> dict[str, float]:
    """Six readings of a force field, each of them rounding for a sound one.

    Args:
        model: With `evaluate`, for energies in eV and forces in eV/Å.
        molecule: On which symmetry, the sum of forces and the work on a closed path are measured.

    Returns:
        Relative errors of forces under rotations and reflections, steps of the energy (eV) where a pair alone and a pair
        beside a third atom passes the cutoff, the net force (eV/Å), and the work on a small closed path (eV).
    """
    report = equivariance_report(lambda graph: model.evaluate(graph).forces, molecule, "1o")
    pair = [
        AtomicGraph.from_arrays([[0, 0, 0], [x, 0, 0]], [8, 1], cutoff=CUTOFF)
        for x in (CUTOFF - 1e-9, CUTOFF + 0.1)
    ]
    places, around = loop_around(molecule, size=0.01)
    forces = model.evaluate(around).forces.detach().view_as(places)
    return {
        "rotation": report.rotation,
        "reflection": report.reflection,
        "step, pair": float((model(pair[0]) - model(pair[1])).detach().abs()),
        "step, three": smoothness_at_cutoff(model, cutoff=CUTOFF).energy_jump,
        "net force": float(model.evaluate(molecule).forces.detach().sum(0).norm()),
        "work on a loop": abs(float(loop_work(places, forces))),
    }
