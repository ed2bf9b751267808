"""The potentials of lesson 203: NequIP with vectors (l = 1), with quadrupoles (l = 2) and without both (l = 0).

One network for each lmax and each size of the training set, with about equally many weights, all with the same number
of steps on the same frames of molecules_md/ethanol (forces and energies of GFN2-xTB). Walkers 0 to 7 are for training
and take turns, so that the first N frames come from all of them; walkers 8 and 9 are never shown.

    OMP_NUM_THREADS=1 python -m tests.checkpoints.nequip_ethanol            # all of them, about 25 CPU minutes
    OMP_NUM_THREADS=1 python -m tests.checkpoints.nequip_ethanol l1_n100    # one
"""

import platform
import sys
import time
from pathlib import Path

import torch

from equitour import datasets
from equitour.graph import batch
from equitour.models import Potential, build, shipped
from equitour.train import exponential_average, fit

SIZES = (10, 30, 100, 300, 800)
CHANNELS = {0: 28, 1: 16, 2: 12}  # lmax: channels, so that l = 0 has no fewer weights than the others.
CUTOFF, STEPS, BATCH, RATE, SEED = 4.0, 6000, 5, 0.01, 203
CARD = {
    "data": "molecules_md/ethanol, GFN2-xTB energies and forces, walkers 0 to 7 in turn",
    "script": "tests/checkpoints/nequip_ethanol.py",
    "licence": "MIT",
}


def names() -> list[str]:
    """All potentials, the cheapest first."""
    return [f"l{lmax}_n{size}" for size in SIZES for lmax in CHANNELS]


def training_frames() -> datasets.Dataset:
    """Frames of the training walkers, which take turns."""
    ethanol = datasets.load("molecules_md/ethanol", cutoff=CUTOFF)
    chosen = [i for i, key in enumerate(ethanol.keys) if key[0] in "01234567"]
    return ethanol[sorted(chosen, key=lambda i: ethanol.keys[i].split("-")[::-1])]


def batches(frames: datasets.Dataset, *, steps: int, generator: torch.Generator):
    """Random batches in single precision; every frame once before any comes again."""
    energies, forces = frames.labels["energy_gfn2"], frames.atom_labels["forces_gfn2"]
    graphs = [graph.to(dtype=torch.float32) for graph in frames.graphs]
    order: list[int] = []
    for _ in range(steps):
        while len(order) < BATCH:
            order += torch.randperm(len(frames), generator=generator).tolist()
        chosen, order = order[:BATCH], order[BATCH:]
        yield (
            batch([graphs[i] for i in chosen]),
            energies[chosen],
            torch.cat([forces[i] for i in chosen]).float(),
        )


def loss(scale: float, atoms: int):
    """Errors of forces and of energies per atom, both in units of the typical force."""

    def terms(potential: Potential, data) -> dict[str, torch.Tensor]:
        graph, energies, forces = data
        found = potential.evaluate(graph, create_graph=True)
        return {
            "forces": (found.forces - forces).square().mean() / scale**2,
            "energy": (found.energy - energies).square().mean() / atoms / scale**2,
        }

    return terms


def train(lmax: int, size: int, *, steps: int = STEPS) -> tuple[Potential, float]:
    """The averaged potential and the CPU seconds that it took."""
    frames = training_frames()[:size]
    atoms = frames.graphs[0].num_nodes
    scale = float(torch.cat(frames.atom_labels["forces_gfn2"]).square().mean().sqrt())
    torch.manual_seed(SEED)
    trunk = build(
        "nequip",
        elements=[1, 6, 8],
        cutoff=CUTOFF,
        num_layers=3,
        num_channels=CHANNELS[lmax],
        lmax=lmax,
        num_neighbors=8.0,
    )
    shift = float(frames.labels["energy_gfn2"].mean()) / atoms
    potential = Potential(trunk, shifts=[shift] * 3, scale=scale)
    optimizer = torch.optim.Adam(potential.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.05)
    average = exponential_average(potential, decay=0.99)
    chance = torch.Generator().manual_seed(SEED)
    began = time.process_time()
    for _ in fit(
        potential,
        loss(scale, atoms),
        batches=batches(frames, steps=steps, generator=chance),
        optimizer=optimizer,
        average=average,
        max_norm=10.0,
    ):
        schedule.step()
    return average.module, time.process_time() - began


def main(wanted: list[str], folder: Path = shipped.FOLDER) -> None:
    """Train and put on the shelf what is named, or everything."""
    for name in wanted or names():
        lmax, size = (int(part[1:]) for part in name.split("_"))
        potential, seconds = train(lmax, size)
        card = CARD | {"frames": size, "lmax": lmax, "steps": STEPS, "batch": BATCH, "seed": SEED}
        card |= {
            "weights": sum(weight.numel() for weight in potential.parameters()),
            "cpu_seconds": round(seconds),
        }
        card |= {"codes": {"torch": torch.__version__.split("+")[0], "python": platform.python_version()}}
        shipped.put(potential, f"{Path(__file__).stem}/{name}", card=card, folder=folder)
        print(name, card["weights"], "weights,", card["cpu_seconds"], "CPU s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
