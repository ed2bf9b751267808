import browser
import pytest
import torch
from ase.build import bulk, molecule
from second_device import second_device

from equitour.graph import AtomicGraph


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(20)


@pytest.fixture
def ethanol():
    return AtomicGraph.from_ase(molecule("CH3CH2OH"), cutoff=3.0)


@pytest.fixture
def rattled_salt():
    """Rock salt without any symmetry left, so that no component is zero by accident."""
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    atoms.rattle(0.1, seed=1)
    return AtomicGraph.from_ase(atoms, cutoff=4.5)


@pytest.fixture(params=["second", "cuda"])
def device(request):
    """Where tensors are not on the CPU: a stand-in that looks after their places everywhere, a GPU where there is one."""
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device on this machine")
        yield "cuda"
    else:
        with second_device() as name:
            yield name


@pytest.fixture(scope="module")
def chrome():
    """One browser for the tests of a file."""
    browser.require_chromium()
    driver = browser.start()
    yield driver
    driver.quit()


@pytest.fixture
def show(chrome, tmp_path):
    """Open HTML and wait until it is drawn; every test ends with a look at the network and the console."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.requests_beyond_loopback(chrome)
    browser.console_errors(chrome)

    def open_html(html, *, wait=".eq-canvas"):
        browser.open_page(chrome, browser.PAGE + html, tmp_path / "page.html")
        WebDriverWait(chrome, 20).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, wait))
        return chrome

    yield open_html
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert browser.requests_beyond_loopback(chrome) == []
    assert browser.console_errors(chrome) == []
