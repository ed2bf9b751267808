"""Molecules at rest: Hessian, Born charges and Raman tensors at the minimum, and the two spectra by another route.

The same PBE0/def2-SVPD as `molecules_response`, so that a network trained there can be held against the true spectrum
here. Frequencies come from PySCF's own harmonic analysis. Infrared and Raman intensities are made a second time without
Z* and dα/dR: dipoles and coupled-perturbed polarizabilities of geometries displaced along each of PySCF's modes.
H2O 1 CPU-minute, CH3OH 15.
"""

from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, physics_code, rounded, versions
from equitour.datasets.recipes.molecules_response import BOHR, HARTREE, response
from equitour.datasets.shelf import SHIPPED, Item

PLAN = ("H2O", "CO2", "N2", "CH4", "H2CO", "CH3OH")
LARGEST, MODES, STEP = 6, 12, 0.02
CARD = {
    "title": "Vibrations of small molecules, with infrared and Raman intensities",
    "units": {
        "energy": "eV",
        "dipole": "e·Å",
        "polarizability": "Å³",
        "forces": "eV/Å",
        "masses": "u",
        "hessian": "eV/Å²",
        "born_effective_charges": "e",
        "raman_tensors": "Å²",
        "mode_frequencies": "cm^-1",
        "mode_dipoles": "e/√u",
        "mode_polarizabilities": "Å²/√u",
    },
    "labels": {
        "hessian": f"(nodes, 3, {LARGEST}, 3): d²E/dR dR, zero beyond the molecule's own atoms",
        "born_effective_charges": "(nodes, 3, 3): dμ_b/dR_a, displacement first, field or dipole second",
        "raman_tensors": "(nodes, 3, 3, 3): dα_bc/dR_a, displacement first",
        "mode_frequencies": f"({MODES},): harmonic, by PySCF's own analysis, nan beyond the last mode",
        "mode_dipoles": f"({MODES}, 3): dμ/dQ from displaced dipoles, signs and partners of a level as they came",
        "mode_polarizabilities": f"({MODES}, 3, 3): dα/dQ from displaced coupled-perturbed polarizabilities",
    },
    "method": "PySCF PBE0/def2-SVPD: Newton steps with the analytic Hessian to the minimum (grid level 5), Z* and "
    "dα/dR from 13 finite fields (grid level 3), modes by PySCF; d/dQ from steps of 0.02 Å√u along each mode.",
    "caveats": "Harmonic frequencies of this method, up to 8 % above observed ones; partners of a degenerate level may be "
    "mixed at will, only sums over a level can be compared.",
    "seed": "none",
    "cutoff": 5.0,
    "licence": "MIT",
    "citation": "Made for equitour; cite PySCF (10.1002/wcms.1340).",
}


def molecule_at(numbers: np.ndarray, positions: np.ndarray):
    """PySCF's molecule; positions in Å."""
    gto = physics_code("pyscf.gto", "pyscf")
    return gto.M(
        atom=list(zip(numbers.tolist(), positions.tolist(), strict=True)), basis="def2-svpd", verbose=0
    )


def ground_state(molecule, level: int = 5):
    """PBE0, tightly converged."""
    mean_field = physics_code("pyscf.dft", "pyscf").RKS(molecule, xc="pbe0")
    mean_field.grids.level, mean_field.conv_tol, mean_field.conv_tol_grad = level, 1e-12, 1e-8
    mean_field.kernel()
    if not mean_field.converged:
        raise RuntimeError("The ground state must converge, but it did not; look at the geometry.")
    return mean_field


