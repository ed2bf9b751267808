"""How `equitour fit` speaks of energies, forces and stress, and by which number it judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equitour.cli.training_plan import Plan
    from equitour.train import Errors

# Which of the errors are told.
MEASURE = "MAE"


def watched(plan: Plan, errors: Mapping[str, Errors]) -> float:
    """What the best model has least of: errors of forces, and of a stress beside them, weighed as the loss does.

    Energies of few structures say little, so that they count only where nothing else is learnt.
    """
    weights = {target["name"]: target["weight"] / target["scale"] for target in plan.targets}
    energy = weights.pop("energy")
    if not any(weights.values()):
        weights = {"energy": energy}
    # In eV/Å where forces are all there is.
    size = weights.get("forces") or max(weights.values())
    return sum(weight / size * errors[name].mae for name, weight in weights.items())


def in_words(errors: Mapping[str, Errors]) -> str:
    """Mean absolute errors of forces, and of a stress where it is learnt."""
    words = f"forces {1e3 * errors['forces'].mae:.1f} meV/Å"
    if "stress" in errors:
        words += f", stress {1e3 * errors['stress'].mae:.2f} meV/Å³"
    return words
