"""Born effective charges of distorted barium titanate, by density functional perturbation theory.

Five-atom cells at a = 4.00 Å, every atom displaced by 0.03 to 0.12 Å a component; every fourth cell is tetragonal
(c/a = 1.02) and every fourth strained by some per cent. LDA, PseudoDojo norm-conserving pseudopotentials, 20 Ha, 4x4x4
Γ-centred mesh: within about 4 % of converged (Ti: 8.00, 7.23, 6.99 for 3, 4, 5 points an axis), and below it visibly wrong.
300 CPU-s a cell beside other work, with eight line minimisations a step, and 400 with ABINIT's own four. Only three
perturbations, the fields, are needed: the charges of every atom come with them.

Code: ABINIT (Debian packages ``abinit`` and ``abinit-data``), called as a program.
"""

from pathlib import Path

import numpy as np

from equitour.datasets.recipes import abinit
from equitour.datasets.recipes.bench import Bench, rounded, seed_of, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED, CELLS, LATTICE = 56, 60, 4.00
FRACTIONS = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
NUMBERS = np.array([56, 22, 8, 8, 8])
CARD = {
    "title": "Born charges of distorted barium titanate",
    "units": {"born_effective_charges": "e", "dielectric": "1", "amplitude": "Å"},
    "labels": {
        "born_effective_charges": "(nodes, 3, 3): displacement first, field second",
        "dielectric": "electronic, (3, 3); depends on the mesh more than the charges do",
        "amplitude": "standard deviation of the displacements; 0 is the perfect cubic cell",
    },
    "method": "ABINIT, LDA, PseudoDojo, 20 Ha, 4x4x4 Γ mesh; response to three electric fields (tolwfr 1e-12, "
    "tolvrs 1e-5).",
    "caveats": "Charges are within about 4 % of converged in mesh and cutoff; of one distorted cell 6x6x6 points change none by "
    "more than 0.02 e and leave the sum rule as much in error, by up to 0.18 e (`barium_titanate_check`). Cells hold five atoms, so all "
    "their neighbours move alike. No Raman tensors: for this crystal they do not converge at an affordable mesh.",
    "seed": SEED,
    "cutoff": 4.5,
    "licence": "MIT; pseudopotentials: PseudoDojo, CC-BY-4.0",
    "citation": "X. Gonze et al., Comput. Phys. Commun. 248, 107042 (2020) for ABINIT; M. J. van Setten et al., Comput. "
    "Phys. Commun. 226, 39 (2018) for PseudoDojo.",
}
INPUT = """\
ndtset 3
kptopt 2
tolvrs1 1d-12
prtwf1 1
prtden1 1
getwfk2 1
rfelfd2 2
rfdir2 1 1 1
iscf2 -3
tolwfr2 1d-12
prtwf2 1
getwfk3 1
getddk3 2
rfelfd3 3
rfdir3 1 1 1
tolvrs3 1d-5
prtwf3 0
acell 1 1 1 angstrom
rprim {cell}
ntypat 3
znucl 56 22 8
natom 5
typat 1 2 3 3 3
xred {fractions}
pp_dirpath "{pseudos}"
pseudos "Ba.psp8, Ti.psp8, O.psp8"
ixc -1012
nband 20
nbdbuf 0
ecut {ecut}
ngkpt {mesh} {mesh} {mesh}
nshiftk 1
shiftk 0 0 0
nstep 60
nline 8
prteig 0
"""


def structure(key: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Cell (Å), fractional coordinates and amplitude (Å); the first is the perfect cubic crystal."""
    generator, index = seed_of(key, SEED), int(key)
    if index == 0:
        return LATTICE * np.eye(3), FRACTIONS, 0.0
    strain = np.zeros((3, 3))
    if index % 4 == 2:
        strain[2, 2] = 0.02
    if index % 4 == 3:
        strain = generator.normal(0, 0.01, (3, 3))
    cell = rounded(LATTICE * (np.eye(3) + (strain + strain.T) / 2), 5)
    amplitude = round(float(generator.uniform(0.03, 0.12)), 4)
    shift = generator.normal(0, amplitude, (5, 3))
    return cell, rounded(FRACTIONS + (shift - shift.mean(0)) @ np.linalg.inv(cell), 7), amplitude


def crystal(key: str, *, ecut: float = 20, mesh: int = 4) -> Item:
    """One distorted cell with its charges."""
    cell, fractions, amplitude = structure(key)
    places = {"cell": abinit.text_of(cell), "fractions": abinit.text_of(fractions), "pseudos": abinit.PSEUDOS}
    output = abinit.run(
        INPUT.format(ecut=ecut, mesh=mesh, **places), "Dielectric tensor, in cartesian coordinates"
    )
    charges, dielectric = abinit.charges_and_dielectric(output, 5)
    return Item(
        key=key,
        atomic_numbers=NUMBERS,
        positions=rounded(fractions @ cell, 6),
        cell=cell,
        pbc=np.ones(3, dtype=bool),
        item={"dielectric": rounded(dielectric, 5), "amplitude": amplitude},
        atom={"born_effective_charges": rounded(charges, 5).astype(np.float32)},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing."""
    keys = [f"{i:02d}" for i in range(CELLS)]
    card = CARD | {"codes": versions("numpy") | {"abinit": abinit.version()}}
    Bench(name="barium_titanate", card=card, folder=folder, minutes=minutes).make(keys, crystal)


if __name__ == "__main__":
    make()
