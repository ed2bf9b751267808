"""Crystals to denoise, to judge and to look at: what lesson 505 needs besides its ideas."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from jaxtyping import Float
from torch import Tensor

from equitour.datasets.record import Dataset
from equitour.generative import composition_validity, space_group, structural_validity
from equitour.generative.crystal import Crystals, CrystalStep, log_metric, reduced_cell, wrap
from equitour.symmetry import random_orthogonal

ANIONS = (7, 8, 9, 16, 17)
TOUCHING = 1.4  # Å, less than any two atoms of the set keep apart.
NEAR = 0.1  # Å, how far off its place an atom may stand for a space group.
SHEAR = ((1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
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


def symmetry_errors(
    denoiser: torch.nn.Module,
    crystals: Crystals,
    t: Float[Tensor, " crystals"],
    *,
    generator: torch.Generator,
) -> dict[str, float]:
    """By how much the answers change under the four symmetries, relative to their size; all crystals of one size.

    Scores and metrics belong to lattice vectors, so with other vectors M L they must be the same in space: M s and M G Mᵀ.
    """
    atoms = crystals.num_nodes // crystals.num_crystals
    order = torch.randperm(atoms, generator=generator)
    order = (torch.arange(crystals.num_crystals)[:, None] * atoms + order).flatten()
    shift = torch.rand(3, generator=generator, dtype=crystals.fractional.dtype)
    f, L, z = crystals.fractional, crystals.lattices, crystals.atomic_numbers
    M, one = torch.tensor(SHEAR, dtype=L.dtype), torch.arange(len(f))
    turned = L @ random_orthogonal(generator=generator).to(L).T
    others = {
        "permutation": (
            crystals.replace(fractional=f[order], atomic_numbers=z[order]),
            order,
            torch.eye(3).to(L),
        ),
        "translation": (crystals.replace(fractional=(f + shift) % 1.0), one, torch.eye(3).to(L)),
        "O(3)": (crystals.replace(lattices=turned), one, torch.eye(3).to(L)),
        "SL(3, Z)": (crystals.replace(lattices=M @ L, fractional=(f @ torch.linalg.inv(M)) % 1.0), one, M),
    }
    found = {}
    with torch.no_grad():
        score, logits, metric = _answers(denoiser, crystals, t)
        for name, (other, order, M) in others.items():
            expected = score[order] @ M.T, logits[order], M @ metric @ M.T
            answers = _answers(denoiser, other, t)
            found[name] = max(
                float((a - b).norm() / b.norm()) for a, b in zip(answers, expected, strict=True)
            )
    return found


def _answers(denoiser: torch.nn.Module, crystals: Crystals, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    answer = denoiser(crystals, t)
    lattices = denoiser.scale.lattices(answer.lattice, crystals.counts)
    return answer.score, answer.logits, lattices @ lattices.mT


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


def systems(structures: Sequence[Atoms], symprec: float = NEAR) -> dict[str, float]:
    """Shares of the crystal systems, in percent."""
    counts = Counter(system_of(atoms, symprec) for atoms in structures)
    return {name: 100 * counts[name] / len(structures) for name in reversed(SYSTEMS.values())}


def repeats(structures: Sequence[Atoms], known: Sequence[Atoms]) -> tuple[float, float]:
    """Shares of compositions that are the first of their kind, and that no known crystal has."""
    names = [tuple(sorted(atoms.numbers.tolist())) for atoms in structures]
    seen = {tuple(sorted(atoms.numbers.tolist())) for atoms in known}
    return len(set(names)) / len(names), sum(name not in seen for name in names) / len(names)


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


def draw_border(axes: Any, fractions: Float[Tensor, " draws"], mean: float, around: float) -> None:
    """Places on the line from 0 to 1, and the same places on a circle, each with its mean."""
    line, circle = axes
    line.plot(fractions, 0 * fractions, "o", alpha=0.35, ms=5, label="draws")
    line.plot([mean], [0], "v", ms=10, color="C1", label="mean of the numbers")
    line.plot([around], [0], "^", ms=10, color="C2", label="mean on the circle")
    line.set(xlabel="fractional coordinate", yticks=[], xlim=(-0.03, 1.03), ylim=(-0.5, 0.9))
    line.legend(fontsize=8.5, loc="upper center")
    turn = torch.linspace(0, 2 * torch.pi, 200)
    circle.plot(turn.cos(), turn.sin(), color="#888888", lw=1)
    for f, mark, size, colour, alpha in (
        (fractions, "o", 5, "C0", 0.35), (torch.tensor([mean]), "v", 10, "C1", 1), (torch.tensor([around]), "^", 10, "C2", 1)
    ):  # fmt: skip
        circle.plot(
            (2 * torch.pi * f).cos(), (2 * torch.pi * f).sin(), mark, ms=size, color=colour, alpha=alpha
        )
    circle.text(1.12, 0, "0 = 1", va="center")
    circle.text(-1.12, 0, "0.5", va="center", ha="right")
    circle.set(aspect="equal", xlim=(-1.6, 1.7), ylim=(-1.25, 1.25))
    circle.axis("off")


def draw_learning(ax: Any, history: Mapping[str, Sequence[float]], window: int = 25) -> None:
    """Each part of the loss by steps, averaged over a window, relative to a denoiser that knows nothing."""
    for (name, losses), style in zip(history.items(), ("-", "--", ":"), strict=False):
        values = torch.tensor(losses, dtype=torch.float64)
        width = min(window, max(1, len(values) // 8))
        smooth = values.unfold(0, width, 1).mean(1)
        ax.plot(torch.arange(len(smooth)) + width // 2, smooth, style, lw=1.8, label=name)
    ax.axhline(1, color="#888888", ls="-", lw=0.8)
    ax.set(xlabel="steps", ylabel="loss, 1 = knows nothing", ylim=(0, 1.25))
    ax.legend(fontsize=8.5, ncols=3, loc="upper right")
