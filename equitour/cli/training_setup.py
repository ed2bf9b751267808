"""From the words of `equitour fit` and the data to a plan, and from the plan to a training."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from equitour.cli import tensor_plan, tensor_report
from equitour.cli import training_plan as planning
from equitour.cli.structure_files import StructureFile, read_structures
from equitour.cli.tensor_files import read_tensors
from equitour.cli.training_plan import Plan
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.train import Example, Target, Training

MODEL, MINUTES, DECAY = "mace", 20.0, 0.99


def read_labelled(path: Path, arguments: argparse.Namespace) -> StructureFile:
    """The structures of a file with the labels that the loss compares."""
    if arguments.target:
        return read_tensors(path, tensor_plan.targets_in(arguments.target))
    needed = ["energy", "forces"] + (["stress"] if arguments.stress_weight else [])
    return read_structures(path, needed=needed)


def plan_of(arguments: argparse.Namespace, file: StructureFile, valid: StructureFile | None) -> Plan:
    """Everything that the arguments leave open, decided from the data."""
    if arguments.target:
        return tensor_plan.plan_of(arguments, file, valid)
    model, given = arguments.model or MODEL, planning.parsed_settings(arguments.set)
    if arguments.cutoff is not None:
        given["cutoff"] = arguments.cutoff
    elements = planning.elements_of(file, *([valid] if valid else []))
    scale = planning.scale_of(file)
    minutes = None if arguments.steps else arguments.minutes or MINUTES
    members = planning.members_of(model, structures=len(file.frames), minutes=minutes)
    aside = None
    if valid is None:
        aside = planning.validation_of(len(file.frames), arguments.valid_fraction, seed=arguments.seed)
    return Plan(
        model=model,
        settings=planning.settings_of(model, file, elements=elements, given=given),
        shifts=planning.shifts_of(file, elements),
        scale=scale,
        members=arguments.members or members,
        batch_size=arguments.batch_size or planning.batch_size_of(file),
        dtype=arguments.dtype,
        seed=arguments.seed,
        targets=_targets_of(arguments, scale),
        recipe=_recipe_of(arguments, structures=len(file.frames)),
        valid=aside,
        steps=arguments.steps,
        minutes=minutes,
        patience=arguments.patience,
        stop_after=arguments.stop_after,
        data={"file": arguments.data.name, "sha256": hashlib.sha256(arguments.data.read_bytes()).hexdigest()},
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


def _recipe_of(arguments: argparse.Namespace, *, structures: int) -> dict:
    from equitour.train import Recipe

    model, given = arguments.model or MODEL, arguments.weight_decay
    recipe = Recipe(
        learning_rate=arguments.learning_rate or planning.learning_rate_of(model),
        decay=arguments.decay or DECAY,
        weight_decay=planning.weight_decay_of(model, structures=structures) if given is None else given,
    )
    return asdict(recipe)


def resumed_plan(saved: dict, arguments: argparse.Namespace) -> Plan:
    """The plan that training began with; only the budget may have changed."""
    plan = Plan(**saved)
    names = [target["name"] for target in plan.targets] if plan.response else []
    if names != (tensor_plan.targets_in(arguments.target) if arguments.target else []):
        raise Trouble(
            f"--resume needs the --target that training began with, received {arguments.target or 'none'}: "
            f"{'give --target ' + ','.join(names) if names else 'leave it out'}, or begin anew with --overwrite."
        )
    if plan.data["sha256"] != hashlib.sha256(arguments.data.read_bytes()).hexdigest():
        raise Trouble(
            f"--resume needs the data that training began with, received {arguments.data.name}, which differs from "
            f"{plan.data['file']}: give the same file, or begin anew with --overwrite."
        )
    if plan.valid is None and arguments.valid is None:
        raise Trouble(
            "--resume needs --valid FILE as before, received none: give the file that training began with."
        )
    if arguments.steps or arguments.minutes:
        plan.steps, plan.minutes = arguments.steps, arguments.minutes
    return plan


def set_up(
    plan: Plan, file: StructureFile, valid: StructureFile | None, *, device: str, rank: int, world: int
) -> tuple[Training, list[Example]]:
    """The training that a plan describes, and the structures to validate on."""
    import torch

    from equitour.train import Budget, EachMember, Minibatches, Plateau, Recipe, Training, WeightedLoss

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Trouble(
            f"--device must be one that torch finds, received {device} without a CUDA GPU: use cpu."
        )
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
    shifts = "free atoms" if all(n in file.free_atoms for n in plan.settings["elements"]) else "least squares"
    budget = f"{plan.steps} steps" if plan.steps else f"{plan.minutes:g} minutes"
    model = plan.model if plan.members == 1 else f"a committee of {plan.members} {plan.model}"
    return (
        f"{len(training.batches.examples)} structures of {elements}, {held} to validate; {model} with "
        f"{weights} weights, cutoff {plan.settings['cutoff']:g} Å; shifts from {shifts}, "
        f"scale {plan.scale:.3g} eV/Å; {plan.batch_size} in a step, {budget}, {plan.dtype}, seed {plan.seed}"
    )
