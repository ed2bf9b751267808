"""What a reader sees and touches: figures in a real browser, alone, in numbers, in frames, in the dark and in JupyterLab."""

import re

import browser
import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from e3nn import o3
from measure_latency import ethanol_figure
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from equitour import view
from equitour.view import page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def figure():
    return ethanol_figure()


def pixels(driver, index):
    """The picture in the canvas with this number, as text that differs when the picture does."""
    return driver.execute_script(
        "return document.querySelectorAll('.eq-canvas')[arguments[0]].toDataURL()", index
    )


def label(driver):
    return driver.find_element(By.CSS_SELECTOR, ".eq-value").text


def settle(driver):
    """Wait until what the last event asked for is drawn."""
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def test_every_panel_of_a_figure_is_painted(show, figure):
    driver = show(figure.to_html())
    assert len(browser.painted(driver)) == 4
    assert min(browser.painted(driver)) > 0.03


def test_an_arrow_key_turns_the_molecule_and_leaves_the_invariants_where_they_are(show, figure):
    driver = show(figure.to_html())
    before = [pixels(driver, index) for index in range(4)]
    driver.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_RIGHT)
    settle(driver)
    after = [pixels(driver, index) for index in range(4)]
    assert label(driver) == "5°"
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, False, True]


def test_twenty_viewers_on_a_page_are_all_visible_and_share_one_context(show):
    figures = "".join(
        view.show(bulk("Si", cubic=True), title=f"Viewer {index}").to_html() for index in range(20)
    )
    count = "const get = HTMLCanvasElement.prototype.getContext; globalThis.contexts = 0; HTMLCanvasElement.prototype.getContext = "
    count += "function (kind, ...rest) { if (kind === 'webgl2') globalThis.contexts++; return get.call(this, kind, ...rest); };"
    driver = show(f"<script>{count}</script>{figures}")
    WebDriverWait(driver, 20).until(lambda page: len(browser.painted(page)) == 20)
    assert min(browser.painted(driver)) > 0.03
    assert driver.execute_script("return contexts") == 1


def test_dragging_one_panel_turns_all_panels_in_space(show, figure):
    driver = show(figure.to_html())
    before = [pixels(driver, index) for index in range(4)]
    canvas = driver.find_elements(By.CSS_SELECTOR, ".eq-canvas")[0]
    ActionChains(driver).drag_and_drop_by_offset(canvas, 60, 25).perform()
    settle(driver)
    same = [one == pixels(driver, index) for index, one in enumerate(before)]
    assert same == [False, False, True, True]


def test_the_wheel_scrolls_the_page_and_zooms_only_when_asked(show, figure):
    driver = show("<div style='height:60px'></div>" + figure.to_html() + "<div style='height:3000px'></div>")
    canvas = driver.find_elements(By.CSS_SELECTOR, ".eq-canvas")[0]
    zoom = "return document.querySelector('[data-equitour]').equitour.host.camera.zoom"
    wheel = "arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: -200, bubbles: true, cancelable: true, ctrlKey: arguments[1]}))"
    assert driver.execute_script("return " + wheel, canvas, False) is True
    assert driver.execute_script(zoom) == 1
    assert driver.execute_script("return " + wheel, canvas, True) is False
    assert driver.execute_script(zoom) > 1.2


def test_keys_turn_zoom_and_bring_back_a_focused_panel(show, figure):
    driver = show(figure.to_html())
    start = pixels(driver, 0)
    canvas = driver.find_elements(By.CSS_SELECTOR, ".eq-canvas")[0]
    seen = [start]
    for key in (Keys.ARROW_LEFT, Keys.ARROW_UP, "+", "-"):
        canvas.send_keys(key)
        settle(driver)
        seen.append(pixels(driver, 0))
    assert len(set(seen)) >= 4
    canvas.send_keys("0")
    settle(driver)
    assert pixels(driver, 0) == start


def test_a_click_on_an_atom_reads_its_row_and_n_goes_on_to_the_next(show):
    driver = show(view.show(molecule("H2O"), scalars={"charge (e)": [-0.8, 0.4, 0.4]}).to_html())
    canvas = driver.find_element(By.CSS_SELECTOR, ".eq-canvas")
    place = "const p = document.querySelector('[data-equitour]').equitour.panels[0], a = p.at(p.position(0, 1)); return [a.x - p.width / 2, a.y - p.height / 2]"
    x, y = driver.execute_script(place)
    ActionChains(driver).move_to_element_with_offset(canvas, round(x), round(y)).click().perform()
    settle(driver)
    readout = driver.find_element(By.CSS_SELECTOR, ".eq-readout")
    assert readout.get_attribute("aria-live") == "polite"
    assert re.match(r"H 1 at \(0.000, 0.763, -0.477\) Å; charge \(e\): 0.400", readout.text)
    canvas.send_keys("n")
    settle(driver)
    assert readout.text.startswith("H 2")
    canvas.send_keys(Keys.ESCAPE)
    settle(driver)
    assert readout.text == ""


