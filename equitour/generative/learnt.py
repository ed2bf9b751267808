"""What a model of motifs has learnt, and the refusal of anything else."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from equitour.generative.environments import Environments


def learnt_vectors(
    motifs: Environments | Tensor, settings: Mapping, like: Tensor
) -> Float[Tensor, "motifs neighbors 3"]:
    """The vectors of motifs, in the precision of a model and where its weights are.

    Args:
        motifs: Or their vectors, in Å.
        settings: Of the model: its `elements` and `num_neighbors`.
        like: One of the model's weights.

    Raises:
        ValueError: The number of neighbours is another, or an element was not among those learnt.
    """
    if isinstance(motifs, Environments):
        require_learnt([*motifs.center_numbers.tolist(), *motifs.atomic_numbers.flatten().tolist()], settings)
        motifs = motifs.vectors
    if motifs.shape[1] != settings["num_neighbors"]:
        raise ValueError(
            f"motifs must have {settings['num_neighbors']} neighbours for this network, received {motifs.shape[1]}: cut "
            f"them with num_neighbors={settings['num_neighbors']}"
        )
    return motifs.to(like)


def require_learnt(atomic_numbers: list[int], settings: Mapping) -> None:
    """Refuse elements that the model has not seen.

    Raises:
        ValueError: There are some.
    """
    strange = sorted(set(atomic_numbers) - set(settings["elements"]))
    if strange:
        raise ValueError(
            f"motifs must hold elements that the network has learnt ({settings['elements']}), received atomic numbers "
            f"{strange}: train a network on this material"
        )
