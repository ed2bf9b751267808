"""Crystals of different symmetry, and the table of numbers in which handbooks print their elasticity."""

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.graph import AtomicGraph
from equitour.learn.crystals import published

# Pairs of indices in Voigt's order; the table's rows and columns.
_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
STRAINS = ["xx", "yy", "zz", "yz", "xz", "xy"]
_NAMES = {"NaCl": "rock salt", "C": "graphite", "TiO2": "rutile", "SiO2": "quartz"}


def crystals(*, cutoff: float = 3.6) -> dict[str, AtomicGraph]:
    """Crystals as published, the most symmetric first, and quartz that is shaken and sheared, without any symmetry.

    Args:
        cutoff: Of their graphs, in Å; each atom must have neighbours.
    """
    found = {
        name: AtomicGraph.from_ase(published(formula), cutoff=cutoff) for formula, name in _NAMES.items()
    }
    chance = torch.Generator().manual_seed(303)
    graph = found["quartz"]
    moved = 0.2 * torch.randn(graph.positions.shape, generator=chance, dtype=torch.float64)
    strain = 0.05 * torch.randn(3, 3, generator=chance, dtype=torch.float64)
    deform = torch.eye(3, dtype=torch.float64) + (strain + strain.T) / 2
    shaken = graph.replace(positions=(graph.positions + moved) @ deform, cell=graph.cell @ deform)
    return found | {"quartz, shaken": shaken.rebuild(cutoff=cutoff)}


def table(C: Float[Tensor, "*rows 3 3 3 3"]) -> Float[Tensor, "*rows 6 6"]:
    """The 6 × 6 table of C_ijkl in Voigt's order xx, yy, zz, yz, xz, xy (J. F. Nye, Physical Properties of Crystals)."""
    i, j = torch.tensor(_PAIRS).T
    return C[..., i[:, None], j[:, None], i, j]
