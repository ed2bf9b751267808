"""How good are generated crystals? The scores of CDVAE and DiffCSP, and what is asked of a single crystal afterwards."""

from equitour.generative.crystal_metrics.assessment import Assessment, assess
from equitour.generative.crystal_metrics.cif import write_cif
from equitour.generative.crystal_metrics.composition_validity import composition_validity
from equitour.generative.crystal_metrics.coverage import CUTOFFS, Coverage, coverage
from equitour.generative.crystal_metrics.distributions import (
    mass_density,
    wasserstein_density,
    wasserstein_elements,
)
from equitour.generative.crystal_metrics.fingerprints import composition_fingerprint, structure_fingerprint
from equitour.generative.crystal_metrics.matching import (
    CrystalCatalogue,
    match_distance,
    match_distances,
    novel_crystals,
    unique_crystals,
)
from equitour.generative.crystal_metrics.powder import PowderPattern, powder_pattern
from equitour.generative.crystal_metrics.scores import CrystalScores, score_crystals
from equitour.generative.crystal_metrics.space_group import SpaceGroup, space_group
from equitour.generative.crystal_metrics.structural_validity import structural_validity

__all__ = [
    "CUTOFFS",
    "Assessment",
    "Coverage",
    "CrystalCatalogue",
    "CrystalScores",
    "PowderPattern",
    "SpaceGroup",
    "assess",
    "composition_fingerprint",
    "composition_validity",
    "coverage",
    "mass_density",
    "match_distance",
    "match_distances",
    "novel_crystals",
    "powder_pattern",
    "score_crystals",
    "space_group",
    "structural_validity",
    "structure_fingerprint",
    "unique_crystals",
    "wasserstein_density",
    "wasserstein_elements",
    "write_cif",
]
