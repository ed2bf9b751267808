"""Compare a traced committee of MACE with the plain one; run by test_fit_compile without run-time type checks.

The path of `equitour fit` by default, but for the C++ compiler at its end, which needs a minute.
"""

import json
import sys

import torch
from ase.build import molecule

from equitour.graph import AtomicGraph
from equitour.models import Committee, heads
from equitour.models.mace import MACE
from equitour.train import EachMember, Example, WeightedLoss, collate, energy_and_forces

GRAPHS: list[int] = []


def traced(module, inputs):
    """The backend "aot_eager", which counts what it is given."""
    from torch._dynamo import lookup_backend

    GRAPHS.append(len(inputs))
    return lookup_backend("aot_eager")(module, inputs)


def examples():
    """Shaken molecules of three sizes with labels drawn at random."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for number in range(7):
        graph = AtomicGraph.from_ase(molecule(("CH3CH2OH", "H2O", "CH4")[number % 3]), cutoff=3.0)
        noise = torch.randn(graph.num_nodes, 3, generator=generator, dtype=torch.float64)
        graph = graph.replace(positions=graph.positions + 0.05 * noise)
        labels = {"energy": torch.randn(1, generator=generator, dtype=torch.float64), "forces": noise}
        found.append(Example(graph, labels))
    return found


def compared(committee, example):
    """Largest relative difference of energies, forces and gradients of all weights between traced and plain."""
    loss, results = EachMember(WeightedLoss(energy_and_forces())), []
    for compiled in (False, True):
        committee.compile_forces = compiled
        found = committee.evaluate(example.graph)
        committee.zero_grad()
        sum(loss(committee, example).values()).backward()
        results.append([found.energy, found.forces, *(one.grad.clone() for one in committee.parameters())])
    return max(
        float((a - b).abs().max() / a.abs().max().clamp(min=1e-6)) for a, b in zip(*results, strict=True)
    )


def main():
    """Print differences and the number of graphs after each size of batch."""
    torch.manual_seed(0)
    trunk = MACE(elements=[1, 6, 8], cutoff=3.0, num_channels=2, lmax=(1, 1), correlation=2, stretch=3.0)
    committee = Committee(trunk, members=2).double()
    heads._compiler = lambda: function
    function = torch.compile(heads._energy_and_forces, dynamic=True, fullgraph=True, backend=traced)
    data, report = examples(), []
    for first, last in ((0, 2), (2, 5), (0, 7)):
        difference = compared(committee, collate(data[first:last]))
        report.append({"structures": last - first, "difference": difference, "graphs": len(GRAPHS)})
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
