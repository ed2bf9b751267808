"""How features feel a uniform field: an equivariant product with the field's polynomials."""

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

from equitour.symmetry import coupling
from equitour.tensor_product import Constants, Linear, coupling_paths, row_counts
from equitour.tensor_product.harmonics import SphericalHarmonics

# Irreps of |E|², E and E ⊗ E. An electric field turns around in a mirror image of the world (1o); a field that is
# taken for axial (1e) does not, like a magnetic one.
FIELD_IRREPS = {"polar": o3.Irreps("0e + 1o + 2e"), "axial": o3.Irreps("0e + 1e + 2e")}


class FieldCoupling(nn.Module):
    """x_i ← x_i + W Σ C (x_i ⊗ f(E)) with the polynomials f(E) = |E|², E and the traceless part of E ⊗ E.

    Polynomials, not harmonics of the direction E/|E|, which jump at zero field; at zero field nothing is added.

    Args:
        irreps: Of the features' rows.
        num_channels: Of the features.
        parity: "polar" or "axial".
    """

    def __init__(self, irreps: o3.Irreps, *, num_channels: int, parity: str) -> None:
        super().__init__()
        irreps_field = FIELD_IRREPS[parity]
        paths = coupling_paths(irreps, irreps_field, irreps)
        self.fan_in = [sum(path.irrep_out == ir for path in paths) for _, ir in irreps]
        self.rows = row_counts(irreps)
        first_in, first_field = irreps.slices(), irreps_field.slices()
        blocks = []
        for path in paths:
            block = torch.zeros(irreps_field.dim, irreps.dim, 2 * path.irrep_out.l + 1, dtype=torch.float64)
            field_first = coupling(*path.degrees).permute(1, 0, 2)
            block[first_field[path.place_edge], first_in[path.place_in]] = field_first
            blocks.append(block)
        # All paths side by side: one product of matrices couples a node's features to the field.
        self.constants = Constants(coupling=torch.cat(blocks, 2))
        # A component that nothing reaches (an axial field and scalars) carries on as it is.
        reached = [(item, n) for item, n in zip(irreps, self.fan_in, strict=True) if n]
        channels_in = [n * num_channels for _, n in reached]
        self.linear = Linear(
            o3.Irreps([item for item, _ in reached]), channels_in, [num_channels] * len(reached)
        )

    def forward(
        self, features: Float[Tensor, "nodes rows channels"], powers: Float[Tensor, "nodes 9"]
    ) -> Float[Tensor, "nodes rows channels"]:
        """Features in the field."""
        matrices = torch.tensordot(powers, self.constants["coupling"], dims=1)
        products = matrices.mT @ features
        sizes = [n * rows for n, rows in zip(self.fan_in, self.rows, strict=True)]
        blocks = [
            block.unflatten(1, (n, rows)).transpose(1, 2).flatten(2)
            for block, n, rows in zip(products.split(sizes, 1), self.fan_in, self.rows, strict=True)
            if n
        ]
        added = iter(self.linear(blocks))
        old = features.split(self.rows, 1)
        return torch.cat([x + next(added) if n else x for x, n in zip(old, self.fan_in, strict=True)], 1)


class FieldPowers(nn.Module):
    """|E|², E and the traceless E ⊗ E, as irreps 0 + 1 + 2 that are of unit size at unit field.

    Args:
        field_unit: In V/Å.
    """

    def __init__(self, field_unit: float) -> None:
        super().__init__()
        self.field_unit, self.harmonics = field_unit, SphericalHarmonics(2)

    def forward(self, field: Float[Tensor, "graphs 3"]) -> Float[Tensor, "graphs 9"]:
        """Polynomials of fields in V/Å."""
        # Harmonics of a vector of any length are |E|^l Y_l: polynomials, and smooth at zero.
        harmonics = self.harmonics(field / self.field_unit)
        square = harmonics[:, 1:4].square().sum(1, keepdim=True) / 3
        return torch.cat([square, harmonics[:, 1:]], 1)
