"""A headless Chromium for tests: starts it, counts every request that leaves loopback, keeps its console."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    # Nothing but loopback resolves, so that a request beyond it fails at once wherever the tests run.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    # WebGL 2 in software, so that pictures do not depend on the machine's graphics card.
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
)  # fmt: skip
PAGE = "<!doctype html><meta charset=utf-8><style>:root{color-scheme:light dark}</style>"
_LOCAL = re.compile(r"(data|blob|about|file|chrome|devtools):|(http|ws)://(127\.0\.0\.1|localhost)[:/]")


def require_chromium() -> None:
    """Skip with the reason where no browser is installed, but fail where the checks of the project run."""
    if CHROMIUM and DRIVER:
        return
    reason = "browser tests need Chromium and its driver (Debian packages chromium and chromium-driver)"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def start(*, dark: bool = False, size: tuple[int, int] = (1200, 900), flags: tuple[str, ...] = ()):
    """A browser; end it with `.quit()`."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--window-size={size[0]},{size[1]}", *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(service=Service(DRIVER), options=options)
    if dark:
        emulate(browser, "prefers-color-scheme", "dark")
    return browser


def emulate(browser, feature: str, value: str) -> None:
    """Set a media feature such as prefers-color-scheme or prefers-reduced-motion."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": feature, "value": value}]})


def open_page(browser, html: str, path: Path) -> None:
    """Write this HTML to a file and open it."""
    path.write_text(html, encoding="utf-8")
    browser.get(path.as_uri())


def requests_beyond_loopback(browser) -> list[str]:
    """Addresses of all requests since the last call that left this machine."""
    addresses = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            addresses.append(message["params"]["request"]["url"])
        if message["method"] == "Network.webSocketCreated":
            addresses.append(message["params"]["url"])
    return [address for address in addresses if not _LOCAL.match(address)]


def console_errors(browser) -> list[str]:
    """Errors in the browser's console since the last call."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def painted(browser, selector: str = ".eq-canvas") -> list[float]:
    """For every canvas, the share of its pixels that carry paint."""
    return browser.execute_script(
        """return [...document.querySelectorAll(arguments[0])].map((canvas) => {
        const {width, height} = canvas; if (!width || !height) return 0;
        const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        let count = 0; for (let i = 3; i < data.length; i += 4) count += data[i] > 10;
        return count / (width * height); });""",
        selector,
    )
