"""Scenes, panels and figures: the plain data is right, the HTML is safe, and every refusal says how to go on."""

import base64
import json
import re
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.spacegroup import crystal
from e3nn import o3

from equitour import view
from equitour.graph import AtomicGraph, batch
from equitour.view import page, style
from equitour.view.fields import ellipsoid_axes


@pytest.fixture
def ethanol():
    return molecule("CH3CH2OH")


@pytest.fixture
def perovskite():
    return crystal(
        ["Sr", "Ti", "O"],
        [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)],
        spacegroup=221,
        cellpar=[3.905] * 3 + [90] * 3,
    )


def test_a_scene_keeps_positions_and_elements_of_a_graph_and_of_ase_alike(ethanol):
    graph = AtomicGraph.from_ase(ethanol, cutoff=3.0)
    one, other = view.scene(graph), view.scene(ethanol)
    np.testing.assert_allclose(one["positions"], ethanol.positions, atol=1e-6)
    np.testing.assert_array_equal(one["numbers"], ethanol.numbers)
    assert {entry["symbol"] for entry in one["elements"].values()} == {"C", "H", "O"}
    np.testing.assert_array_equal(one["bonds"], other["bonds"])
    assert one["alt"] == "C2H6O: 9 atoms."


@pytest.mark.parametrize(
    ("atoms", "bonds"),
    [
        (molecule("CH3CH2OH"), 8),
        (molecule("C6H6"), 12),
        (molecule("H2O"), 2),
        (bulk("Si"), 4),
        (bulk("Si", cubic=True), 16),
        (bulk("NaCl", "rocksalt", 5.64, cubic=True), 24),
        (bulk("Cu", cubic=True), 24),
    ],
    ids=lambda value: value.get_chemical_formula() if isinstance(value, Atoms) else str(value),
)
def test_bonds_are_those_of_the_chemistry_book_also_across_cell_faces(atoms, bonds):
    assert len(view.scene(atoms)["bonds"]) == bonds


def test_in_a_perovskite_titanium_holds_its_octahedron_and_strontium_no_bond(perovskite):
    bonds = view.scene(perovskite)["bonds"]
    assert len(bonds) == 6
    assert all({perovskite.numbers[i], perovskite.numbers[j]} == {22, 8} for i, j in bonds[:, :2])


def test_every_bond_has_the_length_of_a_neighbour_distance(perovskite):
    panel = view.scene(perovskite)
    i, j, shift = panel["bonds"][:, 0], panel["bonds"][:, 1], panel["bonds"][:, 2:]
    vectors = perovskite.positions[j] + shift @ perovskite.cell[:] - perovskite.positions[i]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 3.905 / 2, atol=1e-9)


def test_the_edges_of_a_graph_are_drawn_once_per_pair():
    graph = AtomicGraph.from_ase(bulk("Si"), cutoff=4.0)
    assert 2 * len(view.scene(graph, bonds="edges")["bonds"]) == graph.num_edges


def test_an_atom_alone_in_its_cell_is_joined_to_its_images():
    assert len(view.scene(bulk("Cu"))["bonds"]) == 6


def test_frames_may_differ_in_their_atoms():
    panel = view.scene([molecule("H2O"), molecule("CH4")], vectors=[np.ones((3, 3)), np.ones((5, 3))])
    assert panel["offsets"].tolist() == [0, 3, 8]
    assert panel["bond_offsets"].tolist() == [0, 2, 6]
    assert panel["vectors"][0]["values"].shape == (8, 3)


def test_positions_over_time_keep_the_atoms_and_find_bonds_anew(ethanol):
    path = ethanol.positions + np.linspace(0, 1, 5)[:, None, None]
    panel = view.scene((ethanol, path))
    assert panel["frames"] == 5
    assert len(panel["bond_offsets"]) == 2
    parted = view.scene((ethanol, np.stack([ethanol.positions, 3 * ethanol.positions])))
    assert parted["bond_offsets"].tolist() == [0, 8, 8]


def test_bare_positions_are_points_without_bonds():
    panel = view.scene(np.zeros((2, 4, 3)))
    assert panel["frames"] == 2
    assert len(panel["bonds"]) == 0
    assert panel["alt"] == "4 points."


