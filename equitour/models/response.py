"""Several tensors over one trunk: Born charges, Raman tensors, polarizabilities and what else answers a field."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.heads import Head
from equitour.models.tensor_head import require_irreps
from equitour.models.tensor_kinds import TensorKind, kinds_of
from equitour.symmetry import CartesianTensor
from equitour.tensor_product import Constants, row_counts
from equitour.train import Example, standardisation


class Response(Head):
    """Named tensors, read off one trunk by one linear map of channels for each irrep of each tensor.

    t_i = Σ_blocks scale_block · (W features_i) + mean of the species of i, the mean being of invariants (0e) alone: a
    mean of any other component, or a scale of single components, would depend on the frame.

    Args:
        trunk: From a graph to features (nodes, rows, channels) of `trunk.irreps_out`.
        tensors: Names among `TENSORS`, or a mapping from names to `TensorKind`.
        means: By tensor: for each element (in the order of `trunk.elements`) the mean of each 0e component on the
            orthonormal basis of `CartesianTensor`, so √3 times the isotropic value of a tensor of two indices.
        scales: By tensor: one number for each irrep block, in the order of the irreps.
        sum_rules: Names of tensors whose mean over each structure's atoms is taken off, so that they add up to zero.
        species: By tensor: atomic numbers that it was learnt for; a note for those who compare, all where missing.

    Raises:
        ValueError: A tensor is unknown, the trunk lacks an irrep, a mean or scale has the wrong length, or a sum rule
            is asked for a tensor of a whole structure.
    """

    def __init__(
        self,
        trunk: nn.Module,
        tensors: Iterable[str] | Mapping[str, Any],
        *,
        means: Mapping[str, Sequence[Sequence[float]]] | None = None,
        scales: Mapping[str, Sequence[float]] | None = None,
        sum_rules: Sequence[str] = (),
        species: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        self.trunk, self.kinds = trunk, kinds_of(tensors)
        self.settings = {
            "tensors": {name: kind.to_json() for name, kind in self.kinds.items()},
            "means": dict(means or {}),
            "scales": dict(scales or {}),
            "sum_rules": list(sum_rules),
            "species": dict(species or {}),
        }
        for name in sum_rules:
            if name not in self.kinds or self.kinds[name].per != "node":
                raise ValueError(
                    f"a sum rule must belong to a tensor of atoms, received {name!r}: leave it out of sum_rules"
                )
        self.heads = nn.ModuleDict(
            {
                name: _Head(
                    trunk, name, kind, self.settings["means"].get(name), self.settings["scales"].get(name)
                )
                for name, kind in self.kinds.items()
            }
        )

    def components(self, graph: AtomicGraph) -> dict[str, Float[Tensor, "rows dim"]]:
        """Components of each tensor on the irreps of its kind; a row an atom, or a row a structure."""
        features = self.trunk(graph)
        places = self.trunk.species(graph.atomic_numbers)
        found = {}
        for name, head in self.heads.items():
            shares = head.components(features, places)
            if name in self.settings["sum_rules"]:
                shares = without_mean(shares, graph)
            if self.kinds[name].per != "node":
                shares = _collected(shares, graph, mean=self.kinds[name].per == "mean")
            found[name] = shares
        return found

    def forward(self, graph: AtomicGraph) -> dict[str, Tensor]:
        """Tensors by name: (nodes, 3, …, 3), or (graphs, 3, …, 3) for what belongs to a structure."""
        return {
            name: torch.tensordot(components, self.heads[name].constants["basis"], dims=1)
            for name, components in self.components(graph).items()
        }


def standardised_response(
    trunk: nn.Module,
    tensors: Iterable[str] | Mapping[str, Any],
    examples: Sequence[Example],
    *,
    sum_rules: Sequence[str] = (),
    species: Mapping[str, Sequence[int]] | None = None,
) -> Response:
    """A response with the means and scales of the labels that it will learn from (`train.standardisation`).

    Args:
        trunk: As for `Response`.
        tensors: As for `Response`; each is a label of the examples.
        examples: What training learns from, and nothing else.
        sum_rules: As for `Response`.
        species: As for `Response`.

    Raises:
        ValueError: A tensor has no labels, or as for `Response`.
    """
    found = standards(kinds_of(tensors), examples, elements=trunk.elements, species=species)
    return Response(trunk, tensors, sum_rules=sum_rules, species=species, **found)


def standards(
    kinds: Mapping[str, TensorKind],
    examples: Sequence[Example],
    *,
    elements: Sequence[int],
    species: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, dict[str, list]]:
    """The `means` and `scales` of a `Response` by tensor, from labels, each in the labels' units.

    Args:
        kinds: By tensor.
        examples: What training learns from, and nothing else.
        elements: Atomic numbers of the trunk, ascending.
        species: As for `Response`.

    Raises:
        ValueError: A tensor has no labels.
    """
    means, scales = {}, {}
    for name, kind in kinds.items():
        means[name], scales[name] = standardisation(
            examples,
            name,
            formula=kind.formula,
            axial=kind.axial,
            per=kind.per,
            elements=elements,
            species=(species or {}).get(name, ()),
        )
    return {"means": means, "scales": scales}


def without_mean(values: Float[Tensor, "nodes *rest"], graph: AtomicGraph) -> Float[Tensor, "nodes *rest"]:
    """Values whose sum over the atoms of each structure vanishes, the nearest such ones (acoustic sum rule)."""
    return values - _collected(values, graph, mean=True).index_select(0, graph.batch)


def _collected(values: Tensor, graph: AtomicGraph, *, mean: bool) -> Tensor:
    sums = values.new_zeros(graph.num_graphs, *values.shape[1:]).index_add(0, graph.batch, values)
    if not mean:
        return sums
    atoms = torch.bincount(graph.batch, minlength=graph.num_graphs).clamp(min=1)
    return sums / atoms.to(values).reshape(-1, *[1] * (values.ndim - 1))


class _Head(nn.Module):
    """Components of one tensor from features, standardised."""

    def __init__(
        self,
        trunk: nn.Module,
        name: str,
        kind: TensorKind,
        means: Sequence[Sequence[float]] | None,
        scales: Sequence[float] | None,
    ) -> None:
        super().__init__()
        tensor = kind.tensor
        self.places = require_irreps(trunk, tensor, f"{name} ({kind.formula!r})", kind.axial)
        self.rows = row_counts(trunk.irreps_out)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(trunk.num_channels, copies) / trunk.num_channels**0.5)
            for copies, _ in tensor.irreps
        )
        self.constants = Constants(
            basis=tensor.basis,
            means=_mean_components(name, tensor, means, len(trunk.elements)),
            scales=_scale_components(name, tensor, scales),
        )

    def components(self, features: Tensor, species: Tensor) -> Float[Tensor, "nodes dim"]:
        """Of each atom; the copies of an irrep one after another, as e3nn has them."""
        blocks = features.split(self.rows, 1)
        pairs = zip(self.places, self.weights, strict=True)
        raw = torch.cat([(blocks[place] @ weight).mT.flatten(1) for place, weight in pairs], 1)
        return raw * self.constants["scales"] + self.constants["means"].index_select(0, species)


def _mean_components(name: str, tensor: CartesianTensor, means, num_species: int) -> Tensor:
    """(species, dim): the means in their 0e places, zero elsewhere."""
    scalars = [k for (_, ir), rows in zip(tensor.irreps, tensor.irreps.slices(), strict=True)
               for k in range(rows.start, rows.stop) if ir == o3.Irrep("0e")]  # fmt: skip
    filled = torch.zeros(num_species, tensor.irreps.dim, dtype=torch.float64)
    if means is None:
        return filled
    given = torch.as_tensor(means, dtype=torch.float64)
    if given.shape != (num_species, len(scalars)):
        raise ValueError(
            f"means of {name} must have the shape {(num_species, len(scalars))} (elements, invariant components), "
            f"received {tuple(given.shape)}: only what is invariant has a mean that keeps the symmetry"
        )
    filled[:, scalars] = given
    return filled


def _scale_components(name: str, tensor: CartesianTensor, scales: Sequence[float] | None) -> Tensor:
    """(dim): the scale of each component's block."""
    scales = [1.0] * len(tensor.irreps) if scales is None else list(scales)
    if len(scales) != len(tensor.irreps):
        raise ValueError(
            f"scales of {name} must hold one number for each block of {tensor.irreps}, received {len(scales)}: "
            "a scale for single components would depend on the frame"
        )
    return torch.cat(
        [
            torch.full((item.dim,), float(scale), dtype=torch.float64)
            for item, scale in zip(tensor.irreps, scales, strict=True)
        ]
    )
