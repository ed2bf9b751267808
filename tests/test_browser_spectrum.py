"""A reader clicks a peak or presses an arrow key, and the atoms move: alone, in the dark, in a frame, and without WebGL."""

import browser
import numpy as np
import pytest
from ase import Atoms
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from test_browser import label, pixels, settle

from equitour import view

pytestmark = pytest.mark.browser

PANEL = "document.querySelector('[data-equitour]').equitour.panels"
GRID = np.linspace(1200.0, 4200.0, 400)


def water():
    """Water with its three modes drawn by hand: bend, symmetric and antisymmetric stretch."""
    atoms = Atoms("OHH", [[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]])
    bend = [[0, 0, 0.07], [0, 0.43, -0.56], [0, -0.43, -0.56]]
    stretch = [[0, 0, -0.05], [0, 0.58, 0.4], [0, -0.58, 0.4]]
    slant = [[0, -0.07, 0], [0, 0.55, -0.44], [0, 0.55, 0.44]]
    return atoms, np.array([bend, stretch, slant])


@pytest.fixture(scope="module")
def figure():
    atoms, modes = water()
    lines = {name: sum(np.exp(-(((GRID - x - shift) / 40) ** 2)) for x in (1595, 3756)) for name, shift in [("computed", 0), ("predicted", 30)]}  # fmt: skip
    return view.spectrum(
        atoms, [1595.0, 3657.0, 3756.0],
        intensities={"infrared (km/mol)": [80.0, 3.0, 50.0], "Raman (Å⁴/u)": [1.0, 100.0, 30.0]},
        displacements=modes, curves=(GRID, lines), title="water",
    )  # fmt: skip


def place_of(driver, mode, row=0):
    """Where the stick of a mode stands, from the middle of its canvas."""
    script = f"const p = {PANEL}[0]; return [p.x(p.spec.x[arguments[0]]) - p.width / 2, p.top + (arguments[1] + 0.5) * p.high - p.height / 2]"
    return [round(value) for value in driver.execute_script(script, mode, row)]


def click_peak(driver, mode, row=0):
    canvas = driver.find_elements(By.CSS_SELECTOR, ".eq-canvas")[0]
    ActionChains(driver).move_to_element_with_offset(canvas, *place_of(driver, mode, row)).click().perform()


def moving(driver):
    return driver.execute_script("return document.querySelectorAll('.eq-canvas')[1].dataset.moving")


def farthest(driver, seconds=20):
    """The longest way that any atom went from its place, in Å: within this time, or until it is nearly the whole way."""
    return driver.execute_async_script(
        f"""const done = arguments[1], p = {PANEL}[1], end = performance.now() + 1000 * arguments[0]; let most = 0;
        const look = () => {{ for (let i = 0; i < 3; i++) {{ const a = p.position(0, i), b = p.spec.positions.subarray(3 * i, 3 * i + 3);
        most = Math.max(most, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])); }}
        performance.now() < end && most < 0.285 ? requestAnimationFrame(look) : done(most); }}; look();""",
        seconds,
    )


def test_a_click_on_a_peak_chooses_its_mode_and_the_atoms_swing_along_it(show, figure):
    driver = show(figure.to_html())
    assert label(driver) == "1595 cm⁻¹"
    assert not moving(driver)
    assert farthest(driver, 0.3) == 0
    before = [pixels(driver, index) for index in range(2)]
    click_peak(driver, 2)
    WebDriverWait(driver, 10).until(moving)
    assert label(driver) == "3756 cm⁻¹"
    assert farthest(driver) == pytest.approx(0.3, abs=0.02)
    assert [pixels(driver, index) == one for index, one in enumerate(before)] == [False, False]
    way = f"const p = {PANEL}[1]; return [p.position(0, 1), p.position(0, 2)].map((a, i) => [0, 1, 2].map((x) => a[x] - p.spec.positions[3 * (i + 1) + x]))"
    one, other = np.array(driver.execute_script(way))
    np.testing.assert_allclose([one[1], one[2]], [other[1], -other[2]], atol=1e-6)


