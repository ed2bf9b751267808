"""MACE: messages of many bodies from the symmetric power of what neighbours send (Batatia et al., NeurIPS 2022)."""

from collections.abc import Sequence
from functools import partial

import torch
from e3nn import o3
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.trunk import EquivariantTrunk, settings_of
from equitour.tensor_product import Convolution, Edges, Linear, RadialNetwork, natural_irreps
from equitour.tensor_product.layout import row_counts
from equitour.tensor_product.symmetric_power import SymmetricPower


class MACE(EquivariantTrunk):
    """Few layers, each of many bodies.

    h⁰ = species' own scalars; A_i = W Σ_j R(r_ij) C (W h_j ⊗ Y(r̂_ij)) / √(neighbours);
    B_i = symmetric powers of A_i up to `correlation` factors, weighted by species; hᵗ⁺¹ = W B_i + W_species hᵗ.

    The published model reads an energy off each layer and adds them. Here the scalars of all layers stand side by
    side in the channels, `num_layers` · `num_channels` of them, so that one head reads them all; a head without
    hidden layer that reads them is the published sum.

    Args:
        elements: Atomic numbers that the model knows.
        cutoff: Length of the longest edge, in Å.
        num_layers: Number of interactions.
        num_channels: Copies of each irrep.
        lmax: Largest degree of the harmonics and of the features between layers; one number l is (l, min(l, 1)).
        correlation: Factors in the symmetric power; one layer sees `correlation` + 1 bodies.
        radial_channels: Number of Bessel functions, then hidden layers of the radial networks; without one R is linear
            in the Bessel functions, which was no worse from 50 configurations, and better on ethanol.
        num_neighbors: Average number of neighbours in the data, which keeps sums of messages near unit size.
        stretch: a in 1/Å: how far the distances that the Bessel functions see are `stretched`; 0, as published, not.
    """

    def __init__(  # noqa: PLR0913 (all that a file of weights must keep)
        self,
        *,
        elements: Sequence[int],
        cutoff: float,
        num_layers: int = 2,
        num_channels: int = 32,
        lmax: int | Sequence[int] = (3, 1),
        correlation: int = 3,
        radial_channels: Sequence[int] = (8,),
        num_neighbors: float = 16.0,
        stretch: float = 0.0,
    ) -> None:
        lmax = [lmax, min(lmax, 1)] if isinstance(lmax, int) else list(lmax)
        super().__init__(settings_of(locals()), lmax=lmax[0])
        layer = partial(
            Interaction,
            irreps_edge=natural_irreps(lmax[0]),
            num_channels=num_channels,
            correlation=correlation,
            radial_channels=radial_channels,
            num_neighbors=num_neighbors,
            num_species=len(self.species),
        )
        self.stack(layer, [natural_irreps(lmax[1])] * (num_layers - 1) + [natural_irreps(0)])
        # Scalars of all layers stand side by side.
        self.num_channels = num_layers * num_channels

    def forward(self, graph: AtomicGraph) -> Float[Tensor, "nodes 1 channels"]:
        """Scalars of each atom, those of all layers side by side."""
        species = self.species(graph.atomic_numbers)
        edges = self.loose_edges(graph)
        features = self.embedding.index_select(0, species).unsqueeze(1)
        scalars = []
        for layer in self.layers:
            features = layer(features, species, edges)
            scalars.append(features[:, :1])
        return torch.cat(scalars, 2)


class Interaction(nn.Module):
    """One layer: linear, convolution, linear, symmetric power, linear, and the species' own map of the old features."""

    def __init__(
        self,
        irreps_in: o3.Irreps,
        irreps_edge: o3.Irreps,
        irreps_out: o3.Irreps,
        *,
        num_channels: int,
        correlation: int,
        radial_channels: Sequence[int],
        num_neighbors: float,
        num_species: int,
    ) -> None:
        super().__init__()
        self.rows_in = row_counts(irreps_in)
        self.convolution = Convolution(irreps_in, irreps_edge, irreps_edge, num_channels=num_channels)
        num_weights = len(self.convolution.paths) * num_channels
        self.radial = RadialNetwork([*radial_channels, num_weights], gain=num_neighbors**-0.5)
        irreps_sum = self.convolution.irreps_out
        self.linear_in = Linear(irreps_in, *[[num_channels] * len(irreps_in)] * 2)
        collected = [paths * num_channels for paths in self.convolution.fan_in]
        self.linear_sum = Linear(irreps_sum, collected, [num_channels] * len(irreps_sum))
        self.power = SymmetricPower(
            irreps_sum,
            irreps_out,
            correlation=correlation,
            num_channels=num_channels,
            num_species=num_species,
        )
        self.irreps_out, self.rows_out = self.power.irreps_out, row_counts(self.power.irreps_out)
        same = [num_channels] * len(self.irreps_out)
        self.linear_out = Linear(self.irreps_out, same, same)
        # Natural parity: old and new features agree up to the smaller of their degrees.
        shared = min(irreps_in, self.irreps_out, key=len)
        self.num_shared = len(shared)
        self.residual = Linear(shared, *[[num_channels] * len(shared)] * 2, num_species=num_species)

    def forward(
        self,
        features: Float[Tensor, "nodes rows channels"],
        species: Int[Tensor, " nodes"],
        edges: Edges,
    ) -> Float[Tensor, "nodes rows_out channels"]:
        """New features; rows of `irreps_out`."""
        blocks = features.split(self.rows_in, 1)
        mixed = self.linear_in(blocks)
        weights = self.radial.parts(edges.basis, len(self.convolution.paths))
        matrices = self.convolution.edge_matrices(edges.harmonics)
        sums = torch.cat(self.linear_sum(self.convolution(mixed, weights, edges, matrices)), 1)
        products = self.power(sums, species).split(self.rows_out, 1)
        new = self.linear_out(products)
        for place, block in enumerate(self.residual(blocks[: self.num_shared], species)):
            new[place] = new[place] + block
        return torch.cat(new, 1)
