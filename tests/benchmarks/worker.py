"""One side of a benchmark as a long-lived process: it builds its network, then does as many steps as it is told.

The other end (`conversation.py`) starts it as `python -m benchmarks.worker SIDE TASK.json LAUNCHED` with the side's own
interpreter and talks to it in lines of JSON. This module runs in every peer's environment: standard library only.
"""

import importlib
import json
import os
import resource
import sys
import time
from typing import TextIO


def main(side_name: str, task_path: str, launched: str) -> None:
    """Build the trainer, do the first step, report what that took, then obey until the input ends."""
    channel = claim_stdout()
    with open(task_path) as file:
        task = json.load(file)
    start = time.time()
    side = importlib.import_module(f"benchmarks.sides.{side_name}")
    imported = time.time()
    trainer = side.prepare(task)
    loss = trainer.step()
    first = {
        "import_seconds": imported - start,
        "startup_seconds": time.time() - float(launched),
        "startup_cpu_seconds": time.process_time(),
        "loss": loss,
        **trainer.facts,
    }
    say(channel, first)
    for line in sys.stdin:
        say(channel, measure(trainer.step, json.loads(line)["steps"]))


def measure(step, steps: int) -> dict:
    """Times of one step, averaged over `steps` of them, with the last loss and the largest memory so far."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        loss = step()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    # Linux counts the largest resident set in kibibytes.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": cpu / steps, "wall": wall / steps, "loss": loss, "memory_mib": memory}


def claim_stdout() -> TextIO:
    """Keep the standard output for the conversation; whatever libraries print goes to the standard error."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def say(channel: TextIO, message: dict) -> None:
    """Send one line."""
    channel.write(json.dumps(message) + "\n")
    channel.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
