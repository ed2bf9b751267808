"""Derivatives of an electric enthalpy: dipoles, Born charges, polarizabilities and Raman tensors of one energy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from ase import units
from jaxtyping import Float
from torch import Tensor

from equitour.graph import AtomicGraph

# e²/(4πε₀) in eV·Å: a polarizability in e²Å²/eV times this is the volume in Å³ that tables give.
COULOMB = units.Hartree * units.Bohr

# Every answer, and what it is made of.
MADE_OF = {
    "energy": (),
    "forces": ("energy",),
    "dipole": ("energy",),
    "polarization": ("dipole",),
    "born_effective_charges": ("dipole",),
    "polarizability": ("dipole",),
    "dielectric": ("polarizability",),
    "raman_tensors": ("polarizability",),
}
OF_CRYSTALS = ("polarization", "dielectric")
# Pairs of field components; a tensor that is symmetric in its fields has six.
PAIRS = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


@dataclass(frozen=True, kw_only=True)
class FieldResponse:
    """What was asked for, by name; None what was not.

    Attributes:
        energy: E(R, field) in eV.
        forces: −∂E/∂R in eV/Å.
        dipole: −∂E/∂field in e·Å.
        polarization: Dipole over volume, in e/Å², of a crystal.
        born_effective_charges: Z* = ∂dipole/∂R = ∂forces/∂field in e, [displacement, field].
        polarizability: ∂dipole/∂field as a volume in Å³ (over 4πε₀).
        dielectric: 1 + 4π polarizability/volume of a crystal, with its ions held in place.
        raman_tensors: ∂polarizability/∂R in Å², [displacement, field, field].
    """

    energy: Float[Tensor, " graphs"] | None = None
    forces: Float[Tensor, "nodes 3"] | None = None
    dipole: Float[Tensor, "graphs 3"] | None = None
    polarization: Float[Tensor, "graphs 3"] | None = None
    born_effective_charges: Float[Tensor, "nodes 3 3"] | None = None
    polarizability: Float[Tensor, "graphs 3 3"] | None = None
    dielectric: Float[Tensor, "graphs 3 3"] | None = None
    raman_tensors: Float[Tensor, "nodes 3 3 3"] | None = None

    def __getitem__(self, name: str) -> Tensor:
        """The answer of that name."""
        return getattr(self, name)


def parts_of(names: Sequence[str]) -> set[str]:
    """The names and everything that these are made of.

    Raises:
        ValueError: A name is unknown.
    """
    unknown = [name for name in names if name not in MADE_OF]
    if unknown:
        raise ValueError(
            f"an answer to a field must be one of {', '.join(MADE_OF)}, received {', '.join(map(str, unknown))}: "
            "choose among them"
        )
    wanted = set(names)
    while True:
        grown = wanted.union(*(MADE_OF[name] for name in wanted))
        if grown == wanted:
            return wanted
        wanted = grown


def answers(
    energy: Float[Tensor, " graphs"],
    field: Float[Tensor, "graphs 3"],
    positions: Float[Tensor, "nodes 3"],
    *,
    wanted: set[str],
    create_graph: bool,
) -> dict[str, Tensor]:
    """Derivatives of the energies, all in reverse, those by the field before those by positions.

    The field reaches fewer layers than the positions, so its derivatives make a smaller graph, and dipole and
    polarizability are a few numbers of which reverse gives the derivatives by all positions together. Forward over
    reverse along the field costs two to four times as much (`python -m tests.benchmarks.electric`).

    Args:
        energy: A function of field and positions, which require gradients.
        field: In V/Å, one of each structure.
        positions: In Å.
        wanted: Names, closed under `parts_of`.
        create_graph: Let the result be differentiated again.
    """
    found = {"energy": energy}
    deeper = wanted & {"born_effective_charges", "polarizability"}
    inputs = {"dipole": field, "forces": positions}
    slopes = _slopes(energy, inputs, wanted, keep=create_graph or bool(deeper))
    found |= {name: -slope for name, slope in slopes.items()}
    if not deeper:
        return found
    # No structure feels the field of another: one pass an axis serves all of them.
    axes = torch.eye(3).to(field)[:, None, :].expand(3, *field.shape)
    inputs = {"polarizability": field, "born_effective_charges": positions}
    keep = create_graph or "raman_tensors" in wanted
    slopes = _slopes(found["dipole"], inputs, wanted, axes, keep=keep)
    if "born_effective_charges" in slopes:
        found["born_effective_charges"] = slopes["born_effective_charges"].movedim(0, 2)
    if "polarizability" in slopes:
        alpha = COULOMB * slopes["polarizability"].movedim(0, 1)
        # The order of two derivatives matters to rounding only; the mean makes them equal.
        found["polarizability"] = alpha = (alpha + alpha.mT) / 2
        found |= _raman_tensors(alpha, positions, wanted, keep=create_graph)
    return found


def _raman_tensors(
    alpha: Float[Tensor, "graphs 3 3"], positions: Float[Tensor, "nodes 3"], wanted: set[str], *, keep: bool
) -> dict[str, Float[Tensor, "nodes 3 3 3"]]:
    """Six different components, one pass each, put in their nine places."""
    each = torch.zeros(6, *alpha.shape).to(alpha)
    for number, (a, b) in enumerate(PAIRS):
        each[number, :, a, b] = 1
    slopes = _slopes(alpha, {"raman_tensors": positions}, wanted, each, keep=keep)
    places = [[PAIRS.index((min(a, b), max(a, b))) for b in range(3)] for a in range(3)]
    return {name: slope[torch.tensor(places)].permute(2, 3, 0, 1) for name, slope in slopes.items()}


def _slopes(
    values: Tensor,
    inputs: Mapping[str, Tensor],
    wanted: set[str],
    weights: Tensor | None = None,
    *,
    keep: bool,
) -> dict[str, Tensor]:
    """Gradients of the sum of values by each wanted input; with weights, of as many weighed sums at once (vmap)."""
    inputs = {name: value for name, value in inputs.items() if name in wanted}
    if not inputs:
        return {}
    slopes = torch.autograd.grad(
        values,
        list(inputs.values()),
        torch.ones_like(values) if weights is None else weights,
        create_graph=keep,
        retain_graph=True,
        is_grads_batched=weights is not None,
        materialize_grads=True,
    )
    return dict(zip(inputs, slopes, strict=True))


def of_crystals(found: Mapping[str, Tensor], graph: AtomicGraph, names: Sequence[str]) -> dict[str, Tensor]:
    """Polarization and dielectric tensor, from dipole and polarizability of a cell.

    Raises:
        ValueError: A structure has no volume.
    """
    asked = [name for name in names if name in OF_CRYSTALS]
    if not asked:
        return {}
    if not bool(graph.pbc.all()):
        raise ValueError(
            f"{asked[0]} needs structures that repeat in three directions, received some that do not: "
            "ask for the dipole or the polarizability"
        )
    volumes = torch.linalg.det(graph.cell).abs()
    made = {"polarization": found["dipole"] / volumes[:, None]}
    if "polarizability" in found:
        alpha = found["polarizability"]
        made["dielectric"] = torch.eye(3).to(alpha) + 4 * math.pi * alpha / volumes[:, None, None]
    return made
