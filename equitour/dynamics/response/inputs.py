"""Arrays as they come in: torch or numpy, made float64, with one sentence when they are not what they should be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Array = Float[Tensor, "..."] | Float[np.ndarray, "..."]


def real(name: str, values: Array, shape: Sequence[int | str], cure: str) -> Tensor:
    """The values as a float64 tensor in the computer's main memory, after their shape has been looked at.

    Args:
        name: What the message calls them.
        values: Torch or numpy; a tensor keeps its gradient.
        shape: A number, or a word for a length that may be anything; the same word is the same length.
        cure: The end of the message.

    Raises:
        ValueError: The shape is another, or some value is NaN or infinite.
    """
    values = torch.as_tensor(values).to("cpu", torch.float64)
    lengths: dict[str, int] = {}
    fits = values.dim() == len(shape) and all(
        length == (lengths.setdefault(want, length) if isinstance(want, str) else want)
        for want, length in zip(shape, values.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name} must have shape ({wanted}), received {tuple(values.shape)}: {cure}")
    if not bool(torch.isfinite(values).all()):
        raise ValueError(f"{name} must be finite, received NaN or infinity: look at where they come from")
    return values


def positive(name: str, value: float, unit: str, cure: str) -> float:
    """The value, after a look at its sign.

    Raises:
        ValueError: It is not positive and finite.
    """
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be positive, received {value} {unit}: {cure}")
    return float(value)
