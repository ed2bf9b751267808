"""The six force fields of lesson 205: their data, their training, and the file that holds what came out.

Made by `python -m equitour.learn.checkpoints.lesson_205 tutorials/205_planned_failures.ipynb`, which takes the models from
the lesson's own cells (tagged "gallery"), so that what the reader sees is what was trained. One minute a model.
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn

from equitour.datasets import Dataset
from equitour.train import Budget, Example, Minibatches, Training, WeightedLoss, energy_and_forces

FILE = Path(__file__).with_suffix(".safetensors")
STEPS = 2000


def split(frames: Dataset) -> tuple[list[Example], list[Example]]:
    """Walkers 0 to 3 to learn from; every second frame of walkers 8 and 9, which never met them, to test."""
    examples = [
        Example(
            graph,
            {
                "energy": frames.labels["energy_gfn2"][i : i + 1],
                "forces": frames.atom_labels["forces_gfn2"][i],
            },
        )
        for i, graph in enumerate(frames.graphs)
    ]
    walkers = [int(key.partition("-")[0]) for key in frames.keys]
    train = [example for example, walker in zip(examples, walkers, strict=True) if walker < 4]
    test = [example for example, walker in zip(examples, walkers, strict=True) if walker > 7]
    return train, test[::2]


def training(model: nn.Module, examples: list[Example], *, steps: int = STEPS) -> Training:
    """Five frames a step, forces and energies; iterate over it, then take its `.average`."""
    single = [Example(example.graph.to(dtype=torch.float32), example.labels) for example in examples]
    return Training(
        model.float(),
        WeightedLoss(energy_and_forces(energy=1000.0, forces=100.0)),
        batches=Minibatches(single, batch_size=5, generator=torch.Generator().manual_seed(1)),
        budget=Budget(steps=steps),
    )


def load(name: str, model: nn.Module, examples: list[Example] | None = None) -> nn.Module:
    """Fill a model with the shipped weights of that name, in double precision and ready to be evaluated.

    The examples, which `train` needs, are ignored, so that a lesson may call the one or the other.
    """
    from safetensors.torch import load_file

    mark = f"{name}: "
    weights = {key.removeprefix(mark): w for key, w in load_file(FILE).items() if key.startswith(mark)}
    model.load_state_dict(weights)
    return model.double().eval()


def train(name: str, model: nn.Module, examples: list[Example], *, steps: int = STEPS) -> nn.Module:
    """Train a model as the shipped weights were, and return its average, in double precision."""
    run = training(model, examples, steps=steps)
    for step in run:
        if step.number % 500 == 0:
            print(f"{name:>12} {step.number:5d} {step.loss:8.3f}", flush=True)
    return run.average.double().eval()


def gallery(notebook: Path) -> dict[str, nn.Module]:
    """The models as the lesson's own cells define them, with their first random weights."""
    space: dict = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "gallery" in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), space)
    return {name: space["fresh"](name) for name in space["GALLERY"]}


def make(notebook: Path) -> None:
    """Train all models of the lesson and write the file anew."""
    from safetensors.torch import save_file

    from equitour import datasets

    examples, _ = split(datasets.load("molecules_md/ethanol", cutoff=3.0))
    weights = {}
    for name, model in gallery(notebook).items():
        kept = train(name, model, examples).state_dict()
        weights |= {f"{name}: {key}": value.float().contiguous() for key, value in kept.items()}
    save_file(weights, FILE)
    FILE.chmod(0o644)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