def test_the_harmonics_of_the_module_are_e3nn_s(show):
    directions = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    directions /= directions.norm(dim=1, keepdim=True)
    theirs = o3.spherical_harmonics(list(range(9)), directions, normalize=True, normalization="integral")
    driver = show(
        f"<p class=eq-canvas></p><script type=module>{page.module()}\nglobalThis.basis = harmonicBasis;</script>"
    )
    ours = driver.execute_script(
        "return [...basis(new Float32Array(arguments[0]), 8)]", directions.flatten().tolist()
    )
    np.testing.assert_allclose(np.reshape(ours, (40, 81)), theirs.numpy(), atol=3e-6)


def test_pictures_come_back_after_the_context_was_lost(show, figure):
    driver = show(figure.to_html())
    before = pixels(driver, 1)
    driver.execute_async_script(
        """const done = arguments[0], panel = document.querySelector("[data-equitour]").equitour.panels[0], gl = panel.stage.gl;
        const tool = gl.getExtension("WEBGL_lose_context");
        panel.stage.canvas.addEventListener("webglcontextrestored", () => setTimeout(done, 200));
        tool.loseContext(); setTimeout(() => tool.restoreContext(), 100);"""
    )
    driver.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_RIGHT)
    driver.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_LEFT)
    settle(driver)
    assert min(browser.painted(driver)) > 0.03
    assert pixels(driver, 1) == before


def test_a_figure_follows_the_theme_of_the_page_while_it_is_shown(show, figure):
    driver = show(figure.to_html())
    theme = "return document.querySelector('.equitour').dataset.theme"
    assert driver.execute_script(theme) == "light"
    before = pixels(driver, 3)
    browser.emulate(driver, "prefers-color-scheme", "dark")
    WebDriverWait(driver, 20).until(lambda page: page.execute_script(theme) == "dark")
    assert pixels(driver, 3) != before


def test_play_goes_frame_by_frame_where_the_reader_prefers_little_motion(show, figure):
    browser.emulate(show(figure.to_html()), "prefers-reduced-motion", "reduce")
    driver = show(figure.to_html())
    button = driver.find_element(By.CSS_SELECTOR, ".eq-play")
    assert button.get_attribute("aria-label") == "Next frame"
    button.click()
    driver.execute_async_script("setTimeout(arguments[0], 300)")
    assert label(driver) == "5°"
    browser.emulate(driver, "prefers-reduced-motion", "no-preference")
    driver = show(figure.to_html())
    driver.find_element(By.CSS_SELECTOR, ".eq-play").click()
    WebDriverWait(driver, 20).until(lambda page: label(page) not in ("0°", "5°"))


def test_a_figure_works_in_a_sandboxed_frame_that_forbids_all_but_inline_scripts(show, figure):
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'\">"
    inner = (policy + figure.to_html()).replace("&", "&amp;").replace('"', "&quot;")
    driver = show(
        f'<iframe class="eq-canvas" sandbox="allow-scripts" width="1100" height="600" srcdoc="{inner}"></iframe>'
    )
    driver.switch_to.frame(driver.find_element(By.TAG_NAME, "iframe"))
    WebDriverWait(driver, 10).until(lambda page: len(browser.painted(page)) == 4)
    assert min(browser.painted(driver)) > 0.03
    driver.switch_to.default_content()


def test_where_no_script_may_run_the_figure_stands_in_words(show, figure):
    driver = show("<p class=eq-canvas>before</p>")
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show("<p class=eq-canvas></p>" + figure.to_html())
        text = driver.find_element(By.TAG_NAME, "body").text
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "Trust Notebook" in text
    assert "C2H6O: 9 atoms; arrows: force (eV/Å)." in text


def test_the_text_twin_follows_the_slider(show, figure):
    driver = show(figure.to_html())
    driver.find_element(By.CSS_SELECTOR, ".eq-words summary").click()

    # One script reads the whole row, so that no cell is replaced between being found and being read.
    read = "return [...document.querySelectorAll(arguments[0])].map((cell) => cell.textContent)"

    def row():
        return driver.execute_script(read, ".eq-words section:nth-child(1) tr:nth-child(2) td")

    before = WebDriverWait(driver, 20).until(lambda _: row())
    assert before[:2] == ["0", "C"]
    driver.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_RIGHT)
    after = WebDriverWait(driver, 20).until(lambda _: row() != before and row())
    assert after[:2] == ["0", "C"]


