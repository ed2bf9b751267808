"""What lessons on molecules need beside their own code: fits without training, common views, bonds, and files."""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.datasets import Sample
from equitour.graph import AtomicGraph


def quadratic_potential(
    quantities: Callable[[AtomicGraph], Tensor], graph: AtomicGraph, forces: Float[Tensor, "nodes 3"]
) -> Callable[[AtomicGraph], Tensor]:
    """The polynomial of second degree in some quantities whose forces come closest to the known ones.

    E = Σ c_kl s_k s_l with s = (1, quantities), summed over whatever rows the quantities have: its forces are linear in
    c, so that least squares finds the one optimum.

    Args:
        quantities: From a graph to numbers that do not turn, (centres, quantities).
        graph: Structures to learn from.
        forces: Their forces, in eV/Å.

    Returns:
        A function from a graph to its forces (nodes, 3).
    """

    def columns(graph):
        r = graph.positions.detach().requires_grad_()
        s = quantities(graph.replace(positions=r))
        s = torch.cat([torch.ones_like(s[:, :1]), s], 1)
        k, l = torch.triu_indices(s.shape[1], s.shape[1])
        products = (s[:, k] * s[:, l]).sum(0)[1:]  # The constant 1 · 1 has no forces.
        slopes = [torch.autograd.grad(product, r, retain_graph=True)[0] for product in products]
        return -torch.stack(slopes, -1).flatten(0, 1)

    c = torch.linalg.lstsq(columns(graph), forces.reshape(-1, 1), driver="gelsd").solution
    return lambda graph: (columns(graph) @ c).view(-1, 3)


def across_bonds(
    forces: Float[Tensor, "nodes 3"], positions: Float[Tensor, "nodes 3"]
) -> Float[Tensor, "frames 3 3"]:
    """What stands across the two bonds of bent molecules of three atoms, the middle one first: F − (F · u) u.

    Args:
        forces: Of all molecules, one after the other.
        positions: Likewise, in Å.

    Returns:
        The part across on the outer atoms; on the middle one, which has two bonds, zero.
    """
    forces, positions = forces.reshape(-1, 3, 3), positions.reshape(-1, 3, 3)
    u = torch.nn.functional.normalize(positions - positions[:, :1], dim=2)
    across = forces - (forces * u).sum(2, keepdim=True) * u
    return torch.cat([torch.zeros_like(across[:, :1]), across[:, 1:]], 1)


def bonds_of(graph: AtomicGraph) -> tuple[Int[Tensor, "bonds 2"], list[str]]:
    """The covalent bonds of a molecule, by its atoms' radii, and their kinds: "C–O", or "C–H" with hydrogen last."""
    from ase.data import chemical_symbols
    from ase.neighborlist import natural_cutoffs, neighbor_list

    atoms = graph.to_ase()
    found = neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=1.15))
    pairs = [(int(i), int(j)) for i, j in zip(*found, strict=True) if i < j]
    symbols = [chemical_symbols[z] for z in graph.atomic_numbers.tolist()]
    hydrogen_last = [sorted((symbols[i], symbols[j]), key=lambda x: (x == "H", x)) for i, j in pairs]
    return torch.tensor(pairs), ["–".join(two) for two in hydrogen_last]


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


def narrow_to_wide(
    positions: Float[Tensor, "frames 3 3"], number: int
) -> tuple[
    Int[Tensor, " shown"], Float[Tensor, "shown 3 3"], Float[Tensor, "shown 3 3"], Float[Tensor, " shown"]
]:
    """A choice of bent molecules in the order of their angle, each seen as by `seen_from_above`.

    Args:
        positions: In Å.
        number: Of molecules to choose, evenly from the narrowest to the widest.

    Returns:
        Which molecules they are, and their positions, rotations and angles.
    """
    seen = seen_from_above(positions)
    chosen = seen[2].argsort()[torch.linspace(0, len(positions) - 1, number).long()]
    return chosen, *(part[chosen] for part in seen)


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
