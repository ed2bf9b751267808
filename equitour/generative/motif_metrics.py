"""How good are generated motifs? Valid, distributed as the real ones are, covering them, and not copied."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy.stats import wasserstein_distance
from torch import Tensor

from equitour.generative.nearest import nearest_environment


@dataclass(frozen=True)
class MotifScores:
    """What `score_motifs` found.

    Attributes:
        valid: Share of motifs in which no two atoms come too near to each other.
        distances: Wasserstein distance of the lengths from the centre, in Å.
        angles: Wasserstein distance of the angles at the centre, in degrees.
        coverage: Share of held-out motifs with a generated one nearby.
        novelty: Median distance from the nearest motif of the training set, in Å; nearly zero is a copy.
        novelty_of_real: The same for held-out motifs: what a new but real motif has.
    """

    valid: float
    distances: float
    angles: float
    coverage: float
    novelty: float
    novelty_of_real: float


def shortest_distance(
    vectors: Float[Tensor, "environments neighbors 3"],
) -> Float[Tensor, " environments"]:
    """Between any two atoms of each environment, its centre among them; in Å."""
    atoms = torch.cat([torch.zeros_like(vectors[:, :1]), vectors], 1)
    row, column = torch.triu_indices(atoms.shape[1], atoms.shape[1], 1)
    return (atoms[:, row] - atoms[:, column]).norm(dim=-1).amin(-1)


def bond_angles(
    vectors: Float[Tensor, "environments neighbors 3"], *, cutoff: float = float("inf")
) -> Float[Tensor, " angles"]:
    """Angles at the centres, in degrees, between all pairs of neighbours within the cutoff (Å)."""
    i, j = torch.triu_indices(vectors.shape[1], vectors.shape[1], 1)
    a, b = vectors[:, i], vectors[:, j]
    bonded = (a.norm(dim=-1) < cutoff) & (b.norm(dim=-1) < cutoff)
    across = torch.linalg.cross(a, b).norm(dim=-1)
    return torch.rad2deg(torch.atan2(across, (a * b).sum(-1)))[bonded]


def score_motifs(
    generated: Float[Tensor, "generated neighbors 3"],
    *,
    held_out: Float[Tensor, "held_out neighbors 3"],
    training: Float[Tensor, "training neighbors 3"],
    min_distance: float,
    bond_cutoff: float = float("inf"),
    radius: float = 0.3,
) -> MotifScores:
    """Compare generated motifs with a held-out sample, and with the training set that they must not copy.

    Args:
        generated: Vectors from the centre, in Å.
        held_out: Real motifs that the model has not seen.
        training: Those that it has.
        min_distance: Two atoms nearer than that, in Å, overlap.
        bond_cutoff: Of the neighbours whose angles are compared, in Å.
        radius: A held-out motif is covered by a generated one within so many Å.

    Raises:
        ValueError: The sets have different numbers of neighbours, or one of them is empty.
    """
    lengths = [vectors.norm(dim=-1).flatten().tolist() for vectors in (generated, held_out)]
    angles = [bond_angles(vectors, cutoff=bond_cutoff).tolist() for vectors in (generated, held_out)]
    covered = nearest_environment(held_out, generated).rmsd < radius
    return MotifScores(
        valid=float((shortest_distance(generated) >= min_distance).double().mean()),
        distances=float(wasserstein_distance(*lengths)),
        angles=float(wasserstein_distance(*angles)),
        coverage=float(covered.double().mean()),
        novelty=float(nearest_environment(generated, training).rmsd.median()),
        novelty_of_real=float(nearest_environment(held_out, training).rmsd.median()),
    )
