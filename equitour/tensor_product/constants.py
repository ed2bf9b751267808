"""Numbers that belong to the method and not to the training."""

import torch
from torch import Tensor, nn


class Constants(nn.Module):
    """Tensors kept exact in float64 and offered in the model's dtype and on its device.

    A buffer made in float32 and then converted by `model.double()` would keep single precision's rounding;
    these are converted from float64 each time the model moves. They are no part of a checkpoint.
    """

    def __init__(self, **values: Tensor) -> None:
        super().__init__()
        self._exact = {name: value.double() for name, value in values.items()}
        for name, value in self._exact.items():
            self.register_buffer(name, value.to(torch.get_default_dtype()), persistent=False)

    def _apply(self, function, recurse: bool = True):
        super()._apply(function, recurse)
        for name, value in self._exact.items():
            setattr(self, name, value.to(getattr(self, name)))
        return self

    def __getitem__(self, name: str) -> Tensor:
        return getattr(self, name)
