"""Our own NequIP under its energy head."""

import torch

from equitour.graph import AtomicGraph
from equitour.models.heads import Potential
from equitour.models.nequip import NequIP

from ..batch import Batch
from .torch_training import TorchTrainer, read_task


def prepare(task: dict) -> TorchTrainer:
    """The network and its graph; options: `radial_width`, instead of the width that all share, `compile`, `as_fit`.

    `as_fit` takes a step as `equitour.train` does with AdamW; see `TorchTrainer`.
    """
    batch, settings, options = read_task(task)
    torch.manual_seed(0)
    trunk = NequIP(
        elements=batch.elements,
        cutoff=settings.cutoff,
        num_layers=settings.num_layers,
        num_channels=settings.num_channels,
        lmax=settings.lmax,
        radial_channels=(settings.num_basis, options.get("radial_width", settings.radial_width)),
        num_neighbors=batch.average_neighbors,
    )
    potential = Potential(trunk, **({"compile": True} if options.get("compile") else {}))
    graph = as_graph(batch)

    def predict():
        prediction = potential.evaluate(graph, create_graph=True)
        return prediction.energy, prediction.forces

    facts = {"edges": graph.num_edges, "paths": [len(layer.convolution.paths) for layer in trunk.layers]}
    as_fit = options.get("as_fit", False)
    return TorchTrainer(potential, predict, batch=batch, settings=settings, facts=facts, as_fit=as_fit)


def as_graph(batch: Batch) -> AtomicGraph:
    """The batch as a graph; our shifts are counted from the sender, ASE's from the centre, hence the sign."""
    periodic = batch.cells.any(axis=2)
    return AtomicGraph(
        positions=torch.tensor(batch.positions, dtype=torch.float32),
        atomic_numbers=torch.tensor(batch.atomic_numbers),
        senders=torch.tensor(batch.senders),
        receivers=torch.tensor(batch.receivers),
        cell_shifts=torch.tensor(-batch.shifts),
        cell=torch.tensor(batch.cells, dtype=torch.float32),
        pbc=torch.tensor(periodic),
        batch=torch.tensor(batch.structure),
    )
