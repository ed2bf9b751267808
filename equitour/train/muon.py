"""Muon: momentum made orthogonal (Jordan et al. 2024; its step as long as Adam's after Liu et al., arXiv:2502.16982)."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

# Of X ← aX + bXXᵀX + c(XXᵀ)²X, which takes singular values to about 1, 0.7 to 1.2, in five rounds (Jordan et al.).
COEFFICIENTS, ROUNDS = (3.4445, -4.7750, 2.0315), 5
# A matrix narrower than this is no map between channels but a table of coefficients.
NARROWEST = 16


class Muon(torch.optim.AdamW):
    """Matrices step along their orthogonal momentum, everything else as in AdamW.

    B ← μ B + (1 − μ) G; U Vᵀ of μ B + (1 − μ) G = U S Vᵀ; W ← (1 − γλ) W − γ · `match` · √(longer side) · U Vᵀ.
    Each direction of channels thus moves by the same amount, however small its gradient, where Adam follows the few
    that the loss feels most. torch's own Muon takes single matrices alone, where ours come in stacks, one for each
    species, and rounds to bfloat16.

    Args:
        weights: All that is to be moved; those of two or more axes whose last two are at least `NARROWEST` long count
            as stacks of matrices.
        lr: γ, of both kinds.
        weight_decay: λ, of both kinds.
        momentum: μ.
        match: Root mean square of a matrix's step in units of γ, where Adam's is 0.2 to 0.4.
    """

    def __init__(
        self,
        weights: Iterable[Tensor],
        *,
        lr: float = 0.01,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        match: float = 0.4,
    ) -> None:
        weights = list(weights)
        self.momentum, self.match = momentum, match
        matrices = [weight for weight in weights if is_stack_of_matrices(weight)]
        rest = [weight for weight in weights if not is_stack_of_matrices(weight)]
        groups = [{"params": rest, "orthogonal": False}, {"params": matrices, "orthogonal": True}]
        groups = [group for group in groups if group["params"]]
        super().__init__(groups, lr=lr, weight_decay=weight_decay, fused=True)

    @torch.no_grad()
    def step(self) -> None:
        """One step of all weights that have a gradient."""
        groups = self.param_groups
        for group in groups:
            if group["orthogonal"]:
                self._step_along_orthogonal_momentum(group)
        try:
            self.param_groups = [group for group in groups if not group["orthogonal"]]
            super().step()
        finally:
            self.param_groups = groups

    def _step_along_orthogonal_momentum(self, group: dict[str, Any]) -> None:
        moved = [weight for weight in group["params"] if weight.grad is not None]
        if not moved:
            return
        for weight in moved:
            if not self.state[weight]:
                # Under the names of AdamW, which looks for them when a state is loaded.
                self.state[weight] |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(weight)}
        gradients = [weight.grad for weight in moved]
        averages = [self.state[weight]["exp_avg"] for weight in moved]
        torch._foreach_add_([self.state[weight]["step"] for weight in moved], 1)
        torch._foreach_lerp_(averages, gradients, 1 - self.momentum)
        ahead = torch._foreach_lerp(gradients, averages, self.momentum)
        torch._foreach_mul_(moved, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(moved, orthogonal(ahead), alpha=-group["lr"] * self.match)


def is_stack_of_matrices(weight: Tensor) -> bool:
    """Whether it maps channels to channels."""
    return weight.ndim > 1 and min(weight.shape[-2:]) >= NARROWEST


def orthogonal(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Each with its singular values made about equal, times the root of its longer side: entries of about unit size.

    Matrices of one shape are worked on together, which is what makes it cheap.
    """
    found: dict[int, Tensor] = {}
    for shape in dict.fromkeys(matrix.shape[-2:] for matrix in matrices):
        places = [place for place, matrix in enumerate(matrices) if matrix.shape[-2:] == shape]
        stack = torch.cat([matrices[place].reshape(-1, *shape) for place in places])
        counts = [matrices[place].shape[:-2].numel() for place in places]
        turned = newton_schulz(stack) * max(shape) ** 0.5
        found |= dict(zip(places, turned.split(counts), strict=True))
    return [found[place].view_as(matrix) for place, matrix in enumerate(matrices)]


def newton_schulz(stack: Tensor) -> Tensor:
    """U Vᵀ, roughly, of matrices U S Vᵀ [stack, rows, columns]; zero stays zero."""
    a, b, c = COEFFICIENTS
    tall = stack.shape[-2] > stack.shape[-1]
    x = stack.mT if tall else stack
    # Entries too small for their squares to be numbers would else be divided by zero.
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=1e-20)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
