"""Infilling: some atoms of a motif are known, the others are put where the model says that such a motif has them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.generative.motif_diffusion import MotifDenoiser, noise_levels
from equitour.generative.synchronise import Synchronised, synchronise_unordered
from equitour.generative.vae import MotifVAE

STARTS = 2


@dataclass(frozen=True, eq=False)
class Infilled:
    """Answers to each question, as many as tries.

    Attributes:
        vectors: The atoms that were missing, in the frame of the known ones, in Å from the centre.
        misfit: Root mean square distance of the known atoms from where the model would have them, in Å.
    """

    vectors: Float[Tensor, "motifs tries missing 3"]
    misfit: Float[Tensor, "motifs tries"]

    def agreed(self, radius: float = 0.3) -> tuple[Float[Tensor, "motifs 3"], Float[Tensor, " motifs"]]:
        """The place of an atom on which most tries agree within a radius (Å), and the share of tries that do.

        The share says how often the model expects to be right, a little too proudly: the tries that chose the place are
        counted again. Who wants it fair chooses with one half of the tries and counts in the other.
        """
        tries = self.vectors.shape[1]
        points = self.vectors.flatten(1, 2)
        near = torch.cdist(points, points) < radius
        # A try counts once, also where two of its atoms lie near.
        agree = near.unflatten(2, (tries, -1)).any(-1).double().mean(-1)
        share, best = agree.max(1)
        return points[torch.arange(len(points)), best], share


def infill(
    model: MotifDenoiser,
    known: Float[Tensor, "motifs known 3"],
    *,
    tries: int = 16,
    steps: int = 30,
    generator: torch.Generator | None = None,
) -> Infilled:
    """Missing atoms from noise: the denoiser's way to a motif, with the known atoms put in at every noise level.

    At each level the clean motif that the denoiser sees is laid on the known atoms; those replace their partners, the others
    stay as they were seen. So the known atoms pull the motif, its pose and its order into place while it forms.

    All of the noise is drawn anew at each level, about the mean clean motif; that finds likely answers, and favours the middle of
    what is possible more than a fair draw would.

    Args:
        model: A trained denoiser.
        known: At least two atoms of each motif, in Å from its centre.
        tries: Independent answers to each.
        steps: Noise levels.
        generator: Of the noise.

    Raises:
        ValueError: There are fewer than two known atoms, or nothing is missing.
    """
    _require_missing(known, model.settings["num_neighbors"])
    fixed = known.to(model.reference).repeat_interleave(tries, 0)
    levels = noise_levels(steps).to(model.reference)

    def noise() -> Tensor:
        return torch.randn(len(fixed), 3 * model.settings["num_neighbors"], generator=generator).to(fixed)

    with torch.no_grad():
        x = levels[0] * noise()
        for sigma, lower in itertools.pairwise(levels):
            seen = model.vectors_of(model(x, sigma.expand(len(x))))
            clean = model.rows_of(_put_in(seen, fixed))
            # Noise drawn anew forgets the errors of early, blurred poses.
            x = clean + lower * noise()
        return _answers(seen, fixed, tries)


def infill_by_latent(
    model: MotifVAE,
    known: Float[Tensor, "motifs known 3"],
    *,
    tries: int = 16,
    steps: int = 60,
    learning_rate: float = 0.15,
    prior: float = 0.02,
    generator: torch.Generator | None = None,
) -> Infilled:
    """Missing atoms by search: latent numbers z, from noise, moved until the decoded motif holds the known atoms.

    min_z min_{Q,π} Σ_i |Q r_π(i)(z) − r_i|² + prior |z|² with Adam: the first term keeps the known atoms, in whatever frame and
    order, the second keeps z where motifs lie. At the best Q and π the gradient does not feel them, so they stand still
    during a step.

    Args:
        model: A trained autoencoder.
        known: At least two atoms of each motif, in Å from its centre.
        tries: Independent starts.
        steps: Of Adam.
        learning_rate: Of z.
        prior: Weight of |z|², in Å².
        generator: Of the starts.

    Raises:
        ValueError: There are fewer than two known atoms, or nothing is missing.
    """
    _require_missing(known, model.settings["num_neighbors"])
    fixed = known.to(next(model.parameters())).repeat_interleave(tries, 0)
    start = torch.randn(len(fixed), model.settings["latent"], generator=generator)
    latent = start.to(fixed).requires_grad_()
    optimizer = torch.optim.Adam([latent], lr=learning_rate)
    for _ in range(steps):
        vectors = model.decode(latent).vectors
        away = _partners(vectors, _laid(vectors, fixed)) - fixed
        loss = away.square().sum() + prior * latent.square().sum()
        optimizer.zero_grad()
        loss.backward(inputs=[latent])
        optimizer.step()
    with torch.no_grad():
        return _answers(model.decode(latent).vectors, fixed, tries)


def _laid(vectors: Tensor, fixed: Tensor) -> Synchronised:
    """How decoded motifs lie on the known atoms; not differentiated."""
    return synchronise_unordered(vectors.detach(), fixed, starts=STARTS)


def _partners(vectors: Tensor, laid: Synchronised) -> Tensor:
    """The atoms of motifs that stand for the known ones, turned into their frame."""
    places = laid.permutation.unsqueeze(-1).expand(-1, -1, 3)
    return vectors.gather(1, places) @ laid.rotation.mT


def _put_in(vectors: Tensor, fixed: Tensor) -> Tensor:
    """Motifs with the known atoms in the place of their partners."""
    laid = _laid(vectors, fixed)
    places = laid.permutation.unsqueeze(-1).expand(-1, -1, 3)
    return vectors.scatter(1, places, fixed @ laid.rotation)


def _answers(vectors: Tensor, fixed: Tensor, tries: int) -> Infilled:
    laid = _laid(vectors, fixed)
    free = torch.ones(vectors.shape[:2], dtype=torch.bool, device=fixed.device)
    free.scatter_(1, laid.permutation, False)
    missing = (vectors @ laid.rotation.mT)[free]
    return Infilled(missing.view(-1, tries, vectors.shape[1] - fixed.shape[1], 3), laid.rmsd.view(-1, tries))


def _require_missing(known: Tensor, total: int) -> None:
    if not 2 <= known.shape[1] < total:
        raise ValueError(
            f"infilling must start from at least 2 and at most {total - 1} known atoms, received {known.shape[1]}: the model "
            f"knows motifs of {total}"
        )
