"""`equitour fit-crystals`: from a file of crystals to a model that generates more of their kind."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from equitour.cli.asking import require_place, require_positive
from equitour.cli.progress import bar_of
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from ase import Atoms
    from torch import Tensor

    from equitour.generative import Crystals
    from equitour.train import Training

HELP = "train a diffusion model of crystals: lattice, positions and elements"
# So often the state is written, in seconds: what a power cut costs at most.
BETWEEN_LOOKS = 60.0
# Thousands of crystals are passed hundreds of times in an hour, and without it a network learns them by heart: on held-back crystals of
# Perov-5 the loss of lattices at t = 0.05 is 0.45 without it after 33,000 steps, 0.27 with it after 55,000.
WEIGHT_DECAY = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare files, budget and model."""
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="crystals: csv or csv.gz with a column cif, extxyz, CIF",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("model.safetensors"), metavar="FILE", help="the model file"
    )
    parser.add_argument("--resume", action="store_true", help="go on where the training of --out was stopped")
    parser.add_argument("--overwrite", action="store_true", help="begin anew although --out exists")
    parser.add_argument(
        "--properties",
        nargs="+",
        default=[],
        metavar="NAME",
        help="numbers beside the crystals (columns of a csv, keys of an extxyz) that generate --ask may ask for",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=None, help="train for so long (60)")
    budget.add_argument(
        "--steps", type=int, help="train for so many steps instead; repeatable to the last bit"
    )
    parser.add_argument(
        "--denoiser",
        choices=("pair", "action"),
        default="pair",
        help="pair is fast; action sees distances only (pair)",
    )
    parser.add_argument("--channels", type=int, help="width of the layers (128; action 96)")
    parser.add_argument("--layers", type=int, help="rounds of messages (4; action 3)")
    parser.add_argument("--batch-size", type=int, default=128, help="crystals in a step (128)")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="at its highest (0.003)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and noise (0)")


def main(arguments: argparse.Namespace) -> int:
    """Train; a wrong file or setting ends in one sentence, a stop keeps what was reached."""
    from equitour.cli.training_resume import stamp_of, stopped

    require_sense(arguments)
    before = stamp_of(arguments.out)
    try:
        run(arguments)
    except (ValueError, FloatingPointError) as trouble:
        raise Trouble(str(trouble)) from None
    except KeyboardInterrupt:
        raise stopped(arguments, before=before) from None
    return 0


def require_sense(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before any file is read."""
    require_positive(arguments, ("steps", "minutes", "batch_size", "learning_rate", "channels", "layers"))
    require_place(arguments)


def run(arguments: argparse.Namespace) -> None:
    """Read, train with a bar, write model and state."""
    from equitour.cli.crystal_files import read_crystals
    from equitour.cli.crystal_properties import properties_of
    from equitour.cli.stopping import stopping_politely
    from equitour.cli.training_resume import state_of

    structures = read_crystals(arguments.data)
    crystals = crystals_of(structures)
    training = training_of(arguments, crystals, properties_of(structures, arguments.properties))
    state = state_of(arguments.out)
    if arguments.resume and state.is_file():
        require_same_model(arguments.out, training)
        training.load(state)
    elif arguments.resume and arguments.out.exists():
        raise Trouble(f"--resume needs the file {state}, which does not exist: begin anew with --overwrite.")
    else:
        # Of a training that is given up: a stop from here on must not seem to be a stop of that one.
        state.unlink(missing_ok=True)
    print(summary(arguments, training, crystals), file=sys.stderr)
    with stopping_politely() as stop:
        for _ in watched(training, arguments.out):
            if stop.asked:
                keep(training, arguments.out)
                raise KeyboardInterrupt
    keep(training, arguments.out)
    done = training.budget
    print(f"{arguments.out}: {done.steps_done} steps in {done.seconds_done / 60:.1f} minutes")


def require_same_model(out: Path, training: Training) -> None:
    """A training may only go on with the elements, sizes and properties that it began with."""
    from equitour.train import read_metadata

    before, now = read_metadata(out)["settings"], training.model.settings
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        raise Trouble(
            f"--resume must go on with the same, received other {', '.join(changed)}: begin anew with --overwrite."
        )


def crystals_of(structures: list[Atoms]) -> Crystals:
    """Crystals in their reduced cells, in single precision."""
    from equitour.generative import Crystals, reduced_cell

    return Crystals.of([reduced_cell(atoms) for atoms in structures])


def training_of(arguments: argparse.Namespace, crystals: Crystals, properties: dict[str, Tensor]) -> Training:
    """A fresh training as the arguments say."""
    import torch

    from equitour.generative import DENOISERS, NoisyBatches, crystal_loss
    from equitour.train import Budget, Recipe, Training

    torch.manual_seed(arguments.seed)
    sizes = {"channels": arguments.channels, "num_layers": arguments.layers}
    sizes = {name: value for name, value in sizes.items() if value}
    model = DENOISERS[arguments.denoiser].of(crystals, properties=properties, **sizes)
    batches = NoisyBatches(
        crystals,
        scale=model.scale,
        batch_size=arguments.batch_size,
        condition=torch.stack(list(properties.values()), 1) if properties else None,
        generator=torch.Generator().manual_seed(arguments.seed),
    )
    minutes = None if arguments.steps else arguments.minutes or 60.0
    recipe = Recipe(
        learning_rate=arguments.learning_rate,
        final=0.001,
        decay=0.999,
        weight_decay=WEIGHT_DECAY,
        max_norm=1.0,
    )
    budget = Budget(steps=arguments.steps, minutes=minutes)
    return Training(model, crystal_loss, batches=batches, budget=budget, recipe=recipe)


def watched(training: Training, out: Path):
    """The training's steps, with a bar, and the state written every minute."""
    written, shown = time.monotonic(), {}
    with bar_of(training, "crystals") as bar:
        for step in training:
            # One step says little, since times and noise differ; a hundred say enough.
            shown = {name: 0.99 * shown.get(name, value) + 0.01 * value for name, value in step.terms.items()}
            bar.n = training.budget.progress
            bar.set_postfix_str(
                ", ".join(f"{name} {value:.3f}" for name, value in shown.items()), refresh=False
            )
            bar.update(0)
            if time.monotonic() - written > BETWEEN_LOOKS:
                keep(training, out)
                written = time.monotonic()
            yield step


def keep(training: Training, out: Path) -> None:
    """Write the model with averaged weights, and everything that resuming needs."""
    from equitour.cli.training_resume import state_of
    from equitour.generative import save_crystal_model

    save_crystal_model(training.average, out, metadata={"steps": training.budget.steps_done})
    training.save(state_of(out))


def summary(arguments: argparse.Namespace, training: Training, crystals: Crystals) -> str:
    """What is going to be trained, on what."""
    weights = sum(weight.numel() for weight in training.model.parameters())
    elements = len(training.model.settings["elements"])
    return (
        f"{crystals.num_crystals} crystals of {int(crystals.counts.min())} to {int(crystals.counts.max())} atoms, "
        f"{elements} elements; {arguments.denoiser} denoiser with {weights} weights"
        + (f"; may be asked for {', '.join(arguments.properties)}" if arguments.properties else "")
    )
