"""Two processes on one machine, started as a user starts them, give what one process gives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from train_in_processes import results

from equitour.train import load_state

HERE = Path(__file__).parent


def torchrun(*words, processes=2):
    """Start processes on the loopback; their output."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(processes),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [*command, *map(str, words)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture(scope="module")
def shares(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shares")
    torchrun(HERE / "train_in_processes.py", folder)
    return folder


@pytest.mark.parametrize("batch_size", [1, 3, 5])
def test_two_processes_give_the_gradients_of_one_to_rounding(shares, batch_size):
    """Shares are 1 + 0, 1 + 1 or 2 + 1, 2 + 1 or 2 + 2: ethanol has nine atoms, methane five.

    The second process begins with other weights, which the first one's must replace, in the average too.
    """
    alone = results(batch_size, 0, 1)
    first, second = (load_state(shares / f"size{batch_size}_rank{rank}of2.state") for rank in (0, 1))
    for expected, one, two in zip(alone["gradients"], first["gradients"], second["gradients"], strict=True):
        assert torch.equal(one, two)
        assert torch.allclose(one, expected, rtol=1e-10, atol=1e-12)
        assert float(expected.abs().max()) > 1e-3
    assert first["losses"] == pytest.approx(alone["losses"], rel=1e-10)
    assert torch.equal(first["weights"], second["weights"])
    assert torch.allclose(first["weights"], alone["weights"], rtol=1e-8)


def test_the_command_trains_in_two_processes_and_keeps_one_model(tmp_path):
    from test_fit_command import evaluated, fit, water

    data = water(tmp_path / "water.extxyz", 6)
    options = [
        "--data",
        data,
        "--steps",
        6,
        "--valid-fraction",
        0.2,
        "--set",
        "num_channels=4",
        "--set",
        "lmax=1",
    ]
    options += ["--dtype", "float64", "--cutoff", 3, "--batch-size", 3]
    done = torchrun("-m", "equitour", "fit", *options, "--out", tmp_path / "two.safetensors")
    assert done.stdout.count("best validation MAE: forces") == 1
    fit(*options, "--out", tmp_path / "one.safetensors")
    one, two = (evaluated(tmp_path / f"{name}.safetensors", data) for name in ("one", "two"))
    assert two["forces_mae"] == pytest.approx(one["forces_mae"], rel=1e-6)
