"""Making new structures: environments as Gram matrices, their comparison, and models that generate them."""

from equitour.generative.environments import Environments, environments
from equitour.generative.gram import (
    GramScale,
    Reconstruction,
    coordinates,
    from_upper_triangle,
    gram_matrix,
    upper_triangle,
)
from equitour.generative.motif_metrics import MotifScores, bond_angles, score_motifs, shortest_distance
from equitour.generative.nearest import Nearest, nearest_environment, sorted_distances
from equitour.generative.synchronise import Synchronised, synchronise, synchronise_unordered

__all__ = [
    "Environments",
    "GramScale",
    "MotifScores",
    "Nearest",
    "Reconstruction",
    "Synchronised",
    "bond_angles",
    "coordinates",
    "environments",
    "from_upper_triangle",
    "gram_matrix",
    "nearest_environment",
    "score_motifs",
    "shortest_distance",
    "sorted_distances",
    "synchronise",
    "synchronise_unordered",
    "upper_triangle",
]
