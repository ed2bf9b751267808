"""A crystal as two points: what surrounds its atoms, and what it is made of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache

import numpy as np
from ase import Atoms
from jaxtyping import Float, Int

from equitour.generative.crystal_metrics.element_tables import element_tables
from equitour.generative.crystal_metrics.optional import require_pymatgen, to_pymatgen

# Shapes that are asked of each coordination number. Zimmermann and Jain, RSC Adv. 10, 6063 (2020); the list is that of
# matminer's preset "ops".
SHAPES = {
    1: ("sgl_bd",),
    2: ("L-shaped", "water-like", "bent 120 degrees", "bent 150 degrees", "linear"),
    3: ("trigonal planar", "trigonal non-coplanar", "T-shaped"),
    4: ("square co-planar", "tetrahedral", "rectangular see-saw-like", "see-saw-like", "trigonal pyramidal"),
    5: ("pentagonal planar", "square pyramidal", "trigonal bipyramidal"),
    6: ("hexagonal planar", "octahedral", "pentagonal pyramidal"),
    7: ("hexagonal pyramidal", "pentagonal bipyramidal"),
    8: ("body-centered cubic", "hexagonal bipyramidal"),
    9: ("q2", "q4", "q6"),
    10: ("q2", "q4", "q6"),
    11: ("q2", "q4", "q6"),
    12: ("cuboctahedral", "q2", "q4", "q6"),
}
LARGEST = 24  # Coordination numbers beyond 12 are weighed, without a shape.
LENGTH = LARGEST + sum(len(shapes) for shapes in SHAPES.values())


def structure_fingerprint(atoms: Atoms) -> Float[np.ndarray, " features"] | None:
    """The mean over sites of how likely each coordination number is, and how much it looks like each of its shapes.

    CrystalNN weighs the faces of a site's Voronoi cell and gives every coordination number a probability w; each shape s of
    that number contributes w · q_s, q_s in [0, 1] an order parameter.

    Returns:
        61 features, or None where the neighbours cannot be found (a cell too flat or too crowded).

    Raises:
        ImportError: pymatgen is not installed.

    Source:
        Pan et al., Inorg. Chem. 60, 1590 (2021); Zimmermann and Jain, RSC Adv. 10, 6063 (2020).
    """
    require_pymatgen("a structure fingerprint")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = to_pymatgen(atoms)
            return np.mean([_of_site(structure, site) for site in range(len(structure))], axis=0)
    except (
        Exception
    ):  # pymatgen fails in many ways on impossible cells; the published codes count all of them the same.
        return None


def _of_site(structure, site: int) -> Float[np.ndarray, " features"]:
    found = _neighbor_finder().get_nn_data(structure, site)
    features = []
    for number in range(1, LARGEST + 1):
        weight = found.cn_weights.get(number, 0)
        features.append(weight)
        if weight == 0:
            features += [0.0] * len(SHAPES.get(number, ()))
            continue
        around = [structure[site], *(neighbor["site"] for neighbor in found.cn_nninfo[number])]
        neighbors = list(range(1, len(around)))
        for parameter in _order_parameters(number):
            likeness = parameter.get_order_parameters(around, 0, indices_neighs=neighbors)[0]
            features.append(weight * (likeness or 0.0))
    return np.array(features, dtype=np.float64)


@cache
def _neighbor_finder():
    from pymatgen.analysis.local_env import CrystalNN

    return CrystalNN()


@cache
def _order_parameters(number: int) -> list:
    """One calculator for each shape: asked for several at once, pymatgen gives some of them other values."""
    from pymatgen.analysis.local_env import CN_OPT_PARAMS, LocalStructOrderParams

    known = CN_OPT_PARAMS.get(number, {})
    named = [known.get(shape, [shape]) for shape in SHAPES.get(number, ())]
    return [
        LocalStructOrderParams([entry[0]], parameters=[dict(entry[1]) if len(entry) > 1 else None])
        for entry in named
    ]


def composition_fingerprint(
    atomic_numbers: Sequence[int] | Int[np.ndarray, " nodes"],
) -> Float[np.ndarray, " features"]:
    """Least, most, range, mean, mean deviation and mode of 22 properties of the elements, standardised.

    The mode is the property of the most frequent element, the least of them when several are. A property that an element
    lacks makes all six unknown; they count as average, 0.

    Args:
        atomic_numbers: Of all atoms of the cell, in any order.

    Returns:
        132 features, standardised with CDVAE's means and deviations.

    Source:
        Ward et al., npj Comput. Mater. 2, 16028 (2016); Xie et al., ICLR 2022.
    """
    tables = element_tables()
    elements, counts = np.unique(np.asarray(atomic_numbers, dtype=int), return_counts=True)
    values = tables.magpie[elements]  # (elements, properties)
    values = np.where(np.isnan(values).any(axis=0), np.nan, values)
    mean = np.average(values, axis=0, weights=counts)
    deviation = np.average(np.abs(values - mean), axis=0, weights=counts)
    least, most = values.min(axis=0), values.max(axis=0)
    mode = values[counts == counts.max()].min(axis=0)
    features = np.stack([least, most, most - least, mean, deviation, mode], axis=1).ravel()
    return np.nan_to_num((features - tables.means) / tables.deviations, nan=0.0)
