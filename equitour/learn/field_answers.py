"""Learning how molecules answer an electric field, from the shipped set, as the lesson on Raman tensors does."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from equitour.datasets import Dataset
from equitour.models.electric import respond
from equitour.train import (
    Budget,
    Example,
    Minibatches,
    Recipe,
    TensorTarget,
    Training,
    WeightedLoss,
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
        predict: As in `WeightedLoss`.
    """
    curve: dict[str, list[float]] = {name: [] for name in names}
    for number in sizes:
        first = examples[:number]
        training = field_training(build(first), first, names, steps=steps, predict=predict)
        for _ in training:
            pass
        for name, error in relative_errors(training.average, held_out, names, predict=predict).items():
            curve[name].append(error)
    return curve
