"""What a layer carries over of the old features."""

from collections.abc import Sequence

from e3nn import o3
from jaxtyping import Int
from torch import Tensor

from equitour.tensor_product.linear import Linear


class Residual(Linear):
    """The species' own linear map of the old features, added to the new ones where both have the irrep.

    Args:
        irreps_in: Of the old features' rows.
        irreps_out: Of the new blocks.
        num_channels: Of the old features.
        channels_out: Of each new block.
        num_species: Number of kinds of nodes, each with matrices of its own.
    """

    def __init__(
        self,
        irreps_in: o3.Irreps,
        irreps_out: o3.Irreps,
        *,
        num_channels: int,
        channels_out: Sequence[int],
        num_species: int,
    ) -> None:
        new = [ir for _, ir in irreps_out]
        shared = o3.Irreps([item for item in irreps_in if item.ir in new])
        places = [new.index(ir) for _, ir in shared]
        sizes = [channels_out[place] for place in places]
        super().__init__(shared, [num_channels] * len(shared), sizes, num_species=num_species)
        # Places of the shared irreps among the old and among the new blocks, as plain numbers for torch.compile.
        self.pairs = list(zip([list(irreps_in).index(item) for item in shared], places, strict=True))

    def added(
        self, new: Sequence[Tensor], old: Sequence[Tensor], species: Int[Tensor, " nodes"]
    ) -> list[Tensor]:
        """The new blocks (nodes, 2l+1, channels_out) with what is carried over."""
        carried = self([old[place] for place, _ in self.pairs], species)
        total = list(new)
        for (_, place), block in zip(self.pairs, carried, strict=True):
            total[place] = total[place] + block
        return total
