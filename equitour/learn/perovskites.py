"""Crystals to denoise, to judge and to look at: what lesson 505 needs besides its ideas."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from jaxtyping import Float
from torch import Tensor

from equitour.datasets.record import Dataset
from equitour.generative import CrystalScores, composition_validity, space_group, structural_validity
from equitour.generative.crystal import (
    Crystals,
    CrystalStep,
    log_metric,
    reduced_cell,
    wrap,
)

ANIONS = (7, 8, 9, 16, 17)
TOUCHING = 1.4  # Å, less than any two atoms of the set keep apart.
NEAR = 0.1  # Å, how far off its place an atom may stand for a space group.
SCORES = {
    "structural_validity": "valid structure, %",
    "composition_validity": "valid composition, %",
    "coverage_recall": "real ones with a made one near, %",
    "coverage_precision": "made ones with a real one near, %",
    "wasserstein_density": "densities to be moved by, g/cm³",
    "wasserstein_elements": "numbers of elements to be moved by",
    "unique": "unique, %",
    "novel": "novel, %",
}
SYSTEMS = {
    2: "triclinic", 15: "monoclinic", 74: "orthorhombic", 142: "tetragonal", 167: "rhombohedral", 194: "hexagonal",
    230: "cubic",
}  # fmt: skip


def cells(data: Dataset) -> list[Atoms]:
    """The crystals of a set, each in its reduced cell."""
    return [reduced_cell(graph.to_ase()) for graph in data.graphs]


def parted(
    structures: Sequence[Atoms], held_out: int, *, generator: torch.Generator
) -> tuple[list[Atoms], list[Atoms]]:
    """Crystals to learn from, and as many as asked for that are held out, drawn at random."""
    order = torch.randperm(len(structures), generator=generator).tolist()
    return [structures[k] for k in order[held_out:]], [structures[k] for k in order[:held_out]]


def name_of(atoms: Atoms) -> str:
    """Metals, then anions, "BaTiO3"; a question mark for each element that is hidden."""
    numbers = sorted(atoms.numbers.tolist(), key=lambda z: (z in ANIONS, z > 0, -covalent_radii[z]))
    counts = Counter(chemical_symbols[z] if z else "?" for z in numbers)
    return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in counts.items())


def relative(history: Sequence[Mapping[str, float]], num_elements: int) -> dict[str, Float[Tensor, " steps"]]:
    """Losses as shares of those of a denoiser that knows nothing: 1 for numbers, ln(elements) for elements."""
    ignorant = {"elements": math.log(num_elements)}
    return {
        name: torch.tensor([losses[name] for losses in history]).double() / ignorant.get(name, 1.0)
        for name in history[0]
    }


def faults(atoms: Atoms) -> list[str]:
    """What is wrong with a crystal that should be a perovskite; nothing where all is well."""
    if not structural_validity(atoms):
        return ["atoms on top of each other"]
    found = []
    distances = atoms.get_all_distances(mic=True)
    if float(distances[~torch.eye(len(atoms), dtype=torch.bool).numpy()].min()) < TOUCHING:
        found.append("atoms too near")
    anions = sum(int(z) in ANIONS for z in atoms.numbers)
    if anions != 3:
        found.append(f"{anions} anions")
    if not composition_validity(atoms.numbers):
        found.append("charges")
    if anions == 3 and not found and not _has_octahedron(atoms):
        found.append("no octahedron")
    return found


def _has_octahedron(atoms: Atoms) -> bool:
    """Whether some metal has six anions around it, on both sides of it along three directions."""
    from ase.neighborlist import neighbor_list

    i, j, vectors = neighbor_list("ijD", atoms, 4.5)
    for metal in [k for k, z in enumerate(atoms.numbers) if int(z) not in ANIONS]:
        around = torch.tensor(vectors[(i == metal) & [int(z) in ANIONS for z in atoms.numbers[j]]])
        if len(around) < 6:
            continue
        unit = around[around.norm(dim=1).argsort()[:6]]
        unit = unit / unit.norm(dim=1, keepdim=True)
        # Each of the six has one opposite, within 45 degrees.
        if ((unit @ unit.T) < -0.7).any(1).all():
            return True
    return False


def tally(structures: Sequence[Atoms]) -> dict[str, float]:
    """Shares of crystals with each fault, in percent, the most frequent first, "none" at the end."""
    counts = Counter(fault for atoms in structures for fault in faults(atoms) or ["none"])
    shares = {fault: 100 * n / len(structures) for fault, n in counts.most_common()}
    return {k: v for k, v in shares.items() if k != "none"} | {"none": shares.get("none", 0.0)}


def system_of(atoms: Atoms, symprec: float = NEAR) -> str:
    """The crystal system that spglib finds, or "none" where atoms stand on one place."""
    try:
        number = space_group(atoms, symprec=symprec).number
    except ValueError:
        return "none"
    return next(name for last, name in SYSTEMS.items() if number <= last)


def systems(structures: Sequence[Atoms], symprec: float = NEAR) -> str:
    """The crystal systems and their shares, where atoms may stand off their places by symprec: "cubic 24, tetragonal 76 %"."""
    counts = Counter(system_of(atoms, symprec) for atoms in structures)
    named = [name for name in (*reversed(SYSTEMS.values()), "none") if counts[name]]
    return ", ".join(f"{name} {100 * counts[name] / len(structures):.0f}" for name in named) + " %"


def sample_of(structures: Sequence[Atoms], each: int = 4) -> list[int]:
    """Numbers of some crystals with the fewest faults, some from the middle, and some with the most."""
    order = sorted(range(len(structures)), key=lambda k: (len(faults(structures[k])), k))
    middle = len(order) // 2
    return order[:each] + order[middle : middle + each] + order[-each:]


def named(scores: CrystalScores) -> dict[str, float]:
    """What `score_crystals` found, by what it means; without the match, which asks for pairs, and what is not known without pymatgen."""
    numbers = scores.numbers()
    return {label: numbers[row] for row, label in SCORES.items() if numbers[row] is not None}


def side_by_side(columns: Mapping[str, Mapping[str, float]], *, title: str = "") -> str:
    """Numbers by name in columns; the rows in the order of the last column, 0 where a name is missing."""
    rows = dict.fromkeys(name for numbers in reversed(columns.values()) for name in numbers)
    lines = [title.rjust(36) + "".join(name.rjust(9) for name in columns)]
    for row in rows:
        lines.append(row.rjust(36) + "".join(f"{numbers.get(row, 0.0):9.2f}" for numbers in columns.values()))
    return "\n".join(lines)


def followed(film: Sequence[CrystalStep], which: int) -> tuple[list[Atoms], list[str]]:
    """One crystal on its way out of noise, and at each step the time that is left and its name."""
    frames = [step.crystals.select(torch.tensor([which])).to_ase()[0] for step in film]
    return frames, [f"t = {step.t:.2f}, {name_of(atoms)}" for step, atoms in zip(film, frames, strict=True)]


def left_to_do(film: Sequence[CrystalStep]) -> dict[str, Float[Tensor, " steps"]]:
    """How far lattice, positions and elements still are from where they end, as shares of the first step."""
    last = film[-1].crystals
    metric = log_metric(last.lattices)
    far = {
        "lattice": [(log_metric(step.crystals.lattices) - metric).norm(dim=1).mean() for step in film],
        "positions": [wrap(step.crystals.fractional - last.fractional).abs().mean() for step in film],
        "elements hidden": [(step.crystals.atomic_numbers == 0).double().mean() for step in film],
    }
    return {name: torch.stack(values) / values[0] for name, values in far.items()}


def noise_like(start: Crystals, known: Crystals, *, generator: torch.Generator) -> list[Atoms]:
    """The noise that a walk starts from, with elements drawn as often as they occur among known crystals."""
    drawn = torch.randint(known.num_nodes, (start.num_nodes,), generator=generator)
    return start.replace(atomic_numbers=known.atomic_numbers[drawn]).to_ase()
