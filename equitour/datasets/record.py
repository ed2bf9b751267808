"""A loaded set: structures as graphs, and what is known about them beside the graphs, with units."""

from __future__ import annotations

import dataclasses
import html
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from equitour.datasets.shelf import Item
from equitour.datasets.sketch import sketch
from equitour.graph import AtomicGraph


class Graphs(Sequence):
    """Graphs that are built when they are first asked for, and kept: a large set opens at once.

    Building one takes about a millisecond (the neighbour list), which thousands of molecules would make felt.
    """

    def __init__(self, items: Sequence[Item], *, cutoff: float, dtype: torch.dtype) -> None:
        self._items, self._cutoff, self._dtype = list(items), cutoff, dtype
        self._built: dict[int, AtomicGraph] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, which: int | slice) -> AtomicGraph | Graphs:
        if isinstance(which, slice):
            return self.chosen(range(len(self))[which])
        place = range(len(self))[which]
        if place not in self._built:
            item = self._items[place]
            self._built[place] = AtomicGraph.from_arrays(
                item.positions.astype(np.float64),
                item.atomic_numbers.astype(np.int64),
                cutoff=self._cutoff,
                cell=item.cell.astype(np.float64),
                pbc=item.pbc,
                dtype=self._dtype,
                # Free charges pass each other closer than atoms do; only coinciding ones are a mistake.
                min_distance=1e-3,
            )
        return self._built[place]

    def chosen(self, places: Sequence[int]) -> Graphs:
        """The graphs at some places, in that order; those built already are shared."""
        part = Graphs([self._items[i] for i in places], cutoff=self._cutoff, dtype=self._dtype)
        part._built = {new: self._built[old] for new, old in enumerate(places) if old in self._built}
        return part


class Sample(NamedTuple):
    """One structure with its labels: those of the whole, and those with one row an atom."""

    graph: AtomicGraph
    labels: dict[str, Tensor | str]
    atom_labels: dict[str, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dataset:
    """Structures and, beside them, their labels; no graph carries its own answer.

    Attributes:
        name: What `load` was asked for.
        keys: One name for each item, stable for ever: split by keys, not by position.
        graphs: The structures, each built with its neighbour list when it is first asked for.
        labels: Labels of the whole, ``labels["energy"]`` is (graphs,), ``labels["dipole"]`` is (graphs, 3).
        atom_labels: Labels with a row an atom, a tensor for each graph: ``atom_labels["forces"][i]`` is (nodes, 3).
        shared: What all items have in common, such as the frequencies of a spectrum.
        units: The unit of every label.
        card: Everything else that is known: method, codes, licence, citation, caveats.
    """

    name: str
    keys: list[str]
    graphs: Graphs
    labels: Mapping[str, Tensor | list[str]]
    atom_labels: Mapping[str, list[Tensor]]
    units: Mapping[str, str]
    shared: Mapping[str, Tensor] = field(default_factory=dict)
    card: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.graphs)

    @overload
    def __getitem__(self, which: int) -> Sample: ...
    @overload
    def __getitem__(self, which: slice | Sequence[int] | np.ndarray | Tensor) -> Dataset: ...

    def __getitem__(self, which):
        """One item as `Sample`, or a slice, list or tensor of indices (or a mask) as a smaller `Dataset`."""
        if (place := _whole_number(which)) is not None:
            return Sample(
                self.graphs[place],
                {name: values[place] for name, values in self.labels.items()},
                {name: values[place] for name, values in self.atom_labels.items()},
            )
        chosen = np.arange(len(self))[which if isinstance(which, slice) else _indices(which)].tolist()
        return dataclasses.replace(
            self,
            keys=[self.keys[i] for i in chosen],
            graphs=self.graphs.chosen(chosen),
            labels={
                name: values[chosen] if isinstance(values, Tensor) else [values[i] for i in chosen]
                for name, values in self.labels.items()
            },
            atom_labels={name: [values[i] for i in chosen] for name, values in self.atom_labels.items()},
        )

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        known = ", ".join(
            f"{name} ({self.units.get(name, '?')})" for name in (*self.labels, *self.atom_labels)
        )
        return f"Dataset({self.name!r}, {len(self)} items: {known})"

    def _repr_html_(self) -> str:
        """The first structure as a small drawing, and the labels with their units as a table."""
        rows = [
            (n, self.units.get(n, ""), tuple(v.shape[1:]), "item")
            for n, v in self.labels.items()
            if len(self) and isinstance(v, Tensor)
        ]
        rows += [
            (n, self.units.get(n, ""), tuple(v[0].shape[1:]), "atom")
            for n, v in self.atom_labels.items()
            if len(self)
        ]
        body = "".join(
            f"<tr><td><code>{html.escape(n)}</code></td><td>{html.escape(u)}</td>"
            f"<td>{'×'.join(map(str, shape)) or 'number'}</td><td>{per}</td></tr>"
            for n, u, shape, per in rows
        )
        picture = sketch(self.graphs[0], caption=self.keys[0]) if len(self) else ""
        title = html.escape(str(self.card.get("title", self.name)))
        return (
            f'<div style="display:flex;gap:1.5em;align-items:center;flex-wrap:wrap">{picture}<div>'
            f"<strong>{title}</strong><br><code>{html.escape(self.name)}</code>, {len(self)} items"
            "<table><thead><tr><th>label</th><th>unit</th><th>shape</th><th>per</th></tr></thead>"
            f"<tbody>{body}</tbody></table></div></div>"
        )


def tensor_of(value, dtype: torch.dtype) -> Tensor:
    """Floats become ``dtype``; whole numbers and truth values stay what they are."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return torch.as_tensor(array.astype(np.float64)).to(dtype)
    return torch.as_tensor(array.astype(np.int64) if array.dtype.kind in "iu" else array)


def from_items(
    name: str,
    items: Sequence[Item],
    *,
    cutoff: float,
    dtype: torch.dtype,
    shared: Mapping[str, np.ndarray],
    card: Mapping[str, object],
) -> Dataset:
    """Turn plain arrays into graphs with neighbour lists up to ``cutoff`` (Å) and tensors beside them."""
    labels = {}
    for label in items[0].item if items else ():
        column = np.stack([np.asarray(i.item[label]) for i in items])
        labels[label] = column.tolist() if column.dtype.kind == "U" else tensor_of(column, dtype)
    return Dataset(
        name=name,
        keys=[i.key for i in items],
        graphs=Graphs(items, cutoff=cutoff, dtype=dtype),
        labels=labels,
        atom_labels={
            n: [tensor_of(i.atom[n], dtype) for i in items] for n in (items[0].atom if items else ())
        },
        units=dict(card.get("units", {})),
        shared={n: tensor_of(a, dtype) for n, a in shared.items()},
        card=dict(card),
    )


def _whole_number(which: object) -> int | None:
    """An index of Python, numpy or torch as a number; None for everything else."""
    try:
        # A tensor of one row would pass for a number: only one without rows is.
        return operator.index(which) if getattr(which, "ndim", 0) == 0 else None
    except TypeError:
        return None


def _indices(which: Sequence[int] | np.ndarray | Tensor) -> np.ndarray:
    """Indices or a mask as numpy wants them; it takes an empty list for one of floats."""
    found = np.asarray(which)
    return found if found.size else found.astype(int)
