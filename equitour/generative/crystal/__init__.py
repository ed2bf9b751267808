"""Crystals out of noise: lattice, positions on the torus and elements together."""

from equitour.generative.crystal.action import (
    angle_gradient,
    area_gradient,
    distance_gradient,
    lattice_action,
)
from equitour.generative.crystal.action_denoiser import ActionDenoiser
from equitour.generative.crystal.crystals import Crystals, reduced_cell
from equitour.generative.crystal.denoiser import CrystalDenoiser
from equitour.generative.crystal.inpainting import Known, inpaint_crystals
from equitour.generative.crystal.lattice import LatticeScale, lattice_of, log_metric
from equitour.generative.crystal.models import DENOISERS, load_crystal_model, save_crystal_model
from equitour.generative.crystal.noise import (
    Denoised,
    Noisy,
    add_noise,
    hidden_share,
    lattice_shares,
    torus_sigma,
)
from equitour.generative.crystal.pair_denoiser import PairDenoiser
from equitour.generative.crystal.relaxation import Relaxed, relax_crystal
from equitour.generative.crystal.sampling import (
    CrystalStep,
    blank_crystals,
    denoise_crystals,
    sample_crystals,
)
from equitour.generative.crystal.torus import score_size, wrap, wrapped_log_density, wrapped_score
from equitour.generative.crystal.training import NoisyBatches, crystal_loss

__all__ = [
    "DENOISERS",
    "ActionDenoiser",
    "CrystalDenoiser",
    "CrystalStep",
    "Crystals",
    "Denoised",
    "Known",
    "LatticeScale",
    "Noisy",
    "NoisyBatches",
    "PairDenoiser",
    "Relaxed",
    "add_noise",
    "angle_gradient",
    "area_gradient",
    "blank_crystals",
    "crystal_loss",
    "denoise_crystals",
    "distance_gradient",
    "hidden_share",
    "inpaint_crystals",
    "lattice_action",
    "lattice_of",
    "lattice_shares",
    "load_crystal_model",
    "log_metric",
    "reduced_cell",
    "relax_crystal",
    "sample_crystals",
    "save_crystal_model",
    "score_size",
    "torus_sigma",
    "wrap",
    "wrapped_log_density",
    "wrapped_score",
]
