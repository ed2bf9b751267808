"""Virtual environments of the peers: `python -m tests.benchmarks.environments [NAME ...] [--folder FOLDER]`.

The peers pin versions that exclude each other (mace-torch wants e3nn 0.4.4, equitour at least 0.6), so each lives in an
environment of its own, outside the checkout. Only package names are given; pip takes them from where it is set up to.
"""

import argparse
import subprocess
import sys
from pathlib import Path

DEFAULT_FOLDER = Path.home() / ".cache" / "equitour" / "peers"

# A torch that stands first and alone keeps pip from choosing a CUDA build as somebody's dependency.
TORCH = ("torch==2.13.0",)
STEPS = {
    "nequip": [TORCH, ("nequip==0.19.1",)],
    "mace": [TORCH, ("mace-torch==0.3.16",)],
    "sevenn": [TORCH, ("sevenn==0.13.0",)],
    # tensorial imports matplotlib without asking pip for it.
    "tensorial": [("tensorial==0.6.5", "optax", "matplotlib")],
    "e3nn-jax": [("jax", "flax", "e3nn-jax==0.21.0", "optax")],
    "egnn-pytorch": [TORCH, ("egnn-pytorch==0.2.8",)],
}


def interpreter(name: str, folder: Path) -> Path:
    """Where the Python of a peer's environment stands, whether or not it has been made."""
    return folder / name / "bin" / "python"


def make(name: str, folder: Path) -> None:
    """Create one peer's environment, or complete it."""
    python = interpreter(name, folder)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
    for packages in STEPS[name]:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)


def main() -> int:
    """Make the environments that are asked for; one that fails is named, and the others are still made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"any of {', '.join(STEPS)}; all when none is given"
    )
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="default: %(default)s")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in STEPS]
    if unknown:
        parser.error(f"unknown peers {', '.join(unknown)}: choose from {', '.join(STEPS)}")
    failed = []
    for name in arguments.names or STEPS:
        print(f"{name}: {arguments.folder / name}", flush=True)
        try:
            make(name, arguments.folder)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            print(f"{name}: pip ended with status {error.returncode}; the benchmark will name it as skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
