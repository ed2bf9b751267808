"""What the data of `equitour fit` decide: elements, their energies, sizes, and which structures validate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.cli.structure_files import StructureFile

LARGEST_BATCH, ATOMS_IN_BATCH = 5, 64


def elements_of(file: StructureFile) -> list[int]:
    """Atomic numbers in the file, ascending."""
    return sorted({int(number) for atoms in file.frames for number in atoms.numbers})


def shifts_of(file: StructureFile, elements: Sequence[int]) -> list[float]:
    """Energy of each element in eV: the free atoms' where the file holds them all, plus least squares of the rest.

    The rest is the energy that bonds bring, several eV an atom, and the network would have to learn its mean as a
    constant, at the cost of forces: so shifts hold it, and the model's own free atoms do not stand at those of the
    file. Where only sums of elements are fixed, as in a set with one composition, the smallest solution is taken.
    """
    counts = np.array([[np.sum(atoms.numbers == number) for number in elements] for atoms in file.frames])
    energies = np.array([found["energy"] for found in file.labels])
    free = np.zeros(len(elements))
    if not missing_free_atoms(file, elements):
        free = np.array([file.free_atoms[number] for number in elements])
    rest = np.linalg.lstsq(counts.astype(float), energies - counts @ free, rcond=None)[0]
    return (free + rest).tolist()


def missing_free_atoms(file: StructureFile, elements: Sequence[int]) -> list[int]:
    """Elements of which the file holds no free atom."""
    return [number for number in elements if number not in file.free_atoms]


def scale_of(file: StructureFile) -> float:
    """Root mean square of the force components in eV/Å; 1 where all are zero, as in a relaxed crystal."""
    squares = np.concatenate([found["forces"].ravel() ** 2 for found in file.labels])
    return float(np.sqrt(squares.mean())) or 1.0


def mean_size(file: StructureFile) -> float:
    """Atoms in a structure, on average."""
    return float(np.mean([len(atoms) for atoms in file.frames]))


def batch_size_of(file: StructureFile) -> int:
    """Few structures, fewer the larger they are: many small steps learn more in a given time."""
    return int(np.clip(round(ATOMS_IN_BATCH / mean_size(file)), 1, LARGEST_BATCH))


def components_of(file: StructureFile) -> int:
    """How many numbers the forces are: what there is to learn from, whether in many small structures or few large."""
    return 3 * sum(len(atoms) for atoms in file.frames)


def neighbors_of(file: StructureFile, cutoff: float, *, most: int = 50) -> float:
    """Average number of neighbours within the cutoff (Å), from up to so many structures."""
    from equitour.graph import AtomicGraph

    chosen = file.frames[:: max(1, len(file.frames) // most)]
    graphs = [AtomicGraph.from_ase(atoms, cutoff=cutoff, min_distance=0.0) for atoms in chosen]
    return max(1.0, sum(graph.num_edges for graph in graphs) / sum(graph.num_nodes for graph in graphs))


def validation_of(file: StructureFile, fraction: float, *, seed: int, most: int = 100) -> list[int]:
    """Which structures are kept aside, drawn from the seed: a share of them, at least one, at most 100.

    One that alone holds an element is passed over: nothing could be learnt of it.

    Raises:
        Trouble: None can be kept aside.
    """
    count = len(file.frames)
    wanted = min(most, max(1, round(fraction * count)) if fraction > 0 else 0)
    if wanted >= count:
        raise Trouble(
            f"training needs at least two structures, one of them to validate, received {count}: "
            "give more, or --valid FILE."
        )
    kinds = [set(atoms.numbers.tolist()) for atoms in file.frames]
    holding, aside = Counter(number for kind in kinds for number in kind), []
    for place in np.random.default_rng(seed).permutation(count).tolist():
        if len(aside) < wanted and all(holding[number] > 1 for number in kinds[place]):
            aside.append(place)
            holding.subtract(kinds[place])
    if wanted and not aside:
        raise Trouble(
            f"training needs each element in two structures, one of them to validate, received {file.path.name}, where "
            "each structure alone holds one: give more, or --valid FILE, or --valid-fraction 0."
        )
    return sorted(aside)
