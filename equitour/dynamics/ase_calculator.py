"""Potentials of the house as ASE calculators: relax, run, and compute phonons with everything that ASE has."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.data import chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress
from torch import nn

from equitour.dynamics.verlet_list import VerletList, require_skin
from equitour.graph import AtomicGraph


def calculator(
    potential: Any,
    *,
    skin: float = 0.5,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> PotentialCalculator:
    """An ASE calculator of any potential: `atoms.calc = calculator(potential)`.

    It gives energy and free_energy (eV), forces (eV/Å), stress (eV/Å³, in ASE's order xx yy zz yz xz xy, positive
    where the cell wants to shrink), and energies of atoms (eV), the potential's `node_energies`, where it has them.
    Neighbours are searched anew only when the skin may be used up, also when the cell changes.

    Args:
        potential: Has `evaluate(graph, stress=...)` with energy, forces and stress, and `cutoff`; when it also has
            `elements` (atomic numbers), others are refused.
        skin: Added to the cutoff of the neighbour list, in Å.
        device: Where to compute; by default where the potential's weights are.
        dtype: Of positions; by default that of the weights, float64 where there are none. float64 makes
            relaxations and phonons smoother even with weights trained in float32.

    The caller's potential is not changed: with another device or dtype a copy is used.

    Raises:
        TypeError: The potential has no `evaluate` or no `cutoff`.
        ValueError: The skin is negative.
    """
    if not (callable(getattr(potential, "evaluate", None)) and hasattr(potential, "cutoff")):
        raise TypeError(
            f"a potential must have evaluate(graph) and a cutoff, received {type(potential).__name__}: wrap a network "
            "in equitour.models.heads.Potential, or load a file with equitour.models.load"
        )
    require_skin(skin)
    return PotentialCalculator(potential, skin=skin, device=device, dtype=dtype)


class PotentialCalculator(Calculator):
    """ASE's side of a potential; make one with `calculator`."""

    nolabel = True

    def __init__(self, potential: Any, *, skin: float, device=None, dtype=None):
        super().__init__()
        home, kind = _home(potential)
        self.device, self.dtype = torch.device(device or home), dtype or kind
        self.potential = _at(potential, self.device, self.dtype)
        self.skin = skin
        self.implemented_properties = ["energy", "free_energy", "forces", "stress"]
        if hasattr(potential, "node_energies"):
            self.implemented_properties.append("energies")
        self._neighbors: VerletList | None = None
        self._stress_wanted = False

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: tuple[str, ...] | list[str] = ("energy",),
        system_changes: tuple[str, ...] | list[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` for the structure; ASE calls this when something has changed."""
        super().calculate(atoms, properties, system_changes)
        if "stress" in properties:
            _require_volume(self.atoms)
        # Who asked for the stress once will ask again, after the forces; both come from one evaluation.
        self._stress_wanted |= "stress" in properties
        stress = self._stress_wanted and _repeats(self.atoms)
        graph = self._graph(self.atoms)
        prediction = self.potential.evaluate(graph, stress=stress)
        energy = float(prediction.energy.detach().sum())
        self.results = {"energy": energy, "free_energy": energy, "forces": _array(prediction.forces)}
        if stress:
            self.results["stress"] = full_3x3_to_voigt_6_stress(_array(prediction.stress)[0])
        if "energies" in properties:
            self.results["energies"] = _array(self.potential.node_energies(graph)).reshape(-1)

    def _graph(self, atoms: Atoms) -> AtomicGraph:
        if self._neighbors is None or not _same_atoms(self._neighbors.wide, atoms):
            _require_elements(atoms, getattr(self.potential, "elements", None))
            reach = float(self.potential.cutoff) + self.skin
            graph = AtomicGraph.from_ase(atoms, cutoff=reach, dtype=self.dtype, device=self.device)
            self._neighbors = VerletList.build(graph, cutoff=float(self.potential.cutoff), skin=self.skin)
        positions = torch.as_tensor(atoms.positions, dtype=self.dtype, device=self.device)
        cell = torch.as_tensor(np.asarray(atoms.cell), dtype=self.dtype, device=self.device)[None]
        self._neighbors, graph = self._neighbors.follow(positions, cell)
        return graph


def _home(potential: Any) -> tuple[torch.device, torch.dtype]:
    """Device and dtype of the weights."""
    weights = potential.parameters() if isinstance(potential, nn.Module) else ()
    first = next((weight for weight in weights if weight.is_floating_point()), None)
    if first is None:
        return torch.device("cpu"), torch.float64
    return first.device, first.dtype


def _at(potential: Any, device: torch.device, dtype: torch.dtype) -> Any:
    if not isinstance(potential, nn.Module) or (device, dtype) == _home(potential):
        return potential
    import copy

    return copy.deepcopy(potential).to(device=device, dtype=dtype)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


def _same_atoms(graph: AtomicGraph, atoms: Atoms) -> bool:
    return np.array_equal(graph.atomic_numbers.cpu().numpy(), atoms.numbers) and np.array_equal(
        graph.pbc[0].cpu().numpy(), atoms.pbc
    )


def _require_elements(atoms: Atoms, elements: Any) -> None:
    """Raise ValueError for an element that the potential has never met."""
    if elements is None:
        return
    known = {int(number) for number in elements}
    strange = sorted({int(number) for number in atoms.numbers} - known)
    if strange:
        raise ValueError(
            f"atoms must be of elements that the potential knows ({_symbols(sorted(known))}), received "
            f"{_symbols(strange)}: take a potential trained with {'it' if len(strange) == 1 else 'them'}"
        )


def _symbols(numbers: list[int]) -> str:
    return ", ".join(chemical_symbols[number] for number in numbers)


def _repeats(atoms: Atoms) -> bool:
    return bool(atoms.pbc.all() and atoms.cell.rank == 3)


def _require_volume(atoms: Atoms) -> None:
    """Raise where a stress, which is an energy per volume, has no meaning."""
    if not _repeats(atoms):
        raise PropertyNotImplementedError(
            f"the stress needs a cell that repeats in three directions, received pbc={atoms.pbc.tolist()} and "
            f"{atoms.cell.rank} lattice vectors: set atoms.cell and atoms.pbc, or ask for energy and forces only"
        )
