"""Mixtures of Gaussians, blurred: densities of which diffusion knows everything in closed form, to test samplers against."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from equitour.generative.diffusion.prediction import Predictor
from equitour.generative.diffusion.schedule import Schedule


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """p(x) = Σ_k w_k N(x; m_k, C_k).

    Args:
        weights: w, of any positive sum; they are scaled to the sum 1.
        means: m.
        covariances: C.

    Raises:
        ValueError: A weight is not positive, or a covariance is not positive definite.
    """

    weights: Float[Tensor, " parts"]
    means: Float[Tensor, "parts dimensions"]
    covariances: Float[Tensor, "parts dimensions dimensions"]

    def __post_init__(self) -> None:
        if not bool((self.weights > 0).all()):
            raise ValueError(
                f"weights must be positive, received {float(self.weights.min()):.3g}; leave out parts that are not there"
            )
        if bool((torch.linalg.cholesky_ex(self.covariances).info > 0).any()):
            raise ValueError(
                "covariances must be positive definite, received one that is not; add a small multiple of the identity"
            )
        object.__setattr__(self, "weights", self.weights / self.weights.sum())

    @property
    def mean(self) -> Float[Tensor, " dimensions"]:
        """Of the whole mixture."""
        return self.weights @ self.means

    @property
    def covariance(self) -> Float[Tensor, "dimensions dimensions"]:
        """Of the whole mixture: the mean covariance and the covariance of the means."""
        apart = self.means - self.mean
        return torch.einsum("k,kij->ij", self.weights, self.covariances + apart[:, :, None] * apart[:, None])

    def draw(
        self, count: int, *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "count dimensions"]:
        """Samples, each from a part drawn by weight."""
        part = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        normal = torch.randn(count, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        roots = torch.linalg.cholesky(self.covariances)
        return self.means[part] + (roots[part] @ normal[:, :, None]).squeeze(-1)

    def blurred(self, t: float, schedule: Schedule) -> "GaussianMixture":
        """The density of x_t: again a mixture, with means α m and covariances α² C + σ²."""
        alpha, sigma = schedule.alpha(t).to(self.means), schedule.sigma(t).to(self.means)
        identity = torch.eye(self.means.shape[1]).to(self.means)
        return GaussianMixture(
            self.weights, alpha * self.means, alpha**2 * self.covariances + sigma**2 * identity
        )

    def log_parts(self, x: Float[Tensor, "rows dimensions"]) -> Float[Tensor, "rows parts"]:
        """ln w_k N(x; m_k, C_k)."""
        parts = torch.distributions.MultivariateNormal(self.means, self.covariances)
        return parts.log_prob(x[:, None]) + self.weights.log()

    def log_density(self, x: Float[Tensor, "rows dimensions"]) -> Float[Tensor, " rows"]:
        """ln p(x)."""
        return self.log_parts(x).logsumexp(1)

    def shares(self, x: Float[Tensor, "rows dimensions"]) -> Float[Tensor, "rows parts"]:
        """How likely x comes from each part (Bayes)."""
        return self.log_parts(x).softmax(1)

    def score(self, x: Float[Tensor, "rows dimensions"]) -> Float[Tensor, "rows dimensions"]:
        """∇ ln p(x) = Σ_k (share of k) C_k⁻¹ (m_k − x)."""
        pull = torch.linalg.solve(self.covariances, (self.means - x[:, None]).unsqueeze(-1)).squeeze(-1)
        return torch.einsum("nk,nki->ni", self.shares(x), pull)

    def predictor(self, schedule: Schedule) -> Predictor:
        """The network that training would end with, if it could be perfect: the exact score at every time.

        It takes one time for all rows, as samplers do.
        """

        def score(x: Tensor, t: Tensor) -> Tensor:
            return self.blurred(float(t[0]), schedule).score(x)

        return Predictor(score, schedule, "score")

    def conditional(
        self, known: Float[Tensor, " dimensions"], mask: Bool[Tensor, " dimensions"]
    ) -> "GaussianMixture":
        """The density of the components that are not known, given those that are (mask True): again a mixture.

        m' = m_u + C_uk C_kk⁻¹ (x_k − m_k),  C' = C_uu − C_uk C_kk⁻¹ C_ku, and w' ∝ w N(x_k; m_k, C_kk).
        """
        seen, hidden = mask.nonzero().flatten(), (~mask).nonzero().flatten()
        inside, across = _block(self.covariances, seen, seen), _block(self.covariances, hidden, seen)
        gain = torch.linalg.solve(inside, across.mT).mT
        apart = known[seen] - self.means[:, seen]
        means = self.means[:, hidden] + (gain @ apart.unsqueeze(-1)).squeeze(-1)
        left = _block(self.covariances, hidden, hidden) - gain @ across.mT
        marginal = torch.distributions.MultivariateNormal(self.means[:, seen], inside)
        return GaussianMixture((self.weights.log() + marginal.log_prob(known[seen])).softmax(0), means, left)


def _block(matrices: Tensor, rows: Int[Tensor, " rows"], columns: Int[Tensor, " columns"]) -> Tensor:
    return matrices[:, rows][:, :, columns]
