"""One learned electric enthalpy E(R, field): all answers to a uniform field are its derivatives."""

from collections.abc import Sequence

import torch
from ase.data import atomic_masses
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.models.field_coupling import FIELD_IRREPS, FieldCoupling, FieldPowers
from equitour.models.field_response import COULOMB, FieldResponse, answers, of_crystals, parts_of
from equitour.models.heads import Potential
from equitour.models.nequip import NequIP

__all__ = ["COULOMB", "ElectricPotential", "FieldResponse", "respond"]

USUAL = ("energy", "forces", "dipole", "born_effective_charges", "polarizability")


class ElectricPotential(Potential):
    """Energies of atoms in a uniform electric field; dipoles, Z*, polarizabilities and Raman tensors follow.

    The atoms feel the field through learned features, not through −q field·R of a position: moving the whole
    structure changes nothing, in any field, so that Σ Z* = 0 and Σ ∂α/∂R = 0 hold without being asked for. For a
    crystal the dipole over the volume is the polarization; of its many branches (P is known up to e R/volume) a
    smooth function of the surroundings picks the one that vanishes where the structure has a centre of inversion.

    Between the layers of the trunk, features are multiplied with the field, so that it mixes with all layers that
    follow. The first layer does not see it: that one makes vectors of the surroundings for the field to act on, and
    derivatives by the field do not run through it. Without a field this is `Potential`, at its cost.

    Args:
        trunk: `NequIP` of two layers or more; a trained one of a `Potential` may learn the field afterwards.
        shifts: As for `Potential`.
        scale: As for `Potential`.
        field_unit: Field in V/Å that changes features by their own size. With a scale of 1 eV, 3 V/Å makes dipoles of
            1/3 e·Å and polarizabilities of 1.6 Å³ an atom, their natural size.
        parity: "polar" as nature has it; "axial" for a lesson on what goes wrong then.

    Raises:
        ValueError: The trunk is another or has one layer only, the unit is not positive, or the parity is another word.
    """

    def __init__(
        self,
        trunk: nn.Module,
        *,
        shifts: Sequence[float] | None = None,
        scale: float = 1.0,
        field_unit: float = 3.0,
        parity: str = "polar",
    ) -> None:
        super().__init__(trunk, shifts=shifts, scale=scale)
        _require_coupling(trunk, field_unit, parity)
        self.settings |= {"field_unit": float(field_unit), "parity": parity}
        self.powers = FieldPowers(float(field_unit))
        self.couplings = nn.ModuleList(
            FieldCoupling(layer.irreps_out, num_channels=trunk.num_channels, parity=parity)
            for layer in trunk.layers[:-1]
        )

    def forward(
        self,
        graph: AtomicGraph,
        field: Float[Tensor, "..."] | None = None,
        *,
        charge: Float[Tensor, " graphs"] | None = None,
    ) -> Float[Tensor, " graphs"]:
        """Electric enthalpies in eV, in float64.

        Args:
            graph: One structure or several.
            field: (graphs, 3) in V/Å; None is no field.
            charge: Total charge of each structure in e; None is neutral. It adds −charge · field · centre of mass:
                an ion's dipole depends on the origin, and its Z* add up to its charge.

        Raises:
            ValueError: The field is not one vector a structure, or a structure that repeats is charged.
        """
        if charge is not None:
            _require_molecules(graph)
        if field is None:
            return super().forward(graph)
        if field.shape != (graph.num_graphs, 3):
            raise ValueError(
                f"field must hold one vector a structure, {(graph.num_graphs, 3)}, received shape "
                f"{tuple(field.shape)}: field.expand({graph.num_graphs}, 3) gives all of them the same"
            )
        shifts = self.shifts.index_select(0, self.trunk.species(graph.atomic_numbers))
        scalars = self.features(graph, field)[:, 0]
        shares = self.settings["scale"] * self.readout(scalars).squeeze(1).double() + shifts
        energies = shares.new_zeros(graph.num_graphs).index_add(0, graph.batch, shares)
        if charge is None:
            return energies
        return energies - charge * (field * _centres_of_mass(graph)).sum(1)

    def features(
        self, graph: AtomicGraph, field: Float[Tensor, "graphs 3"]
    ) -> Float[Tensor, "nodes rows channels"]:
        """The trunk's features in the field."""
        powers = self.powers(field.to(graph.positions)).index_select(0, graph.batch)
        return self.trunk(graph, lambda number, features: self.couplings[number - 1](features, powers))

    def response(
        self,
        graph: AtomicGraph,
        names: Sequence[str] = USUAL,
        *,
        field: Float[Tensor, "..."] | None = None,
        charge: Float[Tensor, " graphs"] | None = None,
        create_graph: bool = False,
    ) -> FieldResponse:
        """Derivatives of the electric enthalpy, at zero field or in a field.

        Args:
            graph: One structure or several; it is not touched.
            names: Of the answers, see `FieldResponse`.
            field: (graphs, 3) in V/Å at which to differentiate; None is no field.
            charge: As in `forward`.
            create_graph: Keep what is needed to differentiate the result by the weights, as training does.

        Raises:
            ValueError: A name is unknown, the field has the wrong shape, or a molecule is asked for its polarization.
        """
        wanted = parts_of(names)
        with torch.enable_grad():
            positions = graph.positions.detach().requires_grad_()
            at = torch.zeros_like(graph.cell[:, 0]) if field is None else field.detach().to(positions)
            at = at.clone().requires_grad_()
            # Energies and forces without a field are those of NequIP, at its cost.
            bare = field is None and wanted <= {"energy", "forces"}
            energy = self(graph.replace(positions=positions), None if bare else at, charge=charge)
            found = answers(energy, at, positions, wanted=wanted, create_graph=create_graph)
        found |= of_crystals(found, graph, names)
        return FieldResponse(**{n: found[n] if create_graph else found[n].detach() for n in names})


