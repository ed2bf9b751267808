"""The command `equitour score`, and the reader of crystals that it shares: what they take, what they refuse."""

import csv
import gzip
import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write

from equitour.cli import main
from equitour.cli.crystal_files import read_crystals
from equitour.cli.trouble import Trouble
from equitour.generative import write_cif
from equitour.generative.crystal_metrics import optional

ROCK_SALT = bulk("NaCl", "rocksalt", a=5.64)
ZINC_OXIDE = bulk("ZnO", "wurtzite", a=3.25, c=5.2)
KEYS = [
    "structural_validity",
    "composition_validity",
    "coverage_recall",
    "coverage_precision",
    "wasserstein_density",
    "wasserstein_elements",
    "match_rate",
    "match_rmse",
    "unique",
    "novel",
]

# As pymatgen writes it, and CDVAE's tables hold it.
PLAIN = """# generated using pymatgen
data_CsCl
_symmetry_space_group_name_H-M   'P 1'
_cell_length_a   4.12000000
_cell_length_b   4.12000000
_cell_length_c   4.12000000
_cell_angle_alpha   90.00000000
_cell_angle_beta   90.00000000
_cell_angle_gamma   90.00000000
_symmetry_Int_Tables_number   1
_chemical_formula_structural   CsCl
_chemical_formula_sum   'Cs1 Cl1'
_cell_volume   69.93452800
_cell_formula_units_Z   1
loop_
 _symmetry_equiv_pos_site_id
 _symmetry_equiv_pos_as_xyz
  1  'x, y, z'
loop_
 _atom_site_type_symbol
 _atom_site_label
 _atom_site_symmetry_multiplicity
 _atom_site_fract_x
 _atom_site_fract_y
 _atom_site_fract_z
 _atom_site_occupancy
  Cs  Cs0  1  0.00000000  0.00000000  0.00000000  1
  Cl  Cl1  1  0.50000000  0.50000000  0.50000000  1
"""


def table(path, cifs, column="cif"):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", "material_id", column])
        writer.writerows([n, 100 + n, text] for n, text in enumerate(cifs))
    return path


def cif(atoms, path):
    write_cif(path, atoms)
    return path.read_text()


def score(*arguments) -> int:
    return main(["score", *map(str, arguments)])


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_tables_give_their_crystals_in_order(tmp_path, name):
    found = read_crystals(table(tmp_path / name, [PLAIN, cif(ZINC_OXIDE, tmp_path / "z.cif"), PLAIN]))
    assert [atoms.get_chemical_formula() for atoms in found] == ["ClCs", "O2Zn2", "ClCs"]
    assert all(atoms.pbc.all() for atoms in found)
    assert found[0].get_distance(0, 1, mic=True) == pytest.approx(4.12 * np.sqrt(3) / 2)
    assert found[1].get_volume() == pytest.approx(ZINC_OXIDE.get_volume(), rel=1e-4)


def test_symmetry_of_a_cif_in_a_table_is_unfolded(tmp_path):
    folded = "\n".join(
        line for line in PLAIN.replace("'P 1'", "'P m -3 m'").splitlines() if not line.startswith("# ")
    )
    folded = folded.replace("  1  'x, y, z'", "  1  'x, y, z'\n  2  'x+1/2, y+1/2, z'")
    (atoms,) = read_crystals(table(tmp_path / "x.csv", [folded]))
    assert atoms.get_chemical_formula() == "Cl2Cs2"


@pytest.mark.parametrize("name", ["x.extxyz", "x.cif", "x.traj", "x.json"])
def test_formats_of_ase_give_all_their_crystals(tmp_path, name):
    write(tmp_path / name, [ROCK_SALT, ZINC_OXIDE])
    assert [len(atoms) for atoms in read_crystals(tmp_path / name)] == [2, 4]


def test_a_poscar_is_read(tmp_path):
    write(tmp_path / "POSCAR", ZINC_OXIDE)
    assert len(read_crystals(tmp_path / "POSCAR")) == 1


def refused(path, match):
    with pytest.raises(Trouble, match=match):
        read_crystals(path)


def test_files_that_are_missing_empty_or_of_another_kind_are_refused(tmp_path):
    refused(tmp_path / "none.csv", "a crystal file must exist, received .*none.csv")
    (tmp_path / "empty.extxyz").touch()
    refused(tmp_path / "empty.extxyz", "must hold crystals, received empty.extxyz without any")
    refused(table(tmp_path / "empty.csv", []), "must hold crystals, received empty.csv without any")
    (tmp_path / "x.py").write_text("print('never run')")
    refused(tmp_path / "x.py", r"must be csv with a column cif, extxyz, CIF or POSCAR, received x.py")
    (tmp_path / "x.csv.gz").write_bytes(b"no archive")
    refused(tmp_path / "x.csv.gz", "must be readable as csv, received x.csv.gz")


def test_a_table_without_the_column_says_which_it_has(tmp_path):
    refused(
        table(tmp_path / "x.csv", [PLAIN], column="structure"), "column cif, .* with material_id, structure"
    )


