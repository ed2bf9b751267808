"""NequIP: messages of irreps, convolved with spherical harmonics (Batzner et al., Nat. Commun. 13, 2453, 2022)."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from e3nn import o3
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.trunk import EquivariantTrunk, hidden_and_last, settings_of
from equitour.tensor_product import (
    Convolution,
    Edges,
    Gate,
    Linear,
    RadialNetwork,
    Residual,
    natural_irreps,
    one_each,
)
from equitour.tensor_product.layout import row_counts

# Above this share of filled slots the padded form of the convolution wins, measured for l = 2 in crystals.
PADDED_FROM_DEGREE, PADDED_FROM_FILLING = 2, 0.8


class NequIP(EquivariantTrunk):
    """Equivariant message passing with a residual for each species and gates.

    x⁰ = species' own scalars; xᵗ⁺¹ = gate(W_species xᵗ + W Σ_j R(r_ij) C (W xᵗ_j ⊗ Y(r̂_ij)) / √(neighbours)).

    Args:
        elements: Atomic numbers that the model knows.
        cutoff: Length of the longest edge, in Å.
        num_layers: Number of interactions.
        num_channels: Copies of each irrep.
        lmax: Largest degree of features and harmonics.
        radial_channels: Number of Bessel functions, then hidden layers of the radial networks.
        num_neighbors: Average number of neighbours in the data, which keeps sums of messages near unit size.
        irreps_out: Of the last layer's rows; scalars are always among them. Hidden layers hold 0e + 1o + 2e + …
            and, where the last layer alone cannot reach it, what stands here: a pseudoscalar comes from three directions.
    """

    def __init__(
        self,
        *,
        elements: Sequence[int],
        cutoff: float,
        num_layers: int = 3,
        num_channels: int = 32,
        lmax: int = 1,
        radial_channels: Sequence[int] = (8, 16),
        num_neighbors: float = 16.0,
        irreps_out: str = "0e",
    ) -> None:
        super().__init__(settings_of(locals()), lmax=lmax)
        # Scalars are always there: gates need them.
        wanted = o3.Irreps(sorted({o3.Irrep("0e")} | {ir for _, ir in one_each(irreps_out)}))
        layer = partial(
            Interaction,
            irreps_edge=natural_irreps(lmax),
            num_channels=num_channels,
            radial_channels=radial_channels,
            num_neighbors=num_neighbors,
            num_species=len(self.species),
        )
        self.stack(layer, hidden_and_last(num_layers, lmax=lmax, irreps_out=wanted))

    def forward(
        self, graph: AtomicGraph, between: Callable[[int, Tensor], Tensor] | None = None
    ) -> Float[Tensor, "nodes rows channels"]:
        """Features of each atom; rows are the components of `irreps_out`.

        Args:
            graph: One structure or several.
            between: `between(number, features)` changes what goes into layer `number` = 1, 2, …: the way in for a
                field that all atoms feel.
        """
        species = self.species(graph.atomic_numbers)
        # Through the padded product, derivatives taken for several outputs at once (is_grads_batched) and then
        # differentiated again come out wrong (torch 2.13): what a field is for needs the loose form.
        edges = self.edges(graph) if between is None else self.loose_edges(graph)
        features = self.embedding.index_select(0, species).unsqueeze(1)
        matrices: dict[str, list[Tensor]] = {}
        for number, layer in enumerate(self.layers):
            key = layer.convolution.signature
            if key not in matrices:
                matrices[key] = layer.convolution.edge_matrices(edges.harmonics)
            if number and between is not None:
                features = between(number, features)
            features = layer(features, species, edges, matrices[key])
        return features

    def edges(self, graph: AtomicGraph) -> Edges:
        """Harmonics and radial basis of all edges, padded where that is faster."""
        edges = self.loose_edges(graph)
        return edges.padded() if self._prefers_padding(graph) else edges

    def _prefers_padding(self, graph: AtomicGraph) -> bool:
        # A compiler fuses the loose form, and cannot know the largest number of neighbours beforehand.
        if torch.compiler.is_compiling() or self.settings["lmax"] < PADDED_FROM_DEGREE or not graph.num_edges:
            return False
        most = int(torch.bincount(graph.receivers).max())
        return graph.num_edges >= PADDED_FROM_FILLING * most * graph.num_nodes


class Interaction(nn.Module):
    """One layer: linear, convolution, linear, the species' own linear map of the old features, gate."""

    def __init__(
        self,
        irreps_in: o3.Irreps,
        irreps_edge: o3.Irreps,
        irreps_out: o3.Irreps,
        *,
        num_channels: int,
        radial_channels: Sequence[int],
        num_neighbors: float,
        num_species: int,
    ) -> None:
        super().__init__()
        self.irreps_in = irreps_in
        self._rows_in = row_counts(irreps_in)
        self.convolution = Convolution(irreps_in, irreps_edge, irreps_out, num_channels=num_channels)
        self.irreps_out = self.convolution.irreps_out
        self.gate = Gate(self.irreps_out, num_channels=num_channels)
        num_paths = len(self.convolution.paths)
        self.radial = RadialNetwork([*radial_channels, num_paths * num_channels], gain=num_neighbors**-0.5)
        same = [num_channels] * len(irreps_in)
        self.linear_in = Linear(irreps_in, same, same)
        collected = [paths * num_channels for paths in self.convolution.fan_in]
        self.linear_out = Linear(self.irreps_out, collected, self.gate.channels_in)
        self.residual = Residual(
            irreps_in,
            self.irreps_out,
            num_channels=num_channels,
            channels_out=self.gate.channels_in,
            num_species=num_species,
        )

    def forward(
        self,
        features: Float[Tensor, "nodes rows channels"],
        species: Int[Tensor, " nodes"],
        edges: Edges,
        matrices: list[Tensor],
    ) -> Float[Tensor, "nodes rows_out channels"]:
        """New features; rows of `irreps_out`."""
        blocks = features.split(self._rows_in, 1)
        mixed = self.linear_in(blocks)
        weights = self.radial.parts(edges.basis, len(self.convolution.paths))
        collected = self.linear_out(self.convolution(mixed, weights, edges, matrices))
        return self.gate(self.residual.added(collected, blocks, species))