def test_names_from_files_are_shown_as_text(show):
    evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    panels = [
        view.scene(molecule("H2O"), scalars={evil: [0.0, 1.0, 2.0]}, title=evil),
        view.bars([1.0], labels=[evil], title=evil),
    ]
    driver = show(view.linked(panels, labels=[evil], title=evil).to_html())
    assert [caption.text for caption in driver.find_elements(By.TAG_NAME, "figcaption")] == [evil, evil]
    assert driver.find_elements(By.CSS_SELECTOR, ".equitour img, .equitour script") == []


def test_every_kind_of_panel_draws(show):
    frames = np.random.default_rng(8).normal(size=(4, 6))
    panels = [
        view.scene(
            [bulk("Si"), bulk("NaCl", "rocksalt", 5.6), molecule("H2O"), bulk("Cu")], title="Different atoms"
        ),
        view.scene(bulk("Si"), tensors=np.stack([np.diag([1.0, -2.0, 0.0])] * 2), images=(2, 2, 1)),
        view.harmonics(frames[:, :4]),
        view.matrix(frames.reshape(4, 2, 3), rows=["a", "b"], columns=["x", "y", "z"]),
        view.bars(frames, labels=list("abcdef"), groups=[1, 5]),
        view.curve(range(4), {"train": frames[:, 0], "test": frames[:, 1]}, xlabel="step", ylabel="loss"),
        view.curve(range(6), frames),
        view.points2d(frames.reshape(4, 3, 2), groups=["u", "v", "u"], lines=[[[0, 0], [1, 1]]]),
        view.points2d(frames.reshape(4, 3, 2), scalars=[1, 2, 3]),
    ]
    driver = show(view.linked(panels, title="step").to_html())
    for _ in range(3):
        assert min(browser.painted(driver)) > 0.01
        driver.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_RIGHT)
    driver.find_element(By.CSS_SELECTOR, ".eq-words summary").click()
    WebDriverWait(driver, 20).until(
        lambda page: len(page.find_elements(By.CSS_SELECTOR, ".eq-words section")) == len(panels)
    )


def test_pictures_take_the_ink_of_a_dark_page(show, chrome):
    figure, axis = view.axes()
    axis.plot([0, 1], [1, 0])
    axis.set(xlabel="time (ps)")
    browser.emulate(chrome, "prefers-color-scheme", "dark")
    driver = show(view.picture(figure, alt="A falling line")._repr_html_(), wait="svg")
    word = next(
        text for text in driver.find_elements(By.CSS_SELECTOR, "svg text") if text.text == "time (ps)"
    )
    assert word.value_of_css_property("fill") == "rgb(255, 255, 255)"


def test_plotly_figures_draw_offline_from_one_script(show):
    from plotly import graph_objects

    from equitour.view import plotly_figure

    plotly_figure._carried = False
    pages = [
        view.interactive(
            graph_objects.Figure(graph_objects.Scatter(y=[1, 3, 2])), alt="Three points"
        ).to_html()
        for _ in range(2)
    ]
    driver = show(pages[1] + pages[0], wait=".js-plotly-plot .main-svg")
    WebDriverWait(driver, 20).until(
        lambda page: len(page.find_elements(By.CSS_SELECTOR, ".js-plotly-plot")) == 2
    )


def test_without_webgl_a_sentence_and_the_numbers_stand_in(tmp_path, figure):
    browser.require_chromium()
    driver = browser.start(flags=("--disable-3d-apis",))
    try:
        browser.open_page(driver, browser.PAGE + figure.to_html(), tmp_path / "page.html")
        notice = WebDriverWait(driver, 10).until(
            lambda page: page.find_element(By.CSS_SELECTOR, ".eq-notice")
        )
        assert "WebGL 2 is switched off or missing" in notice.text
        assert driver.find_element(By.CSS_SELECTOR, ".eq-words").get_attribute("open")
        assert min(browser.painted(driver)[2:]) > 0.03
    finally:
        driver.quit()


def test_the_familiar_viewer_asks_for_its_script_only_when_pressed_and_ours_stays_when_it_fails(tmp_path):
    browser.require_chromium()
    driver = browser.start()
    try:
        browser.open_page(
            driver, browser.PAGE + view.py3dmol(molecule("H2O")).to_html(), tmp_path / "page.html"
        )
        WebDriverWait(driver, 10).until(lambda page: browser.painted(page))
        assert browser.requests_beyond_loopback(driver) == []
        driver.find_element(By.XPATH, "//button[text()='Open in 3Dmol.js']").click()
        status = driver.find_element(By.CSS_SELECTOR, "[role=status]")
        WebDriverWait(driver, 20).until(lambda _: "could not be loaded" in status.text)
        assert [address.split("/")[2] for address in browser.requests_beyond_loopback(driver)] == [
            "cdn.jsdelivr.net"
        ]
        assert min(browser.painted(driver)) > 0.03
        assert driver.find_element(By.CSS_SELECTOR, ".eq-own").is_displayed()
    finally:
        driver.quit()
