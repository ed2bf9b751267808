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
        gain: Factor of the result.
    """

    def __init__(self, sizes: Sequence[int], *, gain: float = 1.0) -> None:
        super().__init__()
        self.gains = [1.0] + [SILU_GAIN] * (len(sizes) - 2)
        self.gains[-1] *= gain
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(a, b) / a**0.5) for a, b in pairwise(sizes))

    def forward(self, basis: Float[Tensor, "edges basis"]) -> Float[Tensor, "edges out"]:
        """Weights of each edge."""
        hidden, last = self._hidden(basis)
        return hidden @ last

    def parts(self, basis: Float[Tensor, "edges basis"], number: int) -> list[Float[Tensor, "edges 1 part"]]:
        """The same weights in equal parts, each in one piece of memory: for `Convolution`, one a path."""
        hidden, last = self._hidden(basis)
        return [(hidden @ part).unsqueeze(1) for part in last.chunk(number, 1)]

    def _hidden(self, basis: Tensor) -> tuple[Tensor, Tensor]:
        """Values of the last hidden layer and the matrix that follows."""
        # Gains multiply the small matrices and not the values of all edges.
        *hidden, last = (
            weight if gain == 1 else gain * weight
            for gain, weight in zip(self.gains, self.weights, strict=True)
        )
        values = basis
        for matrix in hidden:
            values = functional.silu(values @ matrix)
        return values, last
