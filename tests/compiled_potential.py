"""Compare a compiled potential with the plain one; run by test_heads in a process without run-time type checks."""

import sys

import torch
from ase.build import molecule

from equitour.graph import AtomicGraph, batch
from equitour.models.heads import Potential
from equitour.models.nequip import NequIP


def main():
    """Exit with a sentence where they differ."""
    torch.manual_seed(0)
    trunk = NequIP(elements=[1, 6, 8], cutoff=3.0, num_layers=2, num_channels=4)
    plain, compiled = Potential(trunk).double(), Potential(trunk, compile=True).double()
    compiled.readout = plain.readout
    ethanol, water = (AtomicGraph.from_ase(molecule(name), cutoff=3.0) for name in ("CH3CH2OH", "H2O"))
    # Two sizes, so that the compiled code must hold for any number of atoms.
    for graph in (batch([ethanol, water]), batch([water, ethanol, ethanol])):
        results = []
        for potential in (plain, compiled):
            found = potential.evaluate(graph, create_graph=True)
            loss = found.energy.square().sum() + found.forces.square().sum()
            slopes = torch.autograd.grad(loss, list(potential.parameters()))
            results.append([found.energy, found.forces, *slopes])
        for left, right in zip(*results, strict=True):
            if not torch.allclose(left, right, rtol=1e-9, atol=1e-11):
                sys.exit(f"compiled and plain differ by {float((left - right).abs().max()):.1e}")
    if compiled.evaluate(graph).forces.requires_grad:
        sys.exit("forces hold a graph that nobody asked for")
    try:
        compiled.evaluate(AtomicGraph.from_ase(molecule("SiH4"), cutoff=3.0))
    except ValueError as error:
        print(error)


if __name__ == "__main__":
    main()
