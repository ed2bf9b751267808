"""What `equitour fit` will do: decided from the data once, written into the model file, and kept when resuming."""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equitour.cli.training_data import batch_size_of, neighbors_of
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
# Width is left to the user: at a rate of 0.01, 64 channels instead of 32 took 450 of AcAc from 22.3 to 16.4 meV/Å in 1,500
# steps, but 49 of Si64 from 20.8 to 23.3 in 300.
WEIGHT_DECAYS, MORE_FOR_FEW = {"mace": 0.03}, 2.0
# Few forces leave more to chance than to time: members err less together than one alone (fifty structures of
# malonaldehyde, 1,350 components of forces: four in 9 minutes of CPU 42.6 meV/Å, one with 8,000 steps 46 to 49). It helped
# up to 3,024 components; on Si64, with far more, stretch and twice the decay did harm (500 steps: 16.2, 14.4 without).
MEMBERS, FEW_COMPONENTS, MINUTES_FOR_MEMBERS = {"mace": 4}, 5000, 10.0


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
    valid_fraction: float | None = None
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


def shared_by_all(
    arguments: argparse.Namespace, learnt: StructureFile, *, aside: Sequence[int] | None, minutes: float
) -> dict[str, Any]:
    """What a plan holds alike whether energies or tensors are learnt.

    Args:
        arguments: Of `equitour fit`, defaults filled in.
        learnt: The structures to learn from.
        aside: Places of those in --data that validate; None where a file of their own holds them.
        minutes: The budget where none is given.
    """
    names = ("dtype", "seed", "valid_fraction", "steps", "patience", "stop_after")
    return {name: getattr(arguments, name) for name in names} | {
        "batch_size": arguments.batch_size or batch_size_of(learnt),
        "valid": aside,
        "minutes": None if arguments.steps else arguments.minutes or minutes,
        "data": {"file": arguments.data.name, "sha256": sha256(arguments.data)}
        | (
            {"valid": arguments.valid.name, "valid_sha256": sha256(arguments.valid)}
            if arguments.valid
            else {}
        ),
    }


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def settings_of(model: str, file: StructureFile, *, elements: Sequence[int], given: dict) -> dict[str, Any]:
    """Arguments of the trunk: what was given, then what the data say, then what serves most.

    Raises:
        Trouble: There is no such model or setting, or the cutoff is no distance.
    """
    from equitour.models import MODELS

    if model not in MODELS:
        raise Trouble(f"--model must be one of {', '.join(MODELS)}, received {model}: choose one of them.")
    module, name = MODELS[model]
    known = inspect.signature(getattr(import_module(module), name)).parameters
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise Trouble(
            f"--set must name a setting of {model} ({', '.join(known)}), received {unknown[0]}: check its spelling."
        )
    settings = {"elements": list(elements), "cutoff": CUTOFF, **SETTINGS.get(model, {}), **given}
    cutoff = settings["cutoff"]
    if isinstance(cutoff, bool) or not isinstance(cutoff, int | float) or not 0 < cutoff < math.inf:
        raise Trouble(f"the cutoff must be a positive number of Å, received {cutoff}: 5 serves most.")
    if settings.get("num_layers") == 0:
        raise Trouble("num_layers must be positive, received 0, which sees no neighbour: leave it out.")
    if "num_neighbors" in known and "num_neighbors" not in settings:
        settings["num_neighbors"] = round(neighbors_of(file, float(cutoff)), 3)
    return settings


def learning_rate_of(model: str) -> float:
    """The highest rate that a model bears: the many layers of an EGNN die at the rate that suits the others."""
    return LEARNING_RATES.get(model, 0.01)


def weight_decay_of(model: str, *, components: int) -> float:
    """What keeps a model of many weights from learning so few components of forces by heart."""
    return WEIGHT_DECAYS.get(model, 0.0) * (MORE_FOR_FEW if components <= FEW_COMPONENTS else 1.0)


def members_of(model: str, *, components: int, minutes: float | None) -> int:
    """A committee where forces are few and minutes enough for all of it; else one model, the faster to use."""
    few = components <= FEW_COMPONENTS and (minutes or 0.0) >= MINUTES_FOR_MEMBERS
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