def respond(
    model: ElectricPotential, graph: AtomicGraph, names: Sequence[str], *, create_graph: bool
) -> FieldResponse:
    """The `predict` of `WeightedLoss` and `prediction_errors`: whatever `FieldResponse` names can be a target."""
    return model.response(graph, names, create_graph=create_graph)


def _centres_of_mass(graph: AtomicGraph) -> Float[Tensor, "graphs 3"]:
    """In Å."""
    masses = torch.as_tensor(atomic_masses, device=graph.positions.device)[graph.atomic_numbers, None]
    zeros = torch.zeros(graph.num_graphs, 4, dtype=masses.dtype, device=masses.device)
    sums = zeros.index_add(0, graph.batch, torch.cat([masses * graph.positions, masses], 1))
    return sums[:, :3] / sums[:, 3:]


def _require_molecules(graph: AtomicGraph) -> None:
    if bool(graph.pbc.any()):
        raise ValueError(
            "a charged structure must not repeat, received a charge for one that does: a charged crystal has no "
            "dipole or polarization to speak of; leave charge out"
        )


def _require_coupling(trunk: nn.Module, field_unit: float, parity: str) -> None:
    if not isinstance(trunk, NequIP) or len(trunk.layers) < 2:
        received = f"{len(trunk.layers)}" if isinstance(trunk, NequIP) else type(trunk).__name__
        raise ValueError(
            f"a field needs a NequIP trunk of two layers or more, between which it acts, received {received}: "
            "build NequIP(num_layers=3, ...)"
        )
    if not field_unit > 0:
        raise ValueError(f"field_unit must be positive, received {field_unit}: 3 V/Å is a good start")
    if parity not in FIELD_IRREPS:
        raise ValueError(
            f"parity must be 'polar' or 'axial', received {parity!r}: an electric field is polar (1o)"
        )
