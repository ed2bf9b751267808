"""The door to the data: records, the shelf, closed-form sets and data cards."""

import dataclasses
import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from equitour import datasets
from equitour.datasets.charges import coulomb
from equitour.datasets.closed_form import CLOSED_FORM
from equitour.datasets.describe import Description
from equitour.datasets.ewald import COULOMB, ewald
from equitour.datasets.shelf import (
    Item,
    pack,
    read_arrays,
    read_manifest,
    unpack,
    write_atomically,
    write_set,
)
from equitour.datasets.sketch import sketch
from equitour.symmetry import random_rotation


def two_items():
    water = Item(
        key="w",
        atomic_numbers=np.array([8, 1, 1]),
        positions=np.eye(3),
        item={"energy": -1.5},
        atom={"forces": np.ones((3, 3))},
    )
    helium = Item(
        key="he",
        atomic_numbers=np.array([2]),
        positions=np.zeros((1, 3)),
        item={"energy": 0.5},
        atom={"forces": np.zeros((1, 3))},
    )
    return [water, helium]


def test_items_of_different_sizes_survive_packing():
    back = unpack(pack(two_items()))
    assert [item.key for item in back] == ["w", "he"]
    assert [len(item.atomic_numbers) for item in back] == [3, 1]
    assert back[0].item["energy"] == -1.5
    np.testing.assert_array_equal(back[0].atom["forces"], np.ones((3, 3)))
    np.testing.assert_array_equal(back[1].positions, np.zeros((1, 3)))


def test_items_with_different_labels_are_no_set():
    water, helium = two_items()
    with pytest.raises(
        ValueError, match=r"must carry the same labels, but 'w' and 'he' differ; give the missing ones as nan"
    ):
        pack([water, Item(key="he", atomic_numbers=helium.atomic_numbers, positions=helium.positions)])


def test_a_set_on_the_shelf_is_read_back_and_vouched_for(tmp_path):
    write_set("a/b", pack(two_items()), {"units": {"energy": "eV"}}, tmp_path)
    card = read_manifest(tmp_path)["a/b"]
    assert (card["items"], card["atoms"], card["file"]) == (2, 4, "a_b.npz")
    assert card["bytes"] == (tmp_path / "a_b.npz").stat().st_size
    np.testing.assert_array_equal(read_arrays("a/b", tmp_path)["atomic_numbers"], [8, 1, 1, 2])


def test_one_changed_byte_is_noticed(tmp_path):
    write_set("a", pack(two_items()), {}, tmp_path)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="must have the sha256 that the manifest states, but it has another"):
        read_arrays("a", tmp_path)


