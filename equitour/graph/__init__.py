"""Structures as graphs: atoms are nodes, pairs closer than a cutoff are edges, the cell's images included."""

from equitour.graph.atomic_graph import AtomicGraph, batch
from equitour.graph.neighbors import neighbor_list

__all__ = ["AtomicGraph", "batch", "neighbor_list"]
