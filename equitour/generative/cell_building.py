"""Whole cells out of noise, by a model that has only ever seen single motifs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.generative.environments import Environments, environments
from equitour.generative.learnt import require_learnt
from equitour.generative.motif_diffusion import MotifDenoiser
from equitour.generative.synchronise import synchronise_unordered
from equitour.graph import AtomicGraph

SWEEPS, RELAXATION = 8, 0.8


@dataclass(frozen=True, eq=False)
class CellStep:
    """A step on the way from noise to a structure.

    Attributes:
        number: From 1.
        sigma: The noise that the denoiser is told of, in Å.
        graph: The structure now.
        disagreement: Root mean square, over all pairs of a motif, of what is left between where a motif wants its neighbour
            and where the compromise of all motifs puts it; in Å.
    """

    number: int
    sigma: float
    graph: AtomicGraph
    disagreement: float


def denoise_cell(
    model: MotifDenoiser,
    graph: AtomicGraph,
    *,
    steps: int = 400,
    sigma: tuple[float, float] = (0.75, 0.02),
    noise: float = 0.3,
    generator: torch.Generator | None = None,
) -> Iterator[CellStep]:
    """Atoms go where the motifs that they belong to want them, while the noise falls; iterate over it.

    Each step cuts the motif of every atom, denoises all of them at once, and moves the atoms by the least squares of

        Σ_centres Σ_neighbours |x_j − x_i − D_ij|²,

    where D_ij is the vector that the denoised motif of i has to its neighbour j; then noise is added. Nobody knows more than
    a motif; that they overlap makes a structure of them.

    Args:
        model: Trained on motifs of the material.
        graph: Where to start: positions of any kind, random ones too, in a cell of the wanted density.
        steps: Noise levels, from the first to the second sigma in equal ratios.
        sigma: Of the noise, first and last, in Å.
        noise: What is added after a step, as a share of σ; none in the last twentieth of the steps.
        generator: Of the noise.

    Raises:
        ValueError: The structure holds an element that the model has not learnt, or is not one periodic cell.
    """
    require_learnt(graph.atomic_numbers.tolist(), model.settings)
    _require_cell(graph)
    levels = torch.logspace(*(torch.tensor(sigma).log10().tolist()), steps).tolist()
    for number, level in enumerate(levels, start=1):
        graph, around = _surroundings(graph, model.settings["num_neighbors"])
        wanted = _denoised(model, around.vectors, level / float(model.deviation)) - around.vectors
        move, left = _compromise(around, wanted, graph.num_nodes)
        added = noise * level if number <= 0.95 * steps else 0.0
        kick = torch.randn(move.shape, generator=generator, dtype=move.dtype).to(move.device)
        graph = graph.replace(positions=graph.positions + move + added * kick)
        yield CellStep(number, level, graph, left)


def _denoised(model: MotifDenoiser, vectors: Tensor, sigma: float) -> Tensor:
    """What the model sees behind motifs, in their own frames and orders."""
    vectors = vectors.to(model.reference)
    laid = synchronise_unordered(vectors, model.reference.expand(len(vectors), -1, -1), starts=2)
    rows = model.rows_of(laid.vectors)
    with torch.no_grad():
        seen = model.vectors_of(model(rows, torch.full_like(rows[:, 0], sigma)))
    places = laid.permutation.unsqueeze(-1).expand(-1, -1, 3)
    return torch.empty_like(vectors).scatter(1, places, seen @ laid.rotation)


def _compromise(around: Environments, wanted: Tensor, count: int) -> tuple[Float[Tensor, "nodes 3"], float]:
    """Moves whose differences come near to those wanted, by damped Jacobi sweeps; and what is left, in Å."""
    wanted = wanted.to(around.vectors).flatten(0, 1)
    centers = around.centers.repeat_interleave(around.vectors.shape[1])
    neighbors = around.neighbors.flatten()
    ends = torch.cat([centers, neighbors])
    weight = ends.bincount(minlength=count).clamp(min=1).unsqueeze(-1)
    move = wanted.new_zeros(count, 3)
    for _ in range(SWEEPS):
        left = wanted - (move[neighbors] - move[centers])
        pull = torch.zeros_like(move).index_add(0, ends, torch.cat([-left, left]))
        move = move + RELAXATION * pull / weight
    left = wanted - (move[neighbors] - move[centers])
    return move, float(left.square().sum(-1).mean().sqrt())


def _surroundings(graph: AtomicGraph, num_neighbors: int) -> tuple[AtomicGraph, Environments]:
    """The nearest neighbours of every atom, with as long a cutoff as the loneliest atom needs."""
    volume = float(torch.linalg.det(graph.cell[0]).abs())
    cutoff = 1.2 * (3 * num_neighbors * volume / (4 * torch.pi * graph.num_nodes)) ** (1 / 3)
    while True:
        graph = graph.rebuild(cutoff=cutoff)
        if graph.senders.bincount(minlength=graph.num_nodes).min() >= num_neighbors:
            return graph, environments(graph, num_neighbors=num_neighbors)
        cutoff *= 1.2


def _require_cell(graph: AtomicGraph) -> None:
    if graph.num_graphs != 1 or not bool(graph.pbc.all()):
        raise ValueError(
            f"the structure must be one periodic cell, received {graph.num_graphs} with periodic directions "
            f"{graph.pbc.tolist()}: a cell fixes the density"
        )
