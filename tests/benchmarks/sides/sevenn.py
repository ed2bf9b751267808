"""The peer sevenn (SevenNet), built by its own `build_E3_equivariant_model`."""

from copy import deepcopy
from importlib.metadata import version

import numpy as np
import sevenn._keys as KEY
import torch
from sevenn._const import DEFAULT_E3_EQUIVARIANT_MODEL_CONFIG
from sevenn.model_build import build_E3_equivariant_model
from sevenn.nn.convolution import IrrepsConvolution

from ..batch import Batch
from ..settings import Settings
from .torch_training import TorchTrainer, read_task


def prepare(task: dict) -> TorchTrainer:
    """The network and its data; sevenn differentiates with respect to edge vectors, which it is handed."""
    batch, settings, options = read_task(task)
    torch.manual_seed(0)
    model = build(batch, settings, options)
    data = as_sevenn(batch)

    def predict():
        # The model writes into the dictionary and asks the edge vectors for gradients: fresh ones for each step.
        outputs = model(data | {KEY.EDGE_VEC: data[KEY.EDGE_VEC].clone()})
        return outputs[KEY.PRED_TOTAL_ENERGY], outputs[KEY.PRED_FORCE]

    convolutions = [module for module in model.modules() if isinstance(module, IrrepsConvolution)]
    facts = {
        "edges": data[KEY.EDGE_IDX].shape[1],
        "paths": [len(module.convolution.instructions) for module in convolutions],
        "version": version("sevenn"),
    }
    return TorchTrainer(model, predict, batch=batch, settings=settings, facts=facts)


def build(batch: Batch, settings: Settings, options: dict) -> torch.nn.Module:
    """The network in sevenn's defaults but for the shared settings."""
    config = deepcopy(DEFAULT_E3_EQUIVARIANT_MODEL_CONFIG) | {
        KEY.CUTOFF: settings.cutoff,
        KEY.NODE_FEATURE_MULTIPLICITY: settings.num_channels,
        KEY.LMAX: settings.lmax,
        KEY.IS_PARITY: options.get("parity", False),
        KEY.NUM_CONVOLUTION: settings.num_layers,
        KEY.RADIAL_BASIS: {KEY.RADIAL_BASIS_NAME: "bessel", KEY.BESSEL_BASIS_NUM: settings.num_basis},
        KEY.CUTOFF_FUNCTION: {KEY.CUTOFF_FUNCTION_NAME: "poly_cut", KEY.POLY_CUT_P: 6},
        KEY.CONVOLUTION_WEIGHT_NN_HIDDEN_NEURONS: [settings.radial_width],
        KEY.CONV_DENOMINATOR: batch.average_neighbors**0.5,
        KEY.NUM_SPECIES: len(batch.elements),
        KEY.TYPE_MAP: {number: place for place, number in enumerate(batch.elements)},
        KEY.SHIFT: 0.0,
        KEY.SCALE: 1.0,
    }
    return build_E3_equivariant_model(config).train()


def as_sevenn(batch: Batch) -> dict[str, torch.Tensor]:
    """The batch in sevenn's dictionary."""
    vectors = batch.positions[batch.senders] - batch.positions[batch.receivers] + batch.offsets
    return {
        KEY.ATOMIC_NUMBERS: torch.tensor(batch.atomic_numbers),
        KEY.EDGE_IDX: torch.tensor(np.stack([batch.receivers, batch.senders])),
        KEY.EDGE_VEC: torch.tensor(vectors, dtype=torch.float32),
        KEY.CELL_VOLUME: torch.tensor(np.abs(np.linalg.det(batch.cells)), dtype=torch.float32),
        KEY.NUM_ATOMS: torch.tensor(batch.counts),
        KEY.BATCH: torch.tensor(batch.structure),
    }
