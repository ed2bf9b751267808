"""Groups, their action on structures and features, and the symmetry that a structure has itself."""

from equitour.symmetry.actions import (
    change_lattice_basis,
    permute,
    random_lattice_basis,
    rotate,
    same_atoms,
    translate,
    wrap,
)
from equitour.symmetry.cartesian import CartesianTensor
from equitour.symmetry.crystal import (
    SpaceGroup,
    allowed_tensors,
    invariant_projector,
    site_symmetry,
    space_group,
    symmetry_operations,
)
from equitour.symmetry.group import (
    random_orthogonal,
    random_rotation,
    reflection_matrix,
    rotation_matrix,
    rotation_path,
)
from equitour.symmetry.irreps import coupling, irreps_matrix, transform_irreps

__all__ = [
    "CartesianTensor",
    "SpaceGroup",
    "allowed_tensors",
    "change_lattice_basis",
    "coupling",
    "invariant_projector",
    "irreps_matrix",
    "permute",
    "random_lattice_basis",
    "random_orthogonal",
    "random_rotation",
    "reflection_matrix",
    "rotate",
    "rotation_matrix",
    "rotation_path",
    "same_atoms",
    "site_symmetry",
    "space_group",
    "symmetry_operations",
    "transform_irreps",
    "translate",
    "wrap",
]
