"""Pictures of lesson 505: a mean on the circle, and three losses of a denoiser of crystals."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def draw_border(axes: Any, fractions: Float[Tensor, " draws"], mean: float, around: float) -> None:
    """Places on the line from 0 to 1, and the same places on a circle, each with its mean."""
    line, circle = axes
    line.plot(fractions, 0 * fractions, "o", alpha=0.6, ms=5, label="draws")
    line.plot([mean], [0], "v", ms=10, color="C1", label="mean of the numbers")
    line.plot([around], [0], "^", ms=10, color="C2", label="mean on the circle")
    line.set(xlabel="fractional coordinate", yticks=[], xlim=(-0.03, 1.03), ylim=(-0.5, 0.9))
    line.legend(fontsize=8.5, loc="upper center")
    turn = torch.linspace(0, 2 * torch.pi, 200)
    circle.plot(turn.cos(), turn.sin(), color="#888888", lw=1)
    for f, mark, size, colour, alpha in (
        (fractions, "o", 5, "C0", 0.6), (torch.tensor([mean]), "v", 10, "C1", 1), (torch.tensor([around]), "^", 10, "C2", 1)
    ):  # fmt: skip
        circle.plot(
            (2 * torch.pi * f).cos(), (2 * torch.pi * f).sin(), mark, ms=size, color=colour, alpha=alpha
        )
    circle.text(1.12, 0, "0 = 1", va="center")
    circle.text(-1.12, 0, "0.5", va="center", ha="right")
    circle.set(aspect="equal", xlim=(-1.6, 1.7), ylim=(-1.25, 1.25))
    circle.axis("off")


def draw_learning(ax: Any, history: Mapping[str, Sequence[float]], window: int = 25) -> None:
    """Each part of the loss by steps, averaged over a window, relative to a denoiser that knows nothing."""
    for (name, losses), style in zip(history.items(), ("-", "--", ":"), strict=False):
        values = torch.as_tensor(losses, dtype=torch.float64)
        width = min(window, max(1, len(values) // 8))
        smooth = values.unfold(0, width, 1).mean(1)
        ax.plot(torch.arange(len(smooth)) + width // 2, smooth, style, lw=1.8, label=name)
    ax.axhline(1, color="#888888", ls="-", lw=0.8)
    ax.set(xlabel="steps", ylabel="loss, 1 = knows nothing", ylim=(0, 1.25))
    ax.legend(fontsize=8.5, ncols=3, loc="upper right")
