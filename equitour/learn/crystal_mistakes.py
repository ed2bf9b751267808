"""Wrong answers to the exercises of lesson 505 by the sentence that names them: score, gradient, bounded strain, step back."""

import torch
from jaxtyping import Float
from torch import Tensor


def _images(
    delta: Float[Tensor, " coordinates"],
    sigma: Tensor,
    *,
    power: int = 2,
    factor: float = 0.5,
    low: int = -10,
) -> tuple[Float[Tensor, "coordinates images"], Float[Tensor, "coordinates images"]]:
    """All images of Δ, and their weights, or weights with another exponent."""
    images = delta[:, None] + torch.arange(low, 11)
    return images, (-factor * images.square() / sigma**power).softmax(1)


def _mean(delta: Tensor, sigma: Tensor, **other: float) -> Float[Tensor, " coordinates"]:
    images, weights = _images(delta, sigma, **other)
    return (weights * images).sum(1)


def _gaussians(delta: Tensor, sigma: Tensor) -> Float[Tensor, "coordinates images"]:
    images, _ = _images(delta, sigma)
    return (-(images**2) / (2 * sigma**2)).exp()


SCORE = {
    "That is the score of an ordinary Gaussian: it pulls an atom at 0.98 all the way back through the cell.": lambda d, s: (
        -d / s**2
    ),
    "That looks at the nearest image only. Halfway between two images both pull.": lambda d, s: (
        -(d - (d + 0.5).floor()) / s**2
    ),
    "The sign: the score points uphill, to where the density is larger.": lambda d, s: _mean(d, s) / s**2,
    "The exponent of a Gaussian holds 2 σ²: the 2 is missing in the weights.": lambda d, s: (
        -_mean(d, s, factor=1.0) / s**2
    ),
    "The exponent of a Gaussian holds σ², not σ.": lambda d, s: -_mean(d, s, power=1) / s**2,
    "The slope of −x²/(2 σ²) is −x/σ²: divide by σ².": lambda d, s: -_mean(d, s),
    "You divided by σ. The slope of −x²/(2 σ²) is −x/σ²: divide by σ².": lambda d, s: -_mean(d, s) / s,
    "The weights do not add up to one: divide by their sum, or take the softmax.": lambda d, s: (
        -(_gaussians(d, s) * _images(d, s)[0]).sum(1) / s**2
    ),
    "That is the slope of p itself. The score is the slope of its logarithm: divide by p.": lambda d, s: (
        -(_gaussians(d, s) * _images(d, s)[0]).sum(1) / (s**3 * (2 * torch.pi) ** 0.5)
    ),
    "All images pull alike. Each must weigh as much as its Gaussian contributes.": lambda d, s: (
        -_images(d, s)[0].sum(1) / s**2
    ),
    "Images on one side only: k runs from −10 to 10.": lambda d, s: -_mean(d, s, low=0) / s**2,
    "The sign in the exponent: images far away weigh least, not most.": lambda d, s: (
        -_mean(d, s, factor=-0.5) / s**2
    ),
    "The weights must add up to one for each coordinate: the softmax goes over the images, axis 1.": lambda d, s: (
        -((-0.5 * _images(d, s)[0].square() / s**2).softmax(0) * _images(d, s)[0]).sum(1) / s**2
    ),
}


def outer(r: Float[Tensor, "edges 3"]) -> Float[Tensor, "edges 3 3"]:
    """r rᵀ of each vector."""
    return r[:, :, None] * r[:, None, :]


def _length(r: Float[Tensor, "edges 3"]) -> Float[Tensor, "edges 1 1"]:
    return r.norm(dim=1)[:, None, None]


GRADIENT = {
    "That is the gradient of d²/2. The gradient of d is asked for: divide by d.": outer,
    "That is the gradient of ln d, without a unit. The gradient of d is in Å.": lambda r: (
        outer(r) / _length(r) ** 2
    ),
    "That is the gradient of d².": lambda r: 2 * outer(r),
    "That is half of it. d² changes by 2 rᵀ ε r, and a change of d² is 2 d times the change of d: both twos go.": lambda r: (
        outer(r) / (2 * _length(r))
    ),
    "That is the gradient with respect to r, a vector. Asked for is the one with respect to ε, a matrix: r_a r_b / d.": lambda r: (
        (r / r.norm(dim=1, keepdim=True))[:, :, None].expand(-1, 3, 3).clone()
    ),
    "A square root too many: d is the norm itself.": lambda r: outer(r) / _length(r).sqrt(),
    "Divided by d too often: the gradient of d is in Å.": lambda r: outer(r) / _length(r) ** 3,
    "That is how d changes when all is swollen alike, on the diagonal. A shear changes d too: r_a r_b / d has all nine entries.": lambda r: (
        torch.eye(3).to(r) * _length(r)
    ),
    "Only the diagonal: ε_xy changes d as well, by x y / d.": lambda r: torch.diag_embed(r**2) / _length(r),
    "Each edge has its own d: `r.norm(dim=1)`, not the norm of all vectors together.": lambda r: (
        outer(r) / r.norm()
    ),
}


def _size(S: Float[Tensor, "crystals 3 3"]) -> Float[Tensor, "crystals 1 1"]:
    return S.flatten(1).norm(dim=1)[:, None, None]


def _within(S: Tensor, limit: float, size: Tensor) -> Tensor:
    """S made smaller where another size of it, one for each crystal, is above the limit."""
    return S * (limit / size).clamp(max=1)[:, None, None]


