"""Classifier-free guidance: one network that knows a condition and can forget it, and a step beyond the difference.

Ho and Salimans (2021) follow ε̃ = ε̂(nothing) + w (ε̂(condition) − ε̂(nothing)). With w = 1 that is the conditional density; a larger
w goes where the condition is plainest. It does not draw from p(x|c)^w p(x)^{1−w}, though the score is that density's at t = 0:
blurring does not commute with powers.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from equitour.generative.diffusion.prediction import Predictor

UNTOLD = -1  # the label of a row whose class the network is not told


def guided(
    conditional: Predictor, unconditional: Predictor, *, scale: float | Float[Tensor, " rows"]
) -> Predictor:
    """A predictor that says w times what the one says and 1 − w times what the other says.

    Predictions of the same kind at the same x and t may be mixed so, whichever kind it is: they all are ε̂ with the same factors.

    Args:
        conditional: Told the condition, such as `predictor.given(labels)`.
        unconditional: Not told it, such as `predictor.given(torch.tensor(UNTOLD))`.
        scale: w, one for all rows or one for each: 0 forgets the condition, 1 obeys it, more exaggerates. (Ho and Salimans' own w is this less 1.)

    Raises:
        ValueError: The two speak of other kinds, or come from other schedules.
    """
    if conditional.predicts != unconditional.predicts or not _alike(conditional, unconditional):
        raise ValueError(
            "both predictors must predict the same kind with the same schedule, received "
            f"{conditional.predicts} in {conditional.schedule.num_steps} steps and {unconditional.predicts} in "
            f"{unconditional.schedule.num_steps}; take them from one network"
        )

    def mixed(x: Tensor, t: Tensor) -> Tensor:
        told, untold = conditional(x, t), unconditional(x, t)
        w = torch.as_tensor(scale).to(x)
        w = w.view(-1, *[1] * (x.dim() - 1)) if w.dim() else w
        return untold + w * (told - untold)

    return Predictor(mixed, conditional.schedule, conditional.predicts)


def forget(
    condition: Shaped[Tensor, "rows *shape"],
    *,
    probability: float = 0.1,
    untold: float = UNTOLD,
    generator: torch.Generator | None = None,
) -> Shaped[Tensor, "rows *shape"]:
    """The conditions of a batch with some rows replaced by `untold`, so that a network learns to do without.

    Raises:
        ValueError: The probability is none.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"the probability to forget must lie between 0 and 1, received {probability:.4g}")
    lost = torch.rand(len(condition), generator=generator).to(condition.device) < probability
    return torch.where(lost.view(-1, *[1] * (condition.dim() - 1)), condition.new_tensor(untold), condition)


def _alike(one: Predictor, other: Predictor) -> bool:
    return one.schedule is other.schedule or torch.equal(one.schedule.beta, other.schedule.beta)
