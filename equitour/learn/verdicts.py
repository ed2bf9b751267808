"""How good motifs of silicon are that were made: possible or not, their angles, and how near to a learnt one (lesson 502)."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from scipy.stats import wasserstein_distance
from torch import Tensor

from equitour.generative import bond_angles, nearest_environment, shortest_distance

BOND = 2.85  # Å: where a bond of silicon ends.
NEAREST = 2.0  # Å: nearer than that, two atoms of silicon overlap.


def possible(vectors: Float[Tensor, "motifs neighbors 3"]) -> float:
    """Share of motifs of silicon in which no two atoms are nearer than 2.0 Å."""
    return (shortest_distance(vectors) >= NEAREST).double().mean().item()


def possible_ways(frames: Float[Tensor, "steps pairs neighbors 3"]) -> float:
    """Share of ways on which every step is a possible motif."""
    gaps = torch.stack([shortest_distance(step) for step in frames])
    return (gaps.amin(0) >= NEAREST).double().mean().item()


def score(
    made: Float[Tensor, "motifs 8 3"], real: Float[Tensor, "others 8 3"], learnt: Float[Tensor, "known 8 3"]
) -> tuple[float, float, float]:
    """How good motifs are that were made.

    Args:
        made: To be judged, 60 at least.
        real: Motifs that no network has seen.
        learnt: Motifs that might have been copied.

    Returns:
        Share possible; Wasserstein distance of bond angles from the real ones, in degrees; median distance from the
        most alike learnt motif, in Å.
    """
    angles = (bond_angles(v, cutoff=BOND).tolist() for v in (made, real))
    near = nearest_environment(made[-60:], learnt).rmsd.median()
    return possible(made), float(wasserstein_distance(*angles)), float(near)


def table(scores: Mapping[str, Sequence[float]]) -> str:
    """Kinds of motifs: share possible, angles off (degrees), distance from the nearest learnt one (Å)."""
    lines = [f"{'':20} possible  angles off  nearest learnt"]
    lines += [
        f"{name:20} {valid:8.0%}  {off:8.2f} °  {near:12.2f} Å" for name, (valid, off, near) in scores.items()
    ]
    return "\n".join(lines)
