"""The gated non-linearity: scalars through a function, everything else times a scalar."""

from collections.abc import Sequence

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# One over the root mean square of silu of a standard normal number: it keeps features at unit size.
SILU_GAIN = 1.6765


class Gate(nn.Module):
    """silu of the scalars, tanh of the pseudoscalars, and every other irrep times silu of a scalar of its own.

    A function of components one by one would depend on the frame; a norm or a gate does not. tanh is odd, as a
    pseudoscalar's function must be (Weiler et al., NeurIPS 2018; Batzner et al., Nat. Commun. 13, 2453, 2022).

    Args:
        irreps: Of the rows; 0e must be among them.
        num_channels: Of the result.

    Attributes:
        channels_in: Channels that each block must bring: the 0e block carries the gates behind its own.
    """

    def __init__(self, irreps: o3.Irreps, *, num_channels: int) -> None:
        super().__init__()
        if not len(irreps) or irreps[0].ir != o3.Irrep("0e"):
            raise ValueError(f"a gate must have scalars to gate with, received irreps {irreps}: add 0e first")
        self.irreps, self.num_channels = irreps, num_channels
        self._degrees = [ir.l for _, ir in irreps]
        self.num_gated = sum(ir.l > 0 for _, ir in irreps)
        self.channels_in = [num_channels * (1 + self.num_gated)] + [num_channels] * (len(irreps) - 1)

    def forward(self, blocks: Sequence[Tensor]) -> Float[Tensor, "nodes rows channels"]:
        """Blocks (nodes, 2l+1, channels_in) to features."""
        scalars, *gates = (SILU_GAIN * functional.silu(blocks[0])).split(self.num_channels, 2)
        if not gates and len(blocks) == 1:
            return scalars
        rows = [scalars]
        for l, block in zip(self._degrees[1:], blocks[1:], strict=True):
            rows.append(block * gates.pop(0) if l else torch.tanh(block))
        return torch.cat(rows, 1)
