"""Born charges of barium titanate: sites and what they allow, cells to learn from, and what a network has to beat."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.datasets import Dataset
from equitour.graph import AtomicGraph
from equitour.learn.charges import BORN, number_an_element, rmse
from equitour.symmetry import site_symmetry
from equitour.train import Example, collate

_SYMBOLS = ("Ba", "Ti", "O", "O", "O")


class Sites(NamedTuple):
    """Atoms in their surroundings: what leaves each of them alone, and its Born charge."""

    names: list[str]
    graphs: list[AtomicGraph]  # The cell of each.
    operations: list[Float[Tensor, "operations 3 3"]]
    Z: Float[Tensor, "sites 3 3"]  # In e.
    drawn: list[Float[Tensor, "nodes 3 3"]]  # The symmetric part of Z on its own atom, zero on the others.


def sites(data: Dataset) -> Sites:
    """The five atoms of the perfect crystal, then an atom of titanium and one of oxygen where all atoms are displaced.

    Args:
        data: `barium_titanate`, whose atoms stand in the order Ba, Ti, O, O, O; the lines Ti-O-Ti of its oxygens are z, y and x.
    """
    order = data.labels["amplitude"].argsort().tolist()
    perfect, displaced = order[0], order[-1]
    chosen = [*((perfect, atom) for atom in range(5)), (displaced, 1), (displaced, 2)]
    lines = {2: ", line along z", 3: ", line along y", 4: ", line along x"}
    size = 1000 * float(data.labels["amplitude"][displaced])
    names = [
        _SYMBOLS[atom] + (lines.get(atom, "") if cell == perfect else f", atoms off by {size:.0f} mÅ")
        for cell, atom in chosen
    ]
    graphs = [data.graphs[cell] for cell, _ in chosen]
    operations = [site_symmetry(data.graphs[cell], atom) for cell, atom in chosen]
    Z = torch.stack([data.atom_labels[BORN][cell][atom] for cell, atom in chosen])
    drawn = [
        torch.zeros(5, 3, 3).to(z).index_add(0, torch.tensor([atom]), ((z + z.mT) / 2)[None])
        for z, (_, atom) in zip(Z, chosen, strict=True)
    ]
    return Sites(names, graphs, operations, Z, drawn)


def displaced_cells(data: Dataset) -> tuple[list[Example], list[Example]]:
    """Cells of displaced atoms to learn Born charges from, and every fourth kept for the test.

    The perfect crystal is in neither, so that a network can be asked what symmetry tells it.

    Args:
        data: `barium_titanate`.
    """
    order = data.labels["amplitude"].argsort().tolist()[1:]
    cells = [Example(data.graphs[k], {BORN: data.atom_labels[BORN][k]}) for k in order]
    return [cell for k, cell in enumerate(cells) if k % 4 != 3], cells[3::4]


def site_errors(model: nn.Module, seen: Sequence[Example], kept: Sequence[Example]) -> Mapping[str, float]:
    """Root mean square errors (e) of Born charges on cells that were kept, of a model and of two guesses without one.

    Args:
        model: Gives tensors by name, such as `Response`.
        seen: Cells that it learnt from; the atoms of all cells stand in one order.
        kept: Cells to judge by.
    """
    test, tensors = collate(kept), torch.stack([example.labels[BORN] for example in seen])
    guesses = {
        "one number an element": number_an_element(seen, test.graph.atomic_numbers, BORN),
        "mean tensor of each site": tensors.mean(0).repeat(len(kept), 1, 1),
        "network": model(test.graph)[BORN].detach(),
    }
    return {name: rmse(guess - test.labels[BORN]) for name, guess in guesses.items()}


def public_cells(data: Dataset, *, kept: int = 8) -> tuple[list[Example], list[Example]]:
    """Cells of a set with Born charges to learn from, and the last ones kept for the test.

    Args:
        data: Such as `bto_response`.
        kept: Number of cells for the test.
    """
    pairs = zip(data.graphs, data.atom_labels[BORN], strict=True)
    cells = [Example(graph, {BORN: tensors}) for graph, tensors in pairs]
    return cells[:-kept], cells[-kept:]
