"""What `equitour fit` will do: decided from the data once, written into the model file, and kept when resuming."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from torch import nn

    from equitour.cli.structure_files import StructureFile

# Measured on fifty structures of ethanol: a shorter or longer cutoff, more channels or fewer layers did worse (but of
# aspirin 4 Å did better, 51 instead of 57 meV/Å). Models that are not named here serve best with their own defaults.
CUTOFF = 5.0
SETTINGS: dict[str, dict[str, Any]] = {
    "nequip": {"num_layers": 3, "num_channels": 32, "lmax": 2, "radial_channels": [8, 64]},
    # On fifty structures of malonaldehyde, 2,000 steps: 47.8 and 46.7 meV/Å instead of 52.9 without.
    "mace": {"stretch": 3.0},
}
LEARNING_RATES = {"egnn": 0.003, "mace": 0.015, "nequip": 0.005}
# On ethanol, malonaldehyde, AcAc and Si64 a high rate with this decay did better than a third of the rate without. On
# fifty structures a long training wants more of it (malonaldehyde, 8,000 steps: 46.1 meV/Å at 0.1, 48.6 at 0.03), on
# 450 of AcAc less (2,000 steps: 18.9 at 0.06, 17.3 at 0.03).
WEIGHT_DECAYS, MORE_FOR_FEW = {"mace": 0.03}, 2.0
LARGEST_BATCH, ATOMS_IN_BATCH = 5, 64
# Few structures leave more to chance than to time: members err less together than one alone (malonaldehyde: four in
# 9 minutes of CPU 42.6 meV/Å, one with 8,000 steps 46 to 49).
MEMBERS, FEW_STRUCTURES, MINUTES_FOR_MEMBERS = {"mace": 4}, 100, 10.0


@dataclass(kw_only=True)
class Plan:
    """All decisions of a training, as JSON; `potential` builds the model that they describe.

    With `response`, the settings of `models.Response`, it is tensors that are learnt; with several `members`, a
    committee.
    """

    model: str
    settings: dict[str, Any]
    shifts: list[float]
    scale: float
    batch_size: int
    dtype: str
    seed: int
    targets: list[dict[str, Any]]
    recipe: dict[str, Any]
    valid: list[int] | None = None
    steps: int | None = None
    minutes: float | None = None
    patience: int | None = None
    stop_after: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    response: dict[str, Any] | None = None
    members: int = 1

    def to_json(self) -> dict[str, Any]:
        """As plain numbers, lists and text."""
        return asdict(self)

    def potential(self) -> nn.Module:
        """The model with fresh weights drawn from the seed."""
        import torch

        from equitour import models

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            try:
                trunk = models.build(self.model, **self.settings)
            except (ValueError, TypeError) as error:
                raise Trouble(str(error)) from None
            if self.response is not None:
                potential = models.Response(trunk, **self.response)
            elif self.members > 1:
                potential = models.Committee(
                    trunk, members=self.members, shifts=self.shifts, scale=self.scale
                )
            else:
                potential = models.Potential(trunk, shifts=self.shifts, scale=self.scale)
        return potential.to(getattr(torch, self.dtype))


def elements_of(*files: StructureFile) -> list[int]:
    """Atomic numbers in the files, ascending."""
    return sorted({int(number) for file in files for atoms in file.frames for number in atoms.numbers})


def shifts_of(file: StructureFile, elements: Sequence[int]) -> list[float]:
    """Energy of each element in eV: the free atoms' where the file holds them all, or else least squares.

    In a set with one composition only the sum over the structure is fixed, and the smallest solution is taken.
    """
    if all(number in file.free_atoms for number in elements):
        return [file.free_atoms[number] for number in elements]
    counts = np.array([[np.sum(atoms.numbers == number) for number in elements] for atoms in file.frames])
    energies = np.array([found["energy"] for found in file.labels])
    return np.linalg.lstsq(counts.astype(float), energies, rcond=None)[0].tolist()


def scale_of(file: StructureFile) -> float:
    """Root mean square of the force components in eV/Å; 1 where all are zero, as in a relaxed crystal."""
    squares = np.concatenate([found["forces"].ravel() ** 2 for found in file.labels])
    return float(np.sqrt(squares.mean())) or 1.0


def batch_size_of(file: StructureFile) -> int:
    """Few structures, fewer the larger they are: many small steps learn more in a given time."""
    atoms = np.mean([len(atoms) for atoms in file.frames])
    return int(np.clip(round(ATOMS_IN_BATCH / atoms), 1, LARGEST_BATCH))


def neighbors_of(file: StructureFile, cutoff: float, *, most: int = 50) -> float:
    """Average number of neighbours within the cutoff (Å), from up to so many structures."""
    from equitour.graph import AtomicGraph

    chosen = file.frames[:: max(1, len(file.frames) // most)]
    graphs = [AtomicGraph.from_ase(atoms, cutoff=cutoff, min_distance=0.0) for atoms in chosen]
    return max(1.0, sum(graph.num_edges for graph in graphs) / sum(graph.num_nodes for graph in graphs))


def settings_of(model: str, file: StructureFile, *, elements: Sequence[int], given: dict) -> dict[str, Any]:
    """Arguments of the trunk: what was given, then what the data say, then what serves most."""
    from equitour.models import MODELS

    if model not in MODELS:
        raise Trouble(f"--model must be one of {', '.join(MODELS)}, received {model}: choose one of them.")
    module, name = MODELS[model]
    try:
        known = inspect.signature(getattr(import_module(module), name)).parameters
    except (ImportError, AttributeError):
        raise Trouble(f"--model must name a model that stands, received {model}: try nequip.") from None
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise Trouble(
            f"--set must name a setting of {model} ({', '.join(known)}), received {unknown[0]}: check its spelling."
        )
    settings = {"elements": list(elements), "cutoff": CUTOFF, **SETTINGS.get(model, {}), **given}
    if "num_neighbors" in known and "num_neighbors" not in settings:
        settings["num_neighbors"] = round(neighbors_of(file, float(settings["cutoff"])), 3)
    return settings


def learning_rate_of(model: str) -> float:
    """The highest rate that a model bears: the many layers of an EGNN die at the rate that suits the others."""
    return LEARNING_RATES.get(model, 0.01)


def weight_decay_of(model: str, *, structures: int) -> float:
    """What keeps a model of many weights from learning fifty structures by heart."""
    return WEIGHT_DECAYS.get(model, 0.0) * (MORE_FOR_FEW if structures <= FEW_STRUCTURES else 1.0)


def members_of(model: str, *, structures: int, minutes: float | None) -> int:
    """A committee where structures are few and minutes enough for all of it; else one model, the faster to use."""
    few = structures <= FEW_STRUCTURES and (minutes or 0.0) >= MINUTES_FOR_MEMBERS
    return MEMBERS.get(model, 1) if few else 1


def parsed_settings(words: Sequence[str], *, option: str = "--set") -> dict[str, Any]:
    """`["lmax=2", "radial_channels=[8,64]"]` as a dictionary; values are JSON, or else text."""
    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            example = "lmax=2" if option == "--set" else "dipole=2"
            raise Trouble(
                f"{option} must be written NAME=VALUE, received {word}: for example {option} {example}."
            )
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


def validation_of(count: int, fraction: float, *, seed: int, most: int = 100) -> list[int]:
    """Which structures are kept aside, drawn from the seed: a share of them, at least one, at most 100."""
    wanted = min(most, max(1, round(fraction * count)) if fraction > 0 else 0)
    if wanted >= count:
        raise Trouble(
            f"training needs at least two structures, one of them to validate, received {count}: "
            "give more, or --valid FILE."
        )
    return sorted(np.random.default_rng(seed).permutation(count)[:wanted].tolist())
