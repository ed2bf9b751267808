"""The peer nequip, built by its own `NequIPGNNModel` with natural parity: the paths of a network of 0e + 1o (+ 2e)."""

from importlib.metadata import version

import torch
from ase.data import chemical_symbols
from nequip.data import AtomicDataDict
from nequip.model import NequIPGNNModel
from nequip.nn import InteractionBlock
from nequip.utils.global_state import set_global_state

from ..batch import Batch
from ..settings import Settings
from .torch_training import TorchTrainer, read_task


def prepare(task: dict) -> TorchTrainer:
    """The network and its data as nequip wants them."""
    batch, settings, options = read_task(task)
    set_global_state()
    model = build(batch, settings, options)
    data = as_nequip(batch)

    def predict():
        # The model writes into the dictionary and asks the positions for gradients, so each step gets fresh ones.
        inputs = data | {AtomicDataDict.POSITIONS_KEY: data[AtomicDataDict.POSITIONS_KEY].clone()}
        outputs = model(inputs)
        energies = outputs[AtomicDataDict.TOTAL_ENERGY_KEY].squeeze(-1)
        return energies, outputs[AtomicDataDict.FORCE_KEY]

    blocks = [module for module in model.modules() if isinstance(module, InteractionBlock)]
    facts = {
        "edges": data[AtomicDataDict.EDGE_INDEX_KEY].shape[1],
        "paths": [len(block.tp_scatter.instructions) for block in blocks],
        "version": version("nequip"),
    }
    as_fit = options.get("as_fit", False)
    return TorchTrainer(model, predict, batch=batch, settings=settings, facts=facts, as_fit=as_fit)


def build(batch: Batch, settings: Settings, options: dict) -> torch.nn.Module:
    """The network; the option `type_embedding` is the width of its type embedding: a number, or "species"."""
    width = options.get("type_embedding")
    if width == "species":
        width = len(batch.elements)
    names = [chemical_symbols[number] for number in batch.elements]
    return NequIPGNNModel(
        seed=0,
        model_dtype="float32",
        type_names=names,
        compile_mode="compile" if options.get("compile") else "eager",
        num_layers=settings.num_layers,
        l_max=settings.lmax,
        parity=options.get("parity", False),
        num_features=settings.num_channels,
        type_embed_num_features=width,
        radial_mlp_depth=1,
        radial_mlp_width=settings.radial_width,
        r_max=settings.cutoff,
        num_bessels=settings.num_basis,
        avg_num_neighbors=batch.average_neighbors,
        per_type_energy_scales=dict.fromkeys(names, 1.0),
        per_type_energy_shifts=dict.fromkeys(names, 0.0),
    ).train()


def as_nequip(batch: Batch) -> dict[str, torch.Tensor]:
    """The batch in nequip's dictionary; nequip's edges point from the centre to the neighbour, as ASE's do."""
    return {
        AtomicDataDict.POSITIONS_KEY: torch.tensor(batch.positions, dtype=torch.float32),
        AtomicDataDict.CELL_KEY: torch.tensor(batch.cells, dtype=torch.float32),
        AtomicDataDict.EDGE_INDEX_KEY: torch.tensor([batch.receivers, batch.senders]),
        AtomicDataDict.EDGE_CELL_SHIFT_KEY: torch.tensor(batch.shifts, dtype=torch.float32),
        AtomicDataDict.ATOM_TYPE_KEY: torch.tensor(batch.species),
        AtomicDataDict.BATCH_KEY: torch.tensor(batch.structure),
        AtomicDataDict.NUM_NODES_KEY: torch.tensor(batch.counts),
    }
