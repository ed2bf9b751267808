"""Making new structures: environments as Gram matrices, their comparison, and models that generate them."""

from equitour.generative.augment import vary_neighbors
from equitour.generative.cell_building import CellStep, denoise_cell
from equitour.generative.crystal_metrics import (
    CrystalCatalogue,
    CrystalScores,
    PowderPattern,
    SpaceGroup,
    composition_fingerprint,
    composition_validity,
    coverage,
    mass_density,
    match_distance,
    match_distances,
    novel_crystals,
    powder_pattern,
    score_crystals,
    space_group,
    structural_validity,
    structure_fingerprint,
    unique_crystals,
    wasserstein_density,
    wasserstein_elements,
    write_cif,
)
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
    "CrystalCatalogue",
    "CrystalScores",
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
    "PowderPattern",
    "Reconstruction",
    "SetVAE",
    "SpaceGroup",
    "Synchronised",
    "VAEStep",
    "bond_angles",
    "composition_fingerprint",
    "composition_validity",
    "coordinates",
    "coordination_numbers",
    "coverage",
    "denoise_cell",
    "environments",
    "from_upper_triangle",
    "gram_matrix",
    "infill",
    "infill_by_latent",
    "load_motif_model",
    "mass_density",
    "match_distance",
    "match_distances",
    "nearest_environment",
    "noise_levels",
    "novel_crystals",
    "pose",
    "powder_pattern",
    "radial_distribution",
    "reference_motif",
    "ring_counts",
    "sample_motifs",
    "save_motif_model",
    "score_crystals",
    "score_motifs",
    "shortest_distance",
    "shuffled",
    "sorted_distances",
    "space_group",
    "structural_validity",
    "structure_fingerprint",
    "synchronise",
    "synchronise_unordered",
    "train_denoiser",
    "train_vae",
    "unique_crystals",
    "upper_triangle",
    "vary_neighbors",
    "wasserstein_density",
    "wasserstein_elements",
    "write_cif",
]