def minimum(numbers: np.ndarray, positions: np.ndarray, steps: int = 8):
    """Positions (Å), the mean field there, its gradient and its Hessian in atomic units.

    One Hessian serves three steps; rigid motions, whose eigenvalues vanish, are left out of the step.
    """
    for step in range(steps):
        mean_field = ground_state(molecule_at(numbers, positions))
        gradient = mean_field.nuc_grad_method().kernel()
        calm = np.abs(gradient).max() < 1e-5
        if calm or step % 3 == 0:
            hessian = mean_field.Hessian().kernel()
        if calm:
            return positions, mean_field, gradient, hessian
        flat = hessian.transpose(0, 2, 1, 3).reshape(gradient.size, gradient.size)
        values, vectors = np.linalg.eigh((flat + flat.T) / 2)
        firm = np.abs(values) > 0.01
        shift = (vectors[:, firm] / np.abs(values[firm])) @ (vectors[:, firm].T @ gradient.ravel())
        positions = positions - BOHR * shift.reshape(-1, 3)
    raise RuntimeError("The minimum must be found in eight steps, but it was not; start nearer to it.")


def along_the_modes(numbers, positions, displacements: np.ndarray, step: float = STEP):
    """dμ/dQ (modes 3) in e/√u and dα/dQ (modes 3 3) in Å²/√u by central differences."""
    physics_code("pyscf.prop.polarizability.rks", "pyscf-properties")

    def at(shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean_field = ground_state(molecule_at(numbers, positions + shift), level=4)
        polarizability = mean_field.Polarizability().polarizability()
        return BOHR * mean_field.dip_moment(unit="AU", verbose=0), BOHR**3 * polarizability

    sides = [(at(step * pattern), at(-step * pattern)) for pattern in displacements]
    return tuple(np.stack([(p[i] - m[i]) / (2 * step) for p, m in sides]) for i in (0, 1))


def filled(values: np.ndarray, count: int, axis: int, filling: float) -> np.ndarray:
    """The array made longer along one axis, so that all molecules share one shape."""
    pads = [(0, count - length if place == axis else 0) for place, length in enumerate(values.shape)]
    return np.pad(values, pads, constant_values=filling)


def vibrations(key: str) -> Item:
    """One molecule with everything."""
    from ase.build import molecule as build

    thermo, lib = physics_code("pyscf.hessian.thermo", "pyscf"), physics_code("pyscf.lib", "pyscf")
    lib.num_threads(1)
    atoms = build(key)
    positions, mean_field, gradient, hessian = minimum(
        atoms.numbers, atoms.positions - atoms.get_center_of_mass()
    )
    found = response(molecule_at(atoms.numbers, positions))
    modes = thermo.harmonic_analysis(mean_field.mol, hessian, imaginary_freq=False)
    dipoles, polarizabilities = along_the_modes(atoms.numbers, positions, modes["norm_mode"])
    return Item(
        key=key,
        atomic_numbers=atoms.numbers,
        positions=rounded(positions, 7),
        item={
            "energy": rounded(mean_field.e_tot * HARTREE, 6),
            "dipole": rounded(found["dipole"] * BOHR, 6),
            "polarizability": rounded((found["polarizability"] + found["polarizability"].T) / 2 * BOHR**3, 5),
            "mode_frequencies": filled(rounded(modes["freq_wavenumber"], 3), MODES, 0, np.nan),
            "mode_dipoles": filled(rounded(dipoles, 6), MODES, 0, np.nan),
            "mode_polarizabilities": filled(rounded(polarizabilities, 5), MODES, 0, np.nan),
        },
        atom={
            "masses": mean_field.mol.atom_mass_list(isotope_avg=True),
            "forces": rounded(-gradient * HARTREE / BOHR, 6),
            "hessian": filled(rounded(hessian.transpose(0, 2, 1, 3) * HARTREE / BOHR**2, 6), LARGEST, 2, 0.0),
            "born_effective_charges": rounded(found["born"], 5),
            "raman_tensors": rounded(found["raman"] * BOHR**2, 5),
        },
    )


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing."""
    card = CARD | {"codes": versions("pyscf", "pyscf-properties", "ase", "numpy")}
    Bench(name="molecules_vibrations", card=card, folder=folder, minutes=minutes).make(PLAN, vibrations)


if __name__ == "__main__":
    make()
