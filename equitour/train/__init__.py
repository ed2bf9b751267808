"""Training: steps as a generator, losses, averages, schedules, states that resume exactly, several processes."""

from equitour.train.errors import Errors, prediction_errors
from equitour.train.examples import Example, Minibatches, collate
from equitour.train.loss import EachMember, Target, WeightedLoss, energy_and_forces
from equitour.train.muon import Muon
from equitour.train.parallel import rank_and_world, together
from equitour.train.schedule import Budget, Plateau, anneal
from equitour.train.state import load_state, save_state
from equitour.train.steps import Step, fit
from equitour.train.tensors import TensorTarget, block_errors, predict_tensors, standardisation
from equitour.train.training import Recipe, Training
from equitour.train.weights import exponential_average, load_weights, read_metadata, save_weights

__all__ = [
    "Budget",
    "EachMember",
    "Errors",
    "Example",
    "Minibatches",
    "Muon",
    "Plateau",
    "Recipe",
    "Step",
    "Target",
    "TensorTarget",
    "Training",
    "WeightedLoss",
    "anneal",
    "block_errors",
    "collate",
    "energy_and_forces",
    "exponential_average",
    "fit",
    "load_state",
    "load_weights",
    "predict_tensors",
    "prediction_errors",
    "rank_and_world",
    "read_metadata",
    "save_state",
    "save_weights",
    "standardisation",
    "together",
]
