"""What `equitour fit --target` decides from the data, and how it tells of what was reached."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from equitour.cli import training_data
from equitour.cli import training_plan as planning
from equitour.cli.structure_files import StructureFile
from equitour.cli.training_plan import Plan
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.models import TensorKind

# Measured on Born charges and Raman tensors of barium titanate: half the rate, squares instead of lengths, or half the
# steps with unnatural parities in all layers did worse in a given time.
MODEL, MINUTES, LEARNING_RATE = "nequip", 25.0, 0.01
SETTINGS: dict[str, dict[str, Any]] = {
    "nequip": {"num_layers": 3, "num_channels": 32, "lmax": 2, "radial_channels": [8, 32]},
}
# Labels whose mean over a structure is smaller than this share of their size are taken to obey the sum rule.
SUM_RULE = 0.01


def targets_in(words: str) -> list[str]:
    """Names of tensors from a list with commas."""
    from equitour.models import TENSORS

    names = [name.strip() for name in words.split(",") if name.strip()]
    unknown = [name for name in names if name not in TENSORS]
    if unknown or not names or len(set(names)) != len(names):
        raise Trouble(
            f"--target must name tensors among {', '.join(TENSORS)}, each once, received {words}: "
            "separate them with commas"
        )
    return names


def plan_of(arguments: argparse.Namespace, learnt: StructureFile, aside: Sequence[int] | None) -> Plan:
    """Everything that the arguments leave open, decided from the structures that are learnt from.

    Args:
        arguments: Of `equitour fit`, defaults filled in.
        learnt: Those structures.
        aside: As for `training_plan.shared_by_all`.
    """
    from equitour.models import TENSORS

    kinds, model = {name: TENSORS[name] for name in targets_in(arguments.target)}, arguments.model or MODEL
    elements = training_data.elements_of(learnt)
    response = _standardised(learnt, kinds, elements=elements, species=_species_in(arguments.only))
    return Plan(
        model=model,
        settings=_settings_of(arguments, learnt, model=model, kinds=kinds, elements=elements),
        shifts=[],
        scale=1.0,
        targets=_targets_of(arguments, kinds, response, atoms=training_data.mean_size(learnt)),
        recipe=_recipe_of(arguments),
        response=response,
        **planning.shared_by_all(arguments, learnt, aside=aside, minutes=MINUTES),
    )


def _settings_of(
    arguments: argparse.Namespace,
    file: StructureFile,
    *,
    model: str,
    kinds: Mapping[str, TensorKind],
    elements: Sequence[int],
) -> dict[str, Any]:
    """Arguments of the trunk, with the irreps that the tensors need."""
    from equitour.models import irreps_for

    _require_irreps_out(model)
    given = {**SETTINGS.get(model, {}), **planning.parsed_settings(arguments.set)}
    if arguments.cutoff is not None:
        given["cutoff"] = arguments.cutoff
    given.setdefault("irreps_out", irreps_for(kinds))
    return planning.settings_of(model, file, elements=elements, given=given)


def _recipe_of(arguments: argparse.Namespace) -> dict[str, Any]:
    from equitour.train import Recipe

    recipe = Recipe(
        optimizer=arguments.optimizer,
        learning_rate=arguments.learning_rate or LEARNING_RATE,
        decay=arguments.decay,
        weight_decay=arguments.weight_decay or 0.0,
    )
    return asdict(recipe)


def _require_irreps_out(model: str) -> None:
    import inspect
    from importlib import import_module

    from equitour.models import MODELS

    able = []
    for name, (module, trunk) in MODELS.items():
        if "irreps_out" in inspect.signature(getattr(import_module(module), trunk)).parameters:
            able.append(name)
    if model in MODELS and model not in able:
        raise Trouble(
            f"--model must be one whose features turn as tensors do ({', '.join(able)}), received {model}: "
            f"leave it out for {MODEL}."
        )


def _standardised(
    file: StructureFile,
    kinds: Mapping[str, TensorKind],
    *,
    elements: Sequence[int],
    species: Sequence[int],
) -> dict[str, Any]:
    """The settings of `models.Response`: means, scales, sum rules and labelled species of what is learnt."""
    import torch

    from equitour.models import standards

    labelled = {name: species or _labelled(file, name, kind, elements) for name, kind in kinds.items()}
    examples = file.examples(list(kinds), cutoff=1.0, dtype=torch.float64)
    return standards(kinds, examples, elements=elements, species=labelled) | {
        "tensors": {name: kind.to_json() for name, kind in kinds.items()},
        "sum_rules": [name for name, kind in kinds.items() if kind.sum_rule and _obeyed(file, name)],
        "species": {name: found for name, found in labelled.items() if found},
    }


def _labelled(file: StructureFile, name: str, kind: TensorKind, elements: Sequence[int]) -> list[int]:
    """Elements whose atoms carry the tensor, where some carry none; empty when all do."""
    if kind.per != "node":
        return []
    carrying = {
        int(number)
        for atoms, found in zip(file.frames, file.labels, strict=True)
        for number in atoms.numbers[np.isfinite(found[name].reshape(len(atoms), -1)).all(1)]
    }
    return [] if carrying == set(elements) else sorted(carrying)


def _obeyed(file: StructureFile, name: str) -> bool:
    """Whether the labels of every structure add up to zero; with atoms that have none, nobody knows."""
    sizes = [float(np.sqrt((found[name] ** 2).mean())) for found in file.labels]
    means = [float(np.abs(found[name].mean(0)).max()) for found in file.labels]
    return bool(np.isfinite(sizes).all()) and max(means) <= SUM_RULE * max(sizes)


def _targets_of(arguments, kinds: Mapping[str, TensorKind], response: Mapping, *, atoms: float) -> list[dict]:
    """One target a tensor, counted in the size of what the means leave."""
    from equitour.train import TensorTarget

    weights = _weights_in(arguments.target_weight, kinds)
    targets = []
    for name, kind in kinds.items():
        irreps, scales = kind.tensor.irreps, response["scales"][name]
        squares = sum(item.dim * scale**2 for item, scale in zip(irreps, scales, strict=True))
        numbers = 3 ** len(kind.tensor.indices)
        scale = math.sqrt(squares / numbers)
        targets.append(
            TensorTarget(
                name=name,
                weight=_weight_of(weights.get(name, 1.0), kind, arguments.tensor_measure),
                scale=scale * math.sqrt(atoms) if kind.per == "graph" else scale,
                measure=arguments.tensor_measure,
                species=response["species"].get(name, []),
            )
        )
    return [asdict(target) for target in targets]


def _weight_of(given: float, kind: TensorKind, measure: str) -> float:
    """A row's length counts in the length of a usual row, so that a tensor of 27 numbers weighs as one of 9."""
    return given / (3 ** len(kind.tensor.indices)) ** 0.5 if measure == "length" else given


