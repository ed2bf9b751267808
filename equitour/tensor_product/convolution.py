"""The equivariant convolution: neighbours' features times spherical harmonics, weighted by distance, summed."""

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

from equitour.symmetry import coupling
from equitour.tensor_product.constants import Constants
from equitour.tensor_product.edges import Edges, sum_over_neighbors
from equitour.tensor_product.layout import one_each, row_counts
from equitour.tensor_product.neighbor_product import sum_of_products
from equitour.tensor_product.paths import coupling_paths


class Convolution(nn.Module):
    """out[i, m₃, (path, c)] = Σ_j w[ij, path, c] Σ_{m₁ m₂} C[m₁ m₂ m₃] x[j, m₁, c] Y[ij, m₂].

    Channel by channel ("uvu"), each path with its own weights; C is orthonormal, so that it equals e3nn's
    `TensorProduct` with irrep normalisation "component" and one output block a path. Y of degree 0 is 1.

    Args:
        irreps_in: Of the rows of the features.
        irreps_edge: Of the harmonics.
        irreps_out: Wanted; `irreps_out` of the object keeps those that a path leads to.
        num_channels: Of the features.

    Attributes:
        paths: In the order of the weights.
        fan_in: Number of paths into each irrep of `irreps_out`.
        signature: Layers with equal signatures and equal harmonics can share `edge_matrices`.
    """

    def __init__(
        self,
        irreps_in: o3.Irreps | str,
        irreps_edge: o3.Irreps | str,
        irreps_out: o3.Irreps | str,
        *,
        num_channels: int,
    ) -> None:
        super().__init__()
        self.irreps_in, self.irreps_edge = one_each(irreps_in), one_each(irreps_edge)
        wanted = coupling_paths(self.irreps_in, self.irreps_edge, one_each(irreps_out))
        reached = {path.irrep_out for path in wanted}
        self.irreps_out = o3.Irreps([item for item in one_each(irreps_out) if item.ir in reached])
        self.paths = coupling_paths(self.irreps_in, self.irreps_edge, self.irreps_out)
        self.fan_in = [sum(path.irrep_out == ir for path in self.paths) for _, ir in self.irreps_out]
        self.num_channels = num_channels
        # What a step needs of the irreps, as plain numbers, which torch.compile can read.
        self._rows_in, self._rows_edge = row_counts(self.irreps_in), row_counts(self.irreps_edge)
        self.signature = f"{self.irreps_in} to {self.irreps_out}"
        self._steps = [(path.place_in, path.place_edge, path.degrees) for path in self.paths]
        # Rows (m₁, m₃) for each m₂, so that harmonics @ C is the matrix that couples one edge.
        matrices = {p.degrees: coupling(*p.degrees).permute(1, 0, 2).flatten(1) for p in self.paths}
        self.couplings = Constants(**{_name(degrees): matrix for degrees, matrix in matrices.items()})

    def edge_matrices(self, harmonics: Float[Tensor, "edges rows"]) -> list[Tensor]:
        """For each path the matrices C · Y (edges, 2l₁+1, 2l₃+1); layers with equal irreps share them."""
        blocks = harmonics.split(self._rows_edge, 1)
        matrices = []
        for _, place, (l1, l2, l3) in self._steps:
            y = blocks[place]
            if l1 == 0:  # A scalar times a harmonic needs no product of matrices.
                matrices.append(y.unsqueeze(1))
            else:
                matrices.append((y @ self.couplings[_name((l1, l2, l3))]).view(-1, 2 * l1 + 1, 2 * l3 + 1))
        return matrices

    def forward(
        self,
        features: Float[Tensor, "nodes rows channels"] | list[Float[Tensor, "nodes _ channels"]],
        weights: Float[Tensor, "edges paths channels"] | list[Float[Tensor, "edges 1 channels"]],
        edges: Edges,
        matrices: list[Tensor],
    ) -> list[Tensor]:
        """Sums over neighbours, a block (nodes, 2l+1, fan_in · channels) for each irrep of `irreps_out`.

        Features and weights come in one piece, or in a block for each irrep and each path, which is faster.
        """
        if isinstance(features, Tensor):
            features = features.split(self._rows_in, 1)
        if isinstance(weights, Tensor):
            weights = weights.split(1, 1)
        # Each irrep is gathered by itself: operations on tensors in one piece are twice as fast as on slices.
        sources = [block.index_select(0, edges.senders) for block in features]
        couple = _couple_loose if edges.degree is None else _couple_padded
        sums = [
            couple(degrees, sources[place], weight, matrix, edges)
            for (place, _, degrees), weight, matrix in zip(self._steps, weights, matrices, strict=True)
        ]
        return [torch.cat(sums[first : first + n], 2) for first, n in _runs(self.fan_in)]


def _couple_loose(degrees, sources: Tensor, weight: Tensor, matrix: Tensor, edges: Edges) -> Tensor:
    """One path, edge by edge; the weight multiplies where there are fewest rows."""
    l1, l2, l3 = degrees
    if l2 == 0:  # Y₀ = 1: nothing couples.
        messages = sources * weight
    elif l1 == 0:  # A scalar times a harmonic.
        messages = (sources * weight) * matrix.mT
    elif l3 == 0:  # The invariant of two equal irreps.
        messages = (sources * matrix).sum(1, keepdim=True) * weight
    else:
        messages = matrix.mT @ (sources * weight)
    return sum_over_neighbors(messages, edges.receivers, edges.num_nodes)


def _couple_padded(degrees, sources: Tensor, weight: Tensor, matrix: Tensor, edges: Edges) -> Tensor:
    """One path, node by node; the weight comes first, so that one product couples and sums over neighbours."""
    messages = sources * weight
    if degrees[1] == 0:
        return messages.unflatten(0, (edges.num_nodes, edges.degree)).sum(1)
    slots = (edges.num_nodes, edges.degree * messages.shape[1])
    matrix = matrix.reshape(*slots, matrix.shape[2])
    return sum_of_products(matrix, messages.reshape(*slots, messages.shape[2]))


def _name(degrees: tuple[int, int, int]) -> str:
    return "c" + "".join(map(str, degrees))


def _runs(lengths: list[int]) -> list[tuple[int, int]]:
    """First place and length of consecutive runs."""
    first = [sum(lengths[:k]) for k in range(len(lengths))]
    return list(zip(first, lengths, strict=True))
