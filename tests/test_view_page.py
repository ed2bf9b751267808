"""Figures as pages: told in words, safe, small, offline, in the ink of the page; buttons and live twins."""

import base64
import json
import re
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from ase.build import molecule

from equitour import view
from equitour.view import page, style


@pytest.fixture
def ethanol():
    return molecule("CH3CH2OH")


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


def test_a_button_needs_a_function():
    with pytest.raises(TypeError, match="received int: pass the function itself"):
        view.press("Go", 3)
