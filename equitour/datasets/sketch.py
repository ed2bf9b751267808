"""A first glance at a structure as a few lines of SVG; `equitour.view` draws the real pictures."""

import html
import math

import torch
from ase.data import chemical_symbols, covalent_radii
from torch import Tensor

from equitour.graph import AtomicGraph

MOST_ATOMS = 400
SIZE = 170.0
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
    """Balls and, for close pairs, sticks; the furthest first, so that near atoms cover far ones."""
    numbers = graph.atomic_numbers[:MOST_ATOMS].tolist()
    seen = three_quarter_view(graph.positions[:MOST_ATOMS].detach().double().cpu())
    seen = seen - (seen.amax(0) + seen.amin(0)) / 2
    scale = (SIZE / 2 - 14) / max(float(seen[:, :2].abs().max()), 1.0)
    x, y = (SIZE / 2 + scale * seen[:, 0]).tolist(), (SIZE / 2 - scale * seen[:, 1]).tolist()
    shapes = [
        (
            float(seen[i, 2] + seen[j, 2]) / 2,
            f'<line x1="{x[i]:.1f}" y1="{y[i]:.1f}" x2="{x[j]:.1f}" y2="{y[j]:.1f}"/>',
        )
        for i, j in bonds(graph)
    ]
    for i, number in enumerate(numbers):
        radius = max(2.0, 0.45 * scale * covalent_radii[number])
        ball = f'<circle cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="{radius:.1f}" fill="{colour(number)}"/>'
        shapes.append((float(seen[i, 2]) + 1e-3, ball))
    drawing = "".join(shape for _, shape in sorted(shapes, key=lambda pair: pair[0]))
    told = html.escape(f"{formula(graph)}, first structure {caption}".strip())
    return (
        f'<svg width="{SIZE:.0f}" height="{SIZE:.0f}" role="img" aria-label="{told}" stroke="currentColor" '
        f'stroke-width="1"><title>{told}</title>{drawing}</svg>'
    )


def bonds(graph: AtomicGraph) -> list[list[int]]:
    """Pairs inside one cell that are closer than 1.25 times the sum of their covalent radii."""
    radii = torch.tensor(covalent_radii)[graph.atomic_numbers.cpu()]
    s, r = graph.senders.cpu(), graph.receivers.cpu()
    close = graph.edge_lengths().detach().cpu() < 1.25 * (radii[s] + radii[r])
    inside = (graph.cell_shifts.cpu() == 0).all(1) & (s < r) & (r < MOST_ATOMS)
    return torch.stack([s, r], dim=1)[close & inside].tolist()


def formula(graph: AtomicGraph) -> str:
    """Elements with their counts, carbon and hydrogen not singled out: ``C2 H6 O1``."""
    numbers, counts = graph.atomic_numbers.unique(return_counts=True)
    return " ".join(
        f"{chemical_symbols[n]}{c}" for n, c in zip(numbers.tolist(), counts.tolist(), strict=True)
    )
