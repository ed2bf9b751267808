"""How far predictions are from labels, in the labels' own units."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from equitour.train.examples import Example, collate
from equitour.train.loss import Target, evaluate


@dataclass(frozen=True)
class Errors:
    """Mean absolute and root mean square deviation over all components."""

    mae: float
    rmse: float


def prediction_errors(
    model: nn.Module,
    examples: Sequence[Example],
    targets: Sequence[Target],
    *,
    batch_size: int = 16,
    predict: Callable[..., Any] = evaluate,
) -> dict[str, Errors]:
    """Errors of each target, in units of its scale: eV an atom, eV/Å and eV/Å³ with `energy_and_forces()`.

    Args:
        model: Used as it is; training passes the average of the weights.
        examples: One structure each.
        targets: Which labels to compare; their weights and measures do not matter here.
        batch_size: Structures that are predicted at once.
        predict: As in `WeightedLoss`.

    Returns:
        By target; nan where no structure has a label.
    """
    names = [target.name for target in targets]
    sums = {name: [0.0, 0.0, 0] for name in names}
    for first in range(0, len(examples), batch_size):
        example = collate(examples[first : first + batch_size])
        prediction = predict(model, example.graph, names, create_graph=False)
        for target in targets:
            deviations = target.deviations(prediction, example).detach().double()
            sums[target.name][0] += float(deviations.abs().sum())
            sums[target.name][1] += float(deviations.square().sum())
            sums[target.name][2] += deviations.numel()
    return {
        name: Errors(mae / count, math.sqrt(square / count)) if count else Errors(math.nan, math.nan)
        for name, (mae, square, count) in sums.items()
    }
