"""A committee: potentials alike but for the weights that they began with (Seung, Opper, Sompolinsky, COLT 1992)."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.heads import Head, Potential, Prediction


class Committee(Head):
    """The mean of several potentials, E = Σ_m E_m / M, which errs less than each of them; their spread tells where.

    With few data, each member fits them and goes astray elsewhere, in its own way: the mean keeps what they share.
    Used like a `Potential`; trained with `train.EachMember`, which lets members learn apart.

    Args:
        trunk: Of the first member; the others are built from its settings, with fresh weights.
        members: M.
        shifts: As for `Potential`.
        scale: As for `Potential`.

    Raises:
        ValueError: There are fewer than two members.
    """

    def __init__(
        self, trunk: nn.Module, *, members: int = 4, shifts: Sequence[float] | None = None, scale: float = 1.0
    ) -> None:
        super().__init__()
        if members < 2:
            raise ValueError(
                f"a committee must have at least two members, received {members}: one alone is a Potential"
            )
        trunks = [trunk, *(type(trunk)(**trunk.settings) for _ in range(members - 1))]
        self.members = nn.ModuleList(Potential(each, shifts=shifts, scale=scale) for each in trunks)
        self.settings = {"members": members, **self.members[0].settings}

    @property
    def trunk(self) -> nn.Module:
        """That of the first member; all have the same settings."""
        return self.members[0].trunk

    @property
    def compile_forces(self) -> bool:
        """Whether torch.compile fuses energy and forces of the members; see `Potential`."""
        return self.members[0].compile_forces

    @compile_forces.setter
    def compile_forces(self, wanted: bool) -> None:
        for member in self.members:
            member.compile_forces = wanted

    def node_energies(self, graph: AtomicGraph) -> Float[Tensor, " nodes"]:
        """Each atom's share of the energy in eV, in float64."""
        return torch.stack([member.node_energies(graph) for member in self.members]).mean(0)

    def forward(self, graph: AtomicGraph) -> Float[Tensor, " graphs"]:
        """Energies in eV, in float64."""
        return torch.stack([member(graph) for member in self.members]).mean(0)

    def evaluate(self, graph: AtomicGraph, *, stress: bool = False, create_graph: bool = False) -> Prediction:
        """Means of the members' energies, forces and, if asked for, stresses; see `Potential.evaluate`."""
        return self._over_members(torch.mean, graph, stress=stress, create_graph=create_graph)

    def spread(self, graph: AtomicGraph, *, stress: bool = False) -> Prediction:
        """Standard deviations over the members, component by component, in the units of `evaluate`.

        No error bar: members that learnt from the same structures err together too. Where it is large, none knows.
        """
        return self._over_members(torch.std, graph, stress=stress)

    def _over_members(self, reduce: Callable[..., Tensor], graph: AtomicGraph, **options: bool) -> Prediction:
        predictions = [member.evaluate(graph, **options) for member in self.members]
        fields = zip(*predictions, strict=True)
        return Prediction(
            *(None if found[0] is None else reduce(torch.stack(found), dim=0) for found in fields)
        )
