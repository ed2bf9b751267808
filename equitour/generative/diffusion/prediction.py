"""Four names for what a network says of a noisy sample, and the way from each to the others.

With x = α x₀ + σ ε: the clean sample x₀, the noise ε, the velocity v = α ε − σ x₀ (Salimans and Ho, ICLR 2022), and the score,
the gradient of the log density, −ε / σ. The best guess of each, in the mean of squares, gives the best guess of all.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.generative.diffusion.schedule import Schedule

KINDS = ("noise", "clean", "velocity", "score")


def convert(
    value: Float[Tensor, "*shape"],
    x: Float[Tensor, "*shape"],
    t: float | Float[Tensor, "..."],
    schedule: Schedule,
    *,
    given: str,
    wanted: str,
) -> Float[Tensor, "*shape"]:
    """What a prediction of one kind says in the words of another.

    x₀ = (x − σ ε) / α = α x − σ v,  ε = (x − α x₀) / σ = σ x + α v,  score = −ε / σ.

    Args:
        value: The prediction.
        x: The noisy sample that it is about.
        t: One time, or one for each row.
        schedule: With α and σ.
        given: "noise", "clean", "velocity" or "score".
        wanted: One of the same.

    Raises:
        ValueError: An unknown kind, or t = 0 where the answer would be divided by a noise that is not there.
    """
    for kind in (given, wanted):
        known_kind(kind)
    if given == wanted:
        return value
    alpha, sigma = schedule.coefficients(t, x)
    if wanted == "score" or (given == "clean" and wanted in ("noise", "velocity")):
        _noise_must_be_there(sigma, wanted)
    if given == "velocity":
        clean, noise = alpha * x - sigma * value, sigma * x + alpha * value
    elif given == "clean":
        clean, noise = value, (x - alpha * value) / sigma
    else:
        noise = value if given == "noise" else -sigma * value
        clean = (x - sigma * noise) / alpha
    if wanted == "velocity":
        return alpha * noise - sigma * clean
    return {"clean": clean, "noise": noise}[wanted] if wanted != "score" else -noise / sigma


def known_kind(kind: str) -> str:
    """The kind, if it is one of the four.

    Raises:
        ValueError: It is not.
    """
    if kind not in KINDS:
        raise ValueError(f"a prediction must be of noise, clean, velocity or score, received {kind!r}")
    return kind


def _noise_must_be_there(sigma: Tensor, wanted: str) -> None:
    if bool((sigma == 0).any()):
        raise ValueError(
            f"t must be larger than 0 where {wanted} is wanted, received t = 0; without noise it is not defined, "
            "so end the steps earlier or ask for clean"
        )


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network together with what is needed to understand it; it speaks all four languages.

    Args:
        model: `model(x, t)` or, with a condition, `model(x, t, condition)`; x `(rows, ...)`, t `(rows,)` between 0 and 1 in the
            type of x. Its answer has the shape of x.
        schedule: Of the noise that it was trained with.
        predicts: "noise", "clean", "velocity" or "score".
        condition: Handed on to the model where it is not None; `given` sets it.

    Raises:
        ValueError: An unknown kind, or an answer of another shape than x.
    """

    model: Callable[..., Tensor]
    schedule: Schedule
    predicts: str = "noise"
    condition: Tensor | None = None

    def __post_init__(self) -> None:
        known_kind(self.predicts)

    def given(self, condition: Tensor) -> "Predictor":
        """The same network, told a condition: one for all rows, or one for each, along the first axis."""
        return replace(self, condition=condition)

    def __call__(
        self, x: Float[Tensor, "rows *shape"], t: float | Float[Tensor, "..."]
    ) -> Float[Tensor, "rows *shape"]:
        """What the network itself says."""
        t = torch.as_tensor(t, dtype=torch.float64).to(x).expand(len(x))
        if self.condition is None:
            value = self.model(x, t)
        else:
            condition = self.condition
            value = self.model(x, t, condition if condition.dim() else condition.expand(len(x)))
        if value.shape != x.shape:
            raise ValueError(
                f"the model must answer with the shape of x, {tuple(x.shape)}, received {tuple(value.shape)}; "
                "its last layer must be as wide as its input"
            )
        return value

    def says(
        self, wanted: str, x: Float[Tensor, "rows *shape"], t: float | Float[Tensor, "..."]
    ) -> Float[Tensor, "rows *shape"]:
        """The prediction in the words of another kind."""
        return convert(self(x, t), x, t, self.schedule, given=self.predicts, wanted=wanted)

    def noise(
        self, x: Float[Tensor, "rows *shape"], t: float | Float[Tensor, "..."]
    ) -> Float[Tensor, "rows *shape"]:
        """ε̂: the mean noise that may be in x."""
        return self.says("noise", x, t)

    def clean(
        self, x: Float[Tensor, "rows *shape"], t: float | Float[Tensor, "..."]
    ) -> Float[Tensor, "rows *shape"]:
        """x̂₀: the mean of all clean samples that may stand behind x."""
        return self.says("clean", x, t)

    def score(
        self, x: Float[Tensor, "rows *shape"], t: float | Float[Tensor, "..."]
    ) -> Float[Tensor, "rows *shape"]:
        """The gradient of the log density of noisy samples at x."""
        return self.says("score", x, t)
