"""What `equitour fit --target` decides from the data, and how it tells of what was reached."""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from equitour.cli import training_plan as planning
from equitour.cli.structure_files import StructureFile
from equitour.cli.training_plan import Plan
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.models import TensorKind

# Measured on Born charges and Raman tensors of barium titanate: half the rate, squares instead of lengths, or half the
# steps with unnatural parities in all layers did worse in a given time.
MODEL, MINUTES, DECAY, LEARNING_RATE = "nequip", 25.0, 0.99, 0.01
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


def plan_of(arguments: argparse.Namespace, file: StructureFile, valid: StructureFile | None) -> Plan:
    """Everything that the arguments leave open, decided from the data."""
    from equitour.models import TENSORS

    kinds, model = {name: TENSORS[name] for name in targets_in(arguments.target)}, arguments.model or MODEL
    elements = planning.elements_of(file, *([valid] if valid else []))
    settings = _settings_of(arguments, file, model=model, kinds=kinds, elements=elements)
    aside = None
    if valid is None:
        aside = planning.validation_of(len(file.frames), arguments.valid_fraction, seed=arguments.seed)
    learnt = [place for place in range(len(file.frames)) if place not in set(aside or [])]
    response = _standardised(file, learnt, kinds, elements=elements, species=_species_in(arguments.only))
    return Plan(
        model=model,
        settings=settings,
        shifts=[],
        scale=1.0,
        batch_size=arguments.batch_size or planning.batch_size_of(file),
        dtype=arguments.dtype,
        seed=arguments.seed,
        targets=_targets_of(arguments, kinds, response, atoms=_mean_size(file)),
        recipe=_recipe_of(arguments),
        valid=aside,
        steps=arguments.steps,
        minutes=None if arguments.steps else arguments.minutes or MINUTES,
        patience=arguments.patience,
        stop_after=arguments.stop_after,
        data={"file": arguments.data.name, "sha256": hashlib.sha256(arguments.data.read_bytes()).hexdigest()},
        response=response,
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
        learning_rate=arguments.learning_rate or LEARNING_RATE,
        decay=arguments.decay or DECAY,
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
    learnt: Sequence[int],
    kinds: Mapping[str, TensorKind],
    *,
    elements: Sequence[int],
    species: Sequence[int],
) -> dict[str, Any]:
    """The settings of `models.Response`: means, scales, sum rules and labelled species, from what is learnt alone."""
    import torch

    from equitour.train import standardisation

    examples = file.examples(list(kinds), cutoff=1.0, dtype=torch.float64)
    chosen = [examples[place] for place in learnt]
    labelled = {name: species or _labelled(file, name, kind, elements) for name, kind in kinds.items()}
    means, scales = {}, {}
    for name, kind in kinds.items():
        means[name], scales[name] = standardisation(
            chosen,
            name,
            formula=kind.formula,
            axial=kind.axial,
            per=kind.per,
            elements=elements,
            species=labelled[name],
        )
    return {
        "tensors": {name: kind.to_json() for name, kind in kinds.items()},
        "means": means,
        "scales": scales,
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
                # A row's length counts in the length of a usual row, so that a tensor of 27 numbers weighs as one of 9.
                weight=weights.get(name, 1.0)
                / (numbers**0.5 if arguments.tensor_measure == "length" else 1.0),
                scale=scale * math.sqrt(atoms) if kind.per == "graph" else scale,
                measure=arguments.tensor_measure,
                species=response["species"].get(name, []),
            )
        )
    return [asdict(target) for target in targets]


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


def _mean_size(file: StructureFile) -> float:
    return float(np.mean([len(atoms) for atoms in file.frames]))
