"""Readers of published sets that come as numpy archives; nothing in them is ever unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from equitour.datasets.formats import KCAL, PERIODIC
from equitour.datasets.shelf import Item
from equitour.datasets.source import Raw


def rmd17(path: Path) -> Raw:
    """Revised MD17: kcal/mol become eV."""
    with np.load(path, allow_pickle=False) as z:
        frames = zip(z["old_indices"], z["coords"], z["energies"] * KCAL, z["forces"] * KCAL, strict=True)
        return [
            Item(
                key=f"{index:06d}",
                atomic_numbers=z["nuclear_charges"],
                positions=x,
                item={"energy": e},
                atom={"forces": f},
            )
            for index, x, e, f in frames
        ], {}


def barium_titanate_md(path: Path) -> Raw:
    """BaTiO3 at 400 K, 135 atoms; the broken dielectric tensors among them are marked, not repaired."""
    with np.load(path, allow_pickle=False) as z:
        broken = {10, 17, 20, 23}
        return [
            Item(
                key=f"{i:02d}",
                atomic_numbers=z["numbers"],
                positions=z["scaled_positions"][i] @ cell,
                cell=cell,
                pbc=PERIODIC,
                item={"dielectric": z["dielectric"][i], "dielectric_intact": i not in broken},
                atom={"born_effective_charges": z["born"][i], "raman_tensors": z["raman"][i]},
            )
            for i, cell in enumerate(z["cell"])
        ], {}


def botan(*paths: Path) -> Raw:
    """Kob-Andersen configurations at T = 0.44: the publisher's 32 end points, or their means from a mirror."""
    return [botan_item(f"{i + 1:02d}", path) for i, path in enumerate(paths)], {}


def botan_item(key: str, path: Path) -> Item:
    """One configuration; A particles are stored as hydrogen, B as helium."""
    with np.load(path, allow_pickle=False) as z:
        if "initial_positions" in z.files:
            start, moved = z["initial_positions"], z["positions"] - z["initial_positions"]
            far = np.linalg.norm(moved, axis=-1)
            half = len(far) // 2
            halves = np.stack([far[:half].mean(0), far[half:].mean(0)], axis=-1)
            labels = {
                "propensity": far.mean(0),
                "propensity_halves": halves,
                "mean_displacement": moved.mean(0),
            }
        else:
            start = z["positions"]
            halves = np.stack([z["propensity_half_a"], z["propensity_half_b"]], axis=-1)
            labels = {
                "propensity": z["propensity"],
                "propensity_halves": halves,
                "mean_displacement": z["mean_displacement"],
            }
        edge = (len(start) / 1.2) ** (1 / 3)
        return Item(
            key=key,
            atomic_numbers=z["types"] + 1,
            positions=start,
            cell=edge * np.eye(3),
            pbc=PERIODIC,
            atom=labels,
        )
