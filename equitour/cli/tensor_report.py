"""How `equitour fit --target` and `equitour evaluate` speak of tensors, and by which number they judge them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.cli.structure_files import StructureFile
    from equitour.cli.training_plan import Plan
    from equitour.train import Errors

# So many atoms are predicted together: more need memory and save no time.
ATOMS_AT_ONCE = 256
# Which of the errors are told.
MEASURE = "RMSE"


def structures_at_once(file: StructureFile) -> int:
    """So many structures are predicted together that memory stays small."""
    return max(1, round(ATOMS_AT_ONCE / np.mean([len(atoms) for atoms in file.frames])))


def watched(plan: Plan, errors: Mapping[str, Errors]) -> float:
    """What the best model has least of: the sum of the tensors' errors, each in its own size."""
    return sum(
        errors[target["name"]].rmse / target["scale"]
        for target in plan.targets
        if math.isfinite(errors[target["name"]].rmse)
    )


def in_words(errors: Mapping[str, Errors]) -> str:
    """Root mean square errors by name."""
    return ", ".join(f"{name} {found.rmse:.3g}" for name, found in errors.items())


def summary(plan: Plan, weights: int, examples: int, held: int) -> str:
    """What was decided, in a few lines."""
    from ase.data import chemical_symbols

    from equitour.models import TENSORS

    lines = []
    for target in plan.targets:
        name = target["name"]
        only = plan.response["species"].get(name, [])
        facts = [f"{TENSORS[name].tensor.irreps}", f"size {target['scale']:.3g} beyond the species' means"]
        facts += [f"only {' '.join(chemical_symbols[number] for number in only)}"] if only else []
        facts += ["sum rule imposed"] if name in plan.response["sum_rules"] else []
        lines.append(f"{name} ({', '.join(facts)})")
    elements = " ".join(chemical_symbols[number] for number in plan.settings["elements"])
    budget = f"{plan.steps} steps" if plan.steps else f"{plan.minutes:g} minutes"
    return (
        f"{examples} structures of {elements}, {held} to validate; {plan.model} with {weights} weights, cutoff "
        f"{plan.settings['cutoff']:g} Å; {'; '.join(lines)}; {plan.batch_size} in a step, {budget}, {plan.dtype}, "
        f"seed {plan.seed}"
    )


def require_known_elements(file: StructureFile, elements: Sequence[int]) -> None:
    """Refuse structures with elements that a model has never seen."""
    from ase.data import chemical_symbols

    known = " ".join(chemical_symbols[number] for number in elements)
    for place, atoms in enumerate(file.frames):
        strange = sorted(set(atoms.numbers.tolist()) - set(elements))
        if strange:
            symbols = ", ".join(chemical_symbols[number] for number in strange)
            raise Trouble(
                f"elements must be among those that the model has learnt, {known}, received {symbols} in structure "
                f"{place} of {file.path.name}: leave it out, or train with structures that hold {symbols}"
            )
