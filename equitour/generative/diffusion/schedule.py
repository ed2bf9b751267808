"""How much is left of a clean sample, and how much is noise, at every time of a diffusion.

A sample x₀ blurred up to time t is x_t = α(t) x₀ + σ(t) ε, with ε standard normal and α² + σ² = 1, so that data of variance 1
keep it. Ho et al. (NeurIPS 2020) add the noise in T steps of variance β_t and write ᾱ_t = Π (1 − β_s) for what is left; so
α(t)² = ᾱ. Their α_t, without a bar, is 1 − β_t, and is not written here. Time runs from 0, clean, to 1, noise: step t of T is t / T.
"""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

MOST = 0.999  # Nichol and Dhariwal's largest β: with 1 nothing would be left to undo a step with.


@dataclass(frozen=True, eq=False)
class Schedule:
    """The noise of a diffusion with T steps, and α(t), σ(t) in between.

    Between two steps ln ᾱ is a straight line; the continuous functions pass through all steps exactly.

    Args:
        beta: β_1 … β_T with a zero before them, so that `beta[t]` is β_t; float64.

    Raises:
        ValueError: A β does not lie between 0 and 1, or none is given.
    """

    beta: Float[Tensor, " steps_and_one"]
    log_alpha_bar: Float[Tensor, " steps_and_one"] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        steps = self.beta[1:]
        if not len(steps):
            raise ValueError(
                "a schedule must have at least one step, received none; give β_1 … β_T after a zero"
            )
        if self.beta[0] != 0 or not bool(((steps > 0) & (steps < 1)).all()):
            raise ValueError(
                f"β must be 0 at t = 0 and lie between 0 and 1 after it, received {float(self.beta[0]):.3g} and then "
                f"{float(steps.min()):.3g} to {float(steps.max()):.3g}; take more steps or a lower rate"
            )
        object.__setattr__(self, "beta", self.beta.double())
        object.__setattr__(self, "log_alpha_bar", torch.log1p(-self.beta).cumsum(0))

    @classmethod
    def linear(cls, steps: int = 1000, *, first: float = 0.1, last: float = 20.0) -> "Schedule":
        """β rises on a straight line from `first / steps` to `last / steps` (Ho et al. 2020: 10⁻⁴ to 0.02 in 1000 steps).

        The rates are those of the whole time, so that another number of steps reaches about the same ᾱ_T.
        """
        return cls.of(torch.linspace(first, last, _positive(steps), dtype=torch.float64) / steps)

    @classmethod
    def cosine(cls, steps: int = 1000, *, offset: float = 0.008) -> "Schedule":
        """ᾱ falls as a squared cosine, slowly at both ends; β is cut at 0.999 (Nichol and Dhariwal, ICML 2021)."""
        share = torch.linspace(0, 1, _positive(steps) + 1, dtype=torch.float64)
        left = ((share + offset) / (1 + offset) * math.pi / 2).cos().square()
        return cls.of((1 - left[1:] / left[:-1]).clamp(max=MOST))

    @classmethod
    def of(cls, beta: Float[Tensor, " steps"]) -> "Schedule":
        """The schedule of β_1 … β_T, without the zero."""
        return cls(torch.cat([torch.zeros(1, dtype=torch.float64), beta.double()]))

    @property
    def num_steps(self) -> int:
        """T."""
        return len(self.beta) - 1

    @property
    def alpha_bar(self) -> Float[Tensor, " steps_and_one"]:
        """ᾱ_0 = 1, ᾱ_1, … ᾱ_T: the share of the variance that is still the sample's."""
        return self.log_alpha_bar.exp()

    @property
    def posterior_variance(self) -> Float[Tensor, " steps_and_one"]:
        """β̃_t = (1 − ᾱ_{t−1}) / (1 − ᾱ_t) β_t: the variance of x_{t−1} where both x_t and x₀ are known; β̃_0 = β̃_1 = 0."""
        noise = -torch.expm1(self.log_alpha_bar)  # 1 − ᾱ
        return torch.cat([noise[:1], noise[:-1] / noise[1:] * self.beta[1:]])

    def log_alpha_bar_at(self, t: float | Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """ln ᾱ at times between 0 and 1, float64.

        Raises:
            ValueError: A time lies outside 0 to 1.
        """
        t = torch.as_tensor(t, dtype=torch.float64)
        if t.numel() and not bool(((t >= 0) & (t <= 1)).all()):
            raise ValueError(
                f"times must lie between 0, clean, and 1, noise, received {float(t.min()):.4g} to {float(t.max()):.4g}; "
                "divide a step's number by num_steps"
            )
        table = self.log_alpha_bar.to(t.device)
        place = t * self.num_steps
        # A time such as 3/10 · 10 may miss its step by rounding, which the straight line forgives.
        below = place.long().clamp(max=self.num_steps - 1)
        return table[below] + (place - below) * (table[below + 1] - table[below])

    def alpha(self, t: float | Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """α(t) = √ᾱ, what is left of the sample, float64."""
        return (self.log_alpha_bar_at(t) / 2).exp()

    def sigma(self, t: float | Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """σ(t) = √(1 − ᾱ), the deviation of the noise, float64."""
        return (-torch.expm1(self.log_alpha_bar_at(t))).sqrt()

    def snr(self, t: float | Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Signal-to-noise ratio α² / σ²; infinite at t = 0."""
        return self.log_snr(t).exp()

    def log_snr(self, t: float | Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """ln(α² / σ²): twice the λ of the solvers, on which all schedules look alike (Kingma et al., NeurIPS 2021)."""
        left = self.log_alpha_bar_at(t)
        return left - torch.log(-torch.expm1(left))

    def time_of_log_snr(self, log_snr: float | Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The time at which ln(α² / σ²) has this value; 0 or 1 where it is never so high or so low."""
        left = logsigmoid(torch.as_tensor(log_snr, dtype=torch.float64))
        falling = -self.log_alpha_bar.to(left.device)
        below = (torch.searchsorted(falling, -left, right=True) - 1).clamp(0, self.num_steps - 1)
        share = (-left - falling[below]) / (falling[below + 1] - falling[below])
        return (below + share.clamp(0, 1)) / self.num_steps

    def coefficients(
        self, t: float | Float[Tensor, "..."], x: Float[Tensor, "..."]
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """α(t) and σ(t) in the type of x, shaped so that they multiply x: one time for all, or one for each row of x.

        Raises:
            ValueError: There are neither one time nor as many as rows.
        """
        t = torch.as_tensor(t, dtype=torch.float64, device=x.device)
        if t.dim() and (t.dim() > 1 or not x.dim() or len(t) != len(x)):
            raise ValueError(
                f"there must be one time, or one for each of {len(x) if x.dim() else 0} rows, received shape {tuple(t.shape)}; "
                "give t as a number or of shape (rows,)"
            )
        shape = [len(t)] + [1] * (x.dim() - 1) if t.dim() else []
        return self.alpha(t).to(x).view(shape), self.sigma(t).to(x).view(shape)

    def add_noise(
        self,
        clean: Float[Tensor, "*shape"],
        t: float | Float[Tensor, "..."],
        noise: Float[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        """x_t = α(t) x₀ + σ(t) ε, in one go (Ho et al. 2020, equation 4)."""
        alpha, sigma = self.coefficients(t, clean)
        return alpha * clean + sigma * noise

    def times(
        self, steps: int, *, spacing: str = "log_snr", first: float = 1.0, last: float | None = None
    ) -> Float[Tensor, " steps_and_one"]:
        """From noise down to 0 in so many steps: where a sampler with few steps looks.

        Args:
            steps: Number of steps; a sampler asks the network once in each, Heun's twice.
            spacing: "time" for steps of equal time, "log_snr" for equal steps of ln(α² / σ²), which spends more on little noise.
            first: Where to begin. At 1 a cosine schedule leaves so little of the sample that an answer in words of noise
                is blown up a thousandfold; 0.99 is noise enough.
            last: For "log_snr", the last time before 0; the first step of the schedule if not given.

        Raises:
            ValueError: No step, an unknown spacing, or times that do not fall.
        """
        _positive(steps)
        if spacing not in ("time", "log_snr"):
            raise ValueError(
                f"spacing must be time or log_snr, received {spacing!r}; choose one of these two"
            )
        last = 1 / self.num_steps if last is None else last
        if not 0 < last < first <= 1:
            raise ValueError(
                f"times must fall from first to last, inside 0 to 1, received {first:.4g} and {last:.4g}; try 1 and 0.001"
            )
        if spacing == "time":
            return torch.linspace(first, 0, steps + 1, dtype=torch.float64)
        ends = self.log_snr(torch.tensor([first, last], dtype=torch.float64))
        inside = self.time_of_log_snr(torch.lerp(*ends, torch.linspace(0, 1, steps, dtype=torch.float64)))
        inside[0] = first  # not a rounding beyond it
        return torch.cat([inside, torch.zeros(1, dtype=torch.float64)])


def _positive(steps: int) -> int:
    if steps < 1:
        raise ValueError(f"there must be at least one step, received {steps}; give a positive number")
    return steps