def test_arrow_keys_walk_from_peak_to_peak_and_set_the_atoms_moving(show, figure):
    driver = show(figure.to_html())
    canvas = driver.find_elements(By.CSS_SELECTOR, ".eq-canvas")[0]
    canvas.send_keys(Keys.ARROW_RIGHT)
    WebDriverWait(driver, 10).until(moving)
    assert label(driver) == "3657 cm⁻¹"
    assert farthest(driver) == pytest.approx(0.3, abs=0.02)
    assert canvas.get_attribute("aria-valuetext") == "3657 cm⁻¹, infrared 3 km/mol, Raman 100 Å⁴/u"
    canvas.send_keys(Keys.END)
    assert label(driver) == "3756 cm⁻¹"
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert label(driver) == "3756 cm⁻¹"
    canvas.send_keys(Keys.SPACE)
    settle(driver)
    assert not moving(driver)
    assert farthest(driver, 0.3) == 0


def test_every_part_of_the_figure_is_reached_with_the_tabulator(show, figure):
    driver = show(figure.to_html())
    driver.execute_script("document.querySelector('input[type=range]').focus()")
    reached = []
    for _ in range(3):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        reached.append(driver.execute_script("return document.activeElement.className"))
    assert reached == ["eq-canvas", "eq-canvas", "eq-move"]
    ActionChains(driver).send_keys(Keys.SPACE).perform()
    WebDriverWait(driver, 10).until(moving)
    driver.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_RIGHT)
    assert label(driver) == "3657 cm⁻¹"


def test_a_second_click_on_one_peak_goes_on_to_the_mode_behind_it(show):
    atoms, modes = water()
    twin = view.spectrum(
        atoms, [900.0, 900.5, 2000.0], intensities=[5.0, 4.0, 1.0], displacements=modes, index=2
    )
    driver = show(twin.to_html())
    seen = []
    for _ in range(3):
        click_peak(driver, 0)
        settle(driver)
        seen.append(driver.execute_script("return document.querySelector('[data-equitour]').equitour.index"))
    assert seen == [0, 1, 0]


WATCH = f"""const p = {PANEL}[0], c = p.context, text = p.text, line = p.line; window.drawn = {{ names: [], sticks: [] }};
p.text = function (words, x, y, more) {{ text.call(p, words, x, y, more); const wide = c.measureText(words).width;
  if (words.includes("(km") || words.includes("(Å")) drawn.names.push([more.align === "right" ? x - wide : x, more.align === "right" ? x : x + wide, y]); }};
p.line = function (points, colour, width, alpha = 1) {{ line.call(p, points, colour, width, alpha); const [[x, a], [u, b]] = points;
  if (points.length === 2 && x === u && alpha > 0.1) drawn.sticks.push([x, Math.min(a, b), Math.max(a, b)]); }};"""


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_no_stick_runs_through_the_name_of_a_spectrum(show, mode):
    atoms, modes = water()
    rows = {"infrared (km/mol)": [3.0, 50.0, 80.0], "Raman (Å⁴/u)": [9.0, 3.0, 1.0]}
    driver = show(
        view.spectrum(atoms, [684.0, 1412.0, 2495.0], intensities=rows, displacements=modes).to_html()
    )
    driver.execute_script(WATCH)
    click_peak(driver, mode)
    settle(driver)
    drawn = driver.execute_script("return window.drawn")
    # Two sticks, the chosen one and the line through it, in each of two rows.
    assert len(drawn["sticks"]) >= 8
    for left, right, y in drawn["names"]:
        assert [x for x, top, foot in drawn["sticks"] if left < x < right and top < y + 6 < foot] == []
    # The tallest infrared peak stands at the right edge, and the tallest Raman peak at the left one.
    infrared, raman = drawn["names"][:2]
    assert infrared[1] < raman[0]


def test_a_click_far_from_every_peak_changes_nothing(show, figure):
    driver = show(figure.to_html())
    canvas = driver.find_elements(By.CSS_SELECTOR, ".eq-canvas")[0]
    x, y = place_of(driver, 0)
    ActionChains(driver).move_to_element_with_offset(canvas, x + 90, y).click().perform()
    settle(driver)
    assert label(driver) == "1595 cm⁻¹"
    assert not moving(driver)


