"""Batches of noisy crystals, and the loss that a denoiser learns from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative.crystal.crystals import Crystals
from equitour.generative.crystal.lattice import LatticeScale
from equitour.generative.crystal.noise import Noisy, add_noise, hidden_share, lattice_shares, torus_sigma
from equitour.generative.crystal.torus import score_size

# Share of crystals whose elements are all told, and of those with a rate of hiding of their own: a model that has seen both
# answers to a composition and fills in single elements, besides making everything from noise.
TOLD, APART = 0.1, 0.2
# Share of crystals of which no property is told, and of those told anything the share of each property that is left out: one network
# learns to generate freely, to answer to all properties, and to any one of them.
FREE, LEFT_OUT = 0.2, 0.2


class NoisyBatches:
    """Endless batches of noisy crystals, each epoch in a new order; order and noise are one state, so that training resumes exactly.

    Args:
        crystals: Clean.
        scale: Of their lattices.
        batch_size: Crystals in a batch.
        condition: Properties of each that the model may be asked for, in the order of `properties`; NaN where one is not known.
        generator: Of order, times and noise.
    """

    def __init__(
        self,
        crystals: Crystals,
        *,
        scale: LatticeScale,
        batch_size: int = 128,
        condition: Float[Tensor, "crystals properties"] | None = None,
        generator: torch.Generator,
    ) -> None:
        self.crystals, self.scale, self.batch_size = crystals, scale, min(batch_size, crystals.num_crystals)
        self.condition, self.generator = condition, generator
        self.position, self.order = 0, torch.empty(0, dtype=torch.long)

    def __iter__(self) -> Iterator[Noisy]:
        while True:
            if self.position + self.batch_size > len(self.order):
                self.order = torch.randperm(self.crystals.num_crystals, generator=self.generator)
                self.position = 0
            chosen = self.order[self.position : self.position + self.batch_size]
            self.position += self.batch_size
            yield self._noisy(chosen)

    def _noisy(self, chosen: Tensor) -> Noisy:
        count = len(chosen)
        t = self._times(count)
        kind = torch.rand(count, generator=self.generator)
        own = torch.rand(count, generator=self.generator)
        hiding = torch.where(kind < TOLD, 0.0, torch.where(kind < TOLD + APART, own, hidden_share(t)))
        noisy = add_noise(self.crystals.select(chosen), t, hiding, scale=self.scale, generator=self.generator)
        if self.condition is None:
            return noisy
        return dataclasses.replace(noisy, condition=self._partly_told(self.condition[chosen]))

    def _partly_told(self, condition: Tensor) -> Tensor:
        free = torch.rand(len(condition), 1, generator=self.generator) < FREE
        left_out = torch.rand(condition.shape, generator=self.generator) < LEFT_OUT
        return condition.masked_fill(free | left_out, torch.nan)

    def _times(self, count: int) -> Tensor:
        """Spread evenly over (0, 1] but for one draw, which makes the loss less noisy than independent times."""
        start = torch.rand(1, generator=self.generator)
        even = (torch.arange(count) / count + start) % 1.0
        return even[torch.randperm(count, generator=self.generator)]

    def state_dict(self) -> dict:
        """Everything that decides which batches come next."""
        return {"position": self.position, "order": self.order, "generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping) -> None:
        """Go on where the state was taken.

        Raises:
            ValueError: The state belongs to another number of crystals.
        """
        if len(state["order"]) not in (0, self.crystals.num_crystals):
            raise ValueError(
                f"training must go on with the same data, received {self.crystals.num_crystals} crystals where there "
                f"were {len(state['order'])}: give the same file, or begin anew"
            )
        self.position, self.order = state["position"], state["order"].clone()
        self.generator.set_state(state["generator"])


def crystal_loss(denoiser: nn.Module, noisy: Noisy) -> dict[str, Tensor]:
    """Mean squared error of score and lattice's velocity, and the cross entropy of the hidden elements.

    Scores count in units of 1/σ, as in the prediction of noise: near the uniform end there is little to be learnt, and noise to be
    averaged only. A denoiser that knows nothing has a loss near 1 for lattice, less for score, and ln(elements) for elements.
    """
    answer = denoiser(noisy.crystals, noisy.t, noisy.condition)
    _, sigma = lattice_shares(noisy.t[:, None])
    miss = (answer.lattice - noisy.lattice) / sigma.clamp_min(1e-2)
    width = torus_sigma(noisy.t)
    weight = (width * score_size(width)).square()
    hidden = noisy.crystals.atomic_numbers == 0
    entropy = nn.functional.cross_entropy(
        answer.logits[hidden], denoiser.elements.classes(noisy.elements[hidden]), reduction="sum"
    )
    return {
        "score": (weight[noisy.crystals.batch][:, None] * (answer.score - noisy.score).square()).mean(),
        "lattice": miss.square().mean(),
        "elements": entropy / hidden.sum().clamp_min(1),
    }