def _weights_in(words: Sequence[str], kinds: Mapping[str, TensorKind]) -> dict[str, float]:
    weights = planning.parsed_settings(words, option="--target-weight")
    for name, weight in weights.items():
        if name not in kinds or not isinstance(weight, int | float) or not weight >= 0:
            raise Trouble(
                f"--target-weight must be NAME=NUMBER with a name of --target ({', '.join(kinds)}), "
                f"received {name}={weight}: for example --target-weight {next(iter(kinds))}=2."
            )
    return {name: float(weight) for name, weight in weights.items()}


def _species_in(symbols: str | None) -> list[int]:
    from ase.data import atomic_numbers

    names = [name.strip() for name in (symbols or "").split(",") if name.strip()]
    unknown = [name for name in names if name not in atomic_numbers]
    if unknown:
        raise Trouble(f"--only must name elements, received {', '.join(unknown)}: for example --only Na,O.")
    return sorted(atomic_numbers[name] for name in names)


def compared(plan: Plan, arguments: argparse.Namespace) -> Iterator[tuple[str, Any, Any]]:
    """Options of tensors alone that were given: each with its value in a plan to go on with, and the one received."""
    from equitour.models import TENSORS

    targets = {target["name"]: target for target in plan.targets}
    kinds = {name: TENSORS[name] for name in targets}
    for name, weight in _weights_in(arguments.target_weight, kinds).items():
        before = targets[name]["weight"] / _weight_of(1.0, kinds[name], targets[name]["measure"])
        if not math.isclose(before, weight):
            yield f"--target-weight {name}", round(before, 12), weight
    if arguments.only:
        wanted = _species_in(arguments.only)
        for name in targets:
            yield f"--only (for {name})", plan.response["species"].get(name), wanted
