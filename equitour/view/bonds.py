"""Which atoms a picture joins: pairs closer than the sum of their covalent radii allows, across cell faces too."""

from typing import Any

import numpy as np

from equitour.view.frames import Frame

# Two atoms are joined below this multiple of the sum of their covalent radii.
TOLERANCE = 1.18
_METALS = np.array([3, 4, *range(11, 14), *range(19, 32), *range(37, 51), *range(55, 85), *range(87, 119)])

Bonds = tuple[np.ndarray, np.ndarray]


def find_bonds(frame: Frame, rule: Any) -> Bonds:
    """Pairs (bonds, 2) and the integer cell shift (bonds, 3) of the second atom.

    Args:
        frame: The atoms.
        rule: `"auto"` (covalent radii), `"edges"` (the graph's own edges), pairs (bonds, 2), or None for no bonds.
    """
    if isinstance(rule, str) and rule == "auto":
        return _chemical(frame)
    if isinstance(rule, str) and rule == "edges":
        return _graph_edges(frame)
    if rule is None or rule is False:
        return np.zeros((0, 2), int), np.zeros((0, 3), int)
    return _listed(frame, rule)


def _listed(frame: Frame, rule: Any) -> Bonds:
    pairs = np.asarray(rule)
    if (
        isinstance(rule, str)
        or pairs.ndim != 2
        or pairs.shape[1] != 2
        or pairs.min() < 0
        or pairs.max() >= len(frame.positions)
    ):
        received = repr(rule) if isinstance(rule, str) else f"an array of shape {pairs.shape}"
        raise ValueError(
            f"bonds must be 'auto', 'edges', None or pairs (bonds, 2) of atoms 0 to {len(frame.positions) - 1}, received {received}: "
            "leave bonds out to have them found"
        )
    return pairs.astype(int), np.zeros((len(pairs), 3), int)


def _graph_edges(frame: Frame) -> Bonds:
    if frame.edges is None:
        raise ValueError(
            "bonds='edges' draws the edges of a graph, received atoms without edges: build AtomicGraph.from_ase(atoms, cutoff=...)"
        )
    senders, receivers, shifts = frame.edges
    return _once(np.stack([senders, receivers], axis=1), shifts)


def _once(pairs: np.ndarray, shifts: np.ndarray) -> Bonds:
    """Of every edge and its reverse keep one: the one whose (shift, receiver - sender) comes first as a word."""
    words = np.concatenate([shifts, (pairs[:, 1] - pairs[:, 0])[:, None]], axis=1)
    nonzero = words != 0
    first = nonzero.argmax(axis=1)
    keep = nonzero.any(axis=1) & (words[np.arange(len(words)), first] > 0)
    return pairs[keep], shifts[keep]


def _chemical(frame: Frame) -> Bonds:
    from ase.data import covalent_radii

    if not frame.numbers.any():
        return np.zeros((0, 2), int), np.zeros((0, 3), int)
    radii = covalent_radii[np.minimum(frame.numbers, len(covalent_radii) - 1)]
    i, j, shifts, lengths = _neighbours(frame, 2 * TOLERANCE * float(radii.max()))
    near = (lengths > 0.1) & (lengths < TOLERANCE * (radii[i] + radii[j]))
    metal = np.isin(frame.numbers, _METALS)
    if metal.any() and not metal.all():
        # In an ionic crystal the cations stand close together, but what holds them is the anions between.
        near &= ~(metal[i] & metal[j])
        near &= _first_shell(i, j, lengths / (radii[i] + radii[j]), near, metal)
    return _once(np.stack([i[near], j[near]], axis=1), shifts[near])


def _first_shell(
    i: np.ndarray, j: np.ndarray, ratio: np.ndarray, near: np.ndarray, metal: np.ndarray
) -> np.ndarray:
    """Of the metals around an anion those of the first shell: Ti-O in SrTiO3, and not the twelve long Sr-O as well."""
    shortest = np.full(len(metal), np.inf)
    mixed = near & (metal[i] != metal[j])
    np.minimum.at(shortest, i[mixed], ratio[mixed])
    anion = np.where(metal[i], j, i)
    return (metal[i] == metal[j]) | (ratio < 1.2 * shortest[anion])


def _neighbours(frame: Frame, cutoff: float) -> tuple[np.ndarray, ...]:
    import vesin

    cell = np.eye(3) if frame.cell is None else frame.cell
    neighbours = vesin.NeighborList(cutoff=cutoff, full_list=True)
    i, j, shifts, lengths = neighbours.compute(
        np.ascontiguousarray(frame.positions), np.ascontiguousarray(cell), list(frame.pbc), "ijSd"
    )
    return i.astype(int), j.astype(int), shifts.astype(int), lengths