def test_nothing_that_is_drawn_leaves_the_sphere_of_the_camera(perovskite):
    forces = np.random.default_rng(0).normal(size=(5, 3))
    panel = view.scene(perovskite, vectors=forces, images=(2, 1, 1))
    tips = perovskite.positions + forces * panel["vectors"][0]["scale"]
    corners = np.array([[i, j, k] for i in (0, 2) for j in (0, 1) for k in (0, 1)]) @ perovskite.cell[:]
    assert np.linalg.norm(np.concatenate([tips, corners]) - panel["centre"], axis=1).max() <= panel["extent"]


def test_ellipsoids_keep_the_axes_and_signs_of_a_tensor_and_stay_visible_when_flat():
    tensor = np.array([[[2.0, 0.5, 0.0], [0.5, -1.0, 0.0], [0.0, 0.0, 0.0]]])
    values, vectors = np.linalg.eigh(tensor[0])
    drawn = ellipsoid_axes(tensor)[0]
    images = drawn @ vectors
    kept = np.where(np.abs(values) < 1e-9, 0.05 * np.abs(values).max(), values)
    np.testing.assert_allclose(images, vectors * kept, atol=1e-12)


def test_an_antisymmetric_part_does_not_change_the_ellipsoid():
    tensor = np.random.default_rng(1).normal(size=(4, 3, 3))
    twist = np.random.default_rng(2).normal(size=(4, 3, 3))
    np.testing.assert_allclose(
        ellipsoid_axes(tensor + twist - twist.swapaxes(1, 2)), ellipsoid_axes(tensor), atol=1e-12
    )


def test_scalars_of_both_signs_get_a_diverging_bar_around_zero(ethanol):
    both = view.scene(ethanol, scalars=np.linspace(-1, 3, 9))["scalars"][0]
    assert both["signed"]
    assert both["limits"] == [-3, 3]
    one = view.scene(ethanol, scalars={"shift (ppm)": np.linspace(20, 30, 9)})["scalars"][0]
    assert not one["signed"]
    assert one["limits"] == [20, 30]
    assert one["name"] == "shift (ppm)"


def test_a_field_sets_scale_and_colour(ethanol):
    arrows = view.field("velocity (Å/ps)", np.ones((9, 3)), scale=0.5, colour="#009E73")
    drawn = view.scene(ethanol, vectors=arrows)["vectors"][0]
    assert drawn["scale"] == 0.5
    assert drawn["colour"] == style.rgb("#009E73")


def test_tensors_that_need_gradients_are_read(ethanol):
    forces = torch.ones(9, 3, requires_grad=True)
    assert view.scene(ethanol, vectors=forces)["vectors"][0]["values"].sum() == 27


