"""What true data score against each other, and how far composition alone can lead to a match of perovskites."""

import argparse
import time
from collections import Counter, defaultdict
from functools import partial

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree
from tqdm import tqdm

from equitour.cli.crystal_files import read_crystals
from equitour.generative import (
    composition_validity,
    coverage,
    match_distances,
    structural_validity,
    wasserstein_density,
    wasserstein_elements,
)
from equitour.generative.crystal_metrics import CUTOFFS, Assessment, assess

ANIONS = (7, 8, 9, 16)


def part(whole: Assessment, rows: np.ndarray) -> Assessment:
    """The assessment of some of the crystals."""
    return Assessment(
        [whole.crystals[row] for row in rows],
        whole.structural[rows],
        whole.composition[rows],
        [whole.fingerprints[row] for row in rows],
    )


def scores_of(made: Assessment, known: Assessment) -> list[float]:
    """Recall and precision in %, distances of density and number of elements as published: to all of the reference."""
    structure, composition = CUTOFFS["perov"]
    found = coverage(
        made.fingerprints, known.fingerprints, structure_cutoff=structure, composition_cutoff=composition
    )
    valid = made.those(made.valid)
    apart = [distance(valid, known.crystals) for distance in (wasserstein_density, wasserstein_elements)]
    return [100 * found.recall, 100 * found.precision, *apart]


def halves(whole: Assessment, splits: int) -> None:
    """Parts of the data against others: what a sampler of the true distribution would score, mean and spread of splits."""
    count = len(whole.crystals)
    middle = count // 2
    print(f"validity: structural {whole.structural.mean():.2%}, composition {whole.composition.mean():.2%}")
    print(
        f"{'generated':>9} {'reference':>9} {'COV-R %':>15} {'COV-P %':>15} {'density g/cm³':>17} {'elements':>17}"
    )
    for made, known in ((middle, count - middle), (1000, count - middle), (1000, 1000), (1000, count - 1000)):
        found = []
        for seed in range(splits):
            rows = np.random.default_rng(seed).permutation(count)
            found.append(scores_of(part(whole, rows[:made]), part(whole, rows[made : made + known])))
        mean, spread = np.mean(found, axis=0), np.std(found, axis=0)
        shown = [f"{m:.{d}f} ± {s:.{d}f}" for m, s, d in zip(mean, spread, (2, 2, 3, 4), strict=True)]
        print(
            f"{made:9} {known:9} "
            + " ".join(f"{text:>{w}}" for text, w in zip(shown, (15, 15, 17, 17), strict=True))
        )
    print(f"{'each':>9} {'others':>9} {'':15} {_covered_by_others(whole):15.2f}")


def _covered_by_others(whole: Assessment) -> float:
    """% of the crystals that have another one near: the precision of true samples against so large a reference."""
    near = np.ones(len(whole.crystals), dtype=bool)
    for kind, cutoff in enumerate(CUTOFFS["perov"]):
        places = np.array([found[kind] for found in whole.fingerprints])
        # The nearest place to each is its own.
        near &= cKDTree(places).query(places, k=2)[0][:, 1] <= cutoff
    return 100 * float(near.mean())


def cations(atoms: Atoms) -> tuple[int, int]:
    """Places of A and B in the list of atoms of ABX3: B is the cation in the octahedron, nearer to the anions."""
    places = [i for i, z in enumerate(atoms.numbers) if z not in ANIONS]
    anions = [i for i, z in enumerate(atoms.numbers) if z in ANIONS]
    near = [atoms.get_distances(place, anions, mic=True).mean() for place in places]
    return tuple(places[i] for i in np.argsort(near)[::-1])


def exchanged(atoms: Atoms) -> Atoms:
    """The same cell with A and B in each other's places."""
    a, b = cations(atoms)
    other = atoms.copy()
    other.numbers[[a, b]] = atoms.numbers[[b, a]]
    return other


def ideal(atoms: Atoms) -> Atoms:
    """The same elements in the same order on the places of an ideal cubic perovskite."""
    a, b = cations(atoms)
    anions = [i for i in range(5) if i not in (a, b)]
    places = np.zeros((5, 3))
    places[b] = 0.5
    places[anions] = 0.5 - 0.5 * np.eye(3)
    return Atoms(atoms.numbers, scaled_positions=places, cell=atoms.cell.cellpar()[0] * np.eye(3), pbc=True)


def matched(title: str, answers: list[Atoms], asked: Assessment) -> None:
    """Match rate and distance as published: both of a pair valid, the mean over those that match."""
    valid = asked.valid
    chosen = [answer for answer, kept in zip(answers, valid, strict=True) if kept]
    found = [d for d in match_distances(chosen, asked.those(valid)) if d is not None]
    print(f"{title:76} {len(found) / len(answers):7.2%}  RMSE {np.mean(found):.4f}")


