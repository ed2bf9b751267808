"""Figures where most readers meet them: in JupyterLab, on loopback, with a kernel behind."""

import os
import re
import subprocess
import sys
import time
from urllib.request import urlopen

import browser
import nbformat
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

_CELLS = [
    "from ase.build import molecule\nfrom equitour import view\nwater = molecule('H2O')\n"
    "frames = [water] * 5\nview.linked([view.scene(frames, title='Water'), view.bars([[float(k)] for k in range(5)])], title='step')",
    "live = view.linked([view.scene(frames)], title='live').live()\nlive",
    "print('index', live.index, 'atom', live.atom)",
    "press = view.press('Press me', lambda: 'pressed by hand')\npress",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab without a token on a free port of loopback; its folder holds one notebook."""
    browser.require_chromium()
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in _CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "figure.ipynb")
    private = tmp_path_factory.mktemp("jupyter")
    settings = {
        name: str(private / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    with (private / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options],
            env=os.environ | settings,
            stdout=log,
            stderr=log,
        )
    yield _address(private / "log")
    server.terminate()
    server.wait(30)


def _address(log) -> str:
    for _ in range(240):
        if found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()):
            urlopen(found.group() + "api/status").read()
            return found.group()
        time.sleep(0.25)
    pytest.fail("JupyterLab did not start:\n" + log.read_text()[-2000:])


@pytest.fixture(scope="module")
def notebook(lab):
    """The notebook in a browser, every cell run once."""
    driver = browser.start(size=(1300, 1400))
    driver.get(lab + "lab/tree/figure.ipynb?reset")
    # The editor is laid out some time after it exists, and cannot take a key before.
    first = "document.querySelector('.jp-Notebook .jp-CodeCell .cm-content')?.focus(); return document.activeElement.className"
    WebDriverWait(driver, 90).until(lambda page: "cm-content" in page.execute_script(first))
    _idle(driver)
    for _ in _CELLS:
        ActionChains(driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
    WebDriverWait(driver, 90).until(
        lambda page: len(page.find_elements(By.CSS_SELECTOR, ".equitour .eq-canvas")) == 3
    )
    WebDriverWait(driver, 60).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".jupyter-button"))
    yield driver
    driver.quit()


def _idle(driver) -> None:
    WebDriverWait(driver, 90).until(lambda page: page.find_elements(By.CSS_SELECTOR, "[data-status=idle]"))


def _cells(driver):
    return driver.find_elements(By.CSS_SELECTOR, ".jp-CodeCell")


def test_arrow_keys_move_the_slider_in_jupyterlab_and_not_the_cells(notebook):
    slider = notebook.find_elements(By.CSS_SELECTOR, ".equitour input[type=range]")[0]
    chosen = [cell.get_attribute("class") for cell in _cells(notebook)]
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert notebook.find_elements(By.CSS_SELECTOR, ".eq-value")[0].text == "2"
    slider.send_keys(Keys.ARROW_DOWN)
    assert notebook.find_elements(By.CSS_SELECTOR, ".eq-value")[0].text == "1"
    assert notebook.execute_script("return document.activeElement.type") == "range"
    assert len(chosen) == len(_cells(notebook))


def test_single_letters_in_a_panel_are_no_shortcuts_of_jupyterlab(notebook):
    canvas = notebook.find_elements(By.CSS_SELECTOR, ".equitour .eq-canvas")[0]
    count = len(_cells(notebook))
    canvas.click()
    canvas.send_keys("n", "p", "0", "b", "a", "d", "d")
    assert len(_cells(notebook)) == count


def test_the_kernel_hears_the_slider_and_the_click_of_a_live_figure(notebook):
    live = notebook.find_elements(By.CSS_SELECTOR, ".jp-CodeCell")[1]
    live.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    live.find_element(By.CSS_SELECTOR, ".eq-canvas").send_keys("n")
    _idle(notebook)
    cell = _cells(notebook)[2]
    for _ in range(20):
        cell.find_element(By.CSS_SELECTOR, ".jp-InputPrompt").click()
        ActionChains(notebook).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
        time.sleep(0.5)
        if "index 2 atom 0" in cell.text:
            return
    pytest.fail(f"the kernel heard only: {cell.text}")


def test_a_button_runs_its_function_in_the_kernel(notebook):
    notebook.find_element(By.CSS_SELECTOR, ".jupyter-button").click()
    WebDriverWait(notebook, 20).until(
        lambda page: "pressed by hand" in _cells(page)[3].find_element(By.CSS_SELECTOR, ".jp-OutputArea").text
    )


def test_all_figures_are_painted_and_nothing_left_loopback(notebook):
    assert min(browser.painted(notebook, ".equitour .eq-canvas")) > 0.02
    assert browser.requests_beyond_loopback(notebook) == []
