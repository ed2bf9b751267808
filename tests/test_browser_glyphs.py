"""What the graphics card draws of a tensor is the form itself: its outline, its sign, its stripes."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_browser import pixels, settle

from equitour import view

pytestmark = pytest.mark.browser

PANEL = "document.querySelector('[data-equitour]').equitour.panels[0]"
# Only the solid parts: no triad, no scale bar.
BARE = f"const p = {PANEL}; p.drawTriad = p.overlay = () => {{}}; p.host.redraw();"


def image(driver):
    """The pixels of the first canvas, (height, width, 4), without triad and scale bar."""
    driver.execute_script(BARE)
    settle(driver)
    data, width, height = driver.execute_script(
        "const c = document.querySelector('.eq-canvas'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return [[...d], c.width, c.height]"
    )
    return np.array(data).reshape(height, width, 4)


def project(driver, points):
    """Where points in Å land, in pixels, and how far away they are."""
    script = f"const p = {PANEL}; return arguments[0].map((point) => {{ const {{ x, y, depth }} = p.at(point); return [x * p.ratio, y * p.ratio, depth]; }})"
    return np.array(driver.execute_script(script, points.tolist()))


def forms():
    """Random tensors with two and with three indices, and f(n) of each."""
    draw = np.random.default_rng(21)
    for _ in range(2):
        two = draw.normal(size=(3, 3))
        yield two, lambda n, t=two: np.einsum("ij,vi,vj->v", t, n, n)
        three = draw.normal(size=(3, 3, 3))
        yield three, lambda n, t=three: np.einsum("ijk,vi,vj,vk->v", t, n, n, n)


@pytest.mark.parametrize("case", range(4))
def test_the_outline_and_the_signs_of_a_glyph_are_those_of_its_form(show, case):
    tensor, form = list(forms())[case]
    marks = view.field("T", tensor[None], scale=(1.0, 1e-6), shape="glyph")
    driver = show(view.show(Atoms("H", [[0, 0, 0]]), tensors=marks, bonds=None).to_html())
    picture = image(driver)
    n = np.random.default_rng(22).normal(size=(30_000, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    values = form(n)
    x, y, depth = project(driver, n * np.abs(values)[:, None]).T
    rows, columns = np.nonzero(picture[..., 3] > 100)
    drawn = np.array([columns.min(), columns.max() + 1, rows.min(), rows.max() + 1])
    np.testing.assert_allclose(drawn, [x.min(), x.max(), y.min(), y.max()], atol=3)
    # Of the directions that land within five pixels the nearest is seen; where one lobe ends before another either may show.
    nearest = {}
    for index in np.argsort(depth):
        nearest.setdefault((int(y[index] / 5), int(x[index] / 5)), index)
    seen = [
        ((int(y[index]), int(x[index])), values[index])
        for index in nearest.values()
        if abs(values[index]) > 0.4 * np.abs(values).max()
    ]
    seen = [(place, value) for place, value in seen if picture[place][3] > 100]
    blue = np.array([picture[place][2] > picture[place][0] for place, _ in seen])
    assert len(seen) > 100
    assert (blue == (np.array([value for _, value in seen]) > 0)).mean() > 0.95


@pytest.mark.parametrize("shape", ["ellipsoid", "glyph"])
def test_a_negative_tensor_differs_from_a_positive_one_without_any_colour(show, shape):
    spread = []
    for sign in (1, -1):
        marks = view.field("T", sign * np.eye(3)[None], shape=shape)
        picture = image(show(view.show(Atoms("Si", [[0, 0, 0]]), tensors=marks, bonds=None).to_html()))
        grey = picture[..., :3] @ [0.3, 0.59, 0.11]
        rows, columns = np.nonzero(picture[..., 3] > 100)
        middle, reach = int(columns.mean()), (rows.max() - rows.min()) // 3
        line = grey[int(rows.mean()) - reach : int(rows.mean()) + reach, middle]
        spread.append(np.abs(np.diff(line)).mean())
    assert spread[1] > 3 * spread[0]


def test_the_glyphs_turn_with_the_slider(show):
    atoms = bulk("Si")
    turns = [
        np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]]) for t in (0, 0.5, 1)
    ]
    tensor = np.diag([2.0, -1.0, 0.5]) + np.array([[0, 0.4, 0], [-0.4, 0, 0], [0, 0, 0]])
    frames = np.stack([np.stack([turn @ tensor @ turn.T] * 2) for turn in turns])
    scene = view.scene((atoms, np.stack([atoms.positions] * 3)), tensors={"Z* (e)": frames})
    driver = show(view.linked([scene]).to_html())
    before = pixels(driver, 0)
    driver.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_RIGHT)
    settle(driver)
    assert pixels(driver, 0) != before
    assert "antisymmetric part ×" in driver.find_element(By.CSS_SELECTOR, ".eq-legend").text


def triangles(driver):
    """How many triangles one picture of glyphs and ellipsoids takes."""
    return driver.execute_script(
        f"""const p = {PANEL}, figure = document.querySelector('[data-equitour]').equitour, draw = p.stage.draw.bind(p.stage);
        let total = 0;
        p.stage.draw = (mesh, list, options) => {{ if (options?.veil) total += mesh.count / 3 * list.count; draw(mesh, list, options); }};
        p.draw(0, figure.theme);
        return total;"""
    )


def test_many_glyphs_are_coarser_each_so_that_software_keeps_up(show):
    draw = np.random.default_rng(23)
    counts = {}
    for number in (6, 7):
        atoms = Atoms(f"C{number}", draw.uniform(-4, 4, (number, 3)))
        tensors = draw.normal(size=(number, 3, 3))
        counts[number] = triangles(show(view.show(atoms, tensors=tensors, bonds=None).to_html()))
    assert counts[6] > counts[7] > 7 * 500
