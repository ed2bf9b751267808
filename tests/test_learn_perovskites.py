"""What lesson 505 needs besides its ideas: symmetries measured, faults found, crystals named."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from equitour import view
from equitour.generative import score_crystals
from equitour.generative.crystal import (
    Crystals,
    CrystalStep,
    Denoised,
    LatticeScale,
    PairDenoiser,
    wrapped_score,
)
from equitour.learn import denoiser_symmetry, perovskite_figures, perovskites
from equitour.learn.exercises import lesson_505

PLACES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


def titanate(symbols="SrTiO3", edge=3.905):
    return Atoms(symbols, scaled_positions=PLACES, cell=[edge] * 3, pbc=True)


def test_a_perovskite_is_cubic_and_without_fault():
    assert perovskites.faults(titanate()) == []
    assert perovskites.system_of(titanate()) == "cubic"
    long = titanate()
    long.set_cell([3.9, 3.9, 4.2], scale_atoms=True)
    assert perovskites.system_of(long) == "tetragonal"


def test_faults_are_told_apart():
    near = titanate()
    near.positions[2] = near.positions[1] + [1.0, 0, 0]
    on_top = titanate()
    on_top.positions[2] = on_top.positions[1] + [0.2, 0, 0]
    assert perovskites.faults(near) == ["atoms too near"]
    assert perovskites.faults(on_top) == ["atoms on top of each other"]
    assert perovskites.faults(titanate("SrTi2O2")) == ["2 anions"]
    assert "charges" in perovskites.faults(titanate("NaKO3", edge=4.1))
    apart = titanate()
    apart.positions[3:] += [0, 0, 1.2]
    assert perovskites.faults(apart)


def test_an_octahedron_may_be_bent_but_not_broken():
    bent = titanate()
    bent.positions[1] += [0.2, 0.2, 0.2]
    assert perovskites.faults(bent) == []


def test_shares_of_faults_count_every_crystal():
    shares = perovskites.tally([titanate(), titanate(), titanate("SrTi2O2"), titanate("SrTi2O2")])
    assert shares == {"2 anions": 50.0, "none": 50.0}
    assert list(shares)[-1] == "none"


def test_crystals_are_called_metals_first_and_hidden_elements_by_a_question_mark():
    assert perovskites.name_of(titanate()) == "SrTiO3"
    assert perovskites.name_of(titanate("TiSrO3")) == "SrTiO3"
    hidden = titanate()
    hidden.numbers = [0, 22, 0, 8, 8]
    assert perovskites.name_of(hidden) == "?2TiO2"


def test_crystals_are_parted_without_an_overlap(generator):
    whole = [titanate(edge=3.9 + 0.01 * k) for k in range(10)]
    train, test = perovskites.parted(whole, 3, generator=generator)
    edges = [round(atoms.cell.lengths()[0], 2) for atoms in train + test]
    assert (len(train), len(test), len(set(edges))) == (7, 3, 10)


class Blind(torch.nn.Module):
    """Answers with what it should not use: absolute fractions, the order of atoms, the lattice as it lies."""

    def __init__(self, fault):
        super().__init__()
        self.fault, self.scale = fault, LatticeScale().double()

    def forward(self, crystals, t, condition=None):
        f, ones = crystals.fractional, torch.ones_like(crystals.fractional)
        score = {
            "translation": f,
            "permutation": torch.arange(len(f))[:, None] * ones,
            "O(3)": crystals.lattices[crystals.batch][:, 0],
            "SL(3, Z)": ones,
        }[self.fault]
        return Denoised(score, self.scale.numbers(crystals), ones)


@pytest.mark.parametrize("fault", ["permutation", "translation", "O(3)", "SL(3, Z)"])
def test_a_denoiser_that_breaks_a_symmetry_is_found_by_its_name(fault, generator):
    crystals = Crystals.of([titanate(edge=3.9), titanate(edge=4.1)], dtype=torch.float64)
    t = torch.tensor([0.3, 0.6], dtype=torch.float64)
    errors = denoiser_symmetry.symmetry_errors(Blind(fault), crystals, t, generator=generator)
    assert errors[fault] > 0.01
    assert all(error < 1e-10 for name, error in errors.items() if name not in (fault, "SL(3, Z)"))


def test_the_pair_denoiser_keeps_three_symmetries_before_it_has_learnt_anything(generator):
    torch.manual_seed(0)
    crystals = Crystals.of([titanate(), titanate(edge=4.1)], dtype=torch.float64)
    shaken = crystals.replace(
        fractional=(crystals.fractional + 0.1 * torch.rand(10, 3, generator=generator, dtype=torch.float64))
        % 1
    )
    model = PairDenoiser(elements=[8, 22, 38], channels=16).double()
    t = torch.tensor([0.3, 0.6], dtype=torch.float64)
    errors = denoiser_symmetry.symmetry_errors(model, shaken, t, generator=generator)
    assert errors.pop("SL(3, Z)") > 1e-3
    assert max(errors.values()) < 1e-10


def test_the_worked_score_is_the_library_s_and_the_worked_step_ends_at_the_crystal(generator):
    delta, sigma = torch.linspace(-1, 1, 41, dtype=torch.float64), torch.tensor(0.2, dtype=torch.float64)
    assert torch.allclose(lesson_505.score(delta, sigma), wrapped_score(delta, sigma))
    f, clean = torch.rand(2, 5, 3, generator=generator, dtype=torch.float64)
    s = lesson_505.score((f - clean).flatten(), torch.tensor(1e-3, dtype=torch.float64)).view(5, 3)
    width = torch.tensor([1e-3, 0], dtype=torch.float64)
    back = lesson_505.step(f, s, *width, torch.randn(5, 3).double())
    apart = (back - clean + 0.5) % 1 - 0.5
    assert apart.abs().max() < 1e-9


def test_a_bounded_strain_turns_with_the_crystal(generator):
    S = torch.randn(4, 3, 3, generator=generator, dtype=torch.float64)
    S, R = S + S.mT, torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64)).Q
    turned = lesson_505.bounded(R @ S @ R.T, 0.3)
    assert torch.allclose(turned, R @ lesson_505.bounded(S, 0.3) @ R.T)
    assert (turned.flatten(1).norm(dim=1) < 0.3 + 1e-12).all()


def test_what_is_left_to_do_begins_with_all_and_ends_with_nothing():
    end = Crystals.of([titanate(), titanate(edge=4.1)], dtype=torch.float64)
    half = end.replace(fractional=(end.fractional + 0.1) % 1, lattices=1.1 * end.lattices)
    start = end.replace(
        fractional=(end.fractional - 0.2) % 1,
        lattices=1.1**2 * end.lattices,
        atomic_numbers=torch.zeros_like(end.atomic_numbers),
    )
    film = [CrystalStep(k, 1 - k / 2, crystals) for k, crystals in enumerate([start, half, end])]
    left = perovskites.left_to_do(film)
    for name, expected in (("lattice", 0.5), ("positions", 0.5), ("elements hidden", 0.0)):
        assert left[name].tolist() == pytest.approx([1, expected, 0], abs=1e-9), name


def test_noise_has_the_elements_of_known_crystals(generator):
    known = Crystals.of([titanate()], dtype=torch.float64)
    made = perovskites.noise_like(
        known.select(torch.zeros(200, dtype=torch.long)), known, generator=generator
    )
    share = np.mean([atoms.numbers == 8 for atoms in made])
    # 1,000 draws of a chance of 0.6, one deviation 0.015.
    assert len(made) == 200
    assert share == pytest.approx(0.6, abs=0.08)


def test_crystals_of_elements_have_a_system_too_and_broken_ones_have_none():
    assert perovskites.system_of(bulk("Cu")) == "cubic"
    assert (
        perovskites.system_of(Atoms("H2", positions=[[0, 0, 0], [0, 0, 0]], cell=[3, 3, 3], pbc=True))
        == "none"
    )


def test_noise_on_nine_numbers_flattens_cells_and_noise_on_the_logarithm_never(generator):
    L = 4.2 * torch.eye(3, dtype=torch.float64)
    nine, six = denoiser_symmetry.collapsed(L, L.log().nan_to_num(neginf=0), generator=generator)
    assert 0.02 < nine < 0.5
    assert six == 0


def test_shaken_crystals_carry_more_noise_from_one_to_the_next(generator):
    crystals, t = denoiser_symmetry.shaken([titanate()] * 4, generator=generator)
    off = [(crystals.fractional[crystals.batch == k] - torch.tensor(PLACES)) for k in range(4)]
    off = [((d + 0.5) % 1 - 0.5).abs().mean() for d in off]
    assert t.tolist() == pytest.approx([0.1, 0.4, 0.7, 1.0])
    assert off[0] < off[2]
    assert crystals.fractional.dtype == torch.float64


def test_losses_are_told_as_shares_of_those_of_one_who_knows_nothing():
    history = [{"score": 0.5, "elements": np.log(7)}, {"score": 0.4, "elements": np.log(7) / 2}]
    found = perovskites.relative(history, 7)
    assert found["score"].tolist() == pytest.approx([0.5, 0.4])
    assert found["elements"].tolist() == pytest.approx([1, 0.5])


def test_a_sample_begins_with_the_best_and_ends_with_the_worst():
    near = titanate()
    near.positions[2] = near.positions[1] + [0.2, 0, 0]
    show = perovskites.sample_of([near, titanate("SrTi2O2"), titanate()], each=1)
    assert show == [2, 0, 1]


def test_a_set_scored_against_itself_is_perfect_under_every_name_and_matches_are_left_out():
    found = perovskites.named(score_crystals([titanate()], [titanate()]))
    assert "match_rate" not in found
    assert found["valid structure, %"] == 100
    assert found["densities to be moved by, g/cm³"] == 0


def test_columns_stand_side_by_side_with_nought_where_a_name_is_missing():
    lines = perovskites.side_by_side(
        {"real": {"a": 1.0}, "made": {"b": 2.0, "a": 3.0}}, title="%"
    ).splitlines()
    assert [line.split() for line in lines] == [
        ["%", "real", "made"],
        ["b", "0.00", "2.00"],
        ["a", "1.00", "3.00"],
    ]


def test_crystal_systems_are_told_with_their_shares():
    long = titanate()
    long.set_cell([3.9, 3.9, 4.2], scale_atoms=True)
    assert perovskites.systems([titanate(), long, long, long]) == "cubic 25, tetragonal 75 %"


def test_a_crystal_is_followed_with_its_time_and_its_name():
    crystals = Crystals.of([titanate(), titanate("BaTiO3")], dtype=torch.float64)
    frames, labels = perovskites.followed([CrystalStep(0, 1.0, crystals), CrystalStep(1, 0.0, crystals)], 1)
    assert labels == ["t = 1.00, BaTiO3", "t = 0.00, BaTiO3"]
    assert [len(atoms) for atoms in frames] == [5, 5]


def test_pictures_are_drawn():
    _, axes = view.axes(1, 2)
    perovskite_figures.draw_border(axes, torch.tensor([0.97, 0.01, 0.99]), 0.66, 0.99)
    assert len(axes[0].lines) == 3
    _, ax = view.axes()
    perovskite_figures.draw_learning(
        ax, {"score": [1.0, 0.8, 0.7], "lattice": [1.0, 0.5, 0.4], "elements": [1, 1, 1]}
    )
    assert len(ax.lines) == 4
