"""The peer mace-torch: `ScaleShiftMACE` with its default interaction blocks."""

from importlib.metadata import version

import numpy as np
import torch
from mace import modules

from ..batch import Batch
from ..settings import Settings
from .torch_training import TorchTrainer, read_task

BLOCK = modules.RealAgnosticResidualInteractionBlock


def prepare(task: dict) -> TorchTrainer:
    """The network and its data; the options `correlation` and `num_layers` set the body order and the depth."""
    batch, settings, options = read_task(task)
    torch.manual_seed(0)
    model = build(batch, settings, options)
    data = as_mace(batch)

    def predict():
        # The model asks the positions for gradients, so each step gets fresh ones.
        outputs = model(data | {"positions": data["positions"].clone()}, training=True)
        return outputs["energy"], outputs["forces"]

    facts = {
        "edges": data["edge_index"].shape[1],
        "paths": [len(block.conv_tp.instructions) for block in model.interactions],
        "version": version("mace-torch"),
    }
    return TorchTrainer(model, predict, batch=batch, settings=settings, facts=facts)


def build(batch: Batch, settings: Settings, options: dict) -> torch.nn.Module:
    """The network in float32, torch's default."""
    # Importing mace first lets torch open the constants of the old e3nn that it pins.
    from e3nn import o3

    return modules.ScaleShiftMACE(
        r_max=settings.cutoff,
        num_bessel=settings.num_basis,
        num_polynomial_cutoff=6,
        max_ell=settings.lmax,
        interaction_cls=BLOCK,
        interaction_cls_first=BLOCK,
        num_interactions=options.get("num_layers", settings.num_layers),
        num_elements=len(batch.elements),
        hidden_irreps=o3.Irreps(settings.hidden_irreps()),
        MLP_irreps=o3.Irreps("16x0e"),
        atomic_energies=np.zeros(len(batch.elements)),
        avg_num_neighbors=batch.average_neighbors,
        atomic_numbers=batch.elements,
        correlation=options["correlation"],
        gate=torch.nn.functional.silu,
        radial_MLP=[settings.radial_width],
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
    )


def as_mace(batch: Batch) -> dict[str, torch.Tensor]:
    """The batch in mace's dictionary, edges in the order that its own neighbour list gives them."""
    return {
        "positions": torch.tensor(batch.positions, dtype=torch.float32),
        "cell": torch.tensor(batch.cells.reshape(-1, 3), dtype=torch.float32),
        "edge_index": torch.tensor(np.stack([batch.receivers, batch.senders])),
        "shifts": torch.tensor(batch.offsets, dtype=torch.float32),
        "unit_shifts": torch.tensor(batch.shifts, dtype=torch.float32),
        "node_attrs": torch.eye(len(batch.elements))[torch.tensor(batch.species)],
        "batch": torch.tensor(batch.structure),
        "ptr": torch.tensor(np.cumsum([0, *batch.counts])),
    }
