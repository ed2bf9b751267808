"""How much of the reference do the generated crystals reach, and how many of them are near any of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

# Cutoffs of CDVAE's scripts/compute_metrics.py for its three benchmarks.
CUTOFFS = {"perov": (0.2, 4.0), "carbon": (0.2, 4.0), "mp20": (0.4, 10.0)}


@dataclass(frozen=True)
class Coverage:
    """Shares in [0, 1].

    Attributes:
        recall: Of the reference crystals that have a generated one near.
        precision: Of the generated crystals that have a reference one near.
    """

    recall: float
    precision: float


def coverage(
    generated: Sequence[tuple[np.ndarray, np.ndarray] | None],
    reference: Sequence[tuple[np.ndarray, np.ndarray] | None],
    *,
    structure_cutoff: float,
    composition_cutoff: float,
) -> Coverage:
    """Recall and precision of a set of crystals against another, by fingerprints.

    A crystal is near when its nearest neighbour in structure lies within one cutoff and its nearest neighbour in composition
    within the other; as published, the two need not be the same crystal. Generated crystals without a fingerprint cover
    nothing and count in the precision's denominator; reference ones without are left out.

    Args:
        generated: (structure, composition) fingerprints, or None.
        reference: The same of the crystals to be reached.
        structure_cutoff: Largest Euclidean distance of structure fingerprints.
        composition_cutoff: The same of compositions.

    Raises:
        ValueError: No generated or no reference crystal has a fingerprint.

    Source:
        Ganea et al., GeoMol, NeurIPS 2021; Xie et al., ICLR 2022.
    """
    made, known = [[pair for pair in side if pair is not None] for side in (generated, reference)]
    if not made or not known:
        side = "generated" if not made else "reference"
        raise ValueError(
            f"coverage must be of crystals with fingerprints, received no {side} one: check their cells"
        )
    near = [cdist([pair[kind] for pair in made], [pair[kind] for pair in known]) for kind in (0, 1)]
    cutoffs = (structure_cutoff, composition_cutoff)
    reached, placed = (
        np.logical_and(*(d.min(axis=axis) <= cutoff for d, cutoff in zip(near, cutoffs, strict=True)))
        for axis in (0, 1)
    )
    return Coverage(recall=float(reached.mean()), precision=float(placed.sum() / len(generated)))
