"""Real spherical harmonics in e3nn's order, grown degree by degree with Clebsch-Gordan coefficients."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.symmetry import coupling
from equitour.tensor_product.constants import Constants


class SphericalHarmonics(nn.Module):
    """Y of degrees 0 … lmax of unit vectors, normalised to |Y_l|² = 2l + 1 ("component").

    Y_{l+1} ∝ C (Y_1 ⊗ Y_l): the coupling to the largest degree is the only one that harmonics of one direction have,
    so two operations a degree suffice, and derivatives of any order follow by themselves.
    """

    def __init__(self, lmax: int) -> None:
        super().__init__()
        self.lmax = lmax
        self.couplings = Constants(**{f"c{l}": _raising(l) for l in range(1, lmax)})

    def forward(self, directions: Float[Tensor, "edges 3"]) -> Float[Tensor, "edges rows"]:
        """Harmonics of unit vectors; zero vectors give zeros for l > 0."""
        degrees = [torch.ones_like(directions[:, :1])]
        if self.lmax:
            degrees.append(math.sqrt(3) * directions)
        for l in range(1, self.lmax):
            products = (degrees[1].unsqueeze(2) * degrees[l].unsqueeze(1)).flatten(1)
            degrees.append(products @ self.couplings[f"c{l}"])
        return torch.cat(degrees, 1)


def spherical_harmonics(directions: Float[Tensor, "edges 3"], lmax: int) -> Float[Tensor, "edges rows"]:
    """Harmonics of degrees 0 … lmax of unit vectors, (lmax + 1)² rows; see `SphericalHarmonics`."""
    return SphericalHarmonics(lmax).to(directions)(directions)


def _raising(l: int) -> Float[Tensor, "products rows"]:
    """Matrix from Y_1 ⊗ Y_l to Y_{l+1}, in component normalisation."""
    c = coupling(1, l, l + 1)
    # At the pole (the y axis) only m = 0 is left, where Y_l = √(2l+1): that fixes the scale.
    pole = c[1, l, l + 1] * math.sqrt(3 * (2 * l + 1))
    return c.flatten(0, 1) * (math.sqrt(2 * l + 3) / pole)
