"""Sets whose labels follow from a formula: made on the fly, from a generator, exact to machine precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from equitour.datasets.charges import STEPS, coulomb, five_charges, leapfrog
from equitour.datasets.ewald import ewald
from equitour.datasets.shelf import Item
from equitour.datasets.source import Raw, Source

# Four unit cubes each; the first two are mirror images of each other and no rotation maps one on the other.
TETRIS = {
    "chiral left": ((0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 1, 0)),
    "chiral right": ((0, 0, 0), (0, 0, 1), (1, 0, 0), (1, -1, 0)),
    "square": ((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)),
    "line": ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3)),
    "corner": ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)),
    "L": ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0)),
    "T": ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 1)),
    "zigzag": ((0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0)),
}
REDUCED = {"energy": "reduced", "forces": "reduced"}


def tetris(count: int | None, generator: torch.Generator) -> Raw:
    """The eight Tetris shapes in three dimensions, one of each; ``shape`` is its number."""
    return [
        Item(
            key=name,
            atomic_numbers=np.ones(4, dtype=int),
            positions=np.array(cubes, dtype=float),
            item={"shape": i, "name": name},
        )
        for i, (name, cubes) in enumerate(list(TETRIS.items())[:count])
    ], {}


def n_body(count: int | None, generator: torch.Generator) -> Raw:
    """Five charges in open space, now and 1000 leapfrog steps of 0.001 later; energy is conserved."""
    systems = 100 if count is None else count
    positions, velocities, charges = five_charges(systems, generator=generator)
    energy, forces = coulomb(positions, charges)
    energy = energy + velocities.square().sum((1, 2)) / 2
    (_, x), (_, v) = leapfrog(positions, velocities, charges, every=STEPS)
    later = coulomb(x, charges)[0] + v.square().sum((1, 2)) / 2
    return [
        Item(
            key=f"{i:04d}",
            atomic_numbers=np.ones(5, dtype=int),
            positions=positions[i].numpy(),
            item={"energy": float(energy[i]), "later_energy": float(later[i])},
            atom={
                "charges": charges[i].numpy(),
                "velocities": velocities[i].numpy(),
                "forces": forces[i].numpy(),
                "later_positions": x[i].numpy(),
                "later_velocities": v[i].numpy(),
            },
        )
        for i in range(systems)
    ], {}


def rattled_molecules(count: int | None, generator: torch.Generator) -> Raw:
    """G2 molecules with every atom moved by 0.1 Å, and springs between all pairs that pull them back.

    E = k/2 Σ (r_ij - R_ij)² over pairs, with R_ij the distances at rest and k = 5 eV/Å².
    """
    from ase.build import molecule

    names = ("H2O", "NH3", "CH4", "CH3OH", "C2H4", "H2CO", "CH3CH2OH", "C6H6", "HCOOH", "CH3CN")
    items = []
    for i in range(100 if count is None else count):
        atoms = molecule(names[i % len(names)])
        rest = torch.tensor(atoms.positions)
        positions = (
            rest + 0.1 * torch.randn(rest.shape, generator=generator, dtype=rest.dtype)
        ).requires_grad_()
        a, b = torch.triu_indices(len(atoms), len(atoms), 1)
        stretch = (positions[a] - positions[b]).norm(dim=1) - (rest[a] - rest[b]).norm(dim=1)
        energy = 2.5 * stretch.square().sum()
        forces = -torch.autograd.grad(energy, positions)[0]
        items.append(
            Item(
                key=f"{i:04d}-{names[i % len(names)]}",
                atomic_numbers=atoms.numbers,
                positions=positions.detach().numpy(),
                item={"energy": energy.item()},
                atom={"forces": forces.numpy(), "rest_positions": rest.numpy()},
            )
        )
    return items, {}


def rocksalt_charges(count: int | None, generator: torch.Generator) -> Raw:
    """Rock-salt cells of charges ±1, the first perfect, the others rattled by 0.1 Å: exact Ewald energies.

    The perfect one has -α e²/(4πε₀ d) for each pair of ions with Madelung's constant α = 1.747564594633.
    """
    from ase.build import bulk

    perfect = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    cell, rest = torch.tensor(perfect.cell[:]), torch.tensor(perfect.positions)
    charges = torch.tensor([1.0 if s == "Na" else -1.0 for s in perfect.symbols], dtype=torch.float64)
    items = []
    for i in range(50 if count is None else count):
        noise = torch.randn(rest.shape, generator=generator, dtype=torch.float64)
        positions = (rest + 0.1 * min(i, 1) * noise).requires_grad_()
        energy = ewald(positions, charges, cell)
        forces = -torch.autograd.grad(energy, positions)[0]
        items.append(
            Item(
                key=f"{i:04d}",
                atomic_numbers=perfect.numbers,
                positions=positions.detach().numpy(),
                cell=cell.numpy(),
                pbc=np.ones(3, dtype=bool),
                item={"energy": energy.item()},
                atom={"forces": forces.numpy(), "charges": charges.numpy()},
            )
        )
    return items, {}


def harmonic_chains(count: int | None, generator: torch.Generator) -> Raw:
    """Rings of twelve masses and springs, masses alternating between 1 and a drawn one; frequencies of all modes.

    Two atoms a cell of length 2: ω² = k(1/m + 1/M) ± k sqrt((1/m + 1/M)² - 4 sin²(q)/(mM)), q = πn/6.
    """
    items, q = [], torch.arange(6, dtype=torch.float64) * math.pi / 6
    for i in range(50 if count is None else count):
        heavy = 1 + 3 * torch.rand((), generator=generator, dtype=torch.float64)
        mean, root = 1 + 1 / heavy, ((1 + 1 / heavy) ** 2 - 4 * q.sin().square() / heavy).clamp(min=0).sqrt()
        squares = torch.cat([mean - root, mean + root]).clamp(min=0)
        positions = np.zeros((12, 3))
        positions[:, 0] = np.arange(12)
        items.append(
            Item(
                key=f"{i:04d}",
                atomic_numbers=np.tile([1, 2], 6),
                positions=positions,
                cell=np.diag([12.0, 1, 1]),
                pbc=np.array([True, False, False]),
                item={"frequencies": squares.sqrt().sort().values.numpy()},
                atom={"masses": np.tile([1.0, heavy.item()], 6)},
            )
        )
    return items, {}


def source(read: Callable, title: str, units: dict[str, str], cutoff: float, equation: str) -> Source:
    """A closed-form set as `load` sees it."""
    card = {"title": title, "units": units, "method": equation, "licence": "MIT", "citation": "None needed."}
    return Source(kind="closed form", cutoff=cutoff, card=card, read=read)


def names(units: Sequence[str], unit: str) -> dict[str, str]:
    """Several labels with one unit."""
    return dict.fromkeys(units, unit)


CLOSED_FORM = {
    "tetris": source(
        tetris,
        "Tetris in three dimensions",
        {"shape": "number", "name": "text"},
        1.1,
        "Eight shapes of four unit cubes; two are mirror images.",
    ),
    "n_body": source(
        n_body,
        "Five charges in open space",
        REDUCED
        | names(["charges", "velocities", "later_positions", "later_velocities", "later_energy"], "reduced"),
        100.0,
        "Softened Coulomb forces, leapfrog, time 1; every force is kept whole, none is clipped.",
    ),
    "rattled_molecules": source(
        rattled_molecules,
        "Rattled molecules held by springs",
        {"energy": "eV", "forces": "eV/Å", "rest_positions": "Å"},
        5.0,
        "E = k/2 Σ (r_ij - R_ij)², k = 5 eV/Å², displacements of 0.1 Å.",
    ),
    "rocksalt_charges": source(
        rocksalt_charges,
        "Rock salt of point charges",
        {"energy": "eV", "forces": "eV/Å", "charges": "e"},
        5.0,
        "Ewald sums, a = 5.64 Å.",
    ),
    "harmonic_chains": source(
        harmonic_chains,
        "Rings of masses and springs",
        {"frequencies": "sqrt(k/m)", "masses": "reduced"},
        1.1,
        "Dispersion of the chain with two masses, all twelve modes.",
    ),
}
