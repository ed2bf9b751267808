"""Perovskites with a part given, and what screening them for water splitting needs: lesson 506 besides its ideas."""

import contextlib
import io
import itertools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative.crystal import Crystals, CrystalStep, Known, wrap
from equitour.generative.crystal_metrics.element_tables import element_tables
from equitour.learn.perovskites import name_of

# A in the corner, B in the middle, X on the faces: the ideal perovskite, in fractions.
SITES = torch.tensor([[0, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
ANIONS = {7: 3, 8: 2, 9: 1, 16: 2}  # and the electrons that each lacks
METALS = tuple(range(3, 6)) + tuple(range(11, 15)) + tuple(range(19, 34)) + tuple(range(37, 43))
METALS += tuple(range(44, 53)) + tuple(range(55, 58)) + tuple(range(72, 84))
CLOSED = (0, 2, 10, 12)  # electrons left over that may fill whole shells: none, s², d¹⁰, d¹⁰s²
LARGEST_HEAT, WINDOW = 0.2, (1.5, 3.0)  # eV/atom, eV
INPUTS = 2 * len(METALS) + 16
# The oxides among the twenty light splitters of I. E. Castelli et al., Energy Environ. Sci. 5, 9034 (2012), as the search of
# A. Jain et al., J. Mater. Sci. 48, 6519 (2013), doi 10.1007/s10853-013-7448-9, lists them.
KNOWN = ("LiVO3", "NaSbO3", "CaGeO3", "CaSnO3", "SrGeO3", "SrSnO3", "AgNbO3", "SnTiO3", "CsNbO3", "BaSnO3")


def perovskite(formula: str, edge: float = 4.0) -> Atoms:
    """The ideal cubic cell of "BaTiO3", A first, with the edge in Å."""
    return Atoms(formula, scaled_positions=SITES.numpy(), cell=[edge] * 3, pbc=True)


def known_sites(
    atoms: Sequence[int], count: int, *, elements: Sequence[int] | None = None, lattices: bool = False
) -> Known:
    """Of so many cells of five sites: positions of these atoms are given, and elements of the same or of others."""
    place, element = torch.zeros(2, 5, dtype=torch.bool)
    place[list(atoms)] = True
    element[list(atoms if elements is None else elements)] = True
    return Known(
        positions=place.repeat(count), elements=element.repeat(count), lattices=torch.full((count,), lattices)
    )


def along(film: Sequence[CrystalStep], place: int) -> tuple[list[Atoms], list[str]]:
    """One crystal at every step of its way, and what a slider reads there."""
    frames = [step.crystals.select(torch.tensor([place])).to_ase()[0] for step in film]
    return frames, [f"t = {step.t:.2f}, {_called(frame)}" for step, frame in zip(film, frames, strict=True)]


def _called(atoms: Atoms) -> str:
    """By its sites where it has them; while elements are hidden, by what is known."""
    sites = sites_of(atoms)
    return formula_of(sites) if sites else name_of(atoms)


def misfit(crystals: Crystals, sites: Sequence[int]) -> Float[Tensor, " crystals"]:
    """How far the atoms of these rows are from the sites left for them, in Å: the farthest atom, in the best assignment."""
    f = crystals.fractional.view(-1, 5, 3)[:, list(sites)]
    found = []
    for order in itertools.permutations(sites):
        apart = wrap(f - SITES[list(order)].to(f))
        found.append(torch.einsum("nsi,nij->nsj", apart, crystals.lattices).norm(dim=-1).amax(1))
    return torch.stack(found).amin(0)


def mean_radius(crystals: Crystals) -> float:
    """Of the metals' covalent radii, in Å."""
    metals = [int(z) for z in crystals.atomic_numbers if int(z) not in ANIONS and z > 0]
    return float(covalent_radii[metals].mean())


def sites_of(atoms: Atoms) -> tuple[int, int, list[int]] | None:
    """Elements of A, B and the three anions, B the metal nearer to the anions; None where it is not two and three."""
    numbers = [int(z) for z in atoms.numbers]
    anions = [k for k, z in enumerate(numbers) if z in ANIONS]
    metals = [k for k, z in enumerate(numbers) if z not in ANIONS and z > 0]
    if len(anions) != 3 or len(metals) != 2:
        return None
    far = [atoms.get_distances(k, anions, mic=True).mean() for k in metals]
    a, b = (metals[k] for k in np.argsort(far)[::-1])
    return numbers[a], numbers[b], sorted(numbers[k] for k in anions)


def formula_of(sites: Sequence) -> str:
    """ "BaTiO3" of (56, 22, [8, 8, 8]): A, then B."""
    a, b, anions = sites
    names = [chemical_symbols[z] for z in anions]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    tail = "".join(f"{name}{count if count > 1 else ''}" for name, count in counts.items())
    return f"{chemical_symbols[a]}{chemical_symbols[b]}{tail}"


def parse(formula: str) -> tuple[int, int, list[int]]:
    """The reverse, for oxides: "BaTiO3" to (56, 22, [8, 8, 8])."""
    numbers = Atoms(formula).numbers.tolist()
    return numbers[0], numbers[1], sorted(numbers[2:])


def valence(z: int) -> int:
    """Electrons outside the noble gas and filled d and f shells: the number of the group, less ten in the p block."""
    if z == 0:
        return 0
    core = max(gas for gas in (0, 2, 10, 18, 36, 54) if gas < z)
    outer = z - core - (14 if core == 54 and z >= 72 else 0)
    return outer - 10 if core >= 18 and outer > 12 else outer


def electrons_left(sites: Sequence) -> int:
    """Valence electrons of the metals after the anions have filled their shells."""
    a, b, anions = sites
    return valence(a) + valence(b) - sum(ANIONS[z] for z in anions)


def features(sites: Sequence[Sequence]) -> Float[Tensor, "crystals features"]:
    """What the screener sees: which metal stands where, the anions, the electrons left over, electronegativities and radii."""
    pauling, place = element_tables().pauling, {z: k for k, z in enumerate(METALS)}
    rows = torch.zeros(len(sites), INPUTS)
    for row, (a, b, anions) in zip(rows, sites, strict=True):
        left, rest = electrons_left((a, b, anions)), row[2 * len(METALS) :]
        row[place[a]] = row[len(METALS) + place[b]] = 1
        rest[:4] = torch.tensor([list(anions).count(z) / 3 for z in ANIONS])
        rest[4:8] = torch.tensor([float(left == shell) for shell in CLOSED])
        rest[8:10] = torch.tensor([left / 10, left % 2])
        rest[10:] = torch.tensor([f(z) for z in (a, b) for f in (_tenth, lambda z: pauling[z] / 2, _size)])
    return rows


def _tenth(z: int) -> float:
    return valence(z) / 10


def _size(z: int) -> float:
    return float(covalent_radii[z]) / 2


def _layer(width_in: int, width: int) -> tuple[nn.Module, ...]:
    return nn.Linear(width_in, width), nn.SiLU(), nn.Dropout(0.15)


class Screener(nn.Module):
    """Formation energy and band gap of an ABX₃ crystal from its elements and their sites: several small networks, averaged,
    for the energy and for whether there is a gap, and a linear model for how wide it is, since few crystals have one.

    Args:
        members: Networks.
        width: Of their hidden layers.
        held_out: What was measured on crystals kept from the training: errors, spreads and shares by name.
    """

    def __init__(self, *, members: int, width: int, held_out: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.held_out = dict(held_out or {})
        self.networks = nn.ModuleList(
            nn.Sequential(
                *_layer(INPUTS, width), *_layer(width, width // 2), nn.Linear(width // 2, 2)
            )
            for _ in range(members)
        )  # fmt: skip
        self.register_buffer(
            "heat", torch.zeros(2)
        )  # mean and deviation of the energies learnt from, in eV/atom
        self.register_buffer("gap_weights", torch.zeros(INPUTS + 1))

    def forward(
        self, x: Float[Tensor, "crystals features"]
    ) -> tuple[Float[Tensor, " crystals"], Float[Tensor, " crystals"], Float[Tensor, " crystals"]]:
        """Formation energy (eV/atom), the chance that there is a gap, and how wide it is if there is one (eV)."""
        heat, gapped = torch.stack([network(x) for network in self.networks]).unbind(-1)
        gap = x @ self.gap_weights[:-1] + self.gap_weights[-1]
        return heat.mean(0) * self.heat[1] + self.heat[0], gapped.sigmoid().mean(0), gap

    @torch.no_grad()
    def judge(self, sites: Sequence[Sequence]) -> tuple[Tensor, Tensor, Tensor]:
        """`forward` of crystals as `sites_of` gives them."""
        return self(features(sites))


def rms(values: Tensor) -> float:
    """Root of the mean square."""
    return float(values.square().mean().sqrt())


def oxides_of(labels: Mapping[str, Any]) -> tuple[list[int], list[tuple[int, int, list[int]]]]:
    """Rows of a shipped set that are oxides of metals that the screener knows, and their sites."""
    rows = [(row, parse(formula)) for row, formula in enumerate(labels["formula"])]
    kept = [(row, sites) for row, sites in rows if set(sites[:2]) <= set(METALS) and sites[2] == [8, 8, 8]]
    return [row for row, _ in kept], [sites for _, sites in kept]


def every_oxide() -> list[tuple[int, int, list[int]]]:
    """All ABO₃ of two different metals of the set."""
    return [(a, b, [8, 8, 8]) for a, b in itertools.permutations(METALS, 2)]


def template_frames(edge: float = 4.0) -> list[Atoms]:
    """BaTiO₃ whole, its Lieb layer, its kagome net: what is not of the part is left out."""
    whole = perovskite("BaTiO3", edge).repeat((2, 2, 2))
    place = np.tile(np.arange(5), 8)
    return [whole, whole[np.isin(place, (1, 2, 3))], whole[np.isin(place, (2, 3, 4))]]


def relaxed_by_chgnet(atoms: Atoms) -> tuple[Any, str]:
    """The crystal relaxed with CHGNet, or None where it is not installed, and a sentence that says so."""
    try:
        from chgnet.model.dynamics import CHGNetCalculator
    except ImportError:
        return (
            None,
            "CHGNet is not installed here (pip install 'equitour[potentials]'), so the crystals stay as generated.",
        )
    from equitour.generative.crystal import relax_crystal

    # CHGNet greets in print, and torch warns of how CHGNet makes a number of a tensor: neither says anything of the crystal.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        found = relax_crystal(atoms, CHGNetCalculator())
    rest = "" if found.converged else ", and not at rest yet"
    return (
        found,
        f"relaxed with CHGNet: {found.gained:.2f} eV given off in {len(found.frames) - 1} steps{rest}",
    )
