"""Silicon under a classical potential: what lesson 503 relaxes its cells with."""

from ase.calculators.tersoff import Tersoff, TersoffParameters
from ase.optimize import FIRE

from equitour.graph import AtomicGraph

# The third parametrisation for silicon: J. Tersoff, Phys. Rev. B 38, 9902 (1988).
SILICON = TersoffParameters(
    m=3.0,
    gamma=1.0,
    lambda3=0.0,
    c=1.0039e5,
    d=16.217,
    h=-0.59825,
    n=0.78734,
    beta=1.1e-6,
    lambda2=1.7322,
    B=471.18,
    R=2.85,
    D=0.15,
    lambda1=2.4799,
    A=1830.8,
)


def relaxed(graph: AtomicGraph, *, steps: int = 60, fmax: float = 0.1) -> tuple[AtomicGraph, float]:
    """A silicon structure after at most so many steps downhill in Tersoff's potential, and its energy in eV an atom.

    Args:
        graph: Of silicon alone.
        steps: Of the optimiser.
        fmax: Largest force that is left alone, in eV/Å.

    Raises:
        ValueError: There are other elements.
    """
    others = sorted(set(graph.atomic_numbers.tolist()) - {14})
    if others:
        raise ValueError(
            f"the potential must be given silicon, received atomic numbers {others}: choose a calculator of ASE for them"
        )
    atoms = graph.to_ase()
    atoms.calc = Tersoff({("Si", "Si", "Si"): SILICON})
    FIRE(atoms, logfile=None).run(fmax=fmax, steps=steps)
    cutoff = float(graph.edge_lengths().max()) if len(graph.senders) else 3.0
    moved = AtomicGraph.from_ase(atoms, cutoff=cutoff)
    return moved, float(atoms.get_potential_energy()) / len(atoms)
