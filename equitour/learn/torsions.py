"""Ethanol's two torsions: how far its hydroxyl and its methyl group are turned, and molecules turned so (lesson 504)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.graph import AtomicGraph

# Of the shipped set's atoms C C O H H H H H H: H–O–C–C, and H–C–C–O with each of the methyl group's three hydrogens.
HYDROXYL, METHYL = (3, 2, 1, 0), ((6, 0, 1, 2), (7, 0, 1, 2), (8, 0, 1, 2))


def torsion(positions: Float[Tensor, "frames atoms 3"], atoms: Sequence[int]) -> Float[Tensor, " frames"]:
    """The angle in degrees, −180 to 180, between the planes of the first three and the last three of four atoms (IUPAC's sign)."""
    a, b, c, d = (positions[:, k] for k in atoms)
    first, axis, last = b - a, c - b, d - c
    left, right = torch.linalg.cross(first, axis), torch.linalg.cross(axis, last)
    sine = (torch.linalg.cross(left, right) * axis).sum(-1) / axis.norm(dim=-1)
    return torch.rad2deg(torch.atan2(sine, (left * right).sum(-1)))


def pairs(graphs: Sequence[AtomicGraph]) -> Float[Tensor, "pairs 2"]:
    """Methyl and hydroxyl torsion in degrees, six pairs a frame: any of three hydrogens, and the frame or its mirror image."""
    positions = torch.stack([graph.positions for graph in graphs])
    hydroxyl = torsion(positions, HYDROXYL)
    found = torch.cat([torch.stack([torsion(positions, atoms), hydroxyl], 1) for atoms in METHYL])
    return torch.cat([found, -found])


def wrapped(angles: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Degrees in −180 to 180, whole turns taken off."""
    return (angles + 180) % 360 - 180


def edges() -> list[Float[Tensor, "corners 2"]]:
    """The frame of −180° to 180°, to be drawn around pairs of torsions; opposite sides are one and the same line."""
    return [180 * torch.tensor([[-1.0, -1.0], [1, -1], [1, 1], [-1, 1], [-1, -1]])]


def populations(angles: Float[Tensor, "pairs 2"]) -> dict[str, float]:
    """Shares in per cent: of each third of the methyl turn, around a minimum, and of hydroxyl groups in trans."""
    methyl, hydroxyl = wrapped(angles.double()).T
    third = ((methyl + 120) // 120 % 3).long()
    shares = (third.bincount(minlength=3) / len(third) * 100).tolist()
    trans = float((hydroxyl.abs() > 120).double().mean() * 100)
    turns = ("methyl at −60°", "methyl at 60°", "methyl at 180°")
    return dict(zip(turns, shares, strict=True)) | {"hydroxyl trans": trans}


def turned(graph: AtomicGraph, angles: Float[Tensor, "frames 2"]) -> Float[Tensor, "frames atoms 3"]:
    """Positions of ethanol with its methyl and hydroxyl group turned to these torsions (degrees), all else as in the graph."""
    positions = graph.positions.expand(len(angles), -1, -1).clone()
    for atoms, moved, wanted in ((METHYL[0], (6, 7, 8), angles[:, 0]), (HYDROXYL, (3,), angles[:, 1])):
        by = torch.deg2rad(wanted.to(positions) - torsion(positions, atoms))
        foot = positions[:, atoms[1]][:, None]
        axis = torch.nn.functional.normalize(positions[:, atoms[2]][:, None] - foot, dim=-1)
        arm = positions[:, list(moved)] - foot
        # Rodrigues' formula; seen along the axis away from the moved atoms, a torsion grows as they turn backwards.
        cosine, sine = by.cos()[:, None, None], -by.sin()[:, None, None]
        along = (arm * axis).sum(-1, keepdim=True) * axis
        across = torch.linalg.cross(axis.expand_as(arm), arm)
        positions[:, list(moved)] = foot + along + cosine * (arm - along) + sine * across
    return positions
