"""Shipped data against numbers from elsewhere: literature, published configurations, our own pair sums, matching."""

import itertools
from collections import defaultdict
from pathlib import Path

import pytest
import torch

from equitour import datasets
from equitour.datasets.shelf import read_manifest

AT_HAND = Path(__file__).resolve().parents[2] / "shared" / "data"


# Kob and Andersen 1995: ε and σ of AA, AB and BB; cut at 2.5 σ and shifted there.
EPSILON = torch.tensor([[1.0, 1.5], [1.5, 0.5]], dtype=torch.float64)
SIGMA = torch.tensor([[1.0, 0.8], [0.8, 0.88]], dtype=torch.float64)


def particle_energies(graph):
    """Half the pair energies at each particle of the Kob-Andersen mixture; edges must reach 2.5."""
    kinds = graph.atomic_numbers - 1
    i, j = graph.receivers, graph.senders
    depth, size = EPSILON[kinds[i], kinds[j]], SIGMA[kinds[i], kinds[j]]
    x = graph.edge_lengths() / size
    pairs = torch.where(x < 2.5, 4 * depth * (x**-12 - x**-6 - (2.5**-12 - 2.5**-6)), 0.0)
    return torch.zeros(graph.num_nodes, dtype=torch.float64).index_add(0, i, pairs / 2)


