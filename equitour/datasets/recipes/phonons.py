"""Phonon densities of states of small crystals, and measured or reference ones that judge them.

Crystals with at most eight atoms in the primitive cell: the AFLOW prototypes that pymatgen ships as real compounds,
and chemical substitutions in rock salt, zincblende, fluorite, caesium chloride, perovskite and half-Heusler. Each is
relaxed with SevenNet 7net-l3i5 at fixed symmetry, displaced by 0.02 Å in a supercell of about 8 Å, and kept when
no mode is imaginary. About 15 CPU-s each. The model's phonons are some 10 to 20 % too soft, as those of all models
trained on near-equilibrium data; `phonons_reference` holds NCrystal's curves, which show it.
"""

import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED = 15
SPACING, TOP, SMEARING = 20.0, 1200.0, 12.0  # cm^-1
AXIS = np.arange(0.0, TOP + SPACING / 2, SPACING)
THZ_TO_CM = 33.35640951981521
KEPT_PROTOTYPES = 150
# Substitutions that the prototypes hold as well, as NaCl-AB_cF8_225_a_b and so on.
TWINS = ("NaCl-rocksalt", "CaF2-fluorite", "CsCl-cesiumchloride", "ZnS-zincblende")
UNITS = {
    "dos": "1/cm^-1",
    "max_frequency": "cm^-1",
    "heat_capacity": "k_B per atom",
    "dos_by_atom": "1/cm^-1",
    "formula": "text",
    "space_group": "number",
    "frequency": "cm^-1",
}
CARD = {
    "title": "Phonon densities of states of small crystals",
    "units": UNITS,
    "labels": {
        "dos": "integrates to 3N over `shared['frequency']`",
        "dos_by_atom": "each atom's part, integrates to 3",
        "max_frequency": "of the mesh",
        "heat_capacity": "harmonic, constant volume, 300 K",
        "formula": "as built",
        "space_group": "of the relaxed crystal",
    },
    "method": "SevenNet 7net-l3i5; relaxed at fixed symmetry to 2 meV/Å; phonopy finite displacements of 0.02 Å; "
    f"10x10x10 mesh, Gaussian smearing of {SMEARING} cm^-1, mirrored at zero.",
    "caveats": "The model softens phonons by 10 to 20 % (see phonons_reference). No splitting of longitudinal and "
    "transverse optical modes, since no Born charges enter. Refused crystals have imaginary modes or modes above "
    "1150 cm^-1, or elements that the model does not know.",
    "seed": SEED,
    "cutoff": 5.0,
    "licence": "MIT; structures: AFLOW prototypes as shipped by pymatgen (MIT), or built by formula",
    "citation": "Y. Park et al., J. Chem. Theory Comput. 20, 4857 (2024) for SevenNet; A. Togo, J. Phys. Soc. Jpn. 92, "
    "012001 (2023) for phonopy.",
}


@cache
def crystals() -> dict:
    """Key -> ASE structure, prototypes first, each family in its written order."""
    prototypes = Path(physics_code("pymatgen.analysis.prototypes", "pymatgen").__file__).parent
    from ase import Atoms
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    found = {}
    for entry in json.loads(gzip.decompress((prototypes / "aflow_prototypes.json.gz").read_bytes())):
        structure = Structure.from_dict(entry["snl"])
        if len(structure) > 20 or not structure.is_ordered:
            continue
        structure = structure.get_primitive_structure()
        key = f"{structure.composition.reduced_formula}-{entry['tags']['aflow']}"
        if len(structure) <= 8:
            plain = AseAtomsAdaptor.get_atoms(structure)
            found[key] = Atoms(plain.numbers, cell=plain.cell, positions=plain.positions, pbc=True)
    chosen = np.random.default_rng(SEED).permutation(sorted(found))[:KEPT_PROTOTYPES]
    return {str(key): found[key] for key in chosen} | substitutions()


def substitutions() -> dict:
    """Named compounds in six structure types, started at the sum of their covalent radii."""
    families = json.loads(Path(__file__).with_name("phonon_compounds.json").read_text(encoding="utf-8"))
    return {
        f"{formula}-{family}": build(formula, family)
        for family, formulas in families.items()
        for formula in formulas.split()
    }


def build(formula: str, family: str):
    """One compound in a structure type; for fluorites the element that is there once sits on the fcc lattice."""
    from ase import Atoms
    from ase.data import atomic_numbers, covalent_radii
    from ase.formula import Formula

    sites = {
        "rocksalt": ([0, 0.5], "fcc", 2.0),
        "zincblende": ([0, 0.25], "fcc", 2.309),
        "fluorite": ([0, 0.25, 0.75], "fcc", 2.309),
        "cesiumchloride": ([0, 0.5], "sc", 1.155),
        "halfheusler": ([0, 0.5, 0.25], "fcc", 2.2),
        "perovskite": (None, "sc", 2.0),
    }
    fractions, lattice, stretch = sites[family]
    count = Formula(formula).count()
    symbols = sorted(count, key=lambda s: count[s]) if family == "fluorite" else list(count)
    symbols = [s for s in symbols for _ in range(count[s])]
    radii = [covalent_radii[atomic_numbers[s]] for s in symbols]
    pair = radii[1:3] if family in ("halfheusler", "perovskite") else radii[:2]
    if family == "perovskite" and symbols[0] == "Ba" and symbols[1] == "Li":
        pair = [radii[1], radii[2]]
    a = stretch * sum(pair) * 0.97
    if family == "perovskite":
        scaled = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
        return Atoms(symbols, scaled_positions=scaled, cell=[a] * 3, pbc=True)
    cell = a * np.eye(3) if lattice == "sc" else a / 2 * (np.ones((3, 3)) - np.eye(3))
    # A point (x, x, x) of the cube has the same fractions x in the primitive fcc cell, since its rows sum to (a, a, a).
    return Atoms(symbols, scaled_positions=np.repeat(np.array(fractions)[:, None], 3, 1), cell=cell, pbc=True)


