"""A first glance at a structure as a few lines of SVG; `equitour.view` draws the real pictures."""

import html
import math

import torch
from ase.data import chemical_symbols, covalent_radii
from torch import Tensor

from equitour.graph import AtomicGraph

MOST_ATOMS = 400
SIZE = 170.0
CORNERS = torch.cartesian_prod(*[torch.arange(2.0, dtype=torch.float64)] * 3)
CELL_EDGES = [(a, a | bit) for a in range(8) for bit in (1, 2, 4) if not a & bit]
# The usual colours of chemistry, a little darker than usual so that they stand on white and on black.
COLOURS = {
    1: "#d8d8d8",
    6: "#707070",
    7: "#4a6fe3",
    8: "#e0433c",
    9: "#79c142",
    14: "#d9a441",
    16: "#d6b91f",
    17: "#38a838",
}


def colour(number: int) -> str:
    """A fixed colour for each element; the golden angle spreads those without a customary one."""
    return COLOURS.get(number, f"hsl({number * 137.508 % 360:.0f} 45% 55%)")


def three_quarter_view(positions: Tensor) -> Tensor:
    """Positions seen from a little above and from the side; the last component points to the eye."""
    a, b = math.radians(25.0), math.radians(-20.0)
    about_y = torch.tensor([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    about_x = torch.tensor([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    return positions @ (about_x @ about_y).T.to(positions.dtype)


def sketch(graph: AtomicGraph, *, caption: str = "") -> str:
    """Balls, the sticks between close ones and the cell; the furthest first, so that near atoms cover far ones."""
    numbers = graph.atomic_numbers[:MOST_ATOMS].tolist()
    corners = cell_corners(graph)
    points = three_quarter_view(torch.cat([graph.positions[:MOST_ATOMS].detach().double().cpu(), corners]))
    points = points - (points.amax(0) + points.amin(0)) / 2
    largest = 0.45 * max(covalent_radii[number] for number in numbers)
    scale = (SIZE / 2 - 2) / (max(float(points[:, :2].abs().max()), 0.5) + largest)
    x, y = (SIZE / 2 + scale * points[:, 0]).tolist(), (SIZE / 2 - scale * points[:, 1]).tolist()
    depth, first = points[:, 2].tolist(), len(numbers)
    shapes = [
        (-1e9, f'<path d="M{x[a]:.1f} {y[a]:.1f}L{x[b]:.1f} {y[b]:.1f}" opacity="0.35"/>')
        for a, b in ((first + a, first + b) for a, b in CELL_EDGES if len(corners))
    ]
    for i, j in bonds(graph):
        middle = f"L{(x[i] + x[j]) / 2:.1f} {(y[i] + y[j]) / 2:.1f}"
        for end in (i, j):
            # Each half of a stick lies just behind its own ball, so neither crosses a face.
            stick = (
                f'<path d="M{x[end]:.1f} {y[end]:.1f}{middle}" stroke-width="{max(1.5, 0.12 * scale):.1f}"/>'
            )
            shapes.append((depth[end] - 1e-3, stick))
    for i, number in enumerate(numbers):
        radius = max(2.0, 0.45 * scale * covalent_radii[number])
        shapes.append(
            (depth[i], f'<circle cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="{radius:.1f}" fill="{colour(number)}"/>')
        )
    drawing = "".join(shape for _, shape in sorted(shapes, key=lambda pair: pair[0]))
    told = html.escape(f"{formula(graph)}, first structure {caption}".strip())
    return (
        f'<svg width="{SIZE:.0f}" height="{SIZE:.0f}" role="img" aria-label="{told}" stroke="currentColor" '
        f'stroke-width="1"><title>{told}</title>{drawing}</svg>'
    )


def cell_corners(graph: AtomicGraph) -> Tensor:
    """The eight corners (8, 3) of a cell that repeats in all directions, none (0, 3) otherwise."""
    if not bool(graph.pbc[0].all()):
        return torch.zeros(0, 3, dtype=torch.float64)
    return CORNERS @ graph.cell[0].detach().double().cpu()


def bonds(graph: AtomicGraph) -> list[list[int]]:
    """Pairs inside one cell that are closer than 1.15 times the sum of their covalent radii."""
    radii = torch.tensor(covalent_radii)[graph.atomic_numbers.cpu()]
    s, r = graph.senders.cpu(), graph.receivers.cpu()
    close = graph.edge_lengths().detach().cpu() < 1.15 * (radii[s] + radii[r])
    inside = (graph.cell_shifts.cpu() == 0).all(1) & (s < r) & (r < MOST_ATOMS)
    return torch.stack([s, r], dim=1)[close & inside].tolist()


def formula(graph: AtomicGraph) -> str:
    """Elements with their counts, carbon and hydrogen not singled out: ``C2 H6 O1``."""
    numbers, counts = graph.atomic_numbers.unique(return_counts=True)
    return " ".join(
        f"{chemical_symbols[n]}{c}" for n, c in zip(numbers.tolist(), counts.tolist(), strict=True)
    )
