"""Training steps on answers to a field, direct heads beside derivatives of one energy: `python -m tests.benchmarks.electric`.

Both stand on the same NequIP trunk and see the same batch of methanol, one after the other in every round, and CPU time
is counted, so that what else the machine does falls on all of them alike. "forward" takes the field's derivative of the
gradient forward, as torch.func would have it done; it has no Raman tensors, since torch's silu has no second one.
"""

import argparse
import sys
import time
from collections.abc import Callable

import torch
from ase.build import molecule
from torch import Tensor
from torch.func import grad, jvp, vmap

from equitour.graph import AtomicGraph, batch
from equitour.models import ElectricPotential, Response, irreps_for
from equitour.models.nequip import NequIP

from .report import quartiles

TARGETS = {
    "dipole": ("dipole",),
    "Z*": ("born_effective_charges",),
    "polarizability": ("polarizability",),
    "Z*, polarizability": ("born_effective_charges", "polarizability"),
    "Raman": ("raman_tensors",),
    "all four": ("dipole", "born_effective_charges", "polarizability", "raman_tensors"),
}


def main() -> int:
    """Run the benchmark."""
    arguments = options()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    graph = methanol(arguments.structures)
    trunk = {
        "elements": [1, 6, 8],
        "cutoff": 4.0,
        "num_layers": 3,
        "num_channels": arguments.channels,
        "lmax": arguments.lmax,
        "num_neighbors": 5.0,
    }
    sides = sides_of(trunk, graph)
    for step in sides.values():
        step()
    times = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, step in sides.items():
            start = time.process_time()
            step()
            times[name].append(time.process_time() - start)
    print(
        f"{arguments.structures} methanols, {graph.num_edges} edges; 3 layers, {arguments.channels} channels, "
        f"l ≤ {arguments.lmax}; {arguments.rounds} rounds of one training step each; median (quartiles)"
    )
    show(times)
    return 0


def options() -> argparse.Namespace:
    """Sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    parser.add_argument("--structures", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--channels", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--lmax", type=int, default=2, help="default: %(default)s")
    return parser.parse_args()


def methanol(structures: int) -> AtomicGraph:
    """Shaken molecules side by side."""
    graphs = []
    for seed in range(structures):
        atoms = molecule("CH3OH")
        atoms.rattle(0.05, seed=seed)
        graphs.append(AtomicGraph.from_ase(atoms, cutoff=4.0, dtype=torch.float32))
    return batch(graphs)


def sides_of(trunk: dict, graph: AtomicGraph) -> dict[tuple[str, str], Callable[[], None]]:
    """A training step of every kind, by what is learnt and how."""
    electric = ElectricPotential(NequIP(**trunk))
    sides = {
        ("forces", "no field"): trained(electric, lambda: [electric.evaluate(graph, create_graph=True)[1]])
    }
    for title, names in TARGETS.items():
        direct = Response(NequIP(**trunk, irreps_out=irreps_for(names)), names)
        sides[title, "direct"] = trained(direct, lambda direct=direct: direct(graph).values())
        sides[title, "derivative"] = trained(electric, lambda names=names: derived(electric, graph, names))
    sides["Z*", "forward"] = trained(electric, lambda: [forward(electric, graph, (0, 1))[1]])
    sides["polarizability", "forward"] = trained(electric, lambda: [forward(electric, graph, (0,))[0]])
    return sides


def trained(model: torch.nn.Module, predict: Callable[[], list[Tensor]]) -> Callable[[], None]:
    """Loss and gradient of all weights."""

    def step() -> None:
        model.zero_grad()
        sum(values.square().mean() for values in predict()).backward()

    return step


def derived(model: ElectricPotential, graph: AtomicGraph, names: tuple[str, ...]) -> list[Tensor]:
    """Answers by reverse derivatives, as the library takes them."""
    found = model.response(graph, names, create_graph=True)
    return [found[name] for name in names]


def forward(model: ElectricPotential, graph: AtomicGraph, arguments: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Derivatives of gradients along the three axes of the field, forward over reverse."""
    field = torch.zeros(graph.num_graphs, 3)
    axes = torch.eye(3)[:, None].expand(3, graph.num_graphs, 3)

    def energy(field: Tensor, positions: Tensor) -> Tensor:
        return model(graph.replace(positions=positions), field).sum()

    def slopes(field: Tensor) -> tuple[Tensor, ...]:
        return grad(energy, arguments)(field, graph.positions)

    return vmap(lambda axis: jvp(slopes, (field,), (axis,))[1])(axes)


def show(times: dict[tuple[str, str], list[float]]) -> None:
    """A row a side: milliseconds, and how many steps on forces, and of the direct head, it is worth."""
    for (title, way), measured in times.items():
        milliseconds = quartiles([1e3 * value for value in measured])
        line = f"{title:20s}{way:12s}{text(milliseconds)} ms"
        for reference, name in ((("forces", "no field"), "forces"), ((title, "direct"), "direct")):
            if reference in times and way not in reference:
                pairs = zip(measured, times[reference], strict=True)
                line += f"   {text(quartiles([a / b for a, b in pairs]))} × {name}"
        print(line)


def text(found: dict[str, float]) -> str:
    """Median and quartiles."""
    return f"{found['median']:7.2f} ({found['low']:.2f} to {found['high']:.2f})"


if __name__ == "__main__":
    sys.exit(main())
