"""About a thousand five-atom crystals ABX3 to learn to generate crystals from, in the manner of Castelli's Perov-5.

Two of 49 metals and three anions (O3, N3, F3, S3, Cl3, or O2N, O2F, O2S), balanced in charge with the commonest
oxidation state of each element and of sizes that may fit (Goldschmidt's and the octahedral factor within wide bounds).
Each is relaxed with CHGNet in two steps. First the ideal parent, which its symmetry holds in place. Then the parent is
asked for soft modes: the force constants of displacements along each axis, translations taken out. Where one is
negative, the crystal is pushed along one axis and along all soft axes and relaxed with all its atoms and its cell free;
the lowest energy stands. So the cubic crystals are cubic to the last digit and the others chose their own distortion:
tetragonal, as lead titanate, or rhombohedral, as cold barium titanate. About 3 CPU-s a crystal.
"""

import json
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, versions
from equitour.datasets.recipes.perovskite_sites import X_SITE, radius
from equitour.datasets.recipes.perovskites import FRACTIONS, calculator
from equitour.datasets.shelf import SHIPPED, Item

SEED = 17
# eV an atom: `perovskites.reference` of each element, which takes two minutes for all.
ELEMENTS = json.loads((Path(__file__).parent / "element_energies.json").read_text())
# Li and Be, Na to Al, K to Ge, Rb to Te without Tc, Cs to La, Hf to Bi.
ROWS = ((3, 4), (11, 13), (19, 32), (37, 42), (44, 52), (55, 57), (72, 83))
METALS = {chemical_symbols[number] for first, last in ROWS for number in range(first, last + 1)}
# What literature knows comes first, so that even a beginning can be compared with it.
KNOWN = "SrTiO3 BaTiO3 PbTiO3 KTaO3 KNbO3 CaTiO3 LaAlO3 BaZrO3 SrZrO3 BaSnO3 KMgF3 NaMgF3 KZnF3 BaLiF3 CsPbCl3 BaTaO2N"
# The odd anion stands first, on the axis z through B; the parent is then tetragonal.
ANIONS = {x + "3": (x, x, x) for x in ("O", "N", "F", "S", "Cl")} | {f"O2{x}": (x, "O", "O") for x in "NFS"}
TOLERANCE, OCTAHEDRAL = (0.75, 1.12), (0.33, 0.92)
IONIC = 0.14  # Å, between Shannon's crystal radii and his ionic ones: cations smaller, anions larger.
SOFT = -0.02  # eV/Å²
PUSH = 0.15  # Å
FORCES, STEPS = 0.04, 80  # eV/Å
# eV a cell: what gains less has fallen back to its parent, what gains more has become another crystal.
GAIN, LOSS = 5e-4, 1.25
SYMMETRIC = 0.02  # Å
SHORTEST, STRETCH, SHEAR = 1.5, 1.35, 12  # Å, ratio of edges, degrees off the right angle
CARD = {
    "title": "Perovskites relaxed, to generate crystals from",
    "units": {
        "formation_energy": "eV/atom",
        "distortion_energy": "eV/atom",
        "volume": "Å³",
        "tolerance": "1",
        "octahedral": "1",
        "space_group": "1",
        "formula": "text",
    },
    "labels": {
        "formation_energy": "CHGNet, against elements and molecules in the same model",
        "distortion_energy": "how far the crystal lies below its undistorted parent; 0 where the parent is stable",
        "volume": "of the cell of five atoms",
        "tolerance": "Goldschmidt's factor from Shannon's radii, 12 neighbours of A, 6 of B and X (mean over the anions)",
        "octahedral": "radius of B over radius of X (ionic)",
        "space_group": "number, by spglib within 0.02 Å",
        "formula": "A, then B, then the anions",
    },
    "method": "Charge-balanced by SMACT's commonest oxidation states, Goldschmidt's factor 0.75 to 1.12, octahedral factor "
    "0.33 to 0.92; CHGNet 0.3.0 in cells of five atoms: the parent relaxed within its symmetry, its soft modes at Γ "
    "followed with atoms and cell free until forces fell below 0.04 eV/Å, the lowest energy kept; refused is "
    "what collapses, does not settle, or falls more than 0.25 eV an atom below its parent and so is another crystal.",
    "caveats": "CHGNet, not density functional theory, and no order of spins. Five atoms cannot tilt their octahedra, so a "
    "small factor of tolerance shows other distortions here than in nature; the parent is the undistorted perovskite. "
    "Tetragonal strains come out too large (lead titanate), as PBE has them. The anions of O2N, O2F and O2S are ordered "
    "one way only, the odd one on the axis through B. A and B are exchanged in 26 of the 810 planned compositions only, "
    "where both orders fit. Hypothetical crystals: many are not stable against decomposition.",
    "seed": SEED,
    "cutoff": 5.0,
    "licence": "MIT",
    "citation": "I. E. Castelli et al., Energy Environ. Sci. 5, 9034 (2012) for the idea; B. Deng et al., Nat. Mach. "
    "Intell. 5, 1031 (2023) for CHGNet; D. W. Davies et al., J. Open Source Softw. 4, 1361 (2019) for SMACT.",
}