@pytest.mark.parametrize("text", ["", "data_\n_cell_length_a 4", "PK broken"])
def test_an_unreadable_cif_is_named_by_its_row(tmp_path, text):
    refused(table(tmp_path / "x.csv", [PLAIN, text]), "readable CIF, received row 2 of x.csv")


@pytest.mark.parametrize("shared", ["0.5", "0.99"])
def test_partial_occupancies_are_refused(tmp_path, shared):
    text = PLAIN.replace("0.50000000  1\n", f"0.50000000  {shared}\n")
    refused(table(tmp_path / "x.csv", [PLAIN, text]), "received row 2 of x.csv with partial occupancies")
    (tmp_path / "x.cif").write_text(text)
    refused(tmp_path / "x.cif", "received structure 0 of x.cif with partial occupancies")


def test_two_elements_on_one_site_are_refused(tmp_path):
    text = PLAIN.replace("0.50000000  1\n", "0.50000000  0.5\n  Br  Br2  1  0.5  0.5  0.5  0.5\n")
    refused(table(tmp_path / "x.csv", [text]), "with partial occupancies")


def test_a_left_handed_cell_is_refused_and_the_cure_keeps_the_crystal(tmp_path):
    left = ZINC_OXIDE.copy()
    left.cell[[0, 1]] = left.cell[[1, 0]]
    write(tmp_path / "x.extxyz", [ROCK_SALT, left])
    refused(tmp_path / "x.extxyz", r"right-handed, received structure 1 of x.extxyz with a determinant of -")
    left.cell[[0, 1]] = left.cell[[1, 0]]
    write(tmp_path / "x.extxyz", [ROCK_SALT, left])
    assert np.allclose(read_crystals(tmp_path / "x.extxyz")[1].positions, ZINC_OXIDE.positions)


def test_molecules_and_slabs_are_refused(tmp_path):
    write(tmp_path / "x.extxyz", Atoms("H2", [[0, 0, 0], [0, 0, 0.7]]))
    refused(
        tmp_path / "x.extxyz", "periodic in all directions, received structure 0 of x.extxyz with pbc F F F"
    )


def test_broken_cells_pass_only_where_they_are_counted(tmp_path):
    flat, lost = ROCK_SALT.copy(), ROCK_SALT.copy()
    flat.cell[2] = flat.cell[0]
    lost.positions[0, 0] = np.nan
    for atoms, words in ((flat, "must have a volume"), (lost, "must be finite")):
        write(tmp_path / "x.extxyz", atoms)
        refused(tmp_path / "x.extxyz", words)
        assert len(read_crystals(tmp_path / "x.extxyz", keep_broken=True)) == 1


def test_the_command_gives_all_scores_of_a_set_against_itself(tmp_path, capsys):
    pytest.importorskip("pymatgen")
    path = table(tmp_path / "x.csv", [PLAIN, cif(ZINC_OXIDE, tmp_path / "z.cif")])
    assert score("--generated", path, "--reference", path, "--json", "--out", tmp_path / "scores.json") == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report)[:10] == KEYS
    assert [report[key] for key in KEYS] == [
        100,
        100,
        100,
        100,
        0,
        0,
        100,
        pytest.approx(0, abs=1e-9),
        100,
        0,
    ]
    assert report["units"]["match_rate"] == "%"
    assert report == json.loads((tmp_path / "scores.json").read_text())


def test_files_of_different_length_have_no_match_and_say_why(tmp_path, capsys):
    pytest.importorskip("pymatgen")
    one, two = table(tmp_path / "1.csv", [PLAIN]), table(tmp_path / "2.csv", [PLAIN, PLAIN])
    assert score("--generated", one, "--reference", two, "--training", two, "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["match_rate"] is None
    assert "no match_rate, match_rmse: match pairs crystals in order, and there are 1 generated" in told.err


def test_without_pymatgen_the_other_scores_are_given_with_the_cure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    path = table(tmp_path / "x.csv", [PLAIN])
    assert score("--generated", path, "--reference", path) == 0
    told = capsys.readouterr()
    assert "structural_validity      100.00 %" in told.out
    assert "coverage_recall               - %" in told.out
    assert "pip install 'equitour[crystals]'" in told.err


def test_bad_files_end_in_one_sentence(tmp_path, capsys):
    path = table(tmp_path / "x.csv", [PLAIN])
    assert score("--generated", tmp_path / "none.cif", "--reference", path) == 1
    assert capsys.readouterr().err.startswith("equitour: a crystal file must exist")
    assert score("--generated", path, "--reference", path, "--out", tmp_path / "no" / "x.json") == 1
    assert "--out must name a file in a folder that exists" in capsys.readouterr().err


def test_the_help_says_percent(capsys):
    with pytest.raises(SystemExit):
        score("--help")
    assert "percentages from 0 to 100" in " ".join(capsys.readouterr().out.split())
