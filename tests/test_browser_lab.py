"""Figures where most readers meet them: in JupyterLab, on loopback, with a kernel behind."""

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
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
        "--expose-app-in-browser",
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
        found = re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())
        # The address is in the log a moment before somebody answers there.
        with suppress(OSError):
            if found and urlopen(found.group() + "api/status").status == 200:
                return found.group()
        time.sleep(0.25)
    pytest.fail("JupyterLab did not start:\n" + log.read_text()[-2000:])


@pytest.fixture(scope="module")
def notebook(lab):
    """The notebook in a browser, every cell run once."""
    driver = browser.start(size=(1300, 1400))
    driver.get(lab + "lab/tree/figure.ipynb?reset")
    WebDriverWait(driver, 90).until(_run_all)
    WebDriverWait(driver, 90).until(_has_run)
    WebDriverWait(driver, 90).until(
        lambda page: len(page.find_elements(By.CSS_SELECTOR, ".equitour .eq-canvas")) == 3
    )
    WebDriverWait(driver, 60).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".jupyter-button"))
    yield driver
    driver.quit()


def _run_all(driver) -> bool:
    """Run all cells once the kernel is connected and idle; before that JupyterLab answers with a dialog."""
    return driver.execute_script(
        """const app = globalThis.jupyterapp, context = app?.shell.currentWidget?.sessionContext, kernel = context?.session?.kernel;
        if (!context?.isReady || kernel?.connectionStatus !== "connected" || kernel.status !== "idle") return false;
        app.commands.execute("notebook:run-all-cells");
        return true;"""
    )


def _has_run(driver) -> bool:
    # Read by one script: JupyterLab may replace a prompt between its being found and being read.
    read = "return [...document.querySelectorAll('.jp-Notebook .jp-InputPrompt')].map((prompt) => prompt.textContent)"
    prompts = driver.execute_script(read)
    return bool(prompts) and all(re.search(r"\d", text) for text in prompts)


def _cells(driver):
    return driver.find_elements(By.CSS_SELECTOR, ".jp-CodeCell")


def _reach(driver, cell: int, selector: str):
    """An element of a cell's output; JupyterLab lays out only the cells that are in sight, so scroll there first."""
    look = "const found = document.querySelectorAll('.jp-CodeCell')[arguments[0]]?.querySelector(arguments[1]); found?.scrollIntoView({block: 'center'}); return found"
    WebDriverWait(driver, 30).until(
        lambda page: (found := page.execute_script(look, cell, selector)) and found.is_displayed()
    )
    return driver.execute_script(look, cell, selector)


def _take(driver, slider) -> None:
    """Click on the slider's thumb at its left end, as a reader does before using the keys."""
    ActionChains(driver).move_to_element_with_offset(
        slider, 9 - slider.size["width"] // 2, 0
    ).click().perform()


def _wait_for_label(driver, text: str) -> None:
    """The picture follows a key at the next animation frame, not at once."""
    WebDriverWait(driver, 20).until(lambda page: _reach(page, 0, ".eq-value").text == text)


def test_arrow_keys_move_the_slider_in_jupyterlab_and_not_the_cells(notebook):
    slider = _reach(notebook, 0, ".equitour input[type=range]")
    count = len(_cells(notebook))
    _take(notebook, slider)
    ActionChains(notebook).send_keys(
        Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT
    ).perform()
    _wait_for_label(notebook, "2")
    ActionChains(notebook).send_keys(Keys.ARROW_DOWN).perform()
    _wait_for_label(notebook, "1")
    assert notebook.execute_script("return document.activeElement.type") == "range"
    assert len(_cells(notebook)) == count


def test_single_letters_in_a_panel_are_no_shortcuts_of_jupyterlab(notebook):
    canvas = _reach(notebook, 0, ".equitour .eq-canvas")
    count = len(_cells(notebook))
    canvas.click()
    ActionChains(notebook).send_keys("n", "p", "0", "b", "a", "d", "d").perform()
    assert len(_cells(notebook)) == count


def test_the_kernel_hears_the_slider_and_the_click_of_a_live_figure(notebook):
    _take(notebook, _reach(notebook, 1, "input[type=range]"))
    ActionChains(notebook).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform()
    canvas = _reach(notebook, 1, ".eq-canvas")
    ActionChains(notebook).move_to_element_with_offset(
        canvas, -canvas.size["width"] // 2 + 90, -90
    ).click().send_keys("n").perform()
    for _ in range(20):
        _reach(notebook, 2, ".jp-InputPrompt").click()
        ActionChains(notebook).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
        time.sleep(0.5)
        if "index 2 atom 0" in _cells(notebook)[2].text:
            return
    pytest.fail(f"the kernel heard only: {_cells(notebook)[2].text}")


def test_a_button_runs_its_function_in_the_kernel(notebook):
    _reach(notebook, 3, ".jupyter-button").click()
    WebDriverWait(notebook, 20).until(
        lambda page: "pressed by hand" in _reach(page, 3, ".jp-OutputArea").text
    )


def test_all_figures_are_painted_and_nothing_left_loopback(notebook):
    assert min(browser.painted(notebook, ".equitour .eq-canvas")) > 0.02
    assert browser.requests_beyond_loopback(notebook) == []