BOUNDED = {
    "That is the clamp itself: which entries it cuts depends on the axes.": lambda S, c: S.clamp(-c, c),
    "A tanh of each entry is a soft clamp: what it does depends on the axes as well.": lambda S, c: (
        c * torch.tanh(S / c)
    ),
    "The largest entry depends on the axes as well. Take a size that does not: the root of the sum of squares.": lambda S, c: (
        _within(S, c, S.flatten(1).abs().amax(1))
    ),
    "The sum of the absolute entries depends on the axes. The root of the sum of squares does not.": lambda S, c: (
        _within(S, c, S.flatten(1).abs().sum(1))
    ),
    "The root is missing: the size is √Σ S_ab², not the sum of squares.": lambda S, c: _within(
        S, c, S.flatten(1).square().sum(1)
    ),
    "That is the root of the mean square, three times too small. The size asked for is the root of the sum.": lambda S, c: (
        _within(S, c, S.flatten(1).square().mean(1).sqrt())
    ),
    "The largest eigenvalue is a size that all agree on, and would do; asked for is the root of the sum of squares.": lambda S, c: (
        _within(S, c, torch.linalg.matrix_norm(S, 2))
    ),
    "Small matrices are blown up to the limit; they should stay as they are.": lambda S, c: S * c / _size(S),
    "Small matrices change too. They should stay as they are: take the smaller of 1 and limit over size.": lambda S, c: (
        S / (1 + _size(S) / c)
    ),
    "Everything was multiplied by the limit. The factor is limit over size, and 1 where that is larger.": lambda S, c: (
        S * c
    ),
    "One size for all crystals together: a crystal's answer must not depend on its neighbours in the batch.": lambda S, c: (
        S * (c / S.norm()).clamp(max=1)
    ),
    "Only the largest are to be made smaller: the smaller of 1 and limit over size, not the larger.": lambda S, c: (
        S * (c / _size(S)).clamp(min=1)
    ),
    "The trace can be zero for a large strain; take the root of the sum of squares.": lambda S, c: _within(
        S, c, S.diagonal(dim1=1, dim2=2).sum(1).abs()
    ),
    "The determinant can be zero for a large strain; take the root of the sum of squares.": lambda S, c: (
        _within(S, c, torch.linalg.det(S).abs())
    ),
}


def _moved(f: Tensor, s: Tensor, q: Tensor, e: Tensor, score: Tensor) -> Float[Tensor, "atoms 3"]:
    """The step before it is taken modulo 1, along any score and with any noise."""
    return f + (s**2 - q**2) * score + q / s * (s**2 - q**2) ** 0.5 * e


STEP = {
    "The atoms have left the cell: take the positions modulo 1.": lambda f, g, s, q, e: _moved(f, s, q, e, g),
    "The right places, written from −1/2 to 1/2; asked for is 0 to 1, `% 1`.": lambda f, g, s, q, e: (
        (_moved(f, s, q, e, g) + 0.5) % 1 - 0.5
    ),
    "The sign: the score points to where crystals are more likely, so go along it.": lambda f, g, s, q, e: (
        _moved(f, s, q, e, -g) % 1
    ),
    "Fresh noise is missing: without it all walks from near places end at the same crystal.": lambda f, g, s, q, e: (
        _moved(f, s, q, 0 * e, g) % 1
    ),
    "Too much noise: the walk would never come to rest. The factor σ'/σ is missing.": lambda f, g, s, q, e: (
        _moved(f, s, q, e * s / q, g) % 1
    ),
    "The factor of the noise is σ'/σ, which vanishes at the end, not σ/σ'.": lambda f, g, s, q, e: (
        _moved(f, s, q, e * (s / q) ** 2, g) % 1
    ),
    "The root is missing at the noise: σ² − σ'² is a variance.": lambda f, g, s, q, e: (
        _moved(f, s, q, e * (s**2 - q**2) ** 0.5, g) % 1
    ),
    "The noise has the factor √(σ² − σ'²), not σ − σ': variances are subtracted, deviations are not.": lambda f, g, s, q, e: (
        (f + (s**2 - q**2) * g + q / s * (s - q) * e) % 1
    ),
    "That adds all the noise of σ'. Some of it is still in f: its factor is (σ'/σ) √(σ² − σ'²).": lambda f, g, s, q, e: (
        (f + (s**2 - q**2) * g + q * e) % 1
    ),
    "The noise must be scaled: its deviation is (σ'/σ) √(σ² − σ'²), not 1.": lambda f, g, s, q, e: (
        (f + (s**2 - q**2) * g + e) % 1
    ),
    "The score is multiplied by the loss of variance, σ² − σ'², not by σ − σ'.": lambda f, g, s, q, e: (
        _moved(f, s, q, e, g * (s - q) / (s**2 - q**2)) % 1
    ),
    "The score is multiplied by σ² − σ'², not by (σ − σ')²: variances are subtracted.": lambda f, g, s, q, e: (
        _moved(f, s, q, e, g * (s - q) ** 2 / (s**2 - q**2)) % 1
    ),
    "Half of the score is that of a walk without fresh noise; with it, the whole σ² − σ'².": lambda f, g, s, q, e: (
        _moved(f, s, q, e, g / 2) % 1
    ),
    "That is the step all the way to σ' = 0: only σ² − σ'² of the variance is to go.": lambda f, g, s, q, e: (
        (f + s**2 * g + q / s * (s**2 - q**2) ** 0.5 * e) % 1
    ),
}
