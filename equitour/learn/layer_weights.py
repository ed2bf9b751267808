"""The weights of a trained NequIP by their letters in the equations of lesson 203, so that its layer is written with them."""

from dataclasses import dataclass

from torch import Tensor

from equitour.models import Potential
from equitour.models.nequip import Interaction


@dataclass(frozen=True)
class LayerWeights:
    """One layer: h = U x / √n, m = w C (h ⊗ Y), z = W Σ m + V x, with w from the Bessel functions through W₁ and W₂.

    Attributes:
        U: By degree, (channels, channels).
        V: By degree and only where old and new features both have it, (elements, channels, channels).
        W: By degree, (paths · channels, channels); that of degree 0 makes the gates' scalars too.
        radial: W₁ (functions, hidden) and W₂ (hidden, paths · channels).
        paths: (l₁, l₂, l₃), in the order of the radial weights.
    """

    U: dict[int, Tensor]
    V: dict[int, Tensor]
    W: dict[int, Tensor]
    radial: list[Tensor]
    paths: list[tuple[int, int, int]]


def layer_weights(potential: Potential) -> list[LayerWeights]:
    """The weights of all layers of a NequIP, first to last, shared with it and not copied.

    Raises:
        ValueError: The potential's trunk is no NequIP.
    """
    layers = getattr(potential.trunk, "layers", [None])
    if not all(isinstance(layer, Interaction) for layer in layers):
        raise ValueError(
            f"the trunk must be a NequIP, received {type(potential.trunk).__name__}: "
            "the lesson's equations are those of no other"
        )
    return [_letters(layer) for layer in layers]


def _letters(layer: Interaction) -> LayerWeights:
    old = [ir.l for _, ir in layer.irreps_in]
    new = [ir.l for _, ir in layer.irreps_out]
    kept = [new[place] for _, place in layer.residual.pairs]
    return LayerWeights(
        U=dict(zip(old, (weight[0] for weight in layer.linear_in.weights), strict=True)),
        V=dict(zip(kept, layer.residual.weights, strict=True)),
        W=dict(zip(new, (weight[0] for weight in layer.linear_out.weights), strict=True)),
        radial=list(layer.radial.weights),
        paths=[path.degrees for path in layer.convolution.paths],
    )
