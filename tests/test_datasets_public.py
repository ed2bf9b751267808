"""Published sets: fetched over loopback from a folder of files, whole or broken on purpose."""

import gzip
import hashlib
import http.server
import io
import json
import os
import re
import tarfile
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from equitour import datasets
from equitour.datasets import formats, formats_npz
from equitour.datasets.fetch import RemoteFile, find

AT_HAND = Path(__file__).resolve().parents[2] / "shared" / "data"
needs_files = pytest.mark.skipif(
    not AT_HAND.is_dir(), reason="the published files are not beside this checkout (../shared/data)"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; ``half`` in the name stops half-way, ``cut`` sends a shorter file as if it were whole."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = Path(self.directory) / self.path.lstrip("/")
        if not path.is_file():
            return self.send_error(404)
        content = path.read_bytes()
        sent = content[: len(content) // 2] if "half" in self.path or "cut" in self.path else content
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent) if "cut" in self.path else len(content)))
        self.end_headers()
        self.wfile.write(sent)
        return None


@pytest.fixture
def serve():
    """Start a server on loopback for a folder; gives its address."""
    running = []

    def start(folder, handler=Handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUITOUR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EQUITOUR_QUIET", "1")
    monkeypatch.delenv("EQUITOUR_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def upstream(tmp_path):
    """A folder with one file under three names, as a publisher would hold it."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    for name in ("whole.txt", "half.txt", "cut.txt"):
        (folder / name).write_bytes(b"0123456789" * 5000)
    return folder


SHA = hashlib.sha256(b"0123456789" * 5000).hexdigest()


def leftovers(cache):
    return sorted(str(p.relative_to(cache)) for p in cache.rglob("*") if p.is_file())


def test_a_file_is_fetched_once_and_then_kept(serve, upstream, cache):
    form = [[RemoteFile(name="set/whole.txt", url=f"{serve(upstream)}/whole.txt", sha256=SHA)]]
    (path,) = find("set", form, instead="load('tetris')")
    assert leftovers(cache) == ["set/whole.txt"]
    (upstream / "whole.txt").unlink()
    assert find("set", form, instead="load('tetris')") == [path]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("half.txt", FileNotFoundError, "the server stopped half-way|no connection"),
        ("cut.txt", ValueError, "must have the sha256 .* it was cut short or changed on the way"),
        ("absent.txt", FileNotFoundError, "the server answered 404"),
    ],
)
def test_a_broken_transfer_leaves_nothing_behind(serve, upstream, cache, name, error, words):
    form = [[RemoteFile(name=f"set/{name}", url=f"{serve(upstream)}/{name}", sha256=SHA)]]
    with pytest.raises(error, match=words):
        find("set", form, instead="load('tetris')")
    assert leftovers(cache) == []


def test_a_file_with_the_wrong_hash_never_gets_its_name(serve, upstream, cache):
    form = [[RemoteFile(name="set/whole.txt", url=f"{serve(upstream)}/whole.txt", sha256="0" * 64)]]
    with pytest.raises(ValueError, match="must have the sha256 000000000000"):
        find("set", form, instead="load('tetris')")
    assert leftovers(cache) == []


def test_a_file_without_a_pinned_hash_is_held_to_its_first_download(serve, upstream, cache):
    form = [[RemoteFile(name="set/whole.txt", url=f"{serve(upstream)}/whole.txt")]]
    (path,) = find("set", form, instead="load('tetris')")
    assert (cache / "set/whole.txt.sha256").read_text().strip() == SHA
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="it is damaged or another version, so delete it and load again"):
        find("set", form, instead="load('tetris')")


def test_offline_the_sentence_names_the_file_the_folder_and_the_stand_in(cache):
    form = [[RemoteFile(name="set/frames.xyz", url="http://127.0.0.1:9/frames.xyz", sha256=SHA)]]
    with pytest.raises(FileNotFoundError) as caught:
        find("set", form, instead="load('tetris')")
    for words in (
        "frames.xyz",
        "no connection",
        str(cache / "set"),
        "EQUITOUR_DATA",
        "in its place use load('tetris')",
    ):
        assert words in str(caught.value)
    assert caught.value.__cause__ is None
    assert leftovers(cache) == []


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(serve, upstream, cache):
    form = [[RemoteFile(name="set/whole.txt", url=f"{serve(upstream)}/whole.txt", sha256=SHA)]]
    cache.write_text("a file where the folder should be")
    with pytest.raises(FileNotFoundError) as caught:
        find("set", form, instead="load('tetris')")
    for words in (f"the cache folder {cache / 'set'} cannot be written", "another one in EQUITOUR_CACHE"):
        assert words in str(caught.value)
    assert "by hand" not in str(caught.value)


@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write into a read-only folder"
)
def test_a_read_only_cache_is_named(serve, upstream, cache):
    cache.mkdir()
    cache.chmod(0o500)
    form = [[RemoteFile(name="set/whole.txt", url=f"{serve(upstream)}/whole.txt", sha256=SHA)]]
    with pytest.raises(FileNotFoundError, match="cannot be written"):
        find("set", form, instead="load('tetris')")


def test_a_mirror_folder_is_read_where_it_is(upstream, cache, monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(upstream))
    (path,) = find(
        "set",
        [[RemoteFile(name="whole.txt", url="http://127.0.0.1:9/x", sha256=SHA)]],
        instead="load('tetris')",
    )
    assert path == upstream / "whole.txt"
    assert not cache.exists()


def test_a_mirror_that_lacks_the_file_sends_nobody_to_the_internet(upstream, monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(upstream))
    form = [[RemoteFile(name="set/frames.xyz", url="http://127.0.0.1:9/frames.xyz")]]
    with pytest.raises(FileNotFoundError, match="does not hold it"):
        find("set", form, instead="load('tetris')")


def test_a_mirror_server_is_asked_for_each_form_in_turn(serve, upstream, cache, monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", serve(upstream))
    forms = [[RemoteFile(name="absent.txt", sha256=SHA)], [RemoteFile(name="whole.txt", sha256=SHA)]]
    assert find("set", forms, instead="load('tetris')") == [cache / "whole.txt"]


def test_a_file_put_by_hand_is_found(upstream, cache):
    (cache / "set").mkdir(parents=True)
    (cache / "set/whole.txt").write_bytes((upstream / "whole.txt").read_bytes())
    form = [[RemoteFile(name="set/whole.txt", url="http://127.0.0.1:9/x", sha256=SHA)]]
    assert find("set", form, instead="load('tetris')") == [cache / "set/whole.txt"]


class Portal(Handler):
    """A network that answers every request with its own page."""

    def do_GET(self):
        page = b"<html><body>Welcome! Please log in.</body></html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@needs_files
@pytest.mark.parametrize("name", list(datasets.available("public")))
def test_a_page_that_asks_for_a_log_in_is_not_kept_for_the_data(name, serve, monkeypatch, cache):
    monkeypatch.setenv("EQUITOUR_DATA", serve(AT_HAND, Portal))
    with pytest.raises(ValueError, match=r"log-in|must have the sha256"):
        datasets.load(name)
    assert leftovers(cache) == []
    monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
    assert len(datasets.load(name, count=1)) == 1


@pytest.mark.parametrize("name", list(datasets.available("public")))
def test_what_stands_in_for_a_published_set_is_at_hand(name):
    instead = datasets.describe(name).card["instead"]
    assert re.fullmatch(r"load\('(.*)'\)", instead)[1] in datasets.available("shipped")


def test_cards_say_which_index_of_a_tensor_is_which(monkeypatch):
    names = list(datasets.available("shipped"))
    if AT_HAND.is_dir():
        monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
        names += datasets.available("public")
    for name in names:
        data = datasets.load(name, count=1)
        values = {label: v[0] for label, v in data.atom_labels.items()}
        values |= {label: v for label, v in data.labels.items() if isinstance(v, torch.Tensor)}
        # A symmetric matrix has nothing to tell.
        tensors = {
            label
            for label, v in values.items()
            if v.ndim > 2
            and not (v.ndim == 3 and v.shape[1] == v.shape[2] and torch.allclose(v, v.mT, atol=1e-4))
        }
        assert tensors <= set(data.card.get("labels", {})), name


@needs_files
@pytest.mark.parametrize("name", list(datasets.available("public")))
def test_each_published_set_loads_from_a_mirror(name, monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
    data = datasets.load(name, count=2)
    assert len(data) == 2
    assert data[0].graph.num_edges > 0
    assert data.labels or data.atom_labels
    assert set(data.labels) | set(data.atom_labels) <= set(data.units)


@needs_files
def test_a_published_set_loads_over_http(serve, monkeypatch, cache):
    monkeypatch.setenv("EQUITOUR_DATA", serve(AT_HAND))
    assert len(datasets.load("acac")) == 500
    assert leftovers(cache) == ["acac/isolated_atoms.xyz", "acac/train_300K.xyz.gz"]


@needs_files
def test_revised_md17_is_in_electronvolts(monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
    data = datasets.load("rmd17/ethanol")
    assert len(data) == 1000
    # PBE ethanol: -154.9 hartree are about -4209 eV.
    assert data.labels["energy"].mean() == pytest.approx(-4209, abs=3)
    forces = torch.cat(data.atom_labels["forces"])
    assert 0.8 < forces.square().mean().sqrt() < 1.6


@needs_files
def test_polarizability_tensors_of_qm7x_are_symmetric_volumes(monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
    alpha = datasets.load("qm7x_polarizability").labels["polarizability"]
    torch.testing.assert_close(alpha, alpha.mT)
    assert (torch.linalg.eigvalsh(alpha) > 1).all()


@needs_files
def test_born_charges_of_the_published_barium_titanate_sum_to_zero(monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
    for born in datasets.load("bto_response", count=5).atom_labels["born_effective_charges"]:
        assert born.sum(0).abs().max() < 0.05 * born.abs().max()


@needs_files
def test_half_means_of_the_published_glass_average_to_its_propensity(monkeypatch):
    monkeypatch.setenv("EQUITOUR_DATA", str(AT_HAND))
    data = datasets.load("glass_botan", count=1)
    torch.testing.assert_close(
        data.atom_labels["propensity_halves"][0].mean(1), data.atom_labels["propensity"][0], atol=1e-5, rtol=0
    )


CIF = """data_NaCl
_cell_length_a   3.98808000
_cell_length_b   3.98808000
_cell_length_c   3.98808000
_cell_angle_alpha   60.00000000
_cell_angle_beta   60.00000000
_cell_angle_gamma   60.00000000
loop_
 _symmetry_equiv_pos_site_id
 _symmetry_equiv_pos_as_xyz
  1  'x, y, z'
loop_
 _atom_site_type_symbol
 _atom_site_label
  Na  Na0  1  0.00000000  0.00000000  0.00000000  1
  Cl  Cl1  1  0.50000000  0.50000000  0.50000000  1
"""


def test_the_plain_cif_reader_finds_rock_salts_bond():
    numbers, positions, cell = formats.plain_cif(CIF)
    assert numbers.tolist() == [11, 17]
    assert abs(np.linalg.det(cell)) == pytest.approx(5.64**3 / 4, rel=1e-5)
    images = positions[1] - positions[0] + np.indices((3, 3, 3)).reshape(3, -1).T @ cell - cell.sum(0)
    assert np.linalg.norm(images, axis=1).min() == pytest.approx(2.82, abs=1e-4)


def test_kilocalories_become_electronvolts(tmp_path):
    one = np.ones((1, 2, 3))
    np.savez(
        tmp_path / "f.npz",
        nuclear_charges=[1, 1],
        coords=one,
        energies=[23.060548],
        forces=23.060548 * one,
        old_indices=[7],
    )
    (item,), _ = formats_npz.rmd17(tmp_path / "f.npz")
    assert item.item["energy"] == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(item.atom["forces"], one[0], atol=1e-7)


def test_molecules_are_taken_out_of_an_archive(tmp_path):
    (tmp_path / "list.txt").write_text("0001.xyz -417.031 -431.787\n")
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as tar:
        for name in ("0001.xyz", "0002.xyz"):
            text = b"2\ncharge = 0\n H 0 0 0\n H 0 0 0.74\n"
            info = tarfile.TarInfo(f"tests/qm7/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    (item,), _ = formats.qm7(tmp_path / "list.txt", tmp_path / "m.tar.gz")
    assert item.key == "0001"
    assert item.item["energy"] == pytest.approx(-417.031 / 23.060548, rel=1e-6)


def test_a_phonon_table_is_read_from_a_packed_csv(tmp_path):
    crystal = {
        "numbers": [14],
        "positions": [[0.0, 0, 0]],
        "cell": [[3.0, 0, 0], [0, 3, 0], [0, 0, 3]],
        "pbc": [True] * 3,
    }
    row = f'mp_id,structure,phfreq,phdos\nmp-1,"{crystal}","{json.dumps([0.0, 20.0])}","{json.dumps([0.0, 1.0])}"\n'
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(row.encode()))
    (item,), shared = formats.phonon_table(tmp_path / "t.csv.gz")
    assert item.item["dos"].tolist() == [0, 1]
    assert shared["frequency"].tolist() == [0, 20]


def test_the_32_end_points_of_the_glass_become_means(tmp_path):
    start = np.random.default_rng(0).random((10, 3))
    moved = np.random.default_rng(1).normal(size=(32, 10, 3))
    np.savez(tmp_path / "g.npz", types=np.zeros(10, int), initial_positions=start, positions=start + moved)
    (item,), _ = formats_npz.botan(tmp_path / "g.npz")
    np.testing.assert_allclose(item.atom["propensity"], np.linalg.norm(moved, axis=-1).mean(0))
    np.testing.assert_allclose(item.atom["mean_displacement"], moved.mean(0))