def orders(whole: Assessment, generator: np.random.Generator) -> None:
    """Match rates of answers that know the cell and not, or in part, which of two cations stands in the octahedron."""
    rows = generator.permutation(len(whole.crystals))
    middle = len(rows) // 2
    asked = part(whole, rows[middle:])
    truth = asked.crystals
    other = [exchanged(atoms) for atoms in truth]
    coin = generator.random(len(truth)) < 0.5
    guess = [b if heads else a for a, b, heads in zip(truth, other, coin, strict=True)]
    learnt = _orders_of([whole.crystals[row] for row in rows[:middle]])
    everywhere = _orders_of(whole.crystals)
    both = sum(len(found) == 2 for found in everywhere.values())
    same = sum(len({*a.numbers[list(cations(a))]}) == 1 for a in truth)
    print(f"formulas {len(everywhere)}, with both orders {both}; A = B in {same} of {len(truth)} asked")
    matched("the crystal itself", truth, asked)
    matched("ideal cubic places, the right order", [ideal(a) for a in truth], asked)
    matched("the wrong order", other, asked)
    matched("an order drawn at random", guess, asked)
    known = [_formula(atoms) in learnt for atoms in truth]
    print(f"the formula stands in the other half: {np.mean(known):.1%}")
    away = [_unseen(a, b, g, learnt) for a, b, g in zip(truth, other, guess, strict=True)]
    matched("the order that the other half has not, else at random", away, asked)
    seen = [_seen(a, b, g, learnt) for a, b, g in zip(truth, other, guess, strict=True)]
    matched("the order that the other half has, else at random", seen, asked)


def _formula(atoms: Atoms) -> str:
    return atoms.get_chemical_formula()


def _order(atoms: Atoms) -> int:
    return int(atoms.numbers[cations(atoms)[1]])


def _orders_of(crystals: list[Atoms]) -> dict[str, set[int]]:
    found = defaultdict(set)
    for atoms in crystals:
        found[_formula(atoms)].add(_order(atoms))
    return found


def _unseen(truth: Atoms, other: Atoms, guess: Atoms, learnt: dict[str, set[int]]) -> Atoms:
    free = [a for a in (truth, other) if _order(a) not in learnt.get(_formula(a), ())]
    return free[0] if len(free) == 1 else guess


def _seen(truth: Atoms, other: Atoms, guess: Atoms, learnt: dict[str, set[int]]) -> Atoms:
    taken = [a for a in (truth, other) if _order(a) in learnt.get(_formula(a), ())]
    return taken[0] if len(taken) == 1 else guess


def assessed(arguments: argparse.Namespace) -> Assessment:
    """All crystals with their fingerprints, taken from a file that an earlier run left, or computed."""
    crystals = read_crystals(arguments.data)
    kept = arguments.fingerprints
    if kept is not None and kept.is_file():
        stored = np.load(kept)
        validity = (
            np.array([judge(atoms) for atoms in crystals]) for judge in (structural_validity, _neutral)
        )
        return Assessment(
            crystals, *validity, list(zip(stored["structure"], stored["composition"], strict=True))
        )
    began = time.process_time()
    whole = assess(crystals, progress=partial(tqdm, desc="fingerprints", unit="crystal", disable=None))
    spent = time.process_time() - began
    print(
        f"{len(crystals)} crystals assessed in {spent:.0f} CPU-s, {1000 * spent / len(crystals):.0f} a thousand"
    )
    if kept is not None:
        structure, composition = map(np.array, zip(*whole.fingerprints, strict=True))
        np.savez_compressed(kept, structure=structure, composition=composition)
    return whole


def _neutral(atoms: Atoms) -> bool:
    return composition_validity(atoms.numbers)


def ceilings(arguments: argparse.Namespace) -> None:
    """What true samples score, and how far composition alone can lead to a match."""
    whole = assessed(arguments)
    halves(whole, arguments.splits)
    orders(whole, np.random.default_rng(0))


def oxidation(arguments: argparse.Namespace) -> None:
    """Composition validity by the list of oxidation states; needs smact 4 for those that are not ours."""
    from smact.screening import smact_validity

    formulas = Counter(atoms.get_chemical_formula() for atoms in read_crystals(arguments.data))
    ours = sum(count for formula, count in formulas.items() if _neutral(Atoms(formula)))
    print(f"{'smact 2.2.1, ours':20} {ours / formulas.total():.2%}")
    for chosen in ("smact14", "icsd16", "icsd24", None, "pymatgen_sp", "wiki"):
        found = sum(
            n for formula, n in formulas.items() if smact_validity(formula, oxidation_states_set=chosen)
        )
        print(f"{chosen or 'default of smact 4':20} {found / formulas.total():.2%}")
