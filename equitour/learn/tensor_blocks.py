"""Tensors of atoms, block by block: what may be standardised, how each block is learnt, and how well it is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

from equitour.graph import AtomicGraph
from equitour.learn.field_answers import exponent
from equitour.train import Budget, Example, Minibatches, Recipe, Training


@dataclass(frozen=True, eq=False)
class Standard:
    """Means and sizes by atomic number, which keep the symmetry: a mean for 0e alone, one size for a whole block.

    Attributes:
        irreps: Of the components.
        mean: (119, dim), zero outside 0e and for elements that were not there.
        size: (119, dim), alike within each block; 1 for elements that were not there.
    """

    irreps: o3.Irreps
    mean: Tensor
    size: Tensor

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Components (nodes, dim) as pure numbers of order 1."""
        return (x - self.mean[numbers]) / self.size[numbers]

    def undo(self, y: Tensor, numbers: Tensor) -> Tensor:
        """The inverse of `apply`."""
        return self.mean[numbers] + self.size[numbers] * y


def standard_of(x: Tensor, numbers: Tensor, irreps: o3.Irreps | str) -> Standard:
    """Measure means and sizes of components (nodes, dim) of atoms with these atomic numbers."""
    irreps = o3.Irreps(irreps)
    mean, size = torch.zeros(119, irreps.dim).to(x), torch.ones(119, irreps.dim).to(x)
    for number in numbers.unique().tolist():
        rows = x[numbers == number]
        for (_, ir), block in zip(irreps, irreps.slices(), strict=True):
            if ir == o3.Irrep("0e"):
                mean[number, block] = rows[:, block].mean(0)
            spread = (rows - mean[number])[:, block].square().mean().sqrt()
            size[number, block] = spread if spread > 0 else 1.0
    return Standard(irreps, mean, size)


def relative_errors(x: Tensor, reference: Tensor, numbers: Tensor, *, standard: Standard) -> Tensor:
    """Error of each block over its size, (elements, blocks); elements ascend; 1 is no better than the element's mean."""
    wrong, spread = (x - reference).square(), (reference - standard.mean[numbers]).square()
    rows = [
        [
            wrong[numbers == number][:, block].sum() / spread[numbers == number][:, block].sum()
            for block in standard.irreps.slices()
        ]
        for number in numbers.unique().tolist()
    ]
    return torch.stack([torch.stack(row) for row in rows]).sqrt()


class PlainOutputs(nn.Module):
    """Numbers for each atom that are linear in a trunk's scalars: no tensor, whatever they are trained on.

    Args:
        trunk: Gives one scalar feature a channel, `irreps_out="0e"`.
        count: How many numbers.
    """

    def __init__(self, trunk: nn.Module, count: int) -> None:
        super().__init__()
        self.trunk, self.linear = trunk, nn.Linear(trunk.num_channels, count)

    def components(self, graph: AtomicGraph) -> Float[Tensor, "nodes count"]:
        """The numbers of each atom."""
        return self.linear(self.trunk(graph)[:, 0])


class Standardised(nn.Module):
    """A head that gives pure numbers, read in the unit of its data: mean + size · number, by element and block.

    Args:
        head: Has `components(graph)`, (nodes, dim).
        standard: From the examples that the head learns from; kept as `standard`.
    """

    def __init__(self, head: nn.Module, standard: Standard) -> None:
        super().__init__()
        self.head, self.standard = head, standard
        self.register_buffer("mean", standard.mean)
        self.register_buffer("size", standard.size)

    def components(self, graph: AtomicGraph) -> Float[Tensor, "nodes dim"]:
        """Components of each atom's tensor in the unit of the data."""
        numbers = graph.atomic_numbers
        return self.mean[numbers] + self.size[numbers] * self.head.components(graph)


def trained(
    model: nn.Module,
    loss: Callable[[nn.Module, Example], Tensor],
    examples: Sequence[Example],
    *,
    steps: int,
    batch_size: int = 8,
) -> nn.Module:
    """The model after so many steps of Adam, its weights averaged and at rest.

    Args:
        model: Changed in place; what is returned is its average.
        loss: Of the model on a batch of examples.
        examples: To learn from, always in the same order of chance.
        steps: Number of steps; the rate falls to zero with the last.
        batch_size: Structures in a step.
    """
    chance = torch.Generator().manual_seed(1)
    batches = Minibatches(examples, batch_size=min(batch_size, len(examples)), generator=chance)
    training = Training(
        model, loss, batches=batches, budget=Budget(steps=steps), recipe=Recipe(learning_rate=0.01)
    )
    for _ in training:
        pass
    return training.average.requires_grad_(False)


def learning_curve(
    errors: Callable[[Sequence[Example], int], Float[Tensor, " blocks"]],
    examples: Sequence[Example],
    *,
    sizes: Sequence[int],
    seeds: Sequence[int],
) -> Float[Tensor, "sizes blocks"]:
    """Errors against the number of examples, the mean over several draws of them.

    Args:
        errors: Of a fresh model that learnt from these examples, with this seed for its first weights.
        examples: To draw from; in one draw the larger sets hold the smaller ones.
        sizes: Numbers of examples.
        seeds: One for each draw.
    """
    draws = []
    for seed in seeds:
        order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
        draws.append(torch.stack([errors([examples[k] for k in order[:n]], seed) for n in sizes]))
    return torch.stack(draws).mean(0)


def draw_learning_curve(
    ax: Any, sizes: Sequence[int], table: Float[Tensor, "sizes blocks"], names: Sequence[str]
) -> list[float]:
    """One line a block on logarithmic axes, with its power law N^−k in the legend.

    Args:
        ax: Of matplotlib, from `view.axes`.
        sizes: Numbers of structures.
        table: Relative errors.
        names: Of the blocks.

    Returns:
        The exponents k.
    """
    falls = [-exponent(sizes, column.tolist()) for column in table.T]
    for name, column, fall, marker in zip(names, table.T, falls, "osD^v", strict=False):
        ax.loglog(sizes, column, marker + "-", label=f"{name}: error ∝ N^−{fall:.2f}")
    ax.axhline(1, ls=":", color="#888888")
    ax.set(xlabel="structures to learn from, N", ylabel="relative error on new ones")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if tick > float(table.min()) / 2]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.legend(fontsize=8.5)
    return falls
