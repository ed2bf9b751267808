"""Learning curves of the answers to a field: several draws of the molecules, and the picture of two ways to learn."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.learn.field_answers import exponent, learning_curve
from equitour.train import Example

_INKS = ("#E69F00", "#0072B2")
_LINES = {"raman_tensors": "o-", "born_effective_charges": "s--"}


def curves_of_draws(
    build: Callable[..., nn.Module],
    examples: Sequence[Example],
    held_out: Sequence[Example],
    *,
    sizes: Sequence[int],
    seeds: Sequence[int],
    whole: Mapping[str, Sequence[float]],
    **options: Any,
) -> dict[str, Float[Tensor, "draws sizes"]]:
    """Relative errors of each answer against the number of molecules, once for each draw.

    All draws end in the same point, the training on all molecules, which has been made already.

    Args:
        build: Makes a fresh model, `build(examples, seed=seed)`.
        examples: To draw from; in one draw the larger sets hold the smaller ones.
        held_out: To judge by.
        sizes: Numbers of examples, the last one all of them.
        seeds: One a draw, for the order of the molecules and for the first weights.
        whole: From `followed`, of the training on all examples.
        options: Of `learning_curve`: steps, learning_rate, predict, names.
    """
    draws = []
    for seed in seeds:
        order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
        shuffled = [examples[k] for k in order]
        draws.append(
            learning_curve(partial(build, seed=seed), shuffled, held_out, sizes=sizes[:-1], **options)
        )
    return {name: torch.tensor([[*draw[name], whole[name][-1]] for draw in draws]) for name in draws[0]}


def exponents(
    sizes: Sequence[int], curves: Mapping[str, Float[Tensor, "draws sizes"]]
) -> dict[str, Float[Tensor, " draws"]]:
    """x of errors ∝ N^x for each answer and draw: how far draws differ is how well a slope is known.

    Args:
        sizes: Numbers of examples.
        curves: From `curves_of_draws`.
    """
    return {
        name: torch.tensor([exponent(sizes, draw.tolist()) for draw in table])
        for name, table in curves.items()
    }


def draw_ways(
    axes: Any,
    ways: Mapping[str, Mapping[str, Sequence[float]]],
    sizes: Sequence[int],
    curves: Mapping[str, Mapping[str, Float[Tensor, "draws sizes"]]],
) -> str:
    """Errors of Raman tensors and Born charges against steps, processor time and molecules, for each way to learn.

    Args:
        axes: Three of matplotlib, from `view.axes(1, 3, sharey=True)`.
        ways: From `followed`, by name.
        sizes: Numbers of molecules of the curves.
        curves: From `curves_of_draws`, by the same names; the line is the mean of the draws, dots are the draws.

    Returns:
        Words for those who do not see it.
    """
    told = []
    for (name, way), ink in zip(ways.items(), _INKS, strict=False):
        powers = exponents(sizes, curves[name])
        for answer, line in _LINES.items():
            power, table = float(powers[answer].mean()), curves[name][answer]
            axes[0].loglog(
                way["steps"], way[answer], line, color=ink, label=f"{name}, {answer.split('_')[0].title()}"
            )
            axes[1].loglog(way["seconds"], way[answer], line, color=ink)
            axes[2].loglog(sizes, table.mean(0), line, color=ink, label=f"as $N^{{{power:.2f}}}$")
            axes[2].loglog(sizes, table.T, ".", color=ink, alpha=0.5)
        told.append(f"{name} as N to the {float(powers['raman_tensors'].mean()):.2f}")
    for ax, label in zip(axes, ("steps", "processor time (s)", "molecules to learn from, N"), strict=True):
        ax.set_xlabel(label)
        ax.minorticks_off()
        ax.legend(fontsize=8) if ax is not axes[1] else None
    axes[2].set_xticks(sizes, [str(size) for size in sizes])
    axes[0].set_yticks([0.05, 0.1, 0.2, 0.5], ["0.05", "0.1", "0.2", "0.5"])
    axes[0].set_ylabel("error over size, new molecules")
    return f"Errors fall with steps, time and data; Raman tensors against data: {', '.join(told)}."
