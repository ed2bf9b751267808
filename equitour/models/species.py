"""Which elements a model knows."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor, nn


class Species(nn.Module):
    """From atomic numbers to places 0, 1, … in a model's list of elements.

    Args:
        elements: Atomic numbers, each once.

    Raises:
        ValueError: The list is empty, repeats an element or holds a number that is none.
    """

    def __init__(self, elements: Sequence[int]) -> None:
        super().__init__()
        self.elements = sorted(int(number) for number in elements)
        if not self.elements or len(set(self.elements)) != len(self.elements):
            raise ValueError(
                f"elements must hold atomic numbers, each once, received {list(elements)}: [1, 6, 8] for CHO"
            )
        if not (self.elements[0] >= 1 and self.elements[-1] <= 118):
            raise ValueError(
                f"elements must be atomic numbers 1 to 118, received {list(elements)}: [14] for Si"
            )
        place = torch.full((119,), -1)
        place[self.elements] = torch.arange(len(self.elements))
        self.register_buffer("place", place, persistent=False)

    def __len__(self) -> int:
        return len(self.elements)

    def forward(self, atomic_numbers: Int[Tensor, " nodes"]) -> Int[Tensor, " nodes"]:
        """Place of each atom's element.

        Raises:
            ValueError: An atom's element is not among the model's.
        """
        places = self.place.index_select(0, atomic_numbers)
        if not torch.compiler.is_compiling() and bool((places < 0).any()):
            unknown = sorted(set(atomic_numbers[places < 0].tolist()))
            raise ValueError(
                f"elements must be among those of the model, {self.elements}, received {unknown}: "
                "train a model with them, or leave these structures out"
            )
        return places
