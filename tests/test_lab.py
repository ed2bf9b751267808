"""JupyterLab as `equitour lab` starts it: the first lesson opens and runs, and nobody beyond this machine is asked."""

import json
import re
import shutil
import sys
from pathlib import Path

import browser
import pytest
from labserver import lab_server
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["lab_server"]
TUTORIALS = Path(__file__).parents[1] / "tutorials"


@pytest.fixture
def offline(tmp_path):
    """A reader's home without settings, and a proxy that does not exist, so that any request beyond this machine fails."""
    nowhere = "http://127.0.0.1:9"
    return {
        "HOME": str(tmp_path),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "no_proxy": "127.0.0.1,localhost",
    }


def test_the_news_the_update_check_and_the_extension_shop_are_closed(lab_server, tmp_path, offline):
    shutil.copy(TUTORIALS / "start.ipynb", tmp_path / "start.ipynb")
    with lab_server(sys.executable, str(tmp_path), cwd=tmp_path, environment=offline) as server:
        _, page = server.read("/lab")
        assert server.status("/lab/api/extensions") == 200
        assert json.loads(server.read("/lab/api/update")[1])["notification"] is None
        assert json.loads(server.read("/lab/api/news")[1])["news"] == []
    config = json.loads(
        re.search(r'id="jupyter-config-data" type="application/json">(.*?)</script>', page, re.S)[1]
    )
    assert config["news"] == {"disabled": True}
    assert config["extensionManager"]["name"] == "read-only"
    assert "Failed to" not in server.log


def test_as_root_it_says_so_and_a_stranger_without_the_token_stays_outside(lab_server, tmp_path):
    shutil.copy(TUTORIALS / "start.ipynb", tmp_path / "start.ipynb")
    with lab_server(sys.executable, str(tmp_path), cwd=tmp_path) as server:
        right, server.token = server.token, "wrong"
        with pytest.raises(OSError, match="403"):
            server.status("/api/contents")
        server.token = right
        assert server.status("/api/contents") == 200
    said = "Running as root: JupyterLab listens on this machine only (127.0.0.1)"
    assert (said in server.log) == (Path("/").owner() == Path(tmp_path).owner())


def _run_next(driver):
    """Press Shift and Enter, as a reader does."""
    driver.switch_to.active_element.send_keys(Keys.SHIFT, Keys.ENTER)
    return driver


@pytest.mark.browser
def test_the_first_lesson_opens_runs_and_asks_no_server_beyond_this_machine(lab_server, tmp_path, offline):
    browser.require_chromium()
    course = tmp_path / "course"
    course.mkdir()
    shutil.copy(TUTORIALS / "start.ipynb", course)
    with lab_server(sys.executable, str(course), cwd=tmp_path, environment=offline) as server:
        driver = browser.start(size=(1300, 1000))
        try:
            driver.get(server.url("/"))
            wait = WebDriverWait(driver, 90)
            wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-MarkdownCell h1"))
            assert "/lab/tree/start.ipynb" in driver.current_url
            driver.find_element(By.CSS_SELECTOR, ".jp-Notebook .jp-MarkdownCell").click()
            output = ".jp-CodeCell .jp-OutputArea-output"
            wait.until(lambda page: _run_next(page).find_elements(By.CSS_SELECTOR, output))
            wait.until(lambda page: page.find_element(By.CSS_SELECTOR, output).text.startswith("equitour "))
            # No dialog and no pop-up stands between the reader and the lesson.
            assert not driver.find_elements(By.CSS_SELECTOR, ".jp-Dialog, .Toastify__toast")
            assert browser.requests_beyond_loopback(driver) == []
        finally:
            driver.quit()
