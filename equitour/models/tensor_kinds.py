"""Which tensors there are: the symmetry of their indices, from which everything else follows."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from equitour.symmetry import CartesianTensor


@dataclass(frozen=True, kw_only=True)
class TensorKind:
    """What a tensor's indices are.

    Attributes:
        formula: Index symmetry, as `CartesianTensor` takes it.
        axial: Indices that belong to axial vectors (a magnetic field, a spin).
        per: "node" for a tensor an atom, "graph" for a sum over atoms (what grows with the system), "mean" for a mean
            over atoms (what does not).
        indices: What each index is, in words.
        sum_rule: Whether the tensors of a neutral structure's atoms add up to zero, by translation.
        units: Of its numbers, where they are agreed.
    """

    formula: str
    axial: str = ""
    per: str = "node"
    indices: tuple[str, ...] = ()
    sum_rule: bool = False
    units: str = ""

    def __post_init__(self) -> None:
        if self.per not in ("node", "graph", "mean"):
            raise ValueError(
                f"per must be 'node', 'graph' or 'mean', received {self.per!r}: choose one of them"
            )

    def to_json(self) -> dict[str, Any]:
        """As text, truth values and a list; `kinds_of` reads it again."""
        return {**asdict(self), "indices": list(self.indices)}

    @property
    def tensor(self) -> CartesianTensor:
        """Its irreps and the change of basis."""
        return CartesianTensor(self.formula, self.axial)


_MOVED, _FIELD, _STRAIN = "displacement", "field", "strain"
TENSORS: Mapping[str, TensorKind] = {
    "born_effective_charges": TensorKind(formula="ij", indices=(_MOVED, _FIELD), sum_rule=True, units="e"),
    "raman_tensors": TensorKind(formula="ijk=ikj", indices=(_MOVED, _FIELD, _FIELD), sum_rule=True),
    "shielding": TensorKind(
        formula="ij", axial="ij", indices=("induced field", "applied field"), units="ppm"
    ),
    "dipole": TensorKind(formula="i", per="graph", indices=(_FIELD,), units="e·Å"),
    "polarizability": TensorKind(formula="ij=ji", per="graph", indices=(_FIELD, _FIELD)),
    "dielectric": TensorKind(formula="ij=ji", per="mean", indices=(_FIELD, _FIELD)),
    "piezoelectric": TensorKind(formula="ijk=ikj", per="mean", indices=(_FIELD, _STRAIN, _STRAIN)),
    "elasticity": TensorKind(formula="ijkl=jikl=klij", per="mean", indices=(_STRAIN,) * 4),
}


def kinds_of(tensors: Iterable[str] | Mapping[str, Any]) -> dict[str, TensorKind]:
    """Kinds by name: known names (`TENSORS`), or a mapping from names of one's own to kinds or their settings.

    Raises:
        ValueError: There is no tensor, or one is not known.
    """
    if not isinstance(tensors, Mapping):
        tensors = dict.fromkeys(tensors)
    unknown = [name for name, kind in tensors.items() if kind is None and name not in TENSORS]
    if unknown or not tensors:
        raise ValueError(
            f"tensors must be among {', '.join(TENSORS)}, received {', '.join(unknown) or 'none'}: "
            "choose one of them, or give its kind, as in {'name': TensorKind(formula='ij')}"
        )
    kinds = {}
    for name, kind in tensors.items():
        if isinstance(kind, Mapping):
            kind = TensorKind(**{**kind, "indices": tuple(kind.get("indices", ()))})
        kinds[name] = kind or TENSORS[name]
    return kinds


def irreps_for(tensors: Iterable[str] | Mapping[str, Any]) -> str:
    """The irreps that a trunk must offer for these tensors, as its `irreps_out`.

    Example:
        >>> irreps_for(["born_effective_charges", "raman_tensors"])
        '0e + 1e + 1o + 2e + 2o + 3o'
    """
    found = {ir for kind in kinds_of(tensors).values() for _, ir in kind.tensor.irreps}
    return " + ".join(str(ir) for ir in sorted(found, key=lambda ir: (ir.l, -ir.p)))
