"""`equitour generate`: new crystals from a trained model, for any composition or a given one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from equitour.cli.asking import require_place
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from ase import Atoms
    from torch import Tensor

    from equitour.generative import CrystalDenoiser

HELP = "generate crystals with a model that fit-crystals trained"

# A prediction is one draw: it shall be a likely one.
PREDICTING = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare model, number, compositions and output."""
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="of fit-crystals")
    parser.add_argument("--n", type=int, help="how many crystals (100; with --composition-from one a row)")
    parser.add_argument("--out", type=Path, default=Path("crystals.extxyz"), metavar="FILE", help="extxyz")
    parser.add_argument("--resume", action="store_true", help="go on where the writing of --out was stopped")
    parser.add_argument("--overwrite", action="store_true", help="begin anew although --out exists")
    given = parser.add_mutually_exclusive_group()
    given.add_argument(
        "--composition", metavar="FORMULA", help="predict structures of one cell's formula, such as BaTiO3"
    )
    given.add_argument(
        "--composition-from",
        type=Path,
        metavar="FILE",
        help="one sample for each crystal of FILE, in its order; nothing but its elements is looked at",
    )
    add_wishes(parser)
    parser.add_argument("--steps", type=int, default=50, help="evaluations of the network for a crystal (50)")
    parser.add_argument("--batch-size", type=int, default=200, help="crystals made at once (200)")
    parser.add_argument("--seed", type=int, default=0, help="of all chance (0)")


def add_wishes(parser: argparse.ArgumentParser) -> None:
    """Declare what the crystals shall be like, and how much is left to chance."""
    parser.add_argument(
        "--ask",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="properties that the crystals shall have, of those that fit-crystals was told with --properties",
    )
    parser.add_argument(
        "--guidance",
        type=float,
        default=1.0,
        help="exaggerate what is asked: 1 as learnt; 2 sharper, with less variety, at twice the evaluations (1)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        help="1 draws positions as they were learnt, less draws the likely ones more often "
        f"(1; with a composition {PREDICTING})",
    )


def main(arguments: argparse.Namespace) -> int:
    """Generate; a wrong model or formula ends in one sentence, a stop keeps what was made."""
    require_sense(arguments)
    try:
        run(arguments)
    except ValueError as trouble:
        raise Trouble(str(trouble)) from None
    except KeyboardInterrupt:
        raise Trouble(
            "stopped; what was made is kept, and the same command with --resume goes on from there."
        ) from None
    return 0


def require_sense(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before any file is read."""
    for name in ("n", "steps", "batch_size"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise Trouble(
                f"--{name.replace('_', '-')} must be at least 1, received {value}: leave it out or mend it."
            )
    if arguments.composition_from and arguments.n:
        raise Trouble(
            "--composition-from makes one crystal for each row, received --n too: leave one of them out."
        )
    if arguments.guidance != 1 and not arguments.ask:
        raise Trouble(
            "--guidance exaggerates what is asked, received without --ask: say what, or leave it out."
        )
    if not arguments.model.is_file():
        raise Trouble(
            f"--model must be a file, received {arguments.model}: train one with `equitour fit-crystals`."
        )
    require_place(arguments)


def run(arguments: argparse.Namespace) -> None:
    """Batch after batch, each written as it is made."""
    from tqdm.auto import tqdm

    from equitour.cli.growing import Growing
    from equitour.cli.stopping import stopping_politely
    from equitour.generative import load_crystal_model

    model = load_crystal_model(arguments.model)
    wanted = compositions(arguments)
    options = options_of(arguments, model)
    total = len(wanted) if wanted else arguments.n or 100
    growing = Growing(arguments.out, plan_of(arguments, total), resume=arguments.resume)
    with stopping_politely() as stop, tqdm(total=total, desc="crystals", file=sys.stderr) as bar:
        bar.update(growing.count)
        while growing.count < total:
            size = min(arguments.batch_size, total - growing.count)
            chosen = wanted[growing.count : growing.count + size] if wanted else None
            growing.add(made(model, size, chosen, options, seed=(arguments.seed, growing.count)))
            bar.update(size)
            if stop.asked:
                raise KeyboardInterrupt
    growing.finish()
    print(f"{arguments.out}: {total} crystals")


def made(
    model: CrystalDenoiser, size: int, elements: list[Tensor] | None, options: dict, *, seed: tuple[int, int]
) -> list[Atoms]:
    """One batch; its chance depends on the seed and on its place only, so a run that was stopped makes the same crystals."""
    import torch

    from equitour.generative import blank_crystals, denoise_crystals

    # Two small numbers make one seed that no other pair shares.
    generator = torch.Generator().manual_seed(seed[0] * 2**32 + seed[1])
    if elements is None:
        start = blank_crystals(model.draw_sizes(size, generator))
    else:
        start = blank_crystals([len(z) for z in elements], torch.cat(elements))
    row = options["condition"]
    condition = None if row is None else torch.tensor([row] * size)
    for step in denoise_crystals(model, start, generator=generator, **options | {"condition": condition}):
        last = step
    return last.crystals.to_ase()


def options_of(arguments: argparse.Namespace, model: CrystalDenoiser) -> dict:
    """Of `denoise_crystals`; of the condition one row, the same for every crystal."""
    from equitour.cli.crystal_properties import asked_of

    return {
        "steps": arguments.steps,
        "condition": asked_of(model, arguments.ask),
        "guidance": arguments.guidance,
        "temperature": temperature_of(arguments),
    }


def temperature_of(arguments: argparse.Namespace) -> float:
    """As given; else as learnt, and lower where one structure of a composition is to be predicted."""
    if arguments.temperature is not None:
        return arguments.temperature
    return PREDICTING if arguments.composition or arguments.composition_from else 1.0


def compositions(arguments: argparse.Namespace) -> list[Tensor] | None:
    """Elements of each crystal that is asked for; None where the model shall choose."""
    import torch

    from equitour.cli.crystal_files import read_crystals

    if arguments.composition_from:
        return [torch.as_tensor(atoms.numbers).long() for atoms in read_crystals(arguments.composition_from)]
    if arguments.composition:
        return [torch.tensor(numbers_of(arguments.composition))] * (arguments.n or 100)
    return None


def numbers_of(formula: str) -> list[int]:
    """Atomic numbers of a formula.

    Raises:
        Trouble: It is none.
    """
    from ase.data import atomic_numbers
    from ase.formula import Formula

    try:
        counts = Formula(formula).count()
        numbers = [atomic_numbers[symbol] for symbol, times in counts.items() for _ in range(times)]
    except (ValueError, KeyError):
        numbers = []
    if not numbers or 0 in numbers:
        raise Trouble(
            f"--composition must be a formula of one cell, such as BaTiO3, received {formula!r}: check its symbols."
        )
    return numbers


def plan_of(arguments: argparse.Namespace, total: int) -> dict:
    """What decides which crystals are made: a stopped run may only be resumed with the same."""
    import hashlib

    asked = arguments.composition or arguments.composition_from
    return {
        "model": hashlib.sha256(arguments.model.read_bytes()).hexdigest(),
        "crystals": total,
        "composition": str(asked) if asked else None,
        "asked": arguments.ask,
        "guidance": arguments.guidance,
        "temperature": temperature_of(arguments),
        "steps": arguments.steps,
        "batch_size": arguments.batch_size,
        "seed": arguments.seed,
    }
