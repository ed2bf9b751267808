"""Which ABX3 could be a perovskite? Balanced charges, and radii that fit; both from SMACT's tables."""

from functools import cache
from itertools import product

import numpy as np

from equitour.datasets.recipes.bench import physics_code

# Element -> charges that it takes on this site.
A_SITE = {
    "Li": (1,),
    "Na": (1,),
    "K": (1,),
    "Rb": (1,),
    "Cs": (1,),
    "Ag": (1,),
    "Tl": (1,),
    "Mg": (2,),
    "Ca": (2,),
    "Sr": (2,),
    "Ba": (2,),
    "Pb": (2,),
    "Sn": (2,),
    "Y": (3,),
}
B_SITE = {
    "Li": (1,),
    "Mg": (2,),
    "Ca": (2,),
    "Sr": (2,),
    "Zn": (2,),
    "Cd": (2,),
    "Pb": (2, 4),
    "Sn": (2, 4),
    "Ge": (2, 4),
    "Al": (3,),
    "Ga": (3,),
    "In": (3,),
    "Sc": (3,),
    "Y": (3,),
    "Ti": (4,),
    "Zr": (4,),
    "Hf": (4,),
    "Si": (4,),
    "V": (5,),
    "Nb": (5,),
    "Ta": (5,),
    "W": (6,),
    "Mo": (6,),
}
# Elements that came later: their crystals stand behind all others, so that the earlier keep their places.
A_LATER = {"Cd": (2,), "Hg": (2,), "Bi": (3,)}
B_LATER = {"Na": (1,), "Ag": (1,), "Ba": (2,), "Hg": (2,), "Sb": (3, 5), "Bi": (3, 5)}
X_SITE = {"O": -2, "F": -1, "Cl": -1, "Br": -1, "I": -1, "S": -2, "Se": -2, "N": -3}
NITRIDE = 1.32  # Å, a radius that SMACT's table lacks.


def radius(symbol: str, charge: int, neighbours: int) -> float:
    """Shannon's crystal radius in Å, or the mean over coordinations where the table has no entry."""
    smact = physics_code("smact")
    if symbol == "N":
        return NITRIDE
    species = smact.Species(symbol, charge, neighbours)
    return species.shannon_radius or species.average_shannon_radius or np.nan


@cache
def candidates() -> dict[str, tuple[str, str, str, float]]:
    """Formula -> A, B, X and Goldschmidt's factor, for every balanced composition that fits."""
    found = {}
    a_site, b_site = A_SITE | A_LATER, B_SITE | B_LATER
    for (a, a_charges), (b, b_charges), (x, charge) in product(
        a_site.items(), b_site.items(), X_SITE.items()
    ):
        for a_charge, b_charge in product(a_charges, b_charges):
            if a != b and a_charge + b_charge + 3 * charge == 0:
                ra, rb, rx = radius(a, a_charge, 12), radius(b, b_charge, 6), radius(x, charge, 6)
                factor = (ra + rx) / (np.sqrt(2) * (rb + rx))
                if 0.75 < factor < 1.1:
                    found[f"{a}{b}{x}3"] = (a, b, x, round(float(factor), 4))
    return found


def in_order(seed: int) -> list[str]:
    """All candidates in an order drawn once, so that a part is a fair part; those with later elements come last."""
    chance = np.random.default_rng(seed)
    later = {key: a in A_LATER or b in B_LATER for key, (a, b, _, _) in candidates().items()}
    groups = (sorted(key for key in later if later[key] is late) for late in (False, True))
    return [str(key) for group in groups for key in chance.permutation(group)]
