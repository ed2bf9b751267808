"""Crystals from files: tables with a column `cif`, as the public benchmarks have them, and what ASE reads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equitour.cli.crystal_properties import numbers_beside
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from ase import Atoms

# Of ASE's many formats those that hold periodic cells and run nothing when they are opened.
KINDS = (
    "cif",
    "vasp",
    "vasp-xdatcar",
    "xsf",
    "traj",
    "json",
    "aims",
    "castep-cell",
    "res",
    "gen",
    "cfg",
    "cube",
)
# The site table of pymatgen's CIF writer in P 1, which can be read without a CIF parser, a hundred times as fast.
PLAIN_SITES = [
    "_atom_site_type_symbol",
    "_atom_site_label",
    "_atom_site_symmetry_multiplicity",
    "_atom_site_fract_x",
    "_atom_site_fract_y",
    "_atom_site_fract_z",
    "_atom_site_occupancy",
]


def read_crystals(path: Path | str, *, keep_broken: bool = False) -> list[Atoms]:
    """All crystals of a file, in its order, with the numbers that stand beside them in `info`.

    Args:
        path: csv or csv.gz with a column `cif`, extxyz, CIF, or another format of ASE that holds cells.
        keep_broken: Let cells without a volume or with numbers that are not finite pass, to be counted by the scores.

    Raises:
        Trouble: The file is missing, empty or unreadable, or a structure is no ordered crystal in a right-handed cell.
    """
    path = Path(path)
    if not path.is_file():
        raise Trouble(f"a crystal file must exist, received {path}: check the name and the folder")
    table = path.name.removesuffix(".gz").lower().endswith(".csv")
    crystals = []
    for place, atoms in _in_table(path) if table else _in_file(path):
        _require_crystal(atoms, place, keep_broken=keep_broken)
        crystals.append(atoms)
    if not crystals:
        raise Trouble(
            f"a crystal file must hold crystals, received {path.name} without any: check how it was written"
        )
    return crystals


def _in_file(path: Path) -> Iterator[tuple[str, Atoms]]:
    from ase.io import read
    from ase.io.formats import UnknownFileTypeError, filetype

    from equitour.cli.structure_files import frames_in

    if path.stat().st_size == 0:
        return
    if path.name.removesuffix(".gz").lower().endswith(("xyz", "extxyz")):
        frames = frames_in(path)
    else:
        try:
            kind = filetype(str(path))
        except (UnknownFileTypeError, OSError, UnicodeDecodeError):
            kind = "unknown"
        if kind not in KINDS:
            raise Trouble(
                f"a crystal file must be csv with a column cif, extxyz, CIF or POSCAR, received {path.name} ({kind}): "
                "convert it with ase.io.write('crystals.extxyz', ase.io.read('...', ':'))"
            )
        try:
            frames = read(path, index=":", format=kind)
        except Exception as error:  # ASE's readers fail in as many ways as there are broken files.
            raise _unreadable(f"a crystal file must be readable as {kind}", path.name, error) from None
    for place, atoms in enumerate(frames):
        yield f"structure {place} of {path.name}", atoms


def _in_table(path: Path) -> Iterator[tuple[str, Atoms]]:
    from equitour.datasets.formats import rows_of

    try:
        rows = rows_of(path)
    except Exception as error:  # A broken archive, another encoding, a table that is none.
        raise _unreadable("a table must be readable as csv", path.name, error) from None
    if rows and "cif" not in rows[0]:
        columns = ", ".join(str(name) for name in rows[0] if name) or "no named columns"
        raise Trouble(
            f"a table of crystals must have a column cif, received {path.name} with {columns}: "
            "rename the column that holds the CIF text"
        )
    for number, row in enumerate(rows, start=1):
        place = f"row {number} of {path.name}"
        try:
            atoms = _from_cif(row["cif"])
        except Exception as error:
            raise _unreadable("every row must hold a readable CIF", place, error) from None
        atoms.info.update(numbers_beside(row))
        yield place, atoms


def _from_cif(text: str) -> Atoms:
    from ase import Atoms
    from ase.io import read

    from equitour.datasets.formats import plain_cif

    if _is_plain(text):
        numbers, positions, cell = plain_cif(text)
        return Atoms(numbers, positions=positions, cell=cell, pbc=True)
    blocks = read(io.StringIO(text), index=":", format="cif")
    if len(blocks) != 1:
        raise ValueError(f"{len(blocks)} structures in one cell of the table")
    return blocks[0]


def _is_plain(text: str) -> bool:
    """Whether the CIF is pymatgen's, without symmetry, every site fully occupied by an element without a charge."""
    from ase.data import atomic_numbers

    lines = [line.split() for line in text.splitlines()]
    if not text.startswith("# generated using pymatgen") or not any(
        line[-2:] == ["'P", "1'"] for line in lines
    ):
        return False
    names = [line[0] for line in lines if line and line[0].startswith("_atom_site_")]
    if names != PLAIN_SITES:
        return False
    start = lines.index([names[-1]]) + 1
    sites = [line for line in lines[start:] if line]
    return bool(sites) and all(
        len(site) == 7 and site[0] in atomic_numbers and site[6] in ("1", "1.0") for site in sites
    )


def _unreadable(must: str, name: str, error: Exception) -> Trouble:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Trouble(f"{must}, received {name} ({reason}): mend or drop it")


def _require_crystal(atoms: Atoms, place: str, *, keep_broken: bool) -> None:
    if len(atoms) == 0 or (atoms.numbers < 1).any():
        raise Trouble(
            f"a crystal must be of atoms of known elements, received {place} with others: mend or drop it"
        )
    if _partly_occupied(atoms):
        raise Trouble(
            f"every site must be fully occupied by one element, received {place} with partial occupancies: "
            "choose an ordered cell of it, or drop it"
        )
    if not atoms.pbc.all() or not atoms.cell.array.any():
        raise Trouble(
            f"a crystal must have a cell and be periodic in all directions, received {place} with pbc "
            f"{' '.join('FT'[int(p)] for p in atoms.pbc)}: give it its cell (atoms.set_cell, atoms.pbc = True)"
        )
    if not (np.isfinite(atoms.cell.array).all() and np.isfinite(atoms.positions).all()):
        if keep_broken:
            return
        raise Trouble(f"cells and positions must be finite, received {place} with NaN or infinity: drop it")
    volume = float(np.linalg.det(atoms.cell.array))
    if volume < 0:
        raise Trouble(
            f"a cell must be right-handed, received {place} with a determinant of {volume:.4g} Å³: exchange two lattice "
            "vectors (atoms.cell[[0, 1]] = atoms.cell[[1, 0]]), which leaves the crystal as it is"
        )
    if volume < 1e-3 and not keep_broken:
        raise Trouble(f"a cell must have a volume, received {place} with {volume:.4g} Å³: drop it")


def _partly_occupied(atoms: Atoms) -> bool:
    """ASE tells of occupancies by site, when a CIF has that column."""
    sites = (atoms.info.get("occupancy") or {}).values()
    return any(len(site) > 1 or any(abs(share - 1) > 1e-3 for share in site.values()) for site in sites)
