"""Making new structures: environments as Gram matrices, their comparison, and models that generate them."""

from equitour.generative.augment import vary_neighbors
from equitour.generative.cell_building import CellStep, denoise_cell
from equitour.generative.environments import Environments, environments
from equitour.generative.fingerprint import Fingerprint
from equitour.generative.gram import (
    GramScale,
    Reconstruction,
    coordinates,
    from_upper_triangle,
    gram_matrix,
    upper_triangle,
)
from equitour.generative.infilling import Infilled, infill, infill_by_latent
from equitour.generative.irreps_vae import IrrepsVAE
from equitour.generative.motif_diffusion import (
    DenoiserStep,
    MotifDenoiser,
    noise_levels,
    sample_motifs,
    train_denoiser,
)
from equitour.generative.motif_files import load_motif_model, save_motif_model
from equitour.generative.motif_metrics import MotifScores, bond_angles, score_motifs, shortest_distance
from equitour.generative.nearest import Nearest, nearest_environment, sorted_distances
from equitour.generative.posed_vae import PosedVAE, pose, reference_motif
from equitour.generative.set_vae import SetVAE
from equitour.generative.structure_metrics import coordination_numbers, radial_distribution, ring_counts
from equitour.generative.synchronise import Synchronised, synchronise, synchronise_unordered
from equitour.generative.vae import Gaussian, GramVAE, MotifVAE
from equitour.generative.vae_training import VAEStep, shuffled, train_vae

__all__ = [
    "CellStep",
    "DenoiserStep",
    "Environments",
    "Fingerprint",
    "Gaussian",
    "GramScale",
    "GramVAE",
    "Infilled",
    "IrrepsVAE",
    "MotifDenoiser",
    "MotifScores",
    "MotifVAE",
    "Nearest",
    "PosedVAE",
    "Reconstruction",
    "SetVAE",
    "Synchronised",
    "VAEStep",
    "bond_angles",
    "coordinates",
    "coordination_numbers",
    "denoise_cell",
    "environments",
    "from_upper_triangle",
    "gram_matrix",
    "infill",
    "infill_by_latent",
    "load_motif_model",
    "nearest_environment",
    "noise_levels",
    "pose",
    "radial_distribution",
    "reference_motif",
    "ring_counts",
    "sample_motifs",
    "save_motif_model",
    "score_motifs",
    "shortest_distance",
    "shuffled",
    "sorted_distances",
    "synchronise",
    "synchronise_unordered",
    "train_denoiser",
    "train_vae",
    "upper_triangle",
    "vary_neighbors",
]
