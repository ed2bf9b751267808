"""The scores of a set of generated crystals, as the field publishes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from ase import Atoms

from equitour.generative.crystal_metrics.assessment import Assessment, assess
from equitour.generative.crystal_metrics.coverage import CUTOFFS, coverage
from equitour.generative.crystal_metrics.distributions import wasserstein_density, wasserstein_elements
from equitour.generative.crystal_metrics.matching import match_distances, novel_crystals, unique_crystals
from equitour.generative.crystal_metrics.optional import CURE, has_pymatgen
from equitour.generative.crystal_metrics.structural_validity import is_cell

Progress = Callable[[Iterable], Iterable]


@dataclass
class CrystalScores:
    """Percentages in [0, 100], distances in their own units; None where a score could not be had.

    Attributes:
        structural_validity: % of generated crystals whose atoms keep 0.5 Å apart in a cell of 0.1 Å³ or more.
        composition_validity: % of them whose charges can balance.
        coverage_recall: % of the reference that has a generated crystal near.
        coverage_precision: % of generated crystals that have a reference one near.
        wasserstein_density: Between the mass densities of valid generated and valid reference crystals, in g/cm³.
        wasserstein_elements: The same for the number of elements in a crystal.
        match_rate: % of pairs in order, both valid, that are the same crystal.
        match_rmse: Mean over matched pairs of the root mean square displacement over (V/N)^(1/3).
        unique: % of generated crystals that are the first of their kind.
        novel: % of generated crystals that match nothing in the training set.
        published: The same scores as CDVAE's and DiffCSP's programs print them, under their names: shares from 0 to 1, and
            distances of distributions to all reference crystals, valid or not, which are above zero when a set with invalid
            crystals is scored against itself.
        reasons: Why a score is None.
    """

    structural_validity: float | None = None
    composition_validity: float | None = None
    coverage_recall: float | None = None
    coverage_precision: float | None = None
    wasserstein_density: float | None = None
    wasserstein_elements: float | None = None
    match_rate: float | None = None
    match_rmse: float | None = None
    unique: float | None = None
    novel: float | None = None
    published: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def numbers(self) -> dict[str, float | None]:
        """The ten scores by name."""
        return {name: value for name, value in asdict(self).items() if not isinstance(value, dict)}


def score_crystals(
    generated: Sequence[Atoms],
    reference: Sequence[Atoms],
    *,
    training: Sequence[Atoms] | None = None,
    cutoffs: str = "perov",
    progress: Callable[[str], Progress] = lambda title: iter,
) -> CrystalScores:
    """All scores of CDVAE and DiffCSP, of uniqueness and of novelty.

    Generated crystals that are no cell at all (flat, or with numbers that are not finite) count as invalid, not unique and
    not novel.

    Args:
        generated: Crystals to judge.
        reference: Crystals that they should be like; for the match, one for each generated crystal, in the same order.
        training: Crystals that do not count as novel; the reference when not given.
        cutoffs: "perov", "carbon" or "mp20", distances within which a crystal counts as covered.
        progress: Makes of a title a wrapper of loops, such as ``lambda title: partial(tqdm, desc=title)``.

    Raises:
        ValueError: One list is empty, or the cutoffs are unknown.

    Source:
        Xie et al., ICLR 2022, arXiv:2110.06197; Jiao et al., NeurIPS 2023, arXiv:2309.04475.
    """
    if cutoffs not in CUTOFFS:
        raise ValueError(
            f"cutoffs must be one of {', '.join(CUTOFFS)}, received {cutoffs!r}: take the nearest set"
        )
    made = assess(generated, progress=progress("generated"))
    known = assess(reference, progress=progress("reference"))
    scores = CrystalScores(
        structural_validity=_percent(made.structural), composition_validity=_percent(made.composition)
    )
    _add_distributions(scores, made, known)
    if has_pymatgen():
        _add_coverage(scores, made, known, CUTOFFS[cutoffs])
        _add_match(scores, made, known, progress("match"))
        _add_variety(scores, made, reference if training is None else training, progress)
    else:
        names = ("coverage_recall", "coverage_precision", "match_rate", "match_rmse", "unique", "novel")
        scores.reasons |= dict.fromkeys(names, f"needs pymatgen, which is not installed: {CURE}")
    _add_published(scores, made)
    return scores


def _percent(chosen: Sequence[bool] | np.ndarray, of: int | None = None) -> float:
    return 100.0 * float(np.sum(chosen)) / (len(chosen) if of is None else of)


def _add_distributions(scores: CrystalScores, made: Assessment, known: Assessment) -> None:
    judged = made.those(made.valid)
    try:
        scores.wasserstein_density = wasserstein_density(judged, known.those(known.valid))
        scores.wasserstein_elements = wasserstein_elements(judged, known.those(known.valid))
        cells = [atoms for atoms in known.crystals if is_cell(atoms)]
        scores.published["wdist_density"] = wasserstein_density(judged, cells)
        scores.published["wdist_num_elems"] = wasserstein_elements(judged, cells)
    except ValueError as error:
        scores.reasons |= dict.fromkeys(("wasserstein_density", "wasserstein_elements"), str(error))


def _add_coverage(
    scores: CrystalScores, made: Assessment, known: Assessment, cutoffs: tuple[float, float]
) -> None:
    try:
        found = coverage(
            made.fingerprints, known.fingerprints, structure_cutoff=cutoffs[0], composition_cutoff=cutoffs[1]
        )
    except ValueError as error:
        scores.reasons |= dict.fromkeys(("coverage_recall", "coverage_precision"), str(error))
        return
    scores.coverage_recall, scores.coverage_precision = 100 * found.recall, 100 * found.precision


def _add_match(scores: CrystalScores, made: Assessment, known: Assessment, progress: Progress) -> None:
    if len(made.crystals) != len(known.crystals):
        reason = (
            f"match pairs crystals in order, and there are {len(made.crystals)} generated "
            f"and {len(known.crystals)} reference ones"
        )
        scores.reasons |= {"match_rate": reason, "match_rmse": reason}
        return
    both = made.valid & known.valid
    found = [
        d for d in match_distances(made.those(both), known.those(both), progress=progress) if d is not None
    ]
    scores.match_rate = 100 * len(found) / len(made.crystals)
    if found:
        scores.match_rmse = float(np.mean(found))
    else:
        scores.reasons["match_rmse"] = "no pair matches"


def _add_variety(
    scores: CrystalScores, made: Assessment, training: Sequence[Atoms], progress: Callable[[str], Progress]
) -> None:
    cells = [atoms for atoms in made.crystals if is_cell(atoms)]
    known = [atoms for atoms in training if is_cell(atoms)]
    scores.unique = _percent(unique_crystals(cells, progress=progress("unique")), len(made.crystals))
    scores.novel = _percent(novel_crystals(cells, known, progress=progress("novel")), len(made.crystals))


def _add_published(scores: CrystalScores, made: Assessment) -> None:
    shares = {
        "comp_valid": scores.composition_validity,
        "struct_valid": scores.structural_validity,
        "valid": _percent(made.valid),
        "cov_recall": scores.coverage_recall,
        "cov_precision": scores.coverage_precision,
        "match_rate": scores.match_rate,
    }
    scores.published |= {name: None if value is None else value / 100 for name, value in shares.items()}
    scores.published["rms_dist"] = scores.match_rmse