@cache
def calculator():
    """SevenNet with the weights inside its wheel, on one thread."""
    torch, sevenn = physics_code("torch"), physics_code("sevenn.calculator", "sevenn")
    torch.set_num_threads(1)
    return sevenn.SevenNetCalculator("7net-l3i5", device="cpu")


def relaxed(atoms):
    """The crystal at its own minimum, symmetry held; None when it does not get there or flies apart."""
    from ase.constraints import FixSymmetry
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    atoms, volume = atoms.copy(), atoms.get_volume()
    atoms.calc = calculator()
    atoms.set_constraint(FixSymmetry(atoms, symprec=1e-3))
    arrived = FIRE(FrechetCellFilter(atoms), logfile=None).run(fmax=2e-3, steps=300)
    atoms.set_constraint()
    return atoms if arrived and 0.4 < atoms.get_volume() / volume < 2.5 else None


def force_constants(atoms):
    """A phonopy object with symmetrised force constants from displacements of 0.02 Å in about 8 Å."""
    phonopy = physics_code("phonopy")
    from ase import Atoms
    from phonopy.structure.atoms import PhonopyAtoms

    repeats = np.maximum(1, np.ceil(8.0 / atoms.cell.lengths() - 0.2).astype(int))
    while len(atoms) * repeats.prod() > 130:
        repeats[np.argmax(repeats)] -= 1
    cell = PhonopyAtoms(
        numbers=atoms.numbers, cell=atoms.cell[:], scaled_positions=atoms.get_scaled_positions()
    )
    phonon = phonopy.Phonopy(cell, np.diag(repeats), primitive_matrix=np.eye(3))
    phonon.generate_displacements(distance=0.02)
    forces = []
    for moved in phonon.supercells_with_displacements:
        large = Atoms(moved.symbols, cell=moved.cell, scaled_positions=moved.scaled_positions, pbc=True)
        large.calc = calculator()
        forces.append(large.get_forces())
    phonon.forces = np.array(forces)
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    return phonon


def modes(atoms) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (q, modes) in cm^-1 on a 10x10x10 mesh, and the share (q, atoms, modes) of each atom in them."""
    phonon = force_constants(atoms)
    phonon.run_mesh([10] * 3, with_eigenvectors=True, is_mesh_symmetry=False)
    mesh = phonon.get_mesh_dict()
    vectors = np.abs(mesh["eigenvectors"]) ** 2
    share = vectors.reshape(len(vectors), len(atoms), 3, -1).sum(2)
    return mesh["frequencies"] * THZ_TO_CM, share


def densities(frequencies: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Each atom's density of states (atoms, axis); what the smearing spills below zero is mirrored back."""
    gauss = sum(np.exp(-0.5 * ((AXIS[:, None, None] - s * frequencies) / SMEARING) ** 2) for s in (1, -1))
    gauss = gauss / (SMEARING * np.sqrt(2 * np.pi))
    return np.einsum("fqm,qam->af", gauss, share) / len(frequencies)


def heat_capacity(frequencies: np.ndarray) -> float:
    """Harmonic heat capacity at 300 K in units of k_B per atom; 3 is the limit of Dulong and Petit."""
    x = np.maximum(frequencies, 1e-3) / 208.51  # k_B 300 K in cm^-1
    return float(3 * np.mean((x / 2 / np.sinh(x / 2)) ** 2))


def crystal(key: str) -> Item | None:
    """One crystal with its density of states, or None when it is not stable in this model."""
    spglib = physics_code("spglib")
    try:
        atoms = relaxed(crystals()[key])
        if atoms is None:
            return None
        frequencies, share = modes(atoms)
    except (KeyError, ValueError, RuntimeError):
        # An element that the model was never shown or that has no mass, or a cell that collapsed.
        return None
    if frequencies.min() < -5.0 or frequencies.max() > 1150.0:
        return None
    partial = rounded(densities(frequencies, share), 6)
    cell = (atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers)
    return Item(
        key=key,
        atomic_numbers=atoms.numbers,
        positions=rounded(atoms.positions, 5),
        cell=rounded(atoms.cell[:], 5),
        pbc=np.ones(3, dtype=bool),
        item={
            "dos": partial.sum(0).astype(np.float32),
            "max_frequency": rounded(frequencies.max(), 2),
            "heat_capacity": rounded(heat_capacity(frequencies), 4),
            "formula": atoms.get_chemical_formula(),
            "space_group": spglib.get_symmetry_dataset(cell, 1e-3).number,
        },
        atom={"dos_by_atom": partial.astype(np.float32)},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing, prototypes and families interleaved by the seed so that a part is a fair part."""
    keys = [str(k) for k in np.random.default_rng(SEED).permutation(list(crystals())) if k not in TWINS]
    card = CARD | {"codes": versions("sevenn", "phonopy", "pymatgen", "ase", "torch")}
    Bench(name="phonons", card=card, folder=folder, shared={"frequency": AXIS}, minutes=minutes).make(
        keys, crystal
    )


if __name__ == "__main__":
    make()
