"""Crystals as their authors published them, with what chemistry counts in them; random cells for exercises."""

import torch
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from jaxtyping import Float
from torch import Tensor

from equitour.symmetry import random_lattice_basis

# Å. The metals, silicon and the salt: R. W. G. Wyckoff, Crystal Structures, 2nd ed., 1963, to four digits.
_SIMPLE = {
    "Cu": ("fcc", 3.615),
    "Fe": ("bcc", 2.866),
    "Si": ("diamond", 5.431),
    "NaCl": ("rocksalt", 5.640),
}

# Symbols, one place for each kind of atom, number of the space group, a and c in Å, angle between a and b.
_BY_SPACE_GROUP = {
    # The undistorted perovskite at room temperature.
    "SrTiO3": (["Sr", "Ti", "O"], [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)], 221, 3.9053, 3.9053, 90),
    # C. J. Howard, T. M. Sabine, F. Dickson, Acta Cryst. B47, 462 (1991).
    "TiO2": (["Ti", "O"], [(0, 0, 0), (0.30478, 0.30478, 0)], 136, 4.5937, 2.9587, 90),
    # L. Levien, C. T. Prewitt, D. J. Weidner, Am. Mineral. 65, 920 (1980), at the origin of the International Tables.
    "SiO2": (["Si", "O"], [(0.4697, 0, 2 / 3), (0.4135, 0.2669, 0.1191 + 2 / 3)], 154, 4.916, 5.4054, 120),
    # P. Trucano, R. Chen, Nature 258, 136 (1975).
    "C": (["C", "C"], [(0, 0, 0.25), (1 / 3, 2 / 3, 0.25)], 194, 2.464, 6.711, 120),
}

# Crystal, neighbour, central atom, cutoff in Å, coordination: how many neighbours chemistry counts.
COORDINATION = [
    ("Cu", "Cu", "Cu", 3.0, 12),
    ("Fe", "Fe", "Fe", 2.7, 8),
    ("Fe", "Fe", "Fe", 3.2, 8 + 6),
    ("Si", "Si", "Si", 2.8, 4),
    ("C", "C", "C", 1.8, 3),
    ("NaCl", "Cl", "Na", 3.2, 6),
    ("SrTiO3", "O", "Ti", 2.2, 6),
    ("SrTiO3", "O", "Sr", 3.0, 12),
    ("TiO2", "O", "Ti", 2.2, 6),
    ("TiO2", "Ti", "O", 2.2, 3),
    ("SiO2", "O", "Si", 2.0, 4),
]

# Crystal, central atom, cutoff in Å, mean angle in degrees (quartz: the authors' own; the others by symmetry).
ANGLES = [
    ("C", "C", 1.8, 120.0),
    ("Si", "Si", 2.8, 109.5),
    ("SiO2", "Si", 2.0, 109.5),
    ("SiO2", "O", 2.0, 143.7),
    ("SrTiO3", "O", 2.2, 180.0),
]

# Levien, Prewitt and Weidner's quartz with its origin on another axis, as the American Mineralogist database has it.
QUARTZ_CIF = """data_quartz
_cell_length_a 4.916
_cell_length_b 4.916
_cell_length_c 5.4054
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_symmetry_space_group_name_H-M 'P 32 2 1'
loop_
_space_group_symop_operation_xyz
'x,y,z'
'y,x,2/3-z'
'-y,x-y,2/3+z'
'-x,-x+y,1/3-z'
'-x+y,-x,1/3+z'
'x-y,-y,-z'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Si 0.4697 0 0
O 0.4135 0.2669 0.1191
"""


def published(name: str, *, cubic: bool = False) -> Atoms:
    """A crystal in its primitive cell, or in the cubic cell that textbooks draw.

    Args:
        name: Cu, Fe, Si, NaCl; SrTiO3, TiO2 (rutile), SiO2 (quartz), C (graphite).
        cubic: The cubic cell of Cu, Fe, Si and NaCl; the others have one cell only.

    Raises:
        ValueError: There is no such crystal here.
    """
    if name in _SIMPLE:
        structure, length = _SIMPLE[name]
        return bulk(name, structure, a=length, cubic=cubic)
    if name not in _BY_SPACE_GROUP:
        known = ", ".join([*_SIMPLE, *_BY_SPACE_GROUP])
        raise ValueError(
            f"the crystal must be one of {known}, received {name!r}: build others with ase.spacegroup"
        )
    symbols, places, group, a, c, angle = _BY_SPACE_GROUP[name]
    return crystal(symbols, places, spacegroup=group, cellpar=[a, a, c, 90, 90, angle])


def draw_lattice(generator: torch.Generator) -> Float[Tensor, "3 3"]:
    """Lattice vectors (columns, Å) of a skewed cell without symmetry, so that no wrong formula is right by chance."""
    while True:
        rho = 3.5 * torch.randn(3, 3, generator=generator, dtype=torch.float64)
        lengths = rho.norm(dim=0)
        if torch.linalg.det(rho).abs() > 8 and lengths.min() > 2.5 and lengths.max() < 9:
            return rho


def draw_basis(generator: torch.Generator) -> Float[Tensor, "3 3"]:
    """A matrix of SL(3,Z) that is neither symmetric nor its own inverse, which would hide a mistake."""
    while True:
        g = random_lattice_basis(generator=generator, steps=5).double()
        if not torch.equal(g, g.T) and not torch.equal(g @ g, torch.eye(3, dtype=g.dtype)):
            return g
