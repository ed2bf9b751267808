"""What is known of each element: oxidation states, electronegativity, the 22 properties of Magpie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from ase.data import chemical_symbols


@dataclass(frozen=True)
class ElementTables:
    """Columns by atomic number (row 0 is no element); where the numbers come from stands in the file itself.

    Attributes:
        oxidation_states: Those that an element is known to take; none for helium, neon and argon.
        pauling: Electronegativity of Pauling's scale, None where nobody has one.
        metal: Whether an element counts as a metal in an alloy.
        properties: Names of the columns of ``magpie``.
        magpie: (119, 22), nan where a property is unknown.
        means: (132,) of the features of the set on which the published scale was taken.
        deviations: (132,), likewise.
    """

    oxidation_states: tuple[tuple[int, ...], ...]
    pauling: tuple[float | None, ...]
    metal: tuple[bool, ...]
    properties: tuple[str, ...]
    magpie: np.ndarray
    means: np.ndarray
    deviations: np.ndarray


@cache
def element_tables() -> ElementTables:
    """The tables that ship with the package; read once."""
    raw = json.loads(
        files("equitour.generative.crystal_metrics").joinpath("elements.json").read_text("utf-8")
    )
    unknown = {
        "oxidation_states": [],
        "pauling": None,
        "metal": False,
        "magpie": [None] * len(raw["properties"]),
    }
    rows = [raw["elements"].get(symbol, unknown) for symbol in chemical_symbols]
    return ElementTables(
        oxidation_states=tuple(tuple(row["oxidation_states"]) for row in rows),
        pauling=tuple(row["pauling"] for row in rows),
        metal=tuple(row["metal"] for row in rows),
        properties=tuple(raw["properties"]),
        magpie=np.array([row["magpie"] for row in rows], dtype=np.float64),
        means=np.array(raw["means"]),
        deviations=np.array(raw["deviations"]),
    )
