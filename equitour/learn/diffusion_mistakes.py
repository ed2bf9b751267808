"""Wrong answers to the exercises of lesson 504 by the sentence that names them: noise, one step back, the clean star, DDIM."""

from jaxtyping import Float, Int
from torch import Tensor


def left(beta: Float[Tensor, " steps"], t: Int[Tensor, " points"]) -> Float[Tensor, "points 1"]:
    """ᾱ_t of each point, (points, 1)."""
    return (1 - beta).cumprod(0)[t][:, None]


def mixed(
    share: Float[Tensor, "..."], x0: Float[Tensor, "points 2"], noise: Float[Tensor, "points 2"]
) -> Float[Tensor, "points 2"]:
    """Star and noise with these shares of the variance."""
    return share.sqrt() * x0 + (1 - share).sqrt() * noise


NOISE = {
    "That is one step with β_t. In one go it needs ᾱ_t, the product of all 1 − β_s so far.": lambda x0, t, e, b: (
        mixed((1 - b[t])[:, None], x0, e)
    ),
    "ᾱ is a share of the variance: take its root for x₀, and the root of 1 − ᾱ for the noise.": lambda x0, t, e, b: (
        left(b, t) * x0 + (1 - left(b, t)) * e
    ),
    "The star has its root; the noise needs one too, √(1 − ᾱ_t).": lambda x0, t, e, b: (
        left(b, t).sqrt() * x0 + (1 - left(b, t)) * e
    ),
    "The noise of a point that keeps √ᾱ_t is √(1 − ᾱ_t), not 1 − √ᾱ_t: variances add up to one, deviations do not.": lambda x0, t, e, b: (
        left(b, t).sqrt() * x0 + (1 - left(b, t).sqrt()) * e
    ),
    "ᾱ_t is a product, not 1 less a sum.": lambda x0, t, e, b: (
        (1 - b.cumsum(0)[t][:, None]).abs().sqrt() * x0 + (b.cumsum(0)[t][:, None]).sqrt() * e
    ),
    "One step too few: ᾱ_t includes β_t, and `beta[0]` is the zero before the first step.": lambda x0, t, e, b: (
        mixed(left(b, t - 1), x0, e)
    ),
    "The roots have changed places: √ᾱ_t stands before the star, √(1 − ᾱ_t) before the noise.": lambda x0, t, e, b: (
        mixed(1 - left(b, t), x0, e)
    ),
    "ᾱ_t is the product of 1 − β_s. The product of β_s itself is zero, since `beta` begins with a zero.": lambda x0, t, e, b: (
        e.clone()
    ),
    "That is ᾱ after all steps, for every point. A point has made `t` of them: take `.cumprod(0)[t]`.": lambda x0, t, e, b: (
        mixed((1 - b).prod(), x0, e)
    ),
    "β changes from step to step: ᾱ_t is the product of all 1 − β_s, not a power of the last.": lambda x0, t, e, b: (
        mixed(((1 - b[t]) ** t)[:, None], x0, e)
    ),
    "The noise of the last step alone, √β_t. In one go the noise of all steps is there, √(1 − ᾱ_t).": lambda x0, t, e, b: (
        left(b, t).sqrt() * x0 + b[t][:, None].sqrt() * e
    ),
}


def sigma(beta: Float[Tensor, " steps"], t: int) -> Float[Tensor, ""]:
    """√(1 − ᾱ_t), the deviation of all noise so far."""
    return (1 - (1 - beta).cumprod(0)[t]).sqrt()


def fresh(t: int, beta: Float[Tensor, " steps"], z: Float[Tensor, "points 2"]) -> Float[Tensor, "points 2"]:
    """√β_t z, and nothing in the last step."""
    return beta[t].sqrt() * z if t > 1 else 0 * z


def mean(
    x: Float[Tensor, "points 2"],
    e: Float[Tensor, "points 2"],
    t: int,
    beta: Float[Tensor, " steps"],
    share: Float[Tensor, ""] | None = None,
) -> Float[Tensor, "points 2"]:
    """x_{t−1} without fresh noise; or with another share of ε̂ taken away than β_t / √(1 − ᾱ_t)."""
    share = beta[t] / sigma(beta, t) if share is None else share
    return (x - share * e) / (1 - beta[t]).sqrt()


