"""Whether `equitour fit` lets torch.compile fuse energy and forces, which made MACE's steps 2.5 times as fast."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.train import Training

# Compiling takes a minute or two: a short training would be over by then.
WORTHWHILE_MINUTES = 10.0
COMPILERS = ("c++", "g++", "clang++", "cl")


def worthwhile(choice: str, training: Training, *, tensors: bool, device: str, world: int) -> bool:
    """What "auto" means: energies, minutes enough left, one process on a CPU, and a C++ compiler at hand.

    A training counted in steps stays eager: it is there to be repeated to the last bit, elsewhere too. One that is
    finished has nothing to compile for, whatever the choice.

    Raises:
        Trouble: Compiling was asked for where tensors are learnt.
    """
    if choice == "yes" and tensors:
        raise Trouble("--compile yes is for energies and forces, received --target: leave one of them out.")
    if training.finished:
        return False
    if choice != "auto":
        return choice == "yes"
    found = os.environ.get("CXX") or any(shutil.which(name) for name in COMPILERS)
    long = (training.budget.minutes_left or 0.0) >= WORTHWHILE_MINUTES
    return bool(found) and long and not tensors and device == "cpu" and world == 1


def compile_model(training: Training, *, choice: str) -> None:
    """Compile the model with one step that changes no weight; its time counts in the budget, not in the schedule.

    The averaged twin stays eager: it is evaluated rarely, and would have to be compiled once more. Where compiling
    fails, training goes on without.

    Raises:
        Trouble: Compiling was asked for and failed.
    """
    from equitour.train import collate

    started = time.monotonic()
    training.model.compile_forces = True
    print("compiling the model: a minute or two, then faster steps", file=sys.stderr)
    try:
        first = collate(training.batches.examples[: training.batches.batch_size])
        sum(training.loss(training.model, first).values()).backward()
    except (
        Exception
    ) as error:  # Missing headers, a broken compiler, an unsupported operation: as many as machines.
        training.model.compile_forces = False
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if choice == "yes":
            raise Trouble(
                f"--compile yes needs a C++ compiler that works with torch, received the error {reason!r}: "
                "leave it out, or install one."
            ) from None
        print(f"training goes on without compiling ({reason})", file=sys.stderr)
    training.optimizer.zero_grad(set_to_none=True)
    training.budget.lose(time.monotonic() - started)
