"""Linear maps that mix channels and never mix rows: the only ones that commute with rotations (Schur)."""

from collections.abc import Sequence

import torch
from e3nn import o3
from jaxtyping import Int
from torch import Tensor, nn


class Linear(nn.Module):
    """One matrix for each irrep, acting on channels; with `num_species` one for each species.

    Args:
        irreps: Of the blocks.
        channels_in: Of each block.
        channels_out: Of each block.
        num_species: Number of kinds of nodes that have matrices of their own.
    """

    def __init__(
        self,
        irreps: o3.Irreps,
        channels_in: list[int],
        channels_out: list[int],
        *,
        num_species: int = 1,
    ) -> None:
        super().__init__()
        self.irreps, self.num_species = irreps, num_species
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(num_species, a, b) / a**0.5)
            for a, b in zip(channels_in, channels_out, strict=True)
        )

    def forward(self, blocks: Sequence[Tensor], species: Int[Tensor, " nodes"] | None = None) -> list[Tensor]:
        """Blocks (nodes, 2l+1, channels_in) to (nodes, 2l+1, channels_out).

        Args:
            blocks: One for each irrep.
            species: The kind of each node; needed only with more than one.
        """
        if self.num_species == 1:
            return [block @ weight.squeeze(0) for block, weight in zip(blocks, self.weights, strict=True)]
        each = torch.eye(self.num_species, dtype=blocks[0].dtype, device=species.device)
        chosen = each.index_select(0, species)[:, None, :, None]
        # All species' copies side by side, zero but for the node's own: one product instead of one a species.
        return [
            (block.unsqueeze(2) * chosen).flatten(2) @ weight.flatten(0, 1)
            for block, weight in zip(blocks, self.weights, strict=True)
        ]
