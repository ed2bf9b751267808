"""Start `equitour lab` for a test, wait until it answers, and end it."""

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Server:
    """A running JupyterLab: its address, its token and what it printed."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    log: str = ""

    def url(self, path):
        """The address of a page, with the token."""
        return f"http://127.0.0.1:{self.port}{path}?token={self.token}"

    def read(self, path):
        """Status and text of a page."""
        with urllib.request.urlopen(self.url(path), timeout=10) as answer:
            return answer.status, answer.read().decode()

    def status(self, path):
        """Status of a page."""
        return self.read(path)[0]


@contextmanager
def serve(python, *words, cwd, environment=None):
    """Run `equitour lab --no-browser` with that Python, away from the checkout."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        server = Server(port=trial.getsockname()[1])
    scratch = Path(cwd) / f"lab-{server.port}.log"
    with scratch.open("w") as log:
        process = subprocess.Popen(
            [python, "-P", "-m", "equitour.cli", "lab", *words, "--no-browser", "--port", str(server.port)],
            cwd=cwd,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"JUPYTER_TOKEN": server.token} | (environment or {}),
        )
    try:
        _wait(server, process, scratch)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        server.log = scratch.read_text()


def _wait(server, process, scratch, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            server.status("/api")
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"JupyterLab did not answer within {seconds} s:\n{scratch.read_text()[-3000:]}")


@pytest.fixture
def lab_server():
    """`with lab_server(python, *options, cwd=folder) as server: ...`"""
    return serve
