"""Cartesian tensors read off a trunk's features."""

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.symmetry import CartesianTensor
from equitour.tensor_product import Constants, row_counts


class TensorHead(nn.Module):
    """Tensors of an index formula: one linear map of channels for each irrep, then the change of basis.

    Components of an irrep come from features of that irrep and no other, so the tensor turns as its indices say and
    keeps their symmetry exactly: "ij" is a Born charge (0e + 1e + 2e), "ij=ji" a polarizability (0e + 2e), "i" a
    dipole (1o), "ijk=ikj" a Raman tensor (2x1o + 2o + 3o).

    Args:
        trunk: From a graph to features (nodes, rows, channels) of `trunk.irreps_out`.
        formula: Index symmetry, as `CartesianTensor` takes it.
        axial: Indices that belong to axial vectors.
        per: "node" for a tensor an atom, "graph" for their sum over each structure.

    Raises:
        ValueError: The trunk does not carry the irreps that the formula needs.
    """

    def __init__(self, trunk: nn.Module, formula: str, *, axial: str = "", per: str = "node") -> None:
        super().__init__()
        if per not in ("node", "graph"):
            raise ValueError(f"per must be 'node' or 'graph', received {per!r}: choose one of them")
        self.trunk, self.per = trunk, per
        self.tensor = CartesianTensor(formula, axial)
        self.places = require_irreps(trunk, self.tensor, f"a tensor {formula!r}", axial)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(trunk.num_channels, copies) / trunk.num_channels**0.5)
            for copies, _ in self.tensor.irreps
        )
        self.constants = Constants(basis=self.tensor.basis)

    @property
    def cutoff(self) -> float:
        """Length of the longest edge, in Å."""
        return self.trunk.cutoff

    def components(self, graph: AtomicGraph) -> Float[Tensor, "nodes dim"]:
        """Components of each atom's tensor on `tensor.irreps`."""
        blocks = self.trunk(graph).split(row_counts(self.trunk.irreps_out), 1)
        pairs = zip(self.places, self.weights, strict=True)
        # e3nn's layout: the copies of an irrep one after another, each with its 2l + 1 components.
        return torch.cat([(blocks[place] @ weight).mT.flatten(1) for place, weight in pairs], 1)

    def forward(self, graph: AtomicGraph) -> Float[Tensor, "..."]:
        """Tensors (nodes, 3, …, 3) or (graphs, 3, …, 3)."""
        components = self.components(graph)
        if self.per == "graph":
            sums = components.new_zeros(graph.num_graphs, components.shape[1])
            components = sums.index_add(0, graph.batch, components)
        return torch.tensordot(components, self.constants["basis"], dims=1)


def require_irreps(trunk: nn.Module, tensor: CartesianTensor, name: str, axial: str) -> list[int]:
    """The places of a tensor's irreps among a trunk's, or a refusal that says which are missing and why."""
    carried = [ir for _, ir in trunk.irreps_out]
    missing = [ir for _, ir in tensor.irreps if ir not in carried]
    if missing:
        twins = [ir for ir in missing if o3.Irrep(ir.l, -ir.p) in carried]
        reason = ""
        if twins:
            held = " + ".join(str(o3.Irrep(ir.l, -ir.p)) for ir in twins)
            reason = f", whose {held} turn alike but change sign otherwise in a mirror"
        raise ValueError(
            f"{name} with axial indices {axial!r} needs {tensor.irreps} from its trunk, received "
            f"{trunk.irreps_out}{reason}: build the trunk with irreps_out that hold {' + '.join(map(str, missing))}"
        )
    return [carried.index(ir) for _, ir in tensor.irreps]
