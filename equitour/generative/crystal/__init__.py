"""Crystals out of noise: lattice, positions on the torus and elements together."""

from equitour.generative.crystal.action import (
    angle_gradient,
    area_gradient,
    distance_gradient,
    lattice_action,
)
from equitour.generative.crystal.action_denoiser import ActionDenoiser
from equitour.generative.crystal.crystal_training import NoisyBatches, crystal_loss
from equitour.generative.crystal.crystals import Crystals, reduced
from equitour.generative.crystal.inpainting import Known, inpaint
from equitour.generative.crystal.lattice import LatticeScale, lattice_of, log_metric
from equitour.generative.crystal.noise import Denoised, Noisy, add_noise, lattice_shares, torus_sigma
from equitour.generative.crystal.pair_denoiser import PairDenoiser
from equitour.generative.crystal.sampling import CrystalStep, blank, denoise, sample_crystals
from equitour.generative.crystal.torus import score_size, wrap, wrapped_log_density, wrapped_score

__all__ = [
    "ActionDenoiser",
    "CrystalStep",
    "Crystals",
    "Denoised",
    "Known",
    "LatticeScale",
    "Noisy",
    "NoisyBatches",
    "PairDenoiser",
    "add_noise",
    "angle_gradient",
    "area_gradient",
    "blank",
    "crystal_loss",
    "denoise",
    "distance_gradient",
    "inpaint",
    "lattice_action",
    "lattice_of",
    "lattice_shares",
    "log_metric",
    "reduced",
    "sample_crystals",
    "score_size",
    "torus_sigma",
    "wrap",
    "wrapped_log_density",
    "wrapped_score",
]
