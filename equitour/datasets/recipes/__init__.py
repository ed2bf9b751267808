"""How the shipped sets were made: one script a set, run by ``equitour data make NAME``.

Each module has ``make(folder, minutes)``, which reads what is on the shelf and makes what is missing.
"""

import importlib
from collections.abc import Callable

RECIPES = (
    "qm9_small",
    "phonons",
    "phonons_reference",
    "phonon_bands",
    "silicon_amorphous",
    "molecules_response",
    "molecules_vibrations",
    "glass_kob_andersen",
    "molecules_md",
    "forces_check",
    "perovskites",
    "perovskites_check",
    "perovskites_relaxed",
    "barium_titanate",
    "barium_titanate_check",
    "aluminium_phosphide",
    "nmr_shielding",
    "water_and_ice",
    "scattering",
    "exafs",
)


def recipe(name: str) -> Callable:
    """The ``make`` of one recipe.

    Raises:
        ValueError: when no recipe has this name.
    """
    if name not in RECIPES:
        raise ValueError(
            f"The recipe must be one of {', '.join(RECIPES)}, received {name!r}; choose one of these."
        )
    return importlib.import_module(f"equitour.datasets.recipes.{name}").make
