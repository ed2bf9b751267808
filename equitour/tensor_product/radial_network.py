"""Weights of messages from distances."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from equitour.tensor_product.gate import SILU_GAIN


class RadialNetwork(nn.Module):
    """A small network without biases, from the radial basis to weights: zero in, zero out, so it ends at the cutoff.

    Args:
        sizes: Basis, hidden layers, result.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(a, b) / a**0.5) for a, b in pairwise(sizes))

    def forward(self, basis: Float[Tensor, "edges basis"]) -> Float[Tensor, "edges out"]:
        """Weights of each edge."""
        *hidden, last = self.weights
        for weight in hidden:
            basis = SILU_GAIN * functional.silu(basis @ weight)
        return basis @ last