def test_a_missing_set_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="make it with `equitour data make molecules_md`"):
        read_arrays("molecules_md/argon", tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_atomically(tmp_path / "x", b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_atomically(tmp_path / "x", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"received 'rmd17/etanol'; did you mean 'rmd17/ethanol'"):
        datasets.load("rmd17/etanol")


def test_no_items_cannot_be_asked_for_and_no_cutoff_is_not_the_usual_one():
    with pytest.raises(
        ValueError, match="count must be at least 1, received 0; leave it out for the whole set"
    ):
        datasets.load("tetris", count=0)
    with pytest.raises(ValueError, match="cutoff must be positive"):
        _ = datasets.load("tetris", cutoff=0.0)[0]


def test_nothing_is_pickled_in_what_is_shipped():
    for name, card in read_manifest().items():
        assert card["file"].endswith(".npz")
        assert all(array.dtype.kind in "biufU" for array in read_arrays(name).values())


def test_a_dataset_is_indexed_sliced_and_masked_with_its_labels():
    data = datasets.load("rattled_molecules", count=6)
    part = data[data.labels["energy"] > data.labels["energy"].median()]
    assert len(part) == 3
    assert set(part.keys) < set(data.keys)
    sample = data[-1]
    assert sample.graph is data.graphs[5]
    assert sample.labels["energy"] == data.labels["energy"][5]
    assert data[1:3].keys == data.keys[1:3] == data[[1, 2]].keys == data[torch.tensor([1, 2])].keys
    for two in (np.int64(2), torch.tensor(2)):
        assert torch.equal(data[two].graph.positions, data[2].graph.positions)
    assert data[torch.tensor([2])].keys == data[np.array([2])].keys == data.keys[2:3]
    assert len(data[[]]) == len(data[torch.zeros(len(data), dtype=torch.bool)]) == 0
    assert [len(f) for f in data.atom_labels["forces"]] == [g.num_nodes for g in data.graphs]


def test_no_graph_carries_its_own_answer():
    data = datasets.load("rattled_molecules", count=1)
    assert not {"energy", "forces"} & set(vars(data[0].graph))


def test_labels_and_positions_come_in_the_asked_precision_and_counts_stay_whole():
    single = datasets.load("n_body", count=2, dtype=torch.float32)
    assert single[0].graph.positions.dtype == single.labels["energy"].dtype == torch.float32
    assert datasets.load("tetris").labels["shape"].dtype == torch.int64


def test_the_cutoff_is_the_callers():
    assert (
        datasets.load("tetris", cutoff=3.1)[3].graph.num_edges
        > datasets.load("tetris")[3].graph.num_edges
        == 6
    )


def test_the_same_generator_makes_the_same_set_and_another_another():
    first, again, other = (
        datasets.load("n_body", count=3, generator=torch.Generator().manual_seed(seed))[0].graph.positions
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_the_two_chiral_shapes_are_mirror_images_that_no_rotation_maps():
    left, right = (datasets.load("tetris")[i].graph.positions for i in (0, 1))

    def handedness(p):
        return torch.linalg.det(torch.stack([p[1] - p[0], p[2] - p[0], p[3] - p[2]]))

    def distances(p):
        return torch.cdist(p, p).flatten().sort().values

    torch.testing.assert_close(distances(left), distances(right))
    assert handedness(left) == -handedness(right) != 0


def test_charges_in_open_space_keep_their_energy_and_momentum():
    data = datasets.load("n_body", count=20)
    drift = (data.labels["later_energy"] - data.labels["energy"]).abs()
    assert drift.median() < 1e-4
    for velocities, later in zip(
        data.atom_labels["velocities"], data.atom_labels["later_velocities"], strict=True
    ):
        torch.testing.assert_close(velocities.sum(0), later.sum(0), atol=1e-10, rtol=0)


def test_forces_between_charges_turn_with_them_because_none_is_clipped(generator):
    x, q = (
        torch.randn(4, 5, 3, generator=generator, dtype=torch.float64) / 5,
        torch.ones(4, 5, dtype=torch.float64),
    )
    rotation = random_rotation(generator=generator)
    torch.testing.assert_close(coulomb(x @ rotation.T, q)[1], coulomb(x, q)[1] @ rotation.T)


def test_forces_between_charges_are_minus_the_gradient(generator):
    x = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    q = torch.tensor([1.0, -1, 1, -1, 1], dtype=torch.float64).expand(2, 5)
    energy, forces = coulomb(x, q)
    torch.testing.assert_close(forces, -torch.autograd.grad(energy.sum(), x)[0])


def test_perfect_rock_salt_has_madelungs_constant():
    energy = datasets.load("rocksalt_charges", count=1).labels["energy"][0]
    assert -energy / 4 * 2.82 / COULOMB == pytest.approx(1.747564594633, abs=1e-10)


def test_caesium_chloride_has_its_madelung_constant_too():
    cell, charges = torch.eye(3, dtype=torch.float64), torch.tensor([1.0, -1.0], dtype=torch.float64)
    positions = torch.tensor([[0.0, 0, 0], [0.5, 0.5, 0.5]], dtype=torch.float64)
    assert -float(ewald(positions, charges, cell)) * math.sqrt(3) / 2 / COULOMB == pytest.approx(
        1.762674773, abs=1e-8
    )


def test_a_charged_cell_is_refused():
    cell, one = torch.eye(3, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    with pytest.raises(ValueError, match="must sum to zero, received 1; add a counter-charge"):
        ewald(torch.zeros(1, 3, dtype=torch.float64), one, cell)


def test_frequencies_of_the_chain_are_those_of_its_dynamical_matrix():
    data = datasets.load("harmonic_chains", count=3)
    for frequencies, masses in zip(data.labels["frequencies"], data.atom_labels["masses"], strict=True):
        springs = 2 * torch.eye(12, dtype=torch.float64)
        for i, j in [*pairwise(range(12)), (11, 0)]:
            springs[i, j] = springs[j, i] = -1
        squares = torch.linalg.eigvalsh(springs / (masses[:, None] * masses).sqrt())
        torch.testing.assert_close(frequencies.square(), squares, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["moons", "ring", "checkerboard", "gaussians"])
def test_densities_in_the_plane_fill_a_few_units(name, generator):
    points = datasets.density_2d(name, 500, generator=generator)
    assert points.shape == (500, 2)
    assert 1 < points.abs().max() < 5


def test_the_ring_has_its_radius_and_an_unknown_density_is_refused(generator):
    assert datasets.density_2d("ring", 2000, generator=generator).norm(dim=1).mean() == pytest.approx(
        2, abs=0.02
    )
    with pytest.raises(ValueError, match="must be moons, ring, checkerboard or gaussians, received 'spiral'"):
        datasets.density_2d("spiral", 3, generator=generator)


def test_every_label_of_every_set_at_hand_has_a_unit():
    for name in [*CLOSED_FORM, *read_manifest()]:
        data = datasets.load(name, count=1)
        assert set(data.labels) | set(data.atom_labels) <= set(data.units), name


def test_cards_are_generated_from_what_is_measured():
    for name, card in read_manifest().items():
        page = datasets.describe(name).markdown()
        assert f"{card['items']} items" in page
        assert all(
            f"{label} of {count} items so far" in page for label, count in card.get("known", {}).items()
        )
        assert card["sha256"] in page
        for heading in ("How it was made", "Codes", "Seed", "Licence", "Cite"):
            assert f"**{heading}.**" in page, (name, heading)


def test_a_card_names_what_stands_in_when_a_public_set_is_out_of_reach():
    assert "Without it" in repr(datasets.describe("acac"))


def test_the_table_lists_each_kind_once():
    kinds = {kind: set(datasets.available(kind)) for kind in ("closed form", "shipped", "public")}
    assert sum(map(len, kinds.values())) == len(datasets.available()) == len(set(datasets.available()))
    assert "tetris" in kinds["closed form"]
    assert "acac" in kinds["public"]
    assert "<table>" in datasets.available()._repr_html_()


def test_the_first_structure_is_drawn_with_a_text_for_those_who_cannot_see_it():
    page = datasets.load("rattled_molecules", count=1)._repr_html_()
    assert page.count("<circle") == 3
    # Two bonds, each drawn as two halves.
    assert page.count("<path") == 4
    assert 'aria-label="H2 O1, first structure 0000-H2O"' in page


def test_a_crystal_is_drawn_with_the_twelve_edges_of_its_cell():
    assert sketch(datasets.load("rocksalt_charges", count=1)[0].graph).count('opacity="0.35"') == 12


def test_names_from_files_stay_text_in_a_page():
    graph = datasets.load("tetris", count=1)[0].graph
    assert "<script>" not in sketch(graph, caption="<script>alert(1)</script>")


def test_the_shipped_files_stay_small():
    assert sum(card["bytes"] for card in read_manifest().values()) < 25e6


def test_the_manifest_names_nothing_of_the_machine_that_wrote_it():
    text = json.dumps(read_manifest())
    assert "/tmp" not in text
    assert "/home" not in text


def test_labels_that_are_still_missing_are_counted_in_the_card(tmp_path):
    # Helium has two modes fewer than the longest list holds, which is nothing that is missing.
    modes = {"w": [1.0, 2.0, 3.0], "he": [1.0, np.nan, np.nan], "n": [np.nan] * 3}
    water, helium = two_items()
    nothing = dataclasses.replace(helium, key="n", item={"energy": np.nan})
    items = [dataclasses.replace(i, item=i.item | {"modes": modes[i.key]}) for i in (water, helium, nothing)]
    items[1:] = [dataclasses.replace(i, atom={"forces": np.full((1, 3), np.nan)}) for i in items[1:]]
    write_set("a", pack(items), {"planned": 7}, tmp_path)
    card = read_manifest(tmp_path)["a"]
    assert card["known"] == {"energy": 2, "modes": 2, "forces": 1}
    description = Description(name="a", kind="shipped", card=card)
    assert "3 items of 7 planned" in repr(description)
    assert "energy of 2 items so far, nan elsewhere" in repr(description)
