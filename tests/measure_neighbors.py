"""Neighbour lists beside ASE's, interleaved in one run: `python tests/measure_neighbors.py` prints times and ratios."""

import math
import statistics
import time

from ase.build import bulk
from ase.neighborlist import neighbor_list as ase_neighbor_list

from equitour.graph import AtomicGraph

CUTOFF = 5.0
ROUNDS = 5


def seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    """Silicon from 8 to 64,000 atoms; ASE takes part up to 8,000."""
    print(f"silicon, cutoff {CUTOFF} Å, median of {ROUNDS} interleaved rounds")
    print(f"{'atoms':>7} {'edges':>9} {'equitour':>10} {'ASE':>10} {'ASE / equitour':>15}")
    times = {}
    for repeat in (1, 3, 5, 10, 20):
        atoms = bulk("Si", cubic=True).repeat(repeat)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(seconds(lambda atoms=atoms: AtomicGraph.from_ase(atoms, cutoff=CUTOFF)))
            if len(atoms) <= 8000:
                theirs.append(seconds(lambda atoms=atoms: ase_neighbor_list("ijS", atoms, CUTOFF)))
        times[len(atoms)] = statistics.median(ours)
        edges = AtomicGraph.from_ase(atoms, cutoff=CUTOFF).num_edges
        row = f"{len(atoms):>7} {edges:>9} {times[len(atoms)]:>9.4f}s"
        if theirs:
            row += (
                f" {statistics.median(theirs):>9.4f}s {statistics.median(theirs) / times[len(atoms)]:>15.1f}"
            )
        print(row)
    small, large = 1000, 64000
    exponent = math.log(times[large] / times[small]) / math.log(large / small)
    print(f"cost grows with the number of atoms to the power {exponent:.2f} from {small} to {large} atoms")


if __name__ == "__main__":
    main()
