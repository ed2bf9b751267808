"""Raman tensors of a crystal: distorted aluminium phosphide, by third-order perturbation theory.

Two-atom cells, displaced by 0.02 to 0.08 Å a component and every third one strained. Raman tensors integrate over k and need
a dense mesh: on 8x8x8 the third derivative agrees with finite differences of the dielectric tensor within a fifth, on
10x10x10 within a fifteenth; barium titanate does not converge at an affordable mesh, so this crystal stands in. Some
minutes of CPU a cell.

Code: ABINIT (Debian packages ``abinit`` and ``abinit-data``), called as a program.
"""

from pathlib import Path

import numpy as np

from equitour.datasets.recipes import abinit
from equitour.datasets.recipes.bench import Bench, rounded, seed_of, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED, CELLS, LATTICE, BOHR = 1315, 40, 5.451, 0.529177210903
CARD = {
    "title": "Raman tensors of distorted aluminium phosphide",
    "units": {"born_effective_charges": "e", "raman_tensors": "1/Å", "dielectric": "1", "amplitude": "Å"},
    "labels": {
        "raman_tensors": "(nodes, 3, 3, 3): dχ_bc/dR_a with ε = 1 + 4πχ, displacement first",
        "born_effective_charges": "(nodes, 3, 3): displacement first, field second",
        "dielectric": "electronic",
        "amplitude": "standard deviation of the displacements",
    },
    "method": "ABINIT, LDA, PseudoDojo, 12 Ha, 8x8x8 Γ mesh; fields and displacements by perturbation theory, their third "
    "derivative by the 2n+1 theorem without finite differences in k.",
    "caveats": "The mesh decides. The two atoms' Raman tensors should cancel: their sum is up to 0.015 1/Å, a sixteenth to an "
    "eighth of the largest component, so take half their difference; they are a fifth smaller than the slope of the dielectric "
    "tensor. Born charges add up to 0.05 e. The undistorted crystal would have one independent component, yz by x.",
    "seed": SEED,
    "cutoff": 5.0,
    "licence": "MIT; pseudopotentials: PseudoDojo, CC-BY-4.0",
    "citation": "M. Veithen, X. Gonze, P. Ghosez, Phys. Rev. B 71, 125107 (2005) for the method; X. Gonze et al., Comput. "
    "Phys. Commun. 248, 107042 (2020) for ABINIT.",
}
INPUT = """\
ndtset 6
kptopt 2
prtden1 1
prtwf1 1
tolvrs1 1d-12
getwfk2 1
rfelfd2 2
rfdir2 1 1 1
iscf2 -3
tolwfr2 1d-14
prtwf2 1
getwfk3 1
getddk3 2
rfelfd3 3
rfphon3 1
rfatpol3 1 2
rfdir3 1 1 1
tolvrs3 1d-7
prepanl3 1
prtwf3 1
prtden3 1
rf2_dkdk4 1
getwfk4 1
getddk4 2
prepanl4 1
tolwfr4 1d-14
prtwf4 1
rf2_dkde5 1
getwfk5 1
getddk5 2
get1den5 3
getdelfd5 3
getdkdk5 4
prepanl5 1
tolwfr5 1d-14
prtwf5 1
getwfk6 1
getddk6 2
get1den6 3
get1wf6 3
getdkde6 5
optdriver6 5
usepead6 0
d3e_pert1_elfd6 1
d3e_pert1_phon6 1
d3e_pert1_atpol6 1 2
d3e_pert1_dir6 1 1 1
d3e_pert2_elfd6 1
d3e_pert2_dir6 1 1 1
d3e_pert3_elfd6 1
d3e_pert3_dir6 1 1 1
acell 1 1 1 angstrom
rprim {cell}
ntypat 2
znucl 13 15
natom 2
typat 1 2
xred {fractions}
pp_dirpath "{pseudos}"
pseudos "Al.psp8, P.psp8"
ixc -1012
nband 4
nbdbuf 0
ecut {ecut}
ngkpt {mesh} {mesh} {mesh}
nshiftk 1
shiftk 0 0 0
nstep 60
chksymtnons 0
prteig 0
"""


def structure(key: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Cell (Å), fractional coordinates and amplitude (Å)."""
    generator = seed_of(key, SEED)
    strain = generator.normal(0, 0.01, (3, 3)) if int(key) % 3 == 2 else np.zeros((3, 3))
    cell = LATTICE / 2 * (np.ones((3, 3)) - np.eye(3)) @ (np.eye(3) + (strain + strain.T) / 2)
    amplitude = round(float(generator.uniform(0.02, 0.08)), 4)
    shift = generator.normal(0, amplitude, (2, 3))
    fractions = np.array([[0.0] * 3, [0.25] * 3]) + (shift - shift.mean(0)) @ np.linalg.inv(cell)
    return rounded(cell, 6), rounded(fractions, 7), amplitude


def crystal(key: str, *, ecut: float = 12, mesh: int = 8) -> Item:
    """One distorted cell with charges and Raman tensors."""
    cell, fractions, amplitude = structure(key)
    places = {"cell": abinit.text_of(cell), "fractions": abinit.text_of(fractions), "pseudos": abinit.PSEUDOS}
    output = abinit.run(
        INPUT.format(ecut=ecut, mesh=mesh, **places), "First-order change in the electronic dielectric"
    )
    charges, dielectric = abinit.charges_and_dielectric(output, 2)
    return Item(
        key=key,
        atomic_numbers=np.array([13, 15]),
        positions=rounded(fractions @ cell, 6),
        cell=cell,
        pbc=np.ones(3, dtype=bool),
        item={"dielectric": rounded(dielectric, 5), "amplitude": amplitude},
        atom={
            "born_effective_charges": rounded(charges, 5).astype(np.float32),
            "raman_tensors": rounded(abinit.raman(output, 2) / BOHR, 6).astype(np.float32),
        },
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing."""
    keys = [f"{i:02d}" for i in range(CELLS)]
    card = CARD | {"codes": versions("numpy") | {"abinit": abinit.version()}}
    Bench(name="aluminium_phosphide", card=card, folder=folder, minutes=minutes).make(keys, crystal)


if __name__ == "__main__":
    make()