@pytest.mark.parametrize("normalization", ["integral", "component", "norm"])
def test_harmonics_in_any_normalization_are_the_same_function_as_e3nn_s(normalization):
    generator = torch.Generator().manual_seed(3)
    coefficients = torch.randn(16, dtype=torch.float64, generator=generator)
    directions = torch.randn(20, 3, dtype=torch.float64, generator=generator)
    theirs = (
        o3.spherical_harmonics([0, 1, 2, 3], directions, normalize=True, normalization=normalization)
        @ coefficients
    )
    drawn = torch.tensor(
        view.harmonics(coefficients, normalization=normalization)["drawn"][0], dtype=torch.float64
    )
    ours = o3.spherical_harmonics([0, 1, 2, 3], directions, normalize=True, normalization="integral") @ drawn
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_the_surface_fits_into_its_picture():
    coefficients = np.random.default_rng(4).normal(size=(3, 16))
    panel = view.harmonics(coefficients)
    directions = torch.randn(2000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    values = o3.spherical_harmonics(
        [0, 1, 2, 3], directions, normalize=True, normalization="integral"
    ) @ torch.tensor(coefficients.T)
    assert float(values.abs().max()) <= panel["extent"]


def test_one_degree_alone_fills_only_its_own_place():
    panel = view.harmonics(np.arange(1.0, 6.0), l=2)
    assert panel["lmax"] == 2
    assert panel["values"][0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5]


def test_a_figure_says_in_words_what_it_shows(ethanol):
    figure = view.linked(
        [view.scene(ethanol, title="Ethanol"), view.bars([[1.0, 2.0], [3.0, 2.0]], labels=["a", "b"])],
        title="time",
    )
    words = figure.describe(1)
    assert "C2H6O: 9 atoms" in words
    assert "a\t3.0000\t1.0000" in words
    assert repr(figure).startswith("Linked figure 'time'")


def test_numbers_survive_the_way_into_the_page():
    values = np.random.default_rng(6).normal(size=(4, 3)).astype(np.float32)
    packed = page.encode({"a": [values]})["a"][0]
    np.testing.assert_array_equal(
        np.frombuffer(base64.b64decode(packed["data"]), "<f4").reshape(packed["shape"]), values
    )


def test_names_from_files_stay_text(ethanol):
    evil = "</script><script>alert(1)</script><!--"
    figure = view.linked(
        [view.scene(ethanol, scalars={evil: np.arange(9.0)}, title=evil)], labels=[evil], title=evil
    )
    html = figure.to_html()
    assert html.count("<script") == html.count("</script>") == 1
    assert "alert(1)</script>" not in html.replace(html[html.index("<script") :], "")


def test_a_figure_asks_nothing_of_the_network(ethanol):
    for html in [view.show(ethanol).to_html(), page.widget_module()]:
        addresses = set(re.findall(r"(?:https?|wss?)://[^\"'\s<)]+", html))
        assert addresses <= {"http://www.w3.org/2000/svg"}
        assert "import " not in html


def test_jupyterlab_is_told_to_leave_the_keys_to_a_figure(ethanol):
    assert 'data-lm-suppress-shortcuts="true"' in view.show(ethanol).to_html()
    assert 'dataset.lmSuppressShortcuts = "true"' in page.module()


def test_every_name_of_the_module_is_declared_once():
    folder = files("equitour.view").joinpath("static")
    text = "".join(folder.joinpath(f"{part}.js").read_text(encoding="utf-8") for part in page._PARTS)
    names = re.findall(r"^(?:export )?(?:const|let|function|class) (\w+)", text, flags=re.MULTILINE)
    assert len(names) > 60
    assert len(names) == len(set(names))


def test_the_module_stays_below_64_kib():
    assert len(page.module().encode()) < 65_536


def test_a_saved_page_stands_alone(ethanol, tmp_path):
    text = view.show(ethanol, title="Ethanol").save(tmp_path / "figure.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "color-scheme:light dark" in text


def test_two_figures_of_a_page_do_not_share_their_place(ethanol):
    figure = view.show(ethanol)
    marks = [re.search(r'data-equitour="(\w+)"', figure.to_html()).group(1) for _ in range(2)]
    assert marks[0] != marks[1]


def test_the_live_twin_carries_the_same_module_and_a_wire(ethanol):
    live = view.linked([view.scene([ethanol] * 3)], index=1).live()
    assert page.module() in str(live._esm)
    assert (live.index, live.atom) == (1, None)
    heard = []
    live.observe(lambda change: heard.append(change["new"]), names="atom")
    live.set_state({"atom": 4})
    assert heard == [4]
    assert json.dumps(live.spec)


def test_cividis_is_matplotlib_s():
    from matplotlib import colormaps

    places = np.linspace(0, 1, len(style.CIVIDIS))
    ours = np.array([style.rgb(colour) for colour in style.CIVIDIS])
    assert np.abs(ours - colormaps["cividis"](places)[:, :3]).max() < 0.02


def test_figures_take_their_ink_from_the_page_and_leave_matplotlib_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    figure, axis = view.axes()
    axis.plot([0, 1], [1, 0], color="black", label="r$^2$")
    axis.set(title="Title", xlabel="x (Å)")
    axis.legend()
    html = view.picture(figure, alt='A falling "line" & <more>')._repr_html_()
    assert dict(matplotlib.rcParams) == before
    assert 'role="img" aria-label="A falling &quot;line&quot; &amp; &lt;more&gt;"' in html
    assert "currentColor" in html
    assert not re.search(r"#000000|#010203|#ffffff|<style|<script", html)
    assert "x (Å)" in html
    ids = re.findall(r'id="([^"]+)"', html + view.picture(figure, alt="again")._repr_html_())
    assert len(ids) == len(set(ids))


def test_a_picture_of_very_many_points_asks_to_be_rasterized_and_then_is_small():
    figure, axis = view.axes()
    points = axis.scatter(*np.random.default_rng(9).normal(size=(2, 40_000)))
    with pytest.raises(
        ValueError, match=r"below 2 MB, received \d.\d MB: draw the many points with rasterized=True"
    ):
        view.picture(figure, alt="A cloud")
    points.set_rasterized(True)
    assert len(view.picture(figure, alt="A cloud")._repr_html_()) < 400_000


def test_a_drawn_figure_is_not_shown_a_second_time_by_pyplot():
    from matplotlib import pyplot

    view.axes(1, 2)
    assert pyplot.get_fignums() == []


def test_plotly_s_script_travels_once_and_works_offline():
    from plotly import graph_objects

    from equitour.view import plotly_figure

    plotly_figure._carried = False
    figure = graph_objects.Figure(graph_objects.Scatter(y=[1, 2], name="</script>"))
    first, second = (view.interactive(figure, alt="Two points").to_html() for _ in range(2))
    assert len(first) > 1_000_000 > 20_000 > len(second)
    assert second.count("</script>") == 1
    assert "cdn" not in second


def test_in_colab_every_plotly_output_stands_alone(monkeypatch):
    from plotly import graph_objects

    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert all(view.interactive(graph_objects.Figure(), alt="Nothing").embed for _ in range(2))


def test_the_familiar_viewer_waits_behind_ours(ethanol):
    html = view.py3dmol(ethanol).to_html()
    assert html.index('class="eq-own"') < html.index("Open in 3Dmol.js")
    assert '"online":false' in html
    assert not re.search(r"<script[^>]+src", html)
    assert "C 1.1" in html or "O 1.1" in html


def test_a_button_shows_what_its_function_prints_yields_and_returns():
    def train():
        print("started <now>")
        yield "half way"
        yield 1.5

    button = view.press("Train", train)
    static = button._repr_mimebundle_()
    assert "Run this cell" in static["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in static
    button.press()
    shown = button.widget().children[1].value
    assert "started &lt;now&gt;" in shown
    assert "1.5" in shown
    assert not any(type(child).__name__ == "Output" for child in button.widget().children)


def test_a_button_tells_what_went_wrong_and_can_be_pressed_again():
    button = view.press("Fail", lambda: 1 / 0)
    button.press()
    assert "ZeroDivisionError" in button.widget().children[1].value
    assert not button.widget().children[0].disabled


def test_widgets_carry_html_for_pages_without_a_kernel_but_not_in_colab(ethanol, monkeypatch):
    figures = [view.press("Go", print), view.show(ethanol).live()]
    bundles = [figure._repr_mimebundle_() for figure in figures]
    assert all("text/html" in (bundle[0] if isinstance(bundle, tuple) else bundle) for bundle in bundles)
    monkeypatch.setitem(sys.modules, "google.colab", object())
    bundles = [figure._repr_mimebundle_() for figure in figures]
    assert not any("text/html" in (bundle[0] if isinstance(bundle, tuple) else bundle) for bundle in bundles)


def test_a_button_shows_a_figure_as_its_live_twin(ethanol):
    button = view.press("Show", lambda: view.show(ethanol))
    button.press()
    assert button.widget().children[2].index == 0


def test_importing_view_imports_nothing_heavy():
    code = "import sys, equitour.view; print([m for m in ('matplotlib', 'plotly', 'ipywidgets', 'anywidget', 'py3Dmol', 'e3nn', 'torch') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def _nan(atoms):
    atoms.positions[2, 1] = np.nan
    return atoms


_REFUSALS = {
    "no atoms": (lambda: view.scene(Atoms()), "at least one atom, received none in frame 0"),
    "too many atoms": (
        lambda: view.scene(np.zeros((1, 200_000, 3))),
        "at most 20,000 atoms, received 200,000: cut out a region",
    ),
    "too many frames": (
        lambda: view.scene(np.zeros((3000, 1000, 3))),
        "at most 6,000,000 coordinates, received 9,000,000",
    ),
    "too many images": (
        lambda: view.scene(bulk("Cu"), images=(30, 30, 30)),
        "at most 20,000 atoms, received 1 in 27,000 images",
    ),
    "not finite": (
        lambda: view.scene(_nan(molecule("H2O"))),
        "positions must be finite, received .*nan.* for atom 2 of frame 0",
    ),
    "wrong positions": (
        lambda: view.scene(np.zeros((5, 2))),
        r"shape \(frames, atoms, 3\), received \(1, 5, 2\)",
    ),
    "wrong path": (
        lambda: view.scene((molecule("H2O"), np.zeros((4, 2, 3)))),
        r"\(frames, 3, 3\) for this structure, received \(4, 2, 3\)",
    ),
    "wrong vectors": (
        lambda: view.scene(molecule("H2O"), vectors=np.zeros((2, 3))),
        r"vectors 'vector' must have the shape \(3, 3\) or \(1, 3, 3\), received \(2, 3\)",
    ),
    "wrong tensors": (
        lambda: view.scene(molecule("H2O"), tensors={"NMR": np.zeros((3, 6))}),
        r"tensors 'NMR' must .* CartesianTensor",
    ),
    "wrong scalars": (
        lambda: view.scene([molecule("H2O"), molecule("CH4")], scalars=np.zeros((2, 4))),
        "one list entry per frame",
    ),
    "vectors not finite": (
        lambda: view.scene(molecule("H2O"), vectors=np.full((3, 3), np.inf)),
        "must be finite, received 9 values",
    ),
    "open images": (lambda: view.scene(molecule("H2O"), images=(2, 1, 1)), "along periodic directions only"),
    "no images": (lambda: view.scene(bulk("Cu"), images=(0, 1, 1)), "three counts of at least 1, received"),
    "unknown bonds": (
        lambda: view.scene(molecule("H2O"), bonds="all"),
        "'auto', 'edges', None or pairs .* received 'all'",
    ),
    "edges of nothing": (lambda: view.scene(molecule("H2O"), bonds="edges"), "received atoms without edges"),
    "two tensors": (
        lambda: view.scene(molecule("H2O"), tensors={"a": np.zeros((3, 3, 3)), "b": np.zeros((3, 3, 3))}),
        "its own panel",
    ),
    "no panel": (lambda: view.linked([]), "at least one panel"),
    "labels": (
        lambda: view.linked([view.bars(np.zeros((3, 2)), title="B")], labels=["1", "2"]),
        "received 3 frames in 'B' and 2 labels",
    ),
    "index": (lambda: view.linked([view.bars([1.0])], index=4), "between 0 and 0, received 4"),
    "harmonics": (lambda: view.harmonics(np.zeros((2, 7))), r"must number \(lmax \+ 1\)\^2 .* received 7"),
    "one degree": (lambda: view.harmonics(np.zeros((2, 7)), l=2), "l = 2 has 5 components, received 7"),
    "normalization": (lambda: view.harmonics(np.zeros((2, 4)), normalization="none"), "must be one of"),
    "matrix": (lambda: view.matrix(np.zeros(4)), "matrix values must have the shape"),
    "big matrix": (lambda: view.matrix(np.zeros((200, 200))), "at most 10,000 cells, received 200 x 200"),
    "rows": (
        lambda: view.matrix(np.zeros((2, 2)), rows=["a"]),
        "rows must name each of the 2 entries, received 1",
    ),
    "bars": (lambda: view.bars([np.nan]), "bar values must be finite"),
    "curve": (lambda: view.curve([1, 2, 3], [1, 2]), r"as many points as x, 3, received \(1, 2\)"),
    "points": (lambda: view.points2d(np.zeros((4, 3))), "two coordinates, received 3: use view.scene"),
    "no words": (lambda: view.picture(view.axes()[0], alt=" "), "received an empty alt"),
}


@pytest.mark.parametrize("case", _REFUSALS)
def test_every_refusal_is_one_clear_sentence(case):
    call, words = _REFUSALS[case]
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_batch_of_graphs_is_not_one_structure():
    graphs = batch([AtomicGraph.from_ase(molecule("H2O"), cutoff=2.0)] * 2)
    with pytest.raises(ValueError, match=r"received a batch of 2 graphs: pass graph.split\(\)"):
        view.scene(graphs)


def test_a_button_needs_a_function():
    with pytest.raises(TypeError, match="received int: pass the function itself"):
        view.press("Go", 3)
