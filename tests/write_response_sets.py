"""The public response sets as extxyz files that `equitour fit --target` reads, split into training and test.

    EQUITOUR_DATA=folder python tests/write_response_sets.py OUT [--test 8] [--seed 7]

writes bto_train.extxyz and bto_test.extxyz (Born charges: 9 columns, displacement then field; Raman tensors: 27 columns,
displacement, field, field; dielectric tensors as the set has them, broken ones included) and qm7x_train.extxyz and
qm7x_test.extxyz (polarizabilities). The files belong to their publishers and never enter the repository.
"""

import argparse
from pathlib import Path

import numpy as np
from ase.io import write

from equitour import datasets

SETS = {"bto": "bto_response", "qm7x": "qm7x_polarizability"}


def main() -> None:
    """Write the files that are at hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--test", type=float, default=0.2, help="share of the structures that is kept apart")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    for short, name in SETS.items():
        frames = frames_of(name)
        order = np.random.default_rng(arguments.seed).permutation(len(frames))
        held = round(arguments.test * len(frames))
        write(arguments.folder / f"{short}_test.extxyz", [frames[k] for k in sorted(order[:held])])
        write(arguments.folder / f"{short}_train.extxyz", [frames[k] for k in sorted(order[held:])])
        print(f"{name}: {len(frames) - held} to train, {held} to test")


def frames_of(name: str) -> list:
    """Structures with their tensors as columns and their structure's tensors beside the cell."""
    data = datasets.load(name)
    frames = []
    for k, graph in enumerate(data.graphs):
        atoms = graph.to_ase()
        for label, values in data.atom_labels.items():
            atoms.arrays[label] = values[k].reshape(len(atoms), -1).numpy()
        for label in ("polarizability", "dielectric"):
            if label in data.labels:
                atoms.info[label] = data.labels[label][k].numpy()
        frames.append(atoms)
    return frames


if __name__ == "__main__":
    main()
