"""Structures as graphs: atoms are nodes, pairs closer than a cutoff are edges, the cell's images included."""

from equitour.graph.atomic_graph import AtomicGraph, batch
from equitour.graph.memory import keep_freed_memory
from equitour.graph.neighbors import neighbor_list

__all__ = ["AtomicGraph", "batch", "keep_freed_memory", "neighbor_list"]
