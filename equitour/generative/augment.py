"""More motifs from the same sample: each atom's surroundings, cut with a less sharp edge."""

import torch
from jaxtyping import Float
from torch import Tensor

FADE = 3.0


def vary_neighbors(
    vectors: Float[Tensor, "motifs more 3"],
    *,
    num_neighbors: int,
    kept: int,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "motifs num_neighbors 3"]:
    """The nearest `kept` neighbours of each motif, and others drawn from those that follow.

    Where the eighth neighbour ends and the ninth begins is chance: which of them is a little nearer. So a motif with the
    ninth in the eighth's place is as real as the motif itself, and teaches a network as much. A neighbour's chance falls as
    exp(-rank / 3).

    Args:
        vectors: Of more neighbours than are wanted, the nearest first, in Å.
        num_neighbors: n, of which the motifs shall be.
        kept: Nearest ones that stay; a bonded shell, say.

    Raises:
        ValueError: kept ≤ n ≤ more does not hold.
    """
    more = vectors.shape[1]
    if not 0 <= kept <= num_neighbors <= more:
        raise ValueError(
            f"neighbours must be drawn from more than are kept, received {kept} kept, {num_neighbors} wanted and {more} "
            "there: cut motifs with a larger num_neighbors"
        )
    if kept == num_neighbors:
        return vectors[:, :kept]
    chance = torch.exp(-torch.arange(more - kept, dtype=torch.float64) / FADE)
    drawn = torch.multinomial(
        chance.expand(len(vectors), -1), num_neighbors - kept, generator=generator
    ).sort(1)
    places = torch.cat([torch.arange(kept).expand(len(vectors), -1), kept + drawn.values], 1)
    return vectors.gather(1, places.to(vectors.device).unsqueeze(-1).expand(-1, -1, 3))
