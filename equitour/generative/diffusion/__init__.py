"""Diffusion on plain tensors: noise schedules, what networks predict, samplers, guidance, filling in, and training."""

from equitour.generative.diffusion.guidance import UNTOLD, forget, guided
from equitour.generative.diffusion.mixture import GaussianMixture
from equitour.generative.diffusion.prediction import KINDS, Predictor, convert
from equitour.generative.diffusion.repaint import repaint, step_up, walk
from equitour.generative.diffusion.samplers import (
    SampleStep,
    ddim,
    ddpm,
    dpm_solver,
    finish,
    heun,
    step_down,
)
from equitour.generative.diffusion.schedule import Schedule
from equitour.generative.diffusion.training import DiffusionStep, TimedMLP, simple_loss, train_diffusion

__all__ = [
    "KINDS",
    "UNTOLD",
    "DiffusionStep",
    "GaussianMixture",
    "Predictor",
    "SampleStep",
    "Schedule",
    "TimedMLP",
    "convert",
    "ddim",
    "ddpm",
    "dpm_solver",
    "finish",
    "forget",
    "guided",
    "heun",
    "repaint",
    "simple_loss",
    "step_down",
    "step_up",
    "train_diffusion",
    "walk",
]
