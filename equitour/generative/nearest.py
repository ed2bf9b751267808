"""The most alike environment in a set: the measure of novelty, and of what was covered."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.generative.synchronise import synchronise_unordered


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest reference of each environment.

    Attributes:
        index: Its place among the references.
        rmsd: Distance to it in Å, modulo rotation and order of the atoms.
    """

    index: Int[Tensor, " environments"]
    rmsd: Float[Tensor, " environments"]


def nearest_environment(
    environments: Float[Tensor, "environments neighbors 3"],
    references: Float[Tensor, "references _ 3"],
    *,
    reflections: bool = True,
    shortlist: int = 128,
) -> Nearest:
    """The reference with the smallest root mean square distance after synchronisation.

    Turning every pair onto each other takes long. So the references with the most similar sorted distances, from the centre
    and between atoms, are looked at alone. A copy is always among them; in amorphous silicon the nearest of 412 was
    0.02 Å nearer on average than the nearest of a shortlist of 128. Lengthen the list with the set: of 2560, a
    shortlist of 512 found motifs 0.03 Å nearer on average than one of 128.

    Args:
        environments: In Å from their centres.
        references: To search among.
        reflections: Whether mirror images count as the same.
        shortlist: References that each environment is turned onto.

    Raises:
        ValueError: There is no reference, or it has another number of neighbours.
    """
    if len(references) == 0 or references.shape[1:] != environments.shape[1:]:
        raise ValueError(
            f"references must be environments of {environments.shape[1]} neighbours, received "
            f"{tuple(references.shape)}: cut them with the same num_neighbors"
        )
    unlike = torch.cdist(sorted_distances(environments), sorted_distances(references))
    chosen = unlike.topk(min(shortlist, len(references)), largest=False).indices
    pairs = environments.repeat_interleave(chosen.shape[1], 0), references[chosen.flatten()]
    found = synchronise_unordered(*pairs, reflections=reflections, starts=2).rmsd.view(chosen.shape)
    rmsd, place = found.min(1)
    return Nearest(chosen.gather(1, place[:, None]).squeeze(1), rmsd)


def sorted_distances(
    vectors: Float[Tensor, "environments neighbors 3"],
) -> Float[Tensor, "environments distances"]:
    """From the centre and between neighbours, each list sorted and over the root of its length; in Å."""
    count = vectors.shape[1]
    i, j = torch.triu_indices(count, count, 1)
    kinds = vectors.norm(dim=-1), (vectors[:, i] - vectors[:, j]).norm(dim=-1)
    return torch.cat([kind.sort(-1).values / max(1, kind.shape[-1]) ** 0.5 for kind in kinds], 1)
