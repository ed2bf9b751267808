"""Neighbour lists beside ASE's, interleaved in one run: `python tests/measure_neighbors.py` prints times and ratios.

Times are CPU times of one thread, so that other work on the machine counts little; medians over the rounds.
"""

import os

# numpy's threads wait for each other at the cost of CPU time, which would make ASE look slower than it is.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import math
import statistics
import time

import torch
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list as ase_neighbor_list

from equitour.graph import AtomicGraph
from equitour.graph.neighbors import neighbor_list

CUTOFF = 5.0
ROUNDS = 7
LARGEST_FOR_ASE = 8000


def contestants(atoms: Atoms) -> dict:
    """The bare list, the whole graph (checks and copies included), and ASE's bare list."""
    positions, cell, pbc = (
        torch.tensor(atoms.positions),
        torch.tensor(atoms.cell.array),
        torch.tensor(atoms.pbc),
    )
    functions = {
        "list": lambda: neighbor_list(positions, cutoff=CUTOFF, cell=cell, pbc=pbc),
        "graph": lambda: AtomicGraph.from_ase(atoms, cutoff=CUTOFF),
    }
    if len(atoms) <= LARGEST_FOR_ASE:
        functions["ase"] = lambda: ase_neighbor_list("ijS", atoms, CUTOFF)
    return functions


def medians(functions: dict) -> dict[str, float]:
    """CPU seconds of each function, one call of each in every round."""
    times = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = time.process_time()
            function()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def row(atoms: Atoms, times: dict[str, float]) -> str:
    """Sizes, times in milliseconds, and how many times as fast as ASE we are."""
    edges = AtomicGraph.from_ase(atoms, cutoff=CUTOFF).num_edges
    cells = [
        f"{len(atoms):>7}",
        f"{edges:>9}",
        *(f"{1000 * times[name]:>9.2f}" for name in ("list", "graph")),
    ]
    if "ase" in times:
        cells.append(f"{1000 * times['ase']:>9.2f}")
        cells += [f"{times['ase'] / times[name]:>10.1f}" for name in ("list", "graph")]
    return " ".join(cells)


def main() -> None:
    """Silicon from 8 to 64,000 atoms; ASE takes part up to 8,000."""
    torch.set_num_threads(1)
    print(f"silicon, cutoff {CUTOFF} Å, CPU milliseconds, median of {ROUNDS} interleaved rounds")
    titles = ("list", "graph", "ASE's"), ("ASE / list", "ASE / graph")
    print(f"{'atoms':>7} {'edges':>9} " + " ".join(f"{t:>9}" for t in titles[0]) + " " + " ".join(titles[1]))
    graph_times = {}
    for repeat in (1, 3, 5, 8, 10, 20):
        atoms = bulk("Si", cubic=True).repeat(repeat)
        times = medians(contestants(atoms))
        graph_times[len(atoms)] = times["graph"]
        print(row(atoms, times))
    small, large = 1000, 64000
    exponent = math.log(graph_times[large] / graph_times[small]) / math.log(large / small)
    print(f"cost grows with the number of atoms to the power {exponent:.2f} from {small} to {large} atoms")


if __name__ == "__main__":
    main()
