"""Structures with energies, forces and other labels, from extxyz files as ASE and its neighbours write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    import torch
    from ase import Atoms

    from equitour.train import Example


@dataclass(frozen=True)
class Label:
    """Under which names a label stands in files, and its shape for a structure of so many atoms (-1)."""

    names: tuple[str, ...]
    shape: tuple[int, ...]


# The first name is ours and ASE's; the others are those that other programs write.
LABELS = {
    "energy": Label(("energy", "REF_energy", "dft_energy", "Energy"), ()),
    "forces": Label(("forces", "REF_forces", "dft_forces", "dft_force", "force", "Forces"), (-1, 3)),
    "stress": Label(("stress", "REF_stress", "dft_stress"), (3, 3)),
}


# An atom whose own images are farther away than this (Å) feels none of them.
FREE = 8.0


@dataclass(frozen=True)
class StructureFile:
    """What a file holds: structures with labels, and free atoms, whose energies are where a bond's energy begins."""

    path: Path
    frames: list[Atoms]
    labels: list[dict[str, np.ndarray]]
    free_atoms: dict[int, float]
    of_atoms: frozenset[str] = frozenset({"forces"})

    def examples(
        self, names: Sequence[str], *, cutoff: float, dtype: torch.dtype, device: str = "cpu"
    ) -> list[Example]:
        """Graphs with these labels beside them."""
        import torch

        from equitour.graph import AtomicGraph
        from equitour.train import Example

        examples = []
        for place, (atoms, found) in enumerate(zip(self.frames, self.labels, strict=True)):
            try:
                graph = AtomicGraph.from_ase(atoms, cutoff=cutoff, dtype=dtype, device=device)
            except ValueError as error:
                raise Trouble(f"structure {place} of {self.path.name} cannot be used: {error}") from None
            # Labels of a structure get a first axis of length 1, so that batches are concatenations.
            rows = {name: found[name] if name in self.of_atoms else found[name][None] for name in names}
            examples.append(
                Example(graph, {name: torch.from_numpy(row).to(device) for name, row in rows.items()})
            )
        return examples

    def only(self, places: Sequence[int]) -> StructureFile:
        """The file with the structures at these places alone."""
        frames, labels = [self.frames[place] for place in places], [self.labels[place] for place in places]
        return replace(self, frames=frames, labels=labels)

    def without(self, places: Sequence[int]) -> StructureFile:
        """The file without the structures at these places."""
        left_out = set(places)
        return self.only([place for place in range(len(self.frames)) if place not in left_out])


def read_structures(path: Path, *, needed: Sequence[str] = ("energy", "forces")) -> StructureFile:
    """Read all structures of an xyz or extxyz file, packed with gzip or not.

    Args:
        path: The file.
        needed: Labels that every structure must carry; others are taken along where they stand.

    Raises:
        Trouble: The file does not exist, cannot be read, or lacks a label.
    """
    frames, labels, free = [], [], {}
    for place, atoms in enumerate(frames_in(path)):
        found = {name: value for name in LABELS if (value := _label(atoms, name, place, path)) is not None}
        if is_free_atom(atoms):
            if "energy" in found:
                free[int(atoms.numbers[0])] = float(found["energy"])
            continue
        _require_labels(atoms, found, needed, place, path)
        frames.append(atoms)
        labels.append(found)
    if not frames:
        raise Trouble(
            f"a data file must hold structures of more than a free atom, received {path.name} without any: "
            "give the file with the training structures"
        )
    return StructureFile(path, frames, labels, free)


def frames_in(path: Path) -> list[Atoms]:
    """All structures of the file, whatever they carry."""
    from ase.io import read

    if not path.is_file():
        raise Trouble(f"a data file must exist, received {path}: check the name and the folder")
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if kind not in ("xyz", "extxyz"):
        raise Trouble(
            f"a data file must be xyz or extxyz, received {path.name}: "
            "convert it with ase.io.write('data.extxyz', ase.io.read('...', ':'))"
        )
    try:
        return read(path, index=":", format="extxyz")
    except Exception as error:  # ASE's reader fails in as many ways as there are broken files.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Trouble(
            f"a data file must be readable as extxyz, received {path.name} ({reason}): export it again"
        ) from None


def _label(atoms: Atoms, name: str, place: int, path: Path) -> np.ndarray | None:
    """The label in float64, or None; ASE moves what it knows from the file into a calculator."""
    results = atoms.calc.results if atoms.calc is not None else {}
    for key in LABELS[name].names:
        for shelf in (results, atoms.info, atoms.arrays):
            if key in shelf and shelf[key] is not None:
                value = _shaped(shelf[key], name, len(atoms))
                if value is None or not np.isfinite(value).all():
                    raise Trouble(
                        f"{name} must be finite numbers of the right shape, received something else as {key!r} "
                        f"of structure {place} in {path.name}: mend or drop the structure"
                    )
                return value
    return None


def _shaped(found: object, name: str, atoms: int) -> np.ndarray | None:
    """Numbers in the label's shape; None where they are none, or too many or few."""
    try:
        value = np.asarray(found, dtype=np.float64)
    except (ValueError, TypeError):
        return None
    if name == "stress" and value.shape == (6,):
        from ase.stress import voigt_6_to_full_3x3_stress

        return voigt_6_to_full_3x3_stress(value)
    shape = tuple(atoms if length == -1 else length for length in LABELS[name].shape)
    return value.reshape(shape) if value.size == np.prod(shape, dtype=int) else None


def is_free_atom(atoms: Atoms) -> bool:
    """One atom far from everything: named so, or without any image of itself within `FREE` Å."""
    if len(atoms) != 1:
        return False
    if str(atoms.info.get("config_type", "")).lower().startswith("isolated") or not atoms.pbc.any():
        return True
    from ase.geometry import minkowski_reduce

    # Rows of a reduced cell are its shortest lattice vectors; those of a long flat cell need not be.
    reduced, _ = minkowski_reduce(atoms.cell, atoms.pbc)
    return bool(np.linalg.norm(reduced[atoms.pbc], axis=1).min() > FREE)


def _require_labels(atoms: Atoms, found: dict, needed: Sequence[str], place: int, path: Path) -> None:
    missing = [name for name in needed if name not in found]
    if missing:
        results = atoms.calc.results if atoms.calc is not None else {}
        there = sorted({*results, *atoms.info, *atoms.arrays} - {"numbers", "positions"})
        raise Trouble(
            f"every structure must carry {' and '.join(needed)}, received structure {place} of {path.name} without "
            f"{' and '.join(missing)} (it has {', '.join(there) or 'no labels'}): "
            f"name {'them' if len(missing) > 1 else 'it'} {' and '.join(missing)}, "
            f"or {' and '.join(LABELS[name].names[1] for name in missing)}"
        )
