"""Equivariant operations on channel-last features [nodes, rows, channels], in plain torch.

The rows are the components of irreps, one copy each, in e3nn's order; every row carries the same number of channels.
"""

from equitour.tensor_product.constants import Constants
from equitour.tensor_product.convolution import Convolution
from equitour.tensor_product.edges import Edges, sum_over_neighbors
from equitour.tensor_product.gate import Gate
from equitour.tensor_product.harmonics import spherical_harmonics
from equitour.tensor_product.layout import from_e3nn, natural_irreps, one_each, row_counts, to_e3nn
from equitour.tensor_product.linear import Linear
from equitour.tensor_product.paths import Path, coupling_paths
from equitour.tensor_product.radial_network import RadialNetwork
from equitour.tensor_product.residual import Residual
from equitour.tensor_product.symmetric_power import SymmetricPower, symmetric_basis

__all__ = [
    "Constants",
    "Convolution",
    "Edges",
    "Gate",
    "Linear",
    "Path",
    "RadialNetwork",
    "Residual",
    "SymmetricPower",
    "coupling_paths",
    "from_e3nn",
    "natural_irreps",
    "one_each",
    "row_counts",
    "spherical_harmonics",
    "sum_over_neighbors",
    "symmetric_basis",
    "to_e3nn",
]