def test_the_glass_has_the_energies_of_kob_and_andersens_potential():
    data = datasets.load("glass_kob_andersen", cutoff=2.5)
    for sample in data[:: max(1, len(data) // 4)]:
        own = particle_energies(sample.graph)
        # Four digits are kept, of energies and of the positions that they belong to.
        torch.testing.assert_close(own, sample.atom_labels["energy"].double(), atol=3e-3, rtol=0)
        assert own.mean() == pytest.approx(float(sample.atom_labels["energy"].mean()), abs=1e-5)


# Potential energy of Shiba et al.'s configurations at T = 0.44 (J. Chem. Phys. 158, 084503, 2023), another group's.
ENERGY_AT_044 = -7.032


@pytest.mark.skipif(not AT_HAND.is_dir(), reason="the published files are not beside this checkout")
def test_published_configurations_have_the_energy_that_ours_are_compared_with(monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
    data = datasets.load("glass_botan", cutoff=2.5)
    energies = torch.stack([particle_energies(sample.graph).mean() for sample in data])
    assert energies.mean() == pytest.approx(ENERGY_AT_044, abs=5e-3)


def test_energies_of_the_glass_grow_as_the_three_fifths_power_from_where_another_group_measured():
    data = datasets.load("glass_kob_andersen")
    means = defaultdict(list)
    for sample in data:
        means[round(float(sample.labels["temperature"]), 2)].append(sample.atom_labels["energy"].mean())
    assert len(means) >= 2
    # Rosenfeld and Tarazona, Mol. Phys. 95, 141 (1998); the slope is that of our hottest liquid, the rest must follow.
    power = {t: t**0.6 - 0.44**0.6 for t in means}
    energies = {t: float(torch.stack(values).mean()) for t, values in means.items()}
    hottest = max(means)
    slope = (energies[hottest] - ENERGY_AT_044) / power[hottest]
    assert 2.4 < slope < 2.9
    for t in sorted(means)[:-1]:
        assert energies[t] == pytest.approx(ENERGY_AT_044 + slope * power[t], abs=0.03)


def test_born_charges_of_cubic_barium_titanate_are_those_of_the_literature():
    sample = datasets.load("barium_titanate")[0]
    charges = sample.atom_labels["born_effective_charges"].double()
    # Ghosez, Michenaud, Gonze, Phys. Rev. B 58, 6224 (1998), LDA at the lattice constant of 4.00 Å.
    assert sample.graph.cell[0, 0, 0] == pytest.approx(4.00, rel=0.01)
    for atom, literature in ((0, (2.77,) * 3), (1, (7.25,) * 3), (2, (-2.15, -2.15, -5.71))):
        torch.testing.assert_close(
            charges[atom], torch.diag(torch.tensor(literature, dtype=torch.float64)), atol=0.08, rtol=0
        )


def test_born_charges_of_a_distorted_cell_stay_on_a_finer_mesh():
    coarse, fine = datasets.load("barium_titanate"), datasets.load("barium_titanate_check")[0]
    cell = coarse[coarse.keys.index("01")]
    torch.testing.assert_close(cell.graph.positions, fine.graph.positions)
    off = cell.atom_labels["born_effective_charges"] - fine.atom_labels["born_effective_charges"]
    # As the card says; this cell's displacements change them by up to 2.8 e.
    assert 0 < off.abs().max() < 0.02
    # It is not the mesh that breaks the sum rule.
    assert fine.atom_labels["born_effective_charges"].sum(0).abs().max() > 0.15
    assert (cell.labels["dielectric"] - fine.labels["dielectric"]).abs().max() < 0.01


@pytest.mark.parametrize(
    ("key", "experiment"),
    [
        ("NaCl-AB_cF8_225_a_b", 5.640),
        ("KCl-rocksalt", 6.293),
        ("MgO-rocksalt", 4.212),
        ("CaF2-AB2_cF12_225_a_c", 5.463),
        ("GaAs-zincblende", 5.653),
        ("AlAs-zincblende", 5.661),
    ],
)
def test_lattice_constants_lie_where_pbe_puts_them(key, experiment):
    data = datasets.load("phonons")
    volume = torch.linalg.det(data[data.keys.index(key)].graph.cell[0]).abs()
    # The model learnt PBE, which is 1 to 2 % too large for such crystals (Haas et al., Phys. Rev. B 79, 085104, 2009).
    assert 1.0 < float((4 * volume) ** (1 / 3)) / experiment < 1.025


def test_the_first_peak_of_amorphous_silicon_stands_at_2_35():
    data = datasets.load("silicon_amorphous", cutoff=3.5)
    solid = [sample for sample in data if "liquid" not in str(sample.labels["phase"])]
    lengths = torch.cat([sample.graph.edge_lengths() for sample in solid])
    counts, edges = torch.histogram(lengths.double(), bins=75, range=(2.0, 3.5))
    middles = (edges[1:] + edges[:-1]) / 2
    # Laaziri et al., Phys. Rev. Lett. 82, 3460 (1999): 2.35 Å by X-rays; the model's lattice is 0.7 % too large.
    assert middles[(counts / middles**2).argmax()] == pytest.approx(2.35, abs=0.03)


@pytest.mark.parametrize(
    ("name", "number", "median", "low", "high"),
    [
        # Absolute shieldings in ppm: gas-phase water 30.1 (H) and 324 (O), which this basis puts 20 higher.
        ("nmr_sodium_water", 1, 30.1, 20, 40),
        ("nmr_sodium_water", 8, 344, 280, 390),
        # The free ion has 624; water takes some 40 away.
        ("nmr_sodium_water", 11, 585, 540, 624),
        ("nmr_molecules", 1, 30, 15, 42),
        ("nmr_molecules", 6, None, -120, 230),
    ],
)
def test_shieldings_are_absolute_and_in_ppm(name, number, median, low, high):
    data = datasets.load(name)
    pairs = zip(data.graphs, data.atom_labels["shielding"], strict=True)
    tensors = torch.cat([sigma[graph.atomic_numbers == number] for graph, sigma in pairs])
    isotropic = tensors.diagonal(dim1=1, dim2=2).mean(1)
    assert low < isotropic.min() <= isotropic.max() < high
    if median is not None:
        assert isotropic.median() == pytest.approx(median, rel=0.03)
    # The antisymmetric part is kept.
    assert (tensors - tensors.mT).abs().amax() > 1


@pytest.mark.parametrize("name", ["phonons", "phonons_reference", "perovskites", "perovskites_relaxed"])
def test_no_crystal_matches_another_of_its_set(name):
    matching = pytest.importorskip("pymatgen.analysis.structure_matcher")
    from pymatgen.io.ase import AseAtomsAdaptor

    if name not in read_manifest():
        pytest.skip("not on the shelf yet")
    data, alike = datasets.load(name), defaultdict(list)
    for key, graph in zip(data.keys, data.graphs, strict=True):
        structure = AseAtomsAdaptor.get_structure(graph.to_ase()).get_primitive_structure()
        alike[structure.composition.reduced_formula].append((key, structure))
    matcher = matching.StructureMatcher(ltol=0.1, stol=0.1, angle_tol=3, scale=False)
    twins = [
        (one[0], other[0])
        for group in alike.values()
        for one, other in itertools.combinations(group, 2)
        if matcher.fit(one[1], other[1])
    ]
    assert twins == []


# Corners of the Brillouin zone by Bravais lattice (Hinuma et al., Comput. Mater. Sci. 128, 140, 2017).
CUBIC = {"GAMMA", "X", "X_1", "M", "R", "L", "K", "U", "W", "W_2", "H", "N", "P"}
HEXAGONAL = {"GAMMA", "M", "K", "A", "L", "H", "H_2"}


def test_dispersions_follow_the_path_of_their_lattice_in_the_cell_that_is_stored():
    bands, crystals = datasets.load("phonon_bands"), datasets.load("phonons")
    groups = dict(zip(crystals.keys, crystals.labels["space_group"], strict=True))
    seen = defaultdict(int)
    for i, sample in enumerate(bands):
        group = int(groups[bands.keys[i]])
        names = {name for mark in sample.labels["corners"].split(", ") for name in mark.split()[0].split("|")}
        rhombohedral = group in (146, 148, 155, 160, 161, 166, 167)
        if group >= 195:
            assert names <= CUBIC, bands.keys[i]
        elif group >= 143 and not rhombohedral:
            assert names <= HEXAGONAL, bands.keys[i]
        seen["cubic" if group >= 195 else "other"] += 1
        # Steps between neighbouring points are as long in the stored cell as the path says, but for its jumps.
        reciprocal = 2 * torch.pi * torch.linalg.inv(sample.graph.cell[0]).mT
        steps = (sample.labels["q"].diff(dim=0) @ reciprocal).norm(dim=1)
        right = torch.isclose(steps, sample.labels["path"].diff(), atol=2e-3)
        assert right.sum() >= len(steps) - sample.labels["corners"].count(",") - 1
    assert min(seen.values()) > 5


def test_branches_of_cubic_crystals_meet_where_symmetry_makes_them():
    bands, crystals = datasets.load("phonon_bands"), datasets.load("phonons")
    groups = dict(zip(crystals.keys, crystals.labels["space_group"], strict=True))
    tried = 0
    for key, sample in zip(bands.keys, bands, strict=True):
        marks = [mark.split() for mark in sample.labels["corners"].split(", ")]
        for name, where in marks:
            # Fourfold and threefold axes end in X and L of these lattices: transverse branches come in pairs there.
            if int(groups[key]) in (216, 225) and name in ("X", "L"):
                place = int((sample.labels["path"] - float(where)).abs().argmin())
                lowest = sample.atom_labels["bands"].flatten(0, 1)[:, place].sort().values
                apart = (lowest[1:] - lowest[:-1]) / lowest[-1]
                assert int((apart < 0.02).sum()) >= sample.graph.num_nodes - 1, (key, name)
                tried += 1
    assert tried >= 6


def test_shipped_forces_are_minus_the_gradient_of_energies_by_the_same_code():
    check = datasets.load("forces_check")
    moved = dict(zip(check.keys, check, strict=True))
    sides = [key[:-1] for key in check.keys if key.endswith("+")]
    assert len(sides) == 8
    for side in sides:
        name, item, _ = side.split(":")
        data = datasets.load(name)
        forces = data[data.keys.index(item)].atom_labels["forces"].double()
        after, before = moved[side + "+"], moved[side + "-"]
        way = after.graph.positions - before.graph.positions
        work = float(before.labels["energy"] - after.labels["energy"])
        # Integration grids that do not follow the atoms (molecules_md) leave 1e-3 eV/Å; forces are of order 1.
        assert work / way.norm() == pytest.approx(float((forces * way).sum() / way.norm()), abs=2e-3), side