@cache
def common_states() -> dict[str, int]:
    """The commonest oxidation state of each metal in the inorganic crystal structure database, by SMACT's table."""
    table = Path(physics_code("smact").__file__).parent / "data" / "oxidation_states_icsd24_common.txt"
    rows = [line.split() for line in table.read_text().splitlines() if not line.startswith("#")]
    return {row[0]: int(float(row[1])) for row in rows if len(row) > 1 and row[0] in METALS}


@cache
def sizes(a: str, b: str, name: str) -> tuple[float, float, float]:
    """Radii of A among twelve, of B among six neighbours, and the mean of the anions', in Å."""
    states = common_states()
    rx = float(np.mean([radius(x, X_SITE[x], 6) for x in ANIONS[name]]))
    return float(radius(a, states[a], 12)), float(radius(b, states[b], 6)), rx


def factors(a: str, b: str, name: str) -> tuple[float, float]:
    """Goldschmidt's factor (rA + rX) / √2 (rB + rX), and rB / rX, of A, B and one of `ANIONS`."""
    ra, rb, rx = sizes(a, b, name)
    return (ra + rx) / (np.sqrt(2) * (rb + rx)), (rb - IONIC) / (rx + IONIC)


@cache
def candidates() -> dict[str, tuple[str, str, str]]:
    """Formula -> A, B and anions for every balanced composition whose sizes may fit."""
    states, found = common_states(), {}
    for name, anions in ANIONS.items():
        for a, b in permutations(states, 2):
            if states[a] + states[b] + sum(X_SITE[x] for x in anions) == 0:
                bounds = zip((TOLERANCE, OCTAHEDRAL), factors(a, b, name), strict=True)
                if all(low < factor < high for (low, high), factor in bounds):
                    found[f"{a}{b}{name}"] = (a, b, name)
    return found


def minimised(atoms, *, above: float = -np.inf, **strain) -> bool:
    """Relax atoms and cell in place; whether forces settled while it was a perovskite still, its energy above a bound."""
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS

    optimiser = BFGS(FrechetCellFilter(atoms, **strain), logfile=None, maxstep=0.1)
    for _ in optimiser.irun(fmax=FORCES, steps=STEPS):
        if not perovskite_still(atoms) or atoms.get_potential_energy() < above:
            return False
    return bool(optimiser.converged())


def parent(key: str):
    """The undistorted perovskite at the minimum that its symmetry leaves it, or None."""
    from ase import Atoms
    from ase.constraints import FixSymmetry

    a, b, name = candidates()[key]
    (ra, rb, rx), anions = sizes(a, b, name), ANIONS[name]
    edge = max(2 * (rb + rx), np.sqrt(2) * (ra + rx))
    atoms = Atoms([a, b, *anions], scaled_positions=FRACTIONS, cell=[edge] * 3, pbc=True)
    atoms.calc = calculator()
    atoms.set_constraint(FixSymmetry(atoms))
    settled = minimised(atoms, hydrostatic_strain=len(set(anions)) == 1)
    atoms.set_constraint()
    return atoms if settled else None


def forces_along(atoms, axis: int, *, step: float = 0.03) -> np.ndarray:
    """Force constants (5, 5) in eV/Å² for displacements along one axis, which the parent's mirrors keep to themselves."""
    rows = np.zeros((5, 5))
    for atom in range(1, 5):
        moved = atoms.copy()
        moved.positions[atom, axis] += step
        moved.calc = calculator()
        rows[atom] = -moved.get_forces()[:, axis] / step
    rows[0] = -rows[1:].sum(0)  # Moving all atoms together costs nothing.
    still = np.eye(5) - 1 / 5
    return still @ (rows + rows.T) @ still / 2


