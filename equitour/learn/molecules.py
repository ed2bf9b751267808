"""What lessons on molecules need beside their own code: a common view of bent molecules, bonds, and files."""

from collections.abc import Iterable
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.datasets import Sample


def seen_from_above(
    positions: Float[Tensor, "frames 3 3"],
) -> tuple[Float[Tensor, "frames 3 3"], Float[Tensor, "frames 3 3"], Float[Tensor, " frames"]]:
    """Bent molecules of three atoms, the middle one first, turned so that we look at their plane from above.

    Args:
        positions: In Å.

    Returns:
        Positions with the middle atom at the origin and the opening downwards, the rotation of each molecule
        (`vectors @ rotation.mT` turns along), and the angle at the middle atom in degrees.
    """
    arms = torch.nn.functional.normalize(positions[:, 1:] - positions[:, :1], dim=2)
    x = torch.nn.functional.normalize(arms[:, 0] - arms[:, 1], dim=1)
    y = -torch.nn.functional.normalize(arms.sum(1), dim=1)
    turn = torch.stack([x, y, torch.linalg.cross(x, y)], 1)
    angle = torch.rad2deg(torch.acos((arms[:, 0] * arms[:, 1]).sum(1)))
    return (positions - positions[:, :1]) @ turn.mT, turn, angle


def bond_lengths(
    positions: Float[Tensor, "*frames atoms 3"], bonds: Int[Tensor, "bonds 2"]
) -> Float[Tensor, "*frames bonds"]:
    """Lengths of the bonds in every frame, in Å."""
    first, second = bonds.T
    return (positions[..., first, :] - positions[..., second, :]).norm(dim=-1)


def write_extxyz(path: str | Path, samples: Iterable[Sample], *, energy: str, forces: str) -> int:
    """Structures with energies (eV) and forces (eV/Å) under ASE's own names, as nequip, mace and others read them.

    Args:
        path: Of the file, which is written anew.
        samples: Of a data set: `ethanol[:100]`.
        energy: Name of the label, such as "energy_gfn2".
        forces: Name of the label of atoms.

    Returns:
        The number of structures.
    """
    import ase.io
    from ase.calculators.singlepoint import SinglePointCalculator

    frames = []
    for graph, labels, atom_labels in samples:
        atoms = graph.to_ase()
        known = {"energy": float(labels[energy]), "forces": atom_labels[forces].double().numpy()}
        atoms.calc = SinglePointCalculator(atoms, **known)
        frames.append(atoms)
    ase.io.write(path, frames, format="extxyz")
    return len(frames)
