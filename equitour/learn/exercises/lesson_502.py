"""Exercises and questions of lesson 502, from autoencoder to variational autoencoder of motifs."""

import torch
from torch import Tensor

from equitour.learn import exercise, question
from equitour.learn.explanations import explain_numbers

question(
    "502.samples",
    "An autoencoder has learnt to press points of the plane into two numbers and to bring them back, nearly without error. "
    "Draw such pairs of numbers from a Gaussian and decode them. What comes out?",
    options={
        "points like the learnt ones: the decoder knows no others": "It knows others: it answers to any two numbers, and was asked only about a few.",
        "mostly points where nothing was learnt": "Nothing told the encoder where to put its numbers, so a Gaussian misses them.",
        "always the same point": "That is what happens at the other end, when the latent numbers carry nothing.",
    },
    answer="mostly points where nothing was learnt",
)
question(
    "502.published",
    "A published network presses the Gram matrix of a motif, its eight neighbours in any order, into eight numbers and back. "
    "An answer that ignores the question, one and the same typical motif, is 1.2 Å off. How far is the network off, on a cell that it has not seen?",
    options={
        "below 0.3 Å": "There are enough numbers for the soft directions of a motif, but something else asks for room in them.",
        "about 0.6 Å, like the nearest of many motifs": "That would be a start; it would have to recognise a motif in any of its orders.",
        "more than 1.2 Å": "The best answer to a question that comes in 40,320 orders is the mean over the orders, and that is no motif.",
    },
    answer="more than 1.2 Å",
)
question(
    "502.wider",
    "What will mend it?",
    options={
        "a network with forty times as many weights": "It can store more. It still has to write the order of eight atoms into eight numbers, and to guess it back.",
        "many more epochs": "The loss has stopped falling. More of the same teaches the same.",
        "asking an easier question: one order for each motif": "What the answer shall not depend on need not be learnt if it is taken out before.",
    },
    answer="asking an easier question: one order for each motif",
)
question(
    "502.prior",
    "With eighteen latent numbers motifs come back several times better than with eight. Now draw the numbers from the unit Gaussian and "
    "decode. A motif is possible if no two atoms are nearer than 2.0 Å. With how many numbers are more of the new motifs possible?",
    options={
        "with eighteen: a better decoder makes better motifs": "It is better where it was asked. Most draws fall where it was not.",
        "no difference": "What changes is how much room there is in which nothing was learnt.",
        "with eight: there is less room between the learnt motifs": "A coarse decoder blurs over the gaps; in eighteen dimensions nearly everything is gap.",
    },
    answer="with eight: there is less room between the learnt motifs",
)


