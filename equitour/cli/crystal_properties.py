"""Properties of crystals by name: as they stand beside the structures of a file, and as a model is asked for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from ase import Atoms
    from torch import Tensor

    from equitour.generative import CrystalDenoiser


def numbers_beside(row: Mapping[str, str | None]) -> dict[str, float]:
    """Those cells of a table's row that are numbers; what is empty or a word is left out."""
    return {name: value for name, text in row.items() if name and math.isfinite(value := _number(text))}


def properties_of(structures: Sequence[Atoms], names: Sequence[str]) -> dict[str, Tensor]:
    """Values of each property, NaN where a structure has none.

    Raises:
        Trouble: No structure has such a number.
    """
    import torch

    columns = {}
    for name in names:
        values = [_number(_beside(atoms).get(name)) for atoms in structures]
        if not any(math.isfinite(value) for value in values):
            known = sorted(
                {key for atoms in structures for key, x in _beside(atoms).items() if _is_number(x)}
            )
            raise Trouble(
                f"--properties must name numbers that stand beside the crystals, received {name}: "
                f"choose among {', '.join(known) or 'none, since the file has none'}."
            )
        columns[name] = torch.tensor(values)
    return columns


def asked_of(model: CrystalDenoiser, wishes: Sequence[str]) -> list[float] | None:
    """NAME=VALUE for some of the model's properties as a row with NaN for the others; None where nothing is asked.

    Raises:
        Trouble: A wish is not readable, or the model does not know the property.
    """
    if not wishes:
        return None
    row = dict.fromkeys(model.properties, math.nan)
    for wish in wishes:
        name, _, text = wish.partition("=")
        value = _number(text)
        if not math.isfinite(value):
            raise Trouble(f"--ask must be NAME=VALUE, such as gap=2, received {wish!r}: give a number.")
        if name not in row:
            known = ", ".join(row) or "nothing, for it was trained without --properties"
            raise Trouble(f"--ask must name a property of the model, received {name}: it knows {known}.")
        row[name] = value
    return list(row.values())


def _beside(atoms: Atoms) -> dict[str, object]:
    """ASE moves energies from a file into a calculator."""
    return dict(atoms.info) | (dict(atoms.calc.results) if atoms.calc is not None else {})


def _is_number(value: object) -> bool:
    return math.isfinite(_number(value))


def _number(value: object) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
