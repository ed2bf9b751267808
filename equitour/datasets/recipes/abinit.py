"""ABINIT as a program: run an input, read charges, dielectric tensor and Raman tensors from its main output."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

PSEUDOS = Path("/usr/share/abinit/psp/Pseudodojo_nc_sr_04_pw_standard_psp8")


def text_of(rows: np.ndarray) -> str:
    """Rows of numbers as ABINIT reads them."""
    return "\n".join(" ".join(f"{value:.10f}" for value in row) for row in rows)


def require_installed() -> None:
    """Raise FileNotFoundError, with the packages to install, unless the program and its pseudopotentials are there."""
    if shutil.which("abinit") is None or not PSEUDOS.is_dir():
        raise FileNotFoundError(
            "This recipe computes with the program abinit and its PseudoDojo files, which are not installed here; "
            "on Debian or Ubuntu install the packages abinit and abinit-data."
        )


def version() -> str:
    """ABINIT's version, for the card.

    Raises:
        FileNotFoundError: when the program or its pseudopotentials are not installed.
    """
    require_installed()
    done = subprocess.run(["abinit", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def run(script: str, wanted: str) -> str:
    """ABINIT's main output for one input, computed in a folder of its own; it must hold the words ``wanted``.

    Raises:
        FileNotFoundError: when the program or its pseudopotentials are not installed.
        RuntimeError: when it ended without the result.
    """
    require_installed()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "run.abi").write_text(script)
        done = subprocess.run(["abinit", "run.abi"], cwd=folder, capture_output=True, text=True, check=False)
        output = Path(folder) / "run.abo"
        text = output.read_text() if output.exists() else ""
    if done.returncode or wanted not in text:
        raise RuntimeError(f"ABINIT's output must hold {wanted!r}, but it said: {done.stdout[-300:]}")
    return text


def rows(output: str, heading: str, atoms: int) -> list[tuple[tuple[int, int, int, int], float]]:
    """Elements of a response matrix: (direction, perturbation) twice, counted from 0, and the value."""
    part = output[output.index(heading) :][: 2000 + 90 * (3 * (atoms + 3)) ** 2]
    # The table ends at the first line of words after its first numbers.
    found = re.findall(r"^ +(\d) +(\d+) +(\d) +(\d+) +(-?\d+\.\d+) +-?\d+\.\d+ *$", part, re.M)
    return [(tuple(int(word) - 1 for word in row[:4]), float(row[4])) for row in found]


def charges_and_dielectric(output: str, atoms: int) -> tuple[np.ndarray, np.ndarray]:
    """Born charges (atoms, 3, 3), displacement first and field second, and the electronic dielectric tensor (3, 3)."""
    field = atoms + 1
    charges, dielectric = np.full((atoms, 3, 3), np.nan), np.full((3, 3), np.nan)
    for (moved, atom, along, other), value in rows(output, "(from electric field response)", atoms):
        if other == field and atom < atoms and np.isnan(charges[atom, moved, along]):
            charges[atom, moved, along] = value
    for (one, first, two, second), value in rows(
        output, "Dielectric tensor, in cartesian coordinates", atoms
    ):
        if first == second == field and np.isnan(dielectric[one, two]):
            dielectric[one, two] = value
    if np.isnan(charges).any() or np.isnan(dielectric).any():
        raise RuntimeError(
            "ABINIT's output must hold all charges and the dielectric tensor, but some are missing."
        )
    return charges, dielectric


def raman(output: str, atoms: int) -> np.ndarray:
    """Change of the susceptibility with a displacement, (atoms, 3, 3, 3) in 1/bohr: displacement first, then two fields."""
    part = output[output.index("First-order change in the electronic dielectric") :]
    block = part[part.index("atom  displacement\n") + len("atom  displacement\n") :].split("==")[0]
    lines = [[float(word) for word in line.split()] for line in block.splitlines() if line.strip()]
    values = np.array([line[-3:] for line in lines[: 9 * atoms]])
    return values.reshape(atoms, 3, 3, 3)
