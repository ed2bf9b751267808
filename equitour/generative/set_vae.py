"""An autoencoder that does not know of an order at all: sums over atoms go in, and the loss finds the partners."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative.environments import Environments
from equitour.generative.gram import Reconstruction
from equitour.generative.learnt import learnt_vectors
from equitour.generative.synchronise import synchronise_unordered
from equitour.generative.vae import MotifVAE

STARTS = 2


class PairSum(nn.Module):
    """ρ(Σ_ij φ(r_i², r_j², r_i · r_j)): of any function of a set of vectors that rotations leave alone (Zaheer et al., 2017).

    φ is made symmetric by giving it the sum and the product of the two squares.
    """

    def __init__(self, channels: int, answers: int) -> None:
        super().__init__()
        self.pair = nn.Sequential(nn.Linear(3, channels), nn.SiLU(), nn.Linear(channels, channels), nn.SiLU())
        self.whole = nn.Sequential(nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, answers))

    def forward(self, rows: Float[Tensor, "motifs coordinates"]) -> Float[Tensor, "motifs answers"]:
        """From the coordinates of all atoms, in any frame and order."""
        vectors = rows.unflatten(-1, (-1, 3))
        gram = vectors @ vectors.mT
        squares = gram.diagonal(dim1=-2, dim2=-1)
        one, other = squares.unsqueeze(-1), squares.unsqueeze(-2)
        pairs = self.pair(torch.stack([(one + other) / 2, one * other, gram], -1))
        return self.whole(pairs.mean((1, 2)))


class SetVAE(MotifVAE):
    """Any order and any frame → μ and σ of few numbers → atoms in an order and a frame of the network's own.

    What comes out is compared with what went in after the best rotation and the best assignment, sought anew at every step of
    training. That is the honest loss, and a dear one: an assignment problem for every motif.

    Args:
        deviation: Root mean square coordinate of the motifs, in Å: the unit of the rows.
        elements: Atomic numbers that occur in the motifs.
        num_neighbors: n.
        hidden: Widths of the decoder's layers, from the atoms back to the latent numbers; the first is the encoder's too.
        latent: Numbers that a motif is pressed into.
    """

    def __init__(
        self,
        deviation: float | Tensor = 1.0,
        *,
        elements: Sequence[int],
        num_neighbors: int = 8,
        hidden: Sequence[int] = (128, 128),
        latent: int = 8,
    ) -> None:
        super().__init__(
            elements,
            num_neighbors,
            width=3 * num_neighbors,
            hidden=hidden,
            latent=latent,
            activation=nn.SiLU,
        )
        self.encoder = PairSum(self.settings["hidden"][0], 2 * latent)
        self.register_buffer("deviation", torch.as_tensor(deviation, dtype=torch.get_default_dtype()))

    @classmethod
    def of(cls, motifs: Float[Tensor, "motifs neighbors 3"], **settings: object) -> SetVAE:
        """A network with fresh weights, scaled for these motifs (Å)."""
        return cls(motifs.square().mean().sqrt(), num_neighbors=motifs.shape[1], **settings)

    def entries(self, motifs: Environments | Tensor) -> Float[Tensor, "motifs entries"]:
        """Coordinates of motifs, or of their vectors in Å, scaled.

        Raises:
            ValueError: The number of neighbours is another, or an element was not among those learnt.
        """
        return (learnt_vectors(motifs, self.settings, self.deviation) / self.deviation).flatten(1)

    def vectors_of(self, entries: Float[Tensor, "motifs entries"]) -> Reconstruction:
        """Atoms in Å; their `error` is zero, since coordinates are three-dimensional."""
        return Reconstruction(
            entries.unflatten(-1, (-1, 3)) * self.deviation, torch.zeros_like(entries[..., 0])
        )

    def mismatch(
        self, found: Float[Tensor, "motifs entries"], entries: Float[Tensor, "motifs entries"]
    ) -> Float[Tensor, " motifs"]:
        """min over rotations, mirrors and orders of |y − x|²."""
        moving, fixed = (rows.unflatten(-1, (-1, 3)) for rows in (found, entries))
        with torch.no_grad():
            laid = synchronise_unordered(moving, fixed, starts=STARTS)
        # At the best turn and order the gradient does not feel them.
        partners = moving.gather(1, laid.permutation.unsqueeze(-1).expand(-1, -1, 3)) @ laid.rotation.mT
        return (partners - fixed).square().sum((1, 2))