STEP = {
    "The sign: noise is taken away, so ε̂ is subtracted.": lambda x, e, t, z, b: (
        mean(x, -e, t, b) + fresh(t, b, z)
    ),
    "All the noise was taken away at once. One step takes β_t / √(1 − ᾱ_t) of ε̂.": lambda x, e, t, z, b: (
        (x - sigma(b, t) * e) / (1 - b).cumprod(0)[t].sqrt() + fresh(t, b, z)
    ),
    "Divide by √(1 − β_t): the forward step had multiplied with it.": lambda x, e, t, z, b: (
        mean(x, e, t, b) * (1 - b[t]).sqrt() + fresh(t, b, z)
    ),
    "The root is missing at 1 − β_t, by which all is divided: the forward step had multiplied with √(1 − β_t).": lambda x, e, t, z, b: (
        mean(x, e, t, b) / (1 - b[t]).sqrt() + fresh(t, b, z)
    ),
    "Divide by √(1 − β_t), of this step alone, and not by √ᾱ_t, of all steps.": lambda x, e, t, z, b: (
        mean(x, e, t, b) * ((1 - b[t]) / (1 - b).cumprod(0)[t]).sqrt() + fresh(t, b, z)
    ),
    "The root is missing at the fresh noise: β_t is its variance.": lambda x, e, t, z, b: (
        mean(x, e, t, b) + (b[t] * z if t > 1 else 0)
    ),
    "No fresh noise in the last step: at t = 1 the star is finished.": lambda x, e, t, z, b: (
        mean(x, e, t, b) + b[t].sqrt() * z
    ),
    "The fresh noise √β_t z is missing.": lambda x, e, t, z, b: mean(x, e, t, b),
    "The fresh noise stands outside of the bracket: it is not divided by √(1 − β_t).": lambda x, e, t, z, b: (
        mean(x, e, t, b) + fresh(t, b, z) / (1 - b[t]).sqrt()
    ),
    "That is the other variance of the paper, (1 − ᾱ_{t−1}) / (1 − ᾱ_t) β_t, which samples as well; asked for is √β_t z.": lambda x, e, t, z, b: (
        mean(x, e, t, b) + fresh(t, b, z) * (sigma(b, t - 1) / sigma(b, t))
    ),
    "β_t has to be divided by √(1 − ᾱ_t), the deviation of all noise so far; here it is not divided.": lambda x, e, t, z, b: (
        mean(x, e, t, b, b[t]) + fresh(t, b, z)
    ),
    "β_t has to be divided by √(1 − ᾱ_t), a deviation: the root is missing.": lambda x, e, t, z, b: (
        mean(x, e, t, b, b[t] / sigma(b, t) ** 2) + fresh(t, b, z)
    ),
    "You divided β_t by √(1 − β_t), of this step. It is √(1 − ᾱ_t), of all steps so far.": lambda x, e, t, z, b: (
        mean(x, e, t, b, b[t] / (1 - b[t]).sqrt()) + fresh(t, b, z)
    ),
    "β_t is to be divided by √(1 − ᾱ_t), the deviation of all noise so far, not by √β_t.": lambda x, e, t, z, b: (
        mean(x, e, t, b, b[t].sqrt()) + fresh(t, b, z)
    ),
}

CLEAN = {
    "That is ε. For x₀ take α x − σ v.": lambda x, v, a, s: s * x + a * v,
    "The sign of v: with plus, ε does not drop out.": lambda x, v, a, s: a * x + s * v,
    "You took v for the noise: (x − σ ε) / α is right for ε only.": lambda x, v, a, s: (x - s * v) / a,
    "α and σ stand at the wrong places: x is multiplied with α, v with σ.": lambda x, v, a, s: s * x - a * v,
    "α and σ stand at the wrong places, and the sign is that of v: x is multiplied with α, v with −σ.": lambda x, v, a, s: (
        a * v - s * x
    ),
    "x has to be multiplied with α, else ε does not drop out.": lambda x, v, a, s: x - s * v,
    "Do not divide by α: α² + σ² = 1 stands before x₀ once ε has dropped out.": lambda x, v, a, s: (
        (a * x - s * v) / a
    ),
    "You took x for the noise: v = α ε − σ x₀ needs ε, and x is not ε.": lambda x, v, a, s: (a * x - v) / s,
}

DDIM = {
    "That is x̂₀ itself, all the way down. Add the noise of the lower time, σ' ε̂.": lambda x, e, a, s, a2, s2: (
        (x - s * e) / a
    ),
    "x̂₀ must be multiplied with α', what is left of it at the lower time.": lambda x, e, a, s, a2, s2: (
        (x - s * e) / a + s2 * e
    ),
    "x̂₀ is (x − σ ε̂) / α: the division by α is missing.": lambda x, e, a, s, a2, s2: (
        a2 * (x - s * e) + s2 * e
    ),
    "You put the noise of the higher time back; it must be less, σ'.": lambda x, e, a, s, a2, s2: (
        a2 * (x - s * e) / a + s * e
    ),
    "The sign: to find x̂₀ the noise is subtracted.": lambda x, e, a, s, a2, s2: a2 * (x + s * e) / a + s2 * e,
    "That is α' x̂₀ alone: the noise of the lower time, σ' ε̂, is missing.": lambda x, e, a, s, a2, s2: (
        a2 * (x - s * e) / a
    ),
    "That goes up. From α, σ to α', σ' it is (x − σ ε̂) / α, then times α'.": lambda x, e, a, s, a2, s2: (
        a * (x - s2 * e) / a2 + s * e
    ),
    "That is y' = x' / α'. Multiply with α' to come back to x'.": lambda x, e, a, s, a2, s2: (
        x / a + (s2 / a2 - s / a) * e
    ),
    "Euler's rule holds for y = x / α and s = σ / α, not for x and σ: x is scaled on the way.": lambda x, e, a, s, a2, s2: (
        x + (s2 - s) * e
    ),
    "σ' ε̂ is not multiplied with α': only the star is.": lambda x, e, a, s, a2, s2: (
        a2 * ((x - s * e) / a + s2 * e)
    ),
    "The sign of Euler's step: dy = ε̂ ds, and s falls, so ds = σ'/α' − σ/α.": lambda x, e, a, s, a2, s2: (
        a2 * (x / a - (s2 / a2 - s / a) * e)
    ),
}
