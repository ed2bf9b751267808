"""Are CHGNet's formation energies those of density functional theory? A hundred and twenty perovskites by both.

The first hundred crystals of `perovskites`, the first twenty of those with the elements that joined later, and every
element in them, with two energies each: CHGNet's and that of GPAW with PBE. Both are total energies an atom, each method
with its own zero, so only differences mean anything: subtract the
elements' to get formation energies. About 8 CPU-s a crystal, half a minute an element.

GPAW comes from Debian (packages ``gpaw`` and ``gpaw-data``) and runs with the system's Python, as a program of its own.
"""

from functools import cache
from pathlib import Path

from equitour.datasets.recipes import gpaw
from equitour.datasets.recipes.bench import Bench, rounded, standing, versions
from equitour.datasets.recipes.perovskite_sites import A_LATER, B_LATER, candidates
from equitour.datasets.recipes.perovskites import calculator, element, reference
from equitour.datasets.shelf import SHIPPED, Item

CRYSTALS, LATER = 100, 20
CUTOFF, DENSITY = 450, 4.0  # eV, points an inverse ångström
CARD = {
    "title": "Formation energies of perovskites by two methods",
    "units": {"energy_pbe": "eV/atom", "energy_chgnet": "eV/atom", "formula": "text"},
    "labels": {
        "energy_pbe": "GPAW, against its own spin-paired atoms; of crystals where CHGNet put the atoms, of elements in the "
        "structure that PBE gives them",
        "energy_chgnet": "at CHGNet's own minimum",
        "formula": "of an element its symbol",
    },
    "method": f"GPAW, PBE, plane waves to {CUTOFF} eV, {DENSITY:g} k points an Å^-1 with Γ; molecules of O2 (triplet), N2, F2, Cl2 "
    "in a box of 8 Å. CHGNet 0.3.0.",
    "caveats": "CHGNet learnt energies that the Materials Project had corrected: oxides, halides, sulfides and nitrides lie "
    "lower there than in plain PBE by about 0.4 to 0.7 eV per anion, and oxides and fluorides of V, Mo and W contain a "
    "Hubbard U.",
    "seed": 5,
    "cutoff": 5.0,
    "licence": "MIT",
    "citation": "B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023) for CHGNet; J. J. Mortensen et al., J. Chem. Phys. 160, "
    "092503 (2024) for GPAW; A. Wang et al., Sci. Rep. 11, 15496 (2021) for the corrections.",
}
GPAW_SCRIPT = """
import json, sys
from ase import Atoms
from gpaw import GPAW, PW, FermiDirac
job = json.load(sys.stdin)
crystal, triplet = job["crystal"], job["triplet"]
atoms = Atoms(job["numbers"], positions=job["positions"], cell=job["cell"], pbc=crystal)
if triplet:
    atoms.set_initial_magnetic_moments([1.0] * len(atoms))
atoms.calc = GPAW(mode=PW(job["cutoff"]), xc="PBE", txt=None, maxiter=200, spinpol=triplet,
                  kpts={"density": job["density"], "gamma": True} if crystal else {"size": (1, 1, 1)},
                  occupations=FermiDirac(0.1) if crystal else FermiDirac(0.01, fixmagmom=triplet))
print("RESULT", json.dumps(atoms.get_potential_energy() / len(atoms)))
"""


@cache
def crystals(folder: Path) -> dict[str, Item]:
    """Formula -> the first crystals of `perovskites` that stand there, and the first with later elements."""
    stand, sites = standing("perovskites", folder)[0], candidates()
    later = [item for item in stand if sites[item.key][0] in A_LATER or sites[item.key][1] in B_LATER]
    return {item.key: item for item in [*stand[:CRYSTALS], *later[:LATER]]}


def energy_pbe(atoms, *, cutoff: float = CUTOFF, density: float = DENSITY) -> float | None:
    """GPAW's energy in eV an atom, extrapolated to zero smearing; None when it does not converge."""
    job = {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell[:].tolist(),
        "crystal": bool(atoms.pbc.all()),
        "triplet": atoms.get_chemical_formula() == "O2",
    }
    return gpaw.run(GPAW_SCRIPT, job | {"cutoff": cutoff, "density": density})


def energies(key: str, folder: Path = SHIPPED) -> Item | None:
    """An element (``Sr``) or a crystal (``SrTiO3``) with both its energies."""
    from ase import Atoms

    found = crystals(folder).get(key)
    if found is None:
        atoms, learnt = element(key, box=8), reference(key)
    else:
        atoms = Atoms(found.atomic_numbers, positions=found.positions, cell=found.cell, pbc=True)
        atoms.calc = calculator()
        learnt = atoms.get_potential_energy() / len(atoms)
    computed = energy_pbe(atoms)
    if computed is None:
        return None
    return Item(
        key=key,
        atomic_numbers=atoms.numbers,
        positions=rounded(atoms.positions, 5),
        cell=rounded(atoms.cell[:], 5),
        pbc=atoms.pbc,
        item={"energy_pbe": rounded(computed, 4), "energy_chgnet": rounded(learnt, 4), "formula": key},
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing, elements first; `perovskites` must stand."""
    from ase import Atoms

    present = {symbol for key in crystals(folder) for symbol in Atoms(key).symbols}
    card = CARD | {"codes": versions("chgnet", "ase") | {"gpaw": gpaw.version()}}
    bench = Bench(name="perovskites_check", card=card, folder=folder, minutes=minutes)
    bench.make([*sorted(present), *crystals(folder)], lambda key: energies(key, folder))


if __name__ == "__main__":
    make()
