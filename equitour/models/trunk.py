"""What all trunks share: the elements they know, how far they look, and the settings that build them again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real

import torch
from e3nn import o3
from torch import nn

from equitour.graph import AtomicGraph
from equitour.models.species import Species
from equitour.tensor_product import Edges, natural_irreps, one_each
from equitour.tensor_product.harmonics import SphericalHarmonics


def _number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: object, least: int = 1) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def _each_whole(values: object) -> bool:
    return isinstance(values, list) and len(values) > 0 and all(_whole(value) for value in values)


def _degrees(value: object) -> bool:
    one_or_two = value if isinstance(value, list) and len(value) == 2 else [value]
    return all(_whole(degree, 0) for degree in one_or_two)


WHOLE = ("a positive whole number", _whole)
# What settings of these names must be, in all trunks alike.
VALUES: dict[str, tuple[str, Callable[[object], bool]]] = {
    **dict.fromkeys(("num_channels", "num_basis", "num_hidden", "num_heads"), WHOLE),
    "cutoff": ("a positive number of Å", lambda value: value is None or (_number(value) and value > 0)),
    "lmax": ("a whole number from 0 on, of MACE also two", _degrees),
    "num_layers": ("a whole number from 0 on", lambda value: _whole(value, 0)),
    "num_neighbors": ("a positive number", lambda value: _number(value) and value > 0),
    "radial_channels": ("a list of positive whole numbers", _each_whole),
    "stretch": ("a number in 1/Å, not negative", lambda value: _number(value) and value >= 0),
}


class Trunk(nn.Module):
    """From a graph to features (nodes, rows, channels); rows are the components of `irreps_out`.

    Args:
        settings: Arguments of the subclass's constructor, from `settings_of`: a file of weights keeps them.
    """

    irreps_out = o3.Irreps("0e")

    def __init__(self, settings: dict) -> None:
        super().__init__()
        self.settings = settings
        self.species, self.cutoff = Species(settings["elements"]), settings["cutoff"]
        self.num_channels = settings["num_channels"]

    @property
    def elements(self) -> list[int]:
        """Atomic numbers that the model knows, ascending."""
        return self.species.elements


class EquivariantTrunk(Trunk):
    """A trunk of irreps: species' own scalars, then layers that see harmonics and Bessel functions of each edge.

    Args:
        settings: As for `Trunk`; the first of `radial_channels` is the number of Bessel functions, `stretch` how
            far the distances that they see are `stretched`.
        lmax: Largest degree of the harmonics.
    """

    def __init__(self, settings: dict, *, lmax: int) -> None:
        super().__init__(settings)
        self.num_basis = settings["radial_channels"][0]
        self.embedding = nn.Parameter(torch.randn(len(self.species), self.num_channels))
        self.harmonics = SphericalHarmonics(lmax)

    def loose_edges(self, graph: AtomicGraph) -> Edges:
        """Harmonics and radial basis of all edges, never padded."""
        return Edges.of(
            graph,
            harmonics=self.harmonics,
            cutoff=self.cutoff,
            num_basis=self.num_basis,
            stretch=self.settings.get("stretch", 0.0),
        )

    def stack(self, layer: Callable[..., nn.Module], irreps_of_layers: Sequence[o3.Irreps]) -> None:
        """Build layer upon layer with `layer(irreps_in=..., irreps_out=...)`, each from what the one before reached."""
        self.layers = nn.ModuleList()
        for wanted in irreps_of_layers:
            self.layers.append(layer(irreps_in=self.irreps_out, irreps_out=wanted))
            self.irreps_out = self.layers[-1].irreps_out


def hidden_and_last(num_layers: int, *, lmax: int, irreps_out: o3.Irreps | str) -> list[o3.Irreps]:
    """Irreps after each layer: 0e + 1o + 2e + … and at the end what is wanted.

    Hidden layers hold what is wanted too, unless the last convolution reaches all of it from 0e + 1o + 2e + … alone:
    Born charges and Raman tensors were learnt better in a given time without 1e, 2o and 3o on the way.
    """
    last, natural = one_each(irreps_out), natural_irreps(lmax)
    reached = {ir for one in natural for other in natural for ir in one.ir * other.ir}
    wanted = set() if all(ir in reached for _, ir in last) else {ir for _, ir in last}
    hidden = one_each(o3.Irreps(sorted({ir for _, ir in natural} | wanted)))
    return ([hidden] * (num_layers - 1) + [last])[:num_layers]


def settings_of(arguments: dict) -> dict:
    """The arguments of a constructor, from its `locals()`, as JSON keeps them.

    Raises:
        ValueError: A number or a list of numbers is not what its name asks for.
    """
    kept = {name: value for name, value in arguments.items() if name not in ("self", "__class__")}
    kept = {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}
    for name, (wanted, fits) in VALUES.items():
        if name in kept and not fits(kept[name]):
            raise ValueError(f"{name} must be {wanted}, received {kept[name]!r}: mend it, or leave it out")
    cutoff = None if kept["cutoff"] is None else float(kept["cutoff"])
    return kept | {"elements": [int(number) for number in kept["elements"]], "cutoff": cutoff}