def softest(atoms) -> list[tuple[float, np.ndarray]]:
    """For each axis the lowest force constant and its displacement (5, 3), translations left out."""
    found, cubic = [], len(set(atoms.numbers[2:])) == 1
    along_z = np.linalg.eigh(forces_along(atoms, 2))
    along_y = along_z if cubic else np.linalg.eigh(forces_along(atoms, 1))
    for axis, (values, vectors) in enumerate((along_y, along_y, along_z)):
        lowest = int(np.argmin(np.where(np.abs(vectors.sum(0)) > 1, np.inf, values)))
        # The anion on the axis through B is number 4, 3 or 2 for x, y or z.
        order, known, push = list(range(5)), 2 if cubic or axis == 2 else 3, np.zeros((5, 3))
        order[known], order[4 - axis] = order[4 - axis], order[known]
        push[:, axis] = vectors[order, lowest]
        found.append((float(values[lowest]), push))
    return found


def distorted(atoms) -> list:
    """What becomes of a soft parent pushed along its softest axis, and along all its soft axes, where forces settle."""
    modes = sorted(softest(atoms), key=lambda mode: mode[0])
    soft = [push for value, push in modes if value < SOFT]
    found = []
    for pushes in sorted({1, len(soft)}) if soft else ():
        moved = atoms.copy()
        together = sum(soft[:pushes])
        moved.positions += PUSH * together / np.linalg.norm(together)
        moved.calc = calculator()
        found.append(moved if minimised(moved, above=atoms.get_potential_energy() - LOSS) else None)
    return [moved for moved in found if moved is not None] or ([None] if soft else [])


def perovskite_still(atoms) -> bool:
    """Whether the cell is one of a perovskite: nothing collapsed, nothing sheared or stretched away."""
    apart = atoms.get_all_distances(mic=True)[np.triu_indices(5, 1)].min() > SHORTEST
    lengths, off = atoms.cell.lengths(), np.abs(atoms.cell.angles() - 90).max()
    return bool(apart and off < SHEAR and lengths.max() < STRETCH * lengths.min())


def lowest(key: str) -> tuple | None:
    """The crystal of lowest energy that was found and the energy (eV) of its parent, or None where nothing settles."""
    ideal = parent(key)
    others = [None] if ideal is None else distorted(ideal)
    if None in others:
        return None
    high = float(ideal.get_potential_energy())
    best = min(others, key=lambda atoms: atoms.get_potential_energy(), default=ideal)
    return (best if best.get_potential_energy() < high - GAIN else ideal), high


def crystal(key: str) -> Item | None:
    """One relaxed crystal, or None where it collapses or its forces do not settle."""
    spglib = physics_code("spglib")
    from ase.spacegroup.symmetrize import refine_symmetry

    atoms, high = lowest(key) or (None, None)
    if atoms is None:
        return None
    energy = float(atoms.get_potential_energy())
    # Single precision leaves the cell a hair off the symmetry that it relaxed to.
    refine_symmetry(atoms, symprec=SYMMETRIC)
    fractions = atoms.get_scaled_positions(wrap=False)
    fractions = (fractions - fractions[0] + 0.1) % 1 - 0.1
    # Adding zero makes a plain zero of a negative one.
    cell = rounded(atoms.cell.standard_form()[0][:], 4) + 0.0
    positions, described = rounded(fractions @ cell, 4) + 0.0, (cell, fractions, atoms.numbers)
    goldschmidt, octahedral = factors(*candidates()[key])
    return Item(
        key=key,
        atomic_numbers=atoms.numbers,
        positions=positions,
        cell=cell,
        pbc=np.ones(3, dtype=bool),
        item={
            "formation_energy": rounded((energy - sum(ELEMENTS[symbol] for symbol in atoms.symbols)) / 5, 4),
            "distortion_energy": rounded((high - energy) / 5, 4),
            "volume": rounded(np.linalg.det(cell), 3),
            "tolerance": rounded(goldschmidt, 4),
            "octahedral": rounded(octahedral, 4),
            "space_group": np.int16(spglib.get_symmetry_dataset(described, symprec=SYMMETRIC).number),
            "formula": key,
        },
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing, in an order drawn once, so that a part is a fair part."""
    keys = [str(key) for key in np.random.default_rng(SEED).permutation(sorted(candidates()))]
    card = CARD | {"codes": versions("chgnet", "smact", "ase", "spglib")}
    bench = Bench(name="perovskites_relaxed", card=card, folder=folder, minutes=minutes)
    bench.make(keys, crystal, order=lambda key: key not in KNOWN)


if __name__ == "__main__":
    make()
