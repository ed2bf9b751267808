"""Learning how molecules answer an electric field, from the shipped set, as the lesson on Raman tensors does."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn

from equitour.datasets import Dataset
from equitour.graph import AtomicGraph
from equitour.models.electric import respond
from equitour.train import (
    Budget,
    Example,
    Minibatches,
    Recipe,
    TensorTarget,
    Training,
    WeightedLoss,
    collate,
    prediction_errors,
)

ANSWERS = ("dipole", "born_effective_charges", "polarizability", "raman_tensors")


def field_examples(data: Dataset, molecule: str | None = None) -> list[Example]:
    """Examples of `molecules_response` for `WeightedLoss`: one row a structure for what belongs to a structure.

    Args:
        data: `datasets.load("molecules_response")`.
        molecule: "H2O", "CH3OH", … for those alone.
    """
    return [
        Example(
            sample.graph,
            {
                "energy": sample.labels["energy"][None],
                "forces": sample.atom_labels["forces"],
                "dipole": sample.labels["dipole"][None],
                "polarizability": sample.labels["polarizability"][None],
                "born_effective_charges": sample.atom_labels["born_effective_charges"],
                "raman_tensors": sample.atom_labels["raman_tensors"],
            },
        )
        for sample in data
        if molecule in (None, sample.labels["molecule"])
    ]


def atom_examples(data: Dataset, names: Sequence[str]) -> list[Example]:
    """Examples of any set with these labels of its atoms alone, such as `aluminium_phosphide` with Raman tensors.

    Args:
        data: From `datasets.load`.
        names: Of the labels.
    """
    return [Example(sample.graph, {name: sample.atom_labels[name] for name in names}) for sample in data]


def split_by_kind(data: Dataset, *, every: int = 4, at_most: int = 24) -> tuple[list[Example], list[Example]]:
    """Examples to learn from, and new ones: each `every`-th of every kind of molecule is kept apart.

    Args:
        data: As in `field_examples`.
        every: 4 keeps a quarter of each kind.
        at_most: So many new ones are handed out, enough to judge by however large the set has grown.
    """
    kinds, examples = data.labels["molecule"], field_examples(data)
    places = [kinds[:k].count(kind) % every for k, kind in enumerate(kinds)]
    learnt = [example for example, place in zip(examples, places, strict=True) if place < every - 1]
    new = [example for example, place in zip(examples, places, strict=True) if place == every - 1]
    return learnt, new[:at_most]


def size(examples: Sequence[Example], name: str) -> float:
    """Root mean square of a label over all its components."""
    return float(torch.cat([example.labels[name].flatten() for example in examples]).square().mean().sqrt())


def field_training(
    model: nn.Module,
    examples: Sequence[Example],
    names: Sequence[str] = ANSWERS,
    *,
    steps: int,
    learning_rate: float = 0.01,
    batch_size: int = 8,
    predict: Callable = respond,
) -> Training:
    """A training on answers to a field, each counted in its own size; iterate over it, then take its `average`.

    Args:
        model: `ElectricPotential`, or another with its `predict`.
        examples: From `field_examples`.
        names: Of the labels to learn.
        steps: Number of steps.
        learning_rate: At its highest.
        batch_size: Molecules in a step.
        predict: As in `WeightedLoss`.
    """
    targets = [TensorTarget(name=name, scale=size(examples, name)) for name in names]
    chance = torch.Generator().manual_seed(1)
    return Training(
        model,
        WeightedLoss(targets, predict=predict),
        batches=Minibatches(examples, batch_size=min(batch_size, len(examples)), generator=chance),
        budget=Budget(steps=steps),
        recipe=Recipe(learning_rate=learning_rate),
    )


def relative_errors(
    model: nn.Module,
    examples: Sequence[Example],
    names: Sequence[str] = ANSWERS,
    *,
    predict: Callable = respond,
) -> dict[str, float]:
    """Root mean square error of each answer over the root mean square of its labels: 1 is as good as zeros."""
    targets = [TensorTarget(name=name, scale=size(examples, name)) for name in names]
    found = prediction_errors(model, examples, targets, predict=predict)
    return {name: errors.rmse for name, errors in found.items()}


def learning_curve(
    build: Callable[[Sequence[Example]], nn.Module],
    examples: Sequence[Example],
    held_out: Sequence[Example],
    *,
    sizes: Sequence[int],
    steps: int,
    names: Sequence[str] = ANSWERS,
    learning_rate: float = 0.01,
    predict: Callable = respond,
) -> dict[str, list[float]]:
    """Relative errors on held-out molecules after as many steps on the first so many examples, for each size.

    Args:
        build: Makes a fresh model, the same each time, for the examples that it will learn from: means and scales may
            be taken from those alone.
        examples: To learn from; a larger size holds the smaller ones.
        held_out: To judge by, none of them among the examples.
        sizes: Numbers of examples.
        steps: Of each training.
        names: Of the answers.
        learning_rate: At its highest.
        predict: As in `WeightedLoss`.
    """
    curve: dict[str, list[float]] = {name: [] for name in names}
    for number in sizes:
        first = examples[:number]
        options = {"steps": steps, "learning_rate": learning_rate, "predict": predict}
        training = field_training(build(first), first, names, **options)
        for _ in training:
            pass
        for name, error in relative_errors(training.average, held_out, names, predict=predict).items():
            curve[name].append(error)
    return curve


def exponent(sizes: Sequence[int], errors: Sequence[float]) -> float:
    """x of errors ∝ N^x, by least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def followed(
    training: Training,
    held_out: Sequence[Example],
    names: Sequence[str] = ANSWERS,
    *,
    predict: Callable = respond,
) -> dict[str, list[float]]:
    """Train to the end, and look at held-out molecules after 1/16, 1/8, 1/4, 1/2 of the steps and after the last.

    Args:
        training: From `field_training`.
        held_out: Molecules to judge by.
        names: Of the answers.
        predict: As in `WeightedLoss`.

    Returns:
        "steps", "seconds" of processor time spent on training, and the relative errors of each answer.
    """
    total = training.budget.steps
    looks = {max(1, total // parts) for parts in (16, 8, 4, 2, 1)}
    found: dict[str, list[float]] = {name: [] for name in ("steps", "seconds", *names)}
    spent, begun = 0.0, time.process_time()
    for step in training:
        if step.number not in looks:
            continue
        spent += time.process_time() - begun
        found["steps"].append(step.number)
        found["seconds"].append(spent)
        for name, error in relative_errors(training.average, held_out, names, predict=predict).items():
            found[name].append(error)
        begun = time.process_time()
    return found


def in_words(numbers: Mapping[str, float]) -> str:
    """Labels by their first word, such as "born 0.114, raman 0.146"."""
    return ", ".join(f"{name.split('_')[0]} {number:.3f}" for name, number in numbers.items())


def step_seconds(
    models: Mapping[str, tuple[nn.Module, Callable]], examples: Sequence[Example], *, rounds: int = 5
) -> dict[str, float]:
    """Median processor time of a training step: the loss of all answers and its gradient by all weights.

    The models take turns in every round, so that a busy machine slows all of them alike.

    Args:
        models: By name, a model and its `predict`.
        examples: One batch.
        rounds: Measurements of each, after one that is not counted.
    """
    batch = collate(examples)
    targets = [TensorTarget(name=name, scale=size(examples, name)) for name in ANSWERS]
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds + 1):
        for name, (model, predict) in models.items():
            start = time.process_time()
            model.zero_grad()
            sum(WeightedLoss(targets, predict=predict)(model, batch).values()).backward()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(measured[1:]) for name, measured in times.items()}


def slope_gap(answer: Callable, graph: AtomicGraph, *, step: float = 1e-3) -> float:
    """How far a model's Born charges of atom 0, moved along x, are from the slope of its own dipole, in e.

    Args:
        answer: From a graph to something that holds "dipole" and "born_effective_charges".
        graph: One structure, in float64.
        step: Of the central difference, in Å.
    """
    move = torch.zeros_like(graph.positions)
    move[0, 0] = step
    ahead, behind = (
        answer(graph.replace(positions=graph.positions + way * move))["dipole"][0] for way in (1, -1)
    )
    slope = (ahead - behind) / (2 * step)
    return float((slope - answer(graph)["born_effective_charges"][0, 0]).detach().norm())
