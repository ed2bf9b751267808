"""An autoencoder that synchronises first: every motif is laid on one reference, so that order and rotation are gone."""

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

STARTS = 4


def pose(
    motifs: Float[Tensor, "motifs neighbors 3"],
    reference: Float[Tensor, "neighbors 3"],
    *,
    reflections: bool = True,
) -> Float[Tensor, "motifs neighbors 3"]:
    """Motifs laid on a reference as well as rotations, mirrors and the order of the atoms allow.

    Turned, mirrored or shuffled motifs have the same pose: a canonical form (Kaba et al., ICML 2023). Where two ways to lie
    are equally good, the pose jumps from the one to the other; nothing is without a price.

    Args:
        motifs: In Å from their centres.
        reference: Any motif; `reference_motif` finds one in the middle.
        reflections: Whether mirror images are taken for the same.
    """
    fixed = reference.expand(len(motifs), -1, -1)
    return synchronise_unordered(motifs, fixed, reflections=reflections, starts=STARTS).vectors


def reference_motif(
    motifs: Float[Tensor, "motifs neighbors 3"], *, rounds: int = 4, most: int = 600
) -> Float[Tensor, "neighbors 3"]:
    """The mean of motifs that lie on it: begun with the first motif, found by laying and averaging in turn.

    Args:
        motifs: In Å from their centres.
        rounds: Of laying and averaging.
        most: Motifs that are looked at, from the beginning.
    """
    reference = motifs[0]
    for _ in range(rounds):
        reference = pose(motifs[:most], reference).mean(0)
    return reference


def typical_pose(
    motifs: Float[Tensor, "motifs neighbors 3"],
) -> tuple[Float[Tensor, "neighbors 3"], Float[Tensor, ""]]:
    """The reference of motifs, and how far a posed coordinate deviates from the reference's: root mean square, in Å."""
    reference = reference_motif(motifs)
    return reference, (pose(motifs, reference) - reference).square().mean().sqrt()


def scaled(
    posed: Float[Tensor, "motifs neighbors 3"], reference: Float[Tensor, "neighbors 3"], deviation: Tensor
) -> Float[Tensor, "motifs coordinates"]:
    """Rows of posed coordinates, from those of the reference, in units of the deviation."""
    return ((posed - reference) / deviation).flatten(1)


def unscaled(
    rows: Float[Tensor, "motifs coordinates"], reference: Float[Tensor, "neighbors 3"], deviation: Tensor
) -> Float[Tensor, "motifs neighbors 3"]:
    """Posed atoms in Å, from their rows."""
    return rows.unflatten(-1, (-1, 3)) * deviation + reference


class PosedVAE(MotifVAE):
    """Coordinates of the posed motif → 192 → 192 → μ and σ of few numbers, and the mirror of it back.

    Latent numbers do not change when a motif is turned, mirrored or shuffled; what is decoded is a motif in the pose of the
    reference, three-dimensional from the start.

    Args:
        reference: That motifs are laid on, in Å: `reference_motif` of those to be learnt.
        deviation: Of a posed coordinate from the reference's, in Å.
        elements: Atomic numbers that occur in the motifs.
        num_neighbors: n.
        hidden: Widths of the layers between.
        latent: Numbers that a motif is pressed into.
    """

    def __init__(
        self,
        reference: Float[Tensor, "neighbors 3"],
        deviation: float | Tensor = 1.0,
        *,
        elements: Sequence[int],
        num_neighbors: int = 8,
        hidden: Sequence[int] = (192, 192),
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
        self.register_buffer("reference", torch.as_tensor(reference))
        self.register_buffer("deviation", torch.as_tensor(deviation, dtype=self.reference.dtype))

    @classmethod
    def of(
        cls,
        motifs: Float[Tensor, "motifs neighbors 3"],
        *,
        elements: Sequence[int],
        latent: int = 8,
        hidden: Sequence[int] = (192, 192),
    ) -> PosedVAE:
        """A network with fresh weights, scaled for these motifs (Å)."""
        return cls(
            *typical_pose(motifs),
            elements=elements,
            num_neighbors=motifs.shape[1],
            latent=latent,
            hidden=hidden,
        )

    def entries(self, motifs: Environments | Tensor) -> Float[Tensor, "motifs entries"]:
        """Coordinates of motifs, or of their vectors in Å, when they lie on the reference; scaled.

        Raises:
            ValueError: The number of neighbours is another, or an element was not among those learnt.
        """
        posed = pose(learnt_vectors(motifs, self.settings, self.reference), self.reference)
        return scaled(posed, self.reference, self.deviation)

    def vectors_of(self, entries: Float[Tensor, "motifs entries"]) -> Reconstruction:
        """Posed atoms in Å; their `error` is zero, since coordinates are three-dimensional."""
        vectors = unscaled(entries, self.reference, self.deviation)
        return Reconstruction(vectors, torch.zeros_like(entries[..., 0]))