def _gaussians(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    mu, log_var = torch.randn(2, 6, 3, generator=generator, dtype=torch.float64)
    return mu, log_var - 0.5


def _noisy(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    noise = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    mu, log_var = _gaussians(generator)
    # Only the variance asks for a gradient, so that the answer tells whether it gets one.
    return mu, log_var.requires_grad_(), noise


@exercise(
    "502.divergence",
    inputs=_gaussians,
    axes=("point",),
    hints=(
        "Dimension by dimension: ½ (μ² + σ² − ln σ² − 1), and the dimensions add up.",
        "You are given ln σ², so σ² is `log_var.exp()`.",
        "`(mu**2 + log_var.exp() - log_var - 1).sum(-1) / 2`.",
    ),
    mistakes={
        "The ½ is missing.": lambda mu, v: (mu**2 + v.exp() - v - 1).sum(-1),
        "Independent dimensions add up: sum over them, do not average.": lambda mu, v: (
            (mu**2 + v.exp() - v - 1).mean(-1) / 2
        ),
        "The sum must run over the latent dimensions only, one number for each point.": lambda mu, v: (
            (mu**2 + v.exp() - v - 1).sum() / 2
        ),
        "`log_var` is ln σ², not ln σ: no factor 2 is needed.": lambda mu, v: (
            (mu**2 + (2 * v).exp() - 2 * v - 1).sum(-1) / 2
        ),
        "You took `log_var` for σ: σ² is `log_var.exp()`, and ln σ² is `log_var` itself.": lambda mu, v: (
            (mu**2 + v**2 - (v**2).log() - 1).sum(-1) / 2
        ),
        "μ must be squared.": lambda mu, v: (mu + v.exp() - v - 1).sum(-1) / 2,
        "ln σ² stands with a minus: narrow Gaussians cost, and go to infinity as σ goes to zero.": lambda mu, v: (
            (mu**2 + v.exp() + v - 1).sum(-1) / 2
        ),
        "The −1 is missing: for μ = 0 and σ = 1 the divergence must vanish.": lambda mu, v: (
            (mu**2 + v.exp() - v).sum(-1) / 2
        ),
        "That is the divergence the other way round, of the unit Gaussian from q.": lambda mu, v: (
            ((mu**2 + 1) / v.exp() + v - 1).sum(-1) / 2
        ),
    },
)
def divergence(mu, log_var):
    """D(q‖p) of each Gaussian (points, latent) from the unit Gaussian, in nats (points)."""
    return (mu**2 + log_var.exp() - log_var - 1).sum(-1) / 2


def _with_gradient(answer: object, expected: Tensor, *arguments: Tensor) -> str | None:
    """The right numbers, and a path on which the gradient comes back to the variance."""
    answer = torch.as_tensor(answer)
    if answer.shape != expected.shape:
        return f"The shape must be {tuple(expected.shape)} (points, latent), received {tuple(answer.shape)}."
    wrong = explain_numbers([answer.detach()], [expected.detach()], tolerance=1e-8)
    if wrong:
        return (
            wrong[1]
            if _follows(answer, *arguments)
            else "You threw your own dice: use the `noise` that is given."
        )
    if not answer.requires_grad:
        return "The numbers are right, but no gradient reaches `log_var`: compute with it itself, without detach, item or numpy."
    return None


def _follows(z: Tensor, mu: Tensor, log_var: Tensor, noise: Tensor) -> bool:
    """Whether z goes with the noise that was given, or is no noise at all."""
    own = ((z.to(mu.dtype) - mu) / (log_var / 2).exp()).detach().flatten()
    return bool(own.std() < 1e-6) or bool(
        torch.corrcoef(torch.stack([own, noise.flatten()]))[0, 1].abs() > 0.7
    )


@exercise(
    "502.sample",
    inputs=_noisy,
    compare=_with_gradient,
    hints=(
        "A Gaussian of mean μ and deviation σ is a unit Gaussian, stretched by σ and shifted by μ.",
        "σ from ln σ²: halve, then exponentiate.",
        "`mu + (log_var / 2).exp() * noise`.",
    ),
    mistakes={
        "The noise is stretched by σ², the variance: σ is its root, `(log_var / 2).exp()`.": lambda mu, v, e: (
            mu + v.exp() * e
        ),
        "The noise is stretched by ln σ² itself: exponentiate.": lambda mu, v, e: mu + v * e,
        "That is the mean alone: the noise is missing.": lambda mu, v, e: mu + 0 * v * e,
        "The noise must be stretched by σ before μ is added.": lambda mu, v, e: (v / 2).exp() * (mu + e),
    },
)
def sample(mu, log_var, noise):
    """z (points, latent) with mean μ and variance exp(log_var), made of unit Gaussian noise (points, latent)."""
    return mu + (log_var / 2).exp() * noise


def _two_sets(generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
    mix = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    rows = [torch.randn(n, 6, generator=generator, dtype=torch.float64) @ mix + 2 for n in (40, 15)]
    return rows[0], rows[1] + 0.3, 2


def _projected(x: Tensor, y: Tensor, V: Tensor) -> Tensor:
    centred = y - x.mean(0)
    return (centred - centred @ V @ V.T).square().mean().sqrt()


def _uncentred(x: Tensor, y: Tensor, V: Tensor) -> Tensor:
    return (y - (y - x.mean(0)) @ V @ V.T).square().mean().sqrt()


@exercise(
    "502.left",
    inputs=_two_sets,
    hints=(
        "`U, s, Vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)`: the rows of Vh are the directions, the widest first.",
        "With V = `Vh[:k].T`, what k numbers keep of a centred row is `row @ V`, and what comes back is `row @ V @ V.T`.",
        "Centre y with the mean of x, subtract what comes back, and take `.square().mean().sqrt()`.",
    ),
    mistakes={
        "The directions and the mean were taken from y, which shall be new: learn them from x.": lambda x, y, k: (
            left(y, y, k)
        ),
        "The mean is that of y. A network would know only that of x.": lambda x, y, k: left(
            x, y - y.mean(0) + x.mean(0), k
        ),
        "These are the narrowest directions: the first k rows of Vh are the widest.": lambda x, y, k: (
            _projected(x, y, torch.linalg.svd(x - x.mean(0))[2][-k:].T)
        ),
        "Without subtracting the mean of x first, one direction is lost on it.": lambda x, y, k: (
            (y - y @ torch.linalg.svd(x)[2][:k].T @ torch.linalg.svd(x)[2][:k]).square().mean().sqrt()
        ),
        "The directions are the rows of Vh, and you took columns: V is `Vh[:k].T`.": lambda x, y, k: (
            _projected(x, y, torch.linalg.svd(x - x.mean(0))[2][:, :k])
        ),
        "The mean must run over all entries, not over rows only.": lambda x, y, k: (
            left(x, y, k) * y.shape[1] ** 0.5
        ),
        "What comes back is centred: subtract it from the centred rows, not from y itself.": lambda x, y, k: (
            _uncentred(x, y, torch.linalg.svd(x - x.mean(0))[2][:k].T)
        ),
        "That is what is kept; asked is what is left.": lambda x, y, k: (
            ((y - x.mean(0)) @ torch.linalg.svd(x - x.mean(0))[2][:k].T).square().sum().div(y.numel()).sqrt()
        ),
        "The root is missing: that is the mean square.": lambda x, y, k: left(x, y, k) ** 2,
    },
)
def left(x, y, k):
    """Root mean square of what k principal directions of x (rows, entries) leave of new rows y."""
    V = torch.linalg.svd(x - x.mean(0), full_matrices=False)[2][:k].T
    y = y - x.mean(0)
    return (y - y @ V @ V.T).square().mean().sqrt()


def _weights(generator: torch.Generator) -> Tensor:
    return 2 * torch.randn(2, 8, generator=generator, dtype=torch.float64)


def _beside(w: Tensor, other: Tensor) -> Tensor:
    return w - (w @ other) / (other @ other) * other


@exercise(
    "502.steps",
    inputs=_weights,
    axes=("property", "latent"),
    hints=(
        "One step for each property, written as rows S: W Sᵀ must be the unit matrix. Many S do that; the shortest has no part that W does not feel.",
        "So each row of S is a mixture of the rows of W: S = A W, and A W Wᵀ = 1.",
        "`torch.linalg.inv(W @ W.T) @ W`; or `torch.linalg.pinv(W).T`, which is the same.",
    ),
    mistakes={
        "A step w changes its property by |w|², and the other one too.": lambda W: W,
        "Each property grows by 1, but the other one changes as well: the rows of W are not orthogonal.": lambda W: (
            W / W.square().sum(1, keepdim=True)
        ),
        "Each step leaves the other property as it is. Now scale it, so that its own grows by exactly 1.": lambda W: (
            torch.stack([_beside(W[0], W[1]), _beside(W[1], W[0])])
        ),
        "Steps of length 1 change the properties by |w|, not by 1.": lambda W: (
            W / W.norm(dim=1, keepdim=True)
        ),
        "The shape is right for columns: one step must be a row, so transpose.": lambda W: torch.linalg.pinv(
            W
        ),
        "The inverse is missing: W Wᵀ times W instead of its inverse times W.": lambda W: W @ W.T @ W,
    },
)
def steps(W):
    """Shortest steps (properties, latent): each makes one property of W z + b grow by 1, the others by 0."""
    return torch.linalg.inv(W @ W.T) @ W