def test_where_the_reader_prefers_little_motion_arrows_show_the_mode(show, figure):
    browser.emulate(show(figure.to_html()), "prefers-reduced-motion", "reduce")
    driver = show(figure.to_html())
    before = pixels(driver, 1)
    click_peak(driver, 2)
    settle(driver)
    assert not moving(driver)
    assert farthest(driver, 0.5) == 0
    assert pixels(driver, 1) != before
    button = driver.find_element(By.CSS_SELECTOR, ".eq-move")
    assert button.text == "Next step"
    for way in (0.3 * np.sqrt(0.5), 0.3):
        button.click()
        settle(driver)
        assert farthest(driver, 0.1) == pytest.approx(way, abs=1e-3)


def test_nothing_is_drawn_while_the_moving_atoms_are_out_of_sight(show, figure):
    driver = show(figure.to_html() + "<div style='height:4000px'></div>")
    click_peak(driver, 2)
    WebDriverWait(driver, 10).until(moving)
    driver.execute_script("scrollTo(0, 3000)")
    count = f"const done = arguments[0], p = {PANEL}[1], own = p.draw; let n = 0; p.draw = function (...a) {{ n++; return own.apply(this, a); }}; setTimeout(() => {{ delete p.draw; done(n); }}, 600)"
    driver.execute_async_script("setTimeout(arguments[0], 300)")
    assert driver.execute_async_script(count) == 0
    driver.execute_script("scrollTo(0, 0)")
    driver.execute_async_script("setTimeout(arguments[0], 300)")
    assert driver.execute_async_script(count) > 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sticks_curves_and_the_chosen_peak_stand_out_on_light_and_dark_pages(show, figure, scheme):
    browser.emulate(show(figure.to_html()), "prefers-color-scheme", scheme)
    driver = show(figure.to_html())
    paper = {"light": (255, 255, 255), "dark": (18, 18, 18)}[scheme]
    data = driver.execute_script(
        "const c = document.querySelector('.eq-canvas'); return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    painted = np.array(data, dtype=float).reshape(-1, 4)
    solid = painted[painted[:, 3] > 250][:, :3]
    colours, counts = np.unique(solid.round(), axis=0, return_counts=True)
    strong = colours[counts > 40]
    assert len(strong) >= 3
    assert min(_contrast(colour, paper) for colour in strong) > 3


def _contrast(colour, other):
    """The ratio of luminances of the Web Content Accessibility Guidelines."""
    high, low = sorted((_luminance(np.array(one) / 255) for one in (colour, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_spectrum_works_in_a_sandboxed_frame_that_forbids_all_but_inline_scripts(show, figure):
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'\">"
    inner = (policy + figure.to_html()).replace("&", "&amp;").replace('"', "&quot;")
    driver = show(
        f'<iframe class="eq-canvas" sandbox="allow-scripts" width="1100" height="600" srcdoc="{inner}"></iframe>'
    )
    driver.switch_to.frame(driver.find_element(By.TAG_NAME, "iframe"))
    WebDriverWait(driver, 10).until(lambda page: len(browser.painted(page)) == 2)
    driver.find_elements(By.CSS_SELECTOR, ".eq-canvas")[0].send_keys(Keys.ARROW_RIGHT)
    WebDriverWait(driver, 10).until(moving)
    assert farthest(driver) == pytest.approx(0.3, abs=0.02)
    driver.switch_to.default_content()


def test_without_webgl_the_spectrum_stays_and_the_motion_stands_in_words(tmp_path, figure):
    browser.require_chromium()
    driver = browser.start(flags=("--disable-3d-apis",))
    try:
        browser.open_page(driver, browser.PAGE + figure.to_html(), tmp_path / "page.html")
        notice = WebDriverWait(driver, 10).until(
            lambda page: page.find_element(By.CSS_SELECTOR, ".eq-notice")
        )
        assert "WebGL 2 is switched off or missing" in notice.text
        click_peak(driver, 2)
        settle(driver)
        assert label(driver) == "3756 cm⁻¹"
        words = driver.find_element(By.CSS_SELECTOR, ".eq-words").text
        assert "displacement (longest = 1)" in words
        assert "0, 0.7809, -0.6247" in words
        assert not driver.find_elements(By.CSS_SELECTOR, ".eq-move")
    finally:
        driver.quit()
