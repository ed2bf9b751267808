"""Freed memory is kept where it can be, which the system's count of page faults shows."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")

# Eight blocks of 3 MiB, taken and given back: 6,144 pages a round that are either kept or got anew. Before them comes
# a neighbour list or an evaluation, as whoever uses the library makes, or neither.
ROUNDS = """
import ctypes, resource, sys
import numpy as np, torch
from ase.build import molecule
from equitour.graph import AtomicGraph
from equitour.models import Potential, build

PR_SET_THP_DISABLE = 41  # Huge pages, which some systems give unasked, would make few faults of many pages.
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)

if "list" in sys.argv:
    AtomicGraph.from_ase(molecule("H2O"), cutoff=3.0)
if "evaluation" in sys.argv:
    one = torch.tensor([0])
    graph = AtomicGraph(positions=torch.zeros(1, 3), atomic_numbers=one + 1, senders=one[:0], receivers=one[:0],
                        cell_shifts=torch.zeros(0, 3, dtype=torch.long), cell=torch.zeros(1, 3, 3),
                        pbc=torch.zeros(1, 3, dtype=torch.bool), batch=one)
    Potential(build("schnet", elements=[1], cutoff=3.0)).evaluate(graph)

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(3 << 17) for _ in range(8)]
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

for _ in range(3):
    faults()
print(min(faults() for _ in range(3)))
"""


def pages_a_round(*first, **environment):
    """Page faults of a round in a process of its own, whatever this one's environment says of malloc."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", ROUNDS, *first]
    done = subprocess.run(command, env=inherited | environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_neighbour_list_or_an_evaluation_makes_glibc_keep_what_is_freed():
    assert pages_a_round() > 1000
    assert pages_a_round("list") < 100
    assert pages_a_round("evaluation") < 100


def test_the_environment_has_the_last_word():
    assert pages_a_round("list", MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072") > 1000
