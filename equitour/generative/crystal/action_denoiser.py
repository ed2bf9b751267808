"""A denoiser that sees distances only, and answers with vectors between atoms and deformations of the lattice.

Nothing in it refers to the lattice vectors: its edges are all vectors between neighbours within a cutoff, whichever cell they cross.
So it is equivariant under permutations, translations modulo one, O(3) and every choice of lattice vectors, SL(3, Z), at rounding.

Source: the lattice action of A. Klipfel et al., AAAI 2023.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative.crystal.action import distance_gradient, lattice_action
from equitour.generative.crystal.crystals import Crystals, centred, mean_over
from equitour.generative.crystal.denoiser import CrystalDenoiser, mlp
from equitour.generative.crystal.lattice import LatticeScale
from equitour.generative.crystal.noise import Denoised, lattice_shares
from equitour.graph import AtomicGraph, batch
from equitour.radial import bessel_basis, polynomial_cutoff


class ActionDenoiser(CrystalDenoiser):
    """Message passing between neighbours; scores as sums of edge vectors, lattices by the lattice action of distances.

    Args:
        scale: Of the lattices that it learns from.
        elements: Atomic numbers that it knows.
        cutoff: Of edges, in Å.
        channels: Width of the layers.
        num_layers: Rounds of messages.
        num_basis: Bessel functions of a distance.
        sizes: Pairs of a number of atoms and how many of the crystals learnt had it.
        properties: Names of numbers that crystals may be asked to have, each with its mean and spread in the data.
    """

    def __init__(
        self,
        scale: LatticeScale | None = None,
        *,
        elements: Sequence[int],
        cutoff: float = 4.5,
        channels: int = 96,
        num_layers: int = 3,
        num_basis: int = 12,
        sizes: Sequence[Sequence[int]] = (),
        properties: Mapping[str, Sequence[float]] = MappingProxyType({}),
    ) -> None:
        super().__init__(
            scale,
            elements=elements,
            channels=channels,
            sizes=sizes,
            properties=properties,
            cutoff=float(cutoff),
            num_layers=num_layers,
            num_basis=num_basis,
        )
        self.context = mlp(self.asked_width, channels, channels)
        self.layers = nn.ModuleList(ActionLayer(channels, num_basis) for _ in range(num_layers))
        self.norm = nn.LayerNorm(channels)
        # Of each edge, how far it pulls its receiver, and φ, how much of its λ the lattice receives.
        self.pull = mlp(2 * channels + num_basis, channels, 2)
        self.logits = nn.Linear(channels, len(elements))

    def forward(
        self,
        crystals: Crystals,
        t: Float[Tensor, " crystals"],
        condition: Float[Tensor, "crystals properties"] | None = None,
    ) -> Denoised:
        """What stands behind crystals with noise of time t.

        Raises:
            ValueError: An element is not known, or the condition does not fit.
        """
        graph = neighbor_graph(crystals, self.settings["cutoff"])
        r = graph.edge_vectors()
        d = r.norm(dim=-1)
        basis = self._basis(d)
        h = self.elements(crystals.atomic_numbers) + self.context(self.asked(t, condition))[crystals.batch]
        for layer in self.layers:
            h = layer(h, basis, graph)
        h = self.norm(h)
        both = torch.cat([h[graph.senders], h[graph.receivers], basis], 1)
        pull, phi = (self.pull(both) * self._envelope(d)[:, None]).split(1, 1)
        score = self._score(pull * r / d[:, None], graph, crystals)
        lattice = self._lattice(phi[:, :, None] * distance_gradient(r) / d[:, None, None], graph, crystals, t)
        return Denoised(score, lattice, self.logits(h))

    def _score(self, pulls: Tensor, graph: AtomicGraph, crystals: Crystals) -> Tensor:
        """Sums of edge vectors; along each lattice vector, since a gradient by fractions is what is asked for."""
        total = torch.zeros_like(crystals.fractional).index_add(0, graph.receivers, pulls)
        directions = crystals.lattices / _edge_of_cell(crystals)
        return centred((total[:, None] * directions[crystals.batch]).sum(-1), crystals)

    def _lattice(self, pulls: Tensor, graph: AtomicGraph, crystals: Crystals, t: Tensor) -> Tensor:
        """The mean clean lattice exp(⟨φ λ⟩) ρ, as scaled numbers; little is left to do where there is little noise."""
        per_atom = pulls.new_zeros(crystals.num_nodes, 9).index_add(0, graph.receivers, pulls.flatten(1))
        _, sigma = lattice_shares(t[:, None, None])
        strain = sigma * mean_over(per_atom, crystals).view(-1, 3, 3)
        return self.scale.numbers(crystals.replace(lattices=lattice_action(crystals.lattices, strain)))

    def _basis(self, d: Tensor) -> Tensor:
        basis = bessel_basis(d, cutoff=self.settings["cutoff"], num_basis=self.settings["num_basis"])
        return basis * self._envelope(d)[:, None]

    def _envelope(self, d: Tensor) -> Tensor:
        return polynomial_cutoff(d, cutoff=self.settings["cutoff"])


class ActionLayer(nn.Module):
    """One round: h ← h + update(h, sum of messages)."""

    def __init__(self, channels: int, num_basis: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.message = mlp(2 * channels + num_basis, channels, channels)
        self.gate = nn.Linear(num_basis, channels, bias=False)
        self.update = mlp(2 * channels, channels, channels)

    def forward(self, h: Tensor, basis: Tensor, graph: AtomicGraph) -> Float[Tensor, "nodes channels"]:
        """Features after the round."""
        x = self.norm(h)
        message = self.message(torch.cat([x[graph.senders], x[graph.receivers], basis], 1)) * self.gate(basis)
        heard = torch.zeros_like(x).index_add(0, graph.receivers, message)
        return h + self.update(torch.cat([x, heard / math.sqrt(10)], 1))


def neighbor_graph(crystals: Crystals, cutoff: float) -> AtomicGraph:
    """Neighbours of all atoms; two atoms at the same place are allowed while there is noise."""
    numbers = crystals.atomic_numbers.clamp_min(1)
    parts = zip(
        crystals.lattices,
        crystals.fractional.split(crystals.counts.tolist()),
        numbers.split(crystals.counts.tolist()),
        strict=True,
    )
    return batch(
        [
            AtomicGraph.from_arrays(
                f @ cell, z, cutoff=cutoff, cell=cell, pbc=True, dtype=cell.dtype, min_distance=0
            )
            for cell, f, z in parts
        ]
    )


def _edge_of_cell(crystals: Crystals) -> Float[Tensor, "crystals 1 1"]:
    """Cube root of the volume, a length that no choice of lattice vectors changes."""
    return torch.linalg.det(crystals.lattices).abs().pow(1 / 3)[:, None, None]
