"""From the words of `equitour fit` and the data to a plan, and from the plan to a training."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from equitour.cli import tensor_plan, tensor_report, training_data
from equitour.cli import training_plan as planning
from equitour.cli.structure_files import StructureFile, read_structures
from equitour.cli.tensor_files import read_tensors
from equitour.cli.training_plan import Plan
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.train import Example, Target, Training

MODEL, MINUTES = "mace", 20.0


def labels_in(arguments: argparse.Namespace, plan: Plan | None) -> list[str]:
    """Names of the labels that the loss compares: those of a plan to go on with, or else of the arguments."""
    if plan is not None:
        return [target["name"] for target in plan.targets]
    if arguments.target:
        return tensor_plan.targets_in(arguments.target)
    return ["energy", "forces"] + (["stress"] if arguments.stress_weight else [])


def read_labelled(path: Path, names: Sequence[str], *, tensors: bool) -> StructureFile:
    """The structures of a file with these labels."""
    return read_tensors(path, names) if tensors else read_structures(path, needed=names)


def plan_of(arguments: argparse.Namespace, file: StructureFile, valid: StructureFile | None) -> Plan:
    """Everything that the arguments leave open, decided from the structures that are learnt from."""
    aside = None
    if valid is None:
        aside = training_data.validation_of(file, arguments.valid_fraction, seed=arguments.seed)
    learnt = file.without(aside or [])
    if arguments.target:
        return tensor_plan.plan_of(arguments, learnt, aside)
    model, given = arguments.model or MODEL, planning.parsed_settings(arguments.set)
    if arguments.cutoff is not None:
        given["cutoff"] = arguments.cutoff
    elements, components = training_data.elements_of(learnt), training_data.components_of(learnt)
    scale = training_data.scale_of(learnt)
    shared = planning.shared_by_all(arguments, learnt, aside=aside, minutes=MINUTES)
    members = planning.members_of(model, components=components, minutes=shared["minutes"])
    cutoff = planning.cutoff_of(model, learnt, components=components)
    return Plan(
        model=model,
        settings=planning.settings_of(model, learnt, elements=elements, given=given, cutoff=cutoff),
        shifts=training_data.shifts_of(learnt, elements),
        scale=scale,
        members=arguments.members or members,
        targets=_targets_of(arguments, scale),
        recipe=_recipe_of(arguments, model, components=components),
        **shared,
    )


def _targets_of(arguments: argparse.Namespace, scale: float) -> list[dict]:
    from equitour.train import energy_and_forces

    targets = energy_and_forces(
        energy=arguments.energy_weight,
        forces=arguments.forces_weight,
        stress=arguments.stress_weight,
        scale=scale,
        measure=arguments.measure,
    )
    return [asdict(target) for target in targets]


def _recipe_of(arguments: argparse.Namespace, model: str, *, components: int) -> dict:
    from equitour.train import Recipe

    given = arguments.weight_decay
    recipe = Recipe(
        optimizer=arguments.optimizer,
        learning_rate=arguments.learning_rate or planning.learning_rate_of(model),
        decay=arguments.decay,
        weight_decay=planning.weight_decay_of(model, components=components) if given is None else given,
    )
    return asdict(recipe)


def set_up(
    plan: Plan, file: StructureFile, valid: StructureFile | None, *, device: str, rank: int, world: int
) -> tuple[Training, list[Example]]:
    """The training that a plan describes, and the structures to validate on.

    Raises:
        Trouble: The device is not there, or --valid holds elements that nothing can be learnt of.
    """
    import torch

    from equitour.train import Budget, EachMember, Minibatches, Plateau, Recipe, Training, WeightedLoss

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Trouble(
            f"--device must be one that torch finds, received {device} without a CUDA GPU: use cpu."
        )
    if valid:
        tensor_report.require_known_elements(valid, plan.settings["elements"])
    potential = plan.potential().to(device)
    options = {"cutoff": float(potential.cutoff), "dtype": getattr(torch, plan.dtype), "device": device}
    names = [target["name"] for target in plan.targets]
    examples = file.examples(names, **options)
    aside = set(plan.valid or [])
    held = valid.examples(names, **options) if valid else [examples[place] for place in sorted(aside)]
    batches = Minibatches(
        [example for place, example in enumerate(examples) if place not in aside],
        batch_size=plan.batch_size,
        generator=torch.Generator().manual_seed(plan.seed),
        rank=rank,
        world=world,
    )
    loss = WeightedLoss(targets_of(plan), **predicting(plan))
    training = Training(
        potential,
        EachMember(loss) if plan.members > 1 else loss,
        batches=batches,
        budget=Budget(steps=plan.steps, minutes=plan.minutes),
        recipe=Recipe(**plan.recipe),
        plateau=Plateau(patience=plan.patience, stop_after=plan.stop_after),
    )
    return training, held


def targets_of(plan: Plan) -> list[Target]:
    """The plan's targets as objects."""
    from equitour.train import Target, TensorTarget

    return [(TensorTarget if plan.response else Target)(**target) for target in plan.targets]


def predicting(plan: Plan) -> dict:
    """What tells a loss how tensors are asked for; nothing for energies, its own way."""
    from equitour.train import predict_tensors

    return {"predict": predict_tensors} if plan.response else {}


def summary(plan: Plan, training: Training, file: StructureFile, held: int) -> str:
    """What was decided, in a few lines."""
    from ase.data import chemical_symbols

    weights = sum(parameter.numel() for parameter in training.model.parameters())
    if plan.response:
        return tensor_report.summary(plan, weights, len(training.batches.examples), held)
    elements = " ".join(chemical_symbols[number] for number in plan.settings["elements"])
    missing = training_data.missing_free_atoms(file, plan.settings["elements"])
    shifts = "least squares" if missing else "free atoms and least squares of the rest"
    if missing and file.free_atoms:
        symbols = " ".join(chemical_symbols[number] for number in missing)
        shifts += f" (free atoms are not used, since the file has none of {symbols})"
    budget = f"{plan.steps} steps" if plan.steps else f"{plan.minutes:g} minutes"
    model = plan.model if plan.members == 1 else f"a committee of {plan.members} {plan.model}"
    return (
        f"{len(training.batches.examples)} structures of {elements}, {held} to validate; {model} with "
        f"{weights} weights, cutoff {plan.settings['cutoff']:g} Å; shifts from {shifts}, "
        f"scale {plan.scale:.3g} eV/Å; {plan.batch_size} in a step, {budget}, {plan.dtype}, seed {plan.seed}"
    )
