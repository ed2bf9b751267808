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

# Forces are few up to so many components: fifty molecules of 33 atoms, or 26 cells of Si64.
FEW_COMPONENTS = 5000
# Distant neighbours are learnt by heart where little is known: of fifty structures of aspirin MACE is off by 43 meV/Å
# within 4 Å and by 46 within 5; of 450 of AcAc 1,500 steps reach 19 and 16, and silicon needs the longer one too (36 and
# 16 in 500 steps).
CUTOFF, CUTOFF_OF_FEW_MOLECULES = 5.0, {"mace": 4.0, "nequip": 4.0}
# Models that are not named here serve best with their own defaults.
SETTINGS: dict[str, dict[str, Any]] = {
    "nequip": {"num_layers": 3, "num_channels": 32, "lmax": 2, "radial_channels": [8, 64]},
    # Stretched, fifty structures of malonaldehyde gave in 2,000 steps 47 to 48 instead of 53 meV/Å. Twice the channels of
    # the default took AcAc from 21 to 16 in 1,500 steps.
    "mace": {"stretch": 3.0, "num_channels": 64},
}
# With Muon the rate hardly matters: 1,500 steps of MACE on AcAc gave 9.5 to 9.7 meV/Å at rates from 0.005 to 0.02 and a
# `match` from 0.2 to 0.5 (13.8 at 0.05), 1,000 of NequIP 20 and 18 at 0.005 and 0.01. With AdamW 64 channels of MACE went
# astray above 0.01 (16 at 0.01, 23 at 0.015).
LEARNING_RATE, LEARNING_RATES = 0.01, {"egnn": 0.003}
# Measured with AdamW. A high rate with some decay did better than a third of the rate without; the fewer forces, the more
# of it: fifty structures of malonaldehyde in 8,000 steps 46 meV/Å at 0.1 and 49 at 0.03, 450 of AcAc in 2,000 steps 18.9
# at 0.06, 17.3 at 0.03, and in 1,500 of the wider network 16.4 at 0.03, 15.5 at 0.01. Without it NequIP learns fifty
# structures of ethanol by heart in twenty minutes (47 meV/Å); with 0.1 seven minutes give 42, and 39 with three members
# within 4 Å.
WEIGHT_DECAYS, WEIGHT_DECAYS_OF_FEW = {"mace": 0.01}, {"mace": 0.06, "nequip": 0.1}
# Few forces leave more to chance than to time: members err less together than one alone (fifty structures of
# malonaldehyde: several in 10 minutes of CPU 42 to 43 meV/Å, one with 8,000 steps 46 to 49).
MEMBERS, MINUTES_FOR_MEMBERS = {"mace": 3, "nequip": 3}, 10.0


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


def settings_of(
    model: str, file: StructureFile, *, elements: Sequence[int], given: dict, cutoff: float = CUTOFF
) -> dict[str, Any]:
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
    settings = {"elements": list(elements), "cutoff": cutoff, **SETTINGS.get(model, {}), **given}
    cutoff = settings["cutoff"]
    if isinstance(cutoff, bool) or not isinstance(cutoff, int | float) or not 0 < cutoff < math.inf:
        raise Trouble(f"the cutoff must be a positive number of Å, received {cutoff}: 5 serves most.")
    if settings.get("num_layers") == 0:
        raise Trouble("num_layers must be positive, received 0, which sees no neighbour: leave it out.")
    if "num_neighbors" in known and "num_neighbors" not in settings:
        settings["num_neighbors"] = round(neighbors_of(file, float(cutoff)), 3)
    return settings


def cutoff_of(model: str, file: StructureFile, *, components: int) -> float:
    """How far to look, in Å: less far where few forces of molecules are all there is to learn from."""
    few_molecules = components <= FEW_COMPONENTS and not any(atoms.pbc.any() for atoms in file.frames)
    return CUTOFF_OF_FEW_MOLECULES.get(model, CUTOFF) if few_molecules else CUTOFF


def learning_rate_of(model: str) -> float:
    """The highest rate that a model bears: the many layers of an EGNN die at the rate that suits the others."""
    return LEARNING_RATES.get(model, LEARNING_RATE)


def weight_decay_of(model: str, *, components: int) -> float:
    """What keeps a model of many weights from learning so few components of forces by heart."""
    return (WEIGHT_DECAYS_OF_FEW if components <= FEW_COMPONENTS else WEIGHT_DECAYS).get(model, 0.0)


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
