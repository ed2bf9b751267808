"""Starting the sides of a benchmark and asking them in turn."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

TESTS = Path(__file__).resolve().parent.parent

# One thread for every library that keeps a pool; JAX takes its number from the processor it is pinned to.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
ONE_THREAD["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
QUIET = {"JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false"}
# glibc hands large blocks back to the kernel at each free unless told to keep them.
KEEP_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**34)}


class SideFailed(RuntimeError):
    """A side's process ended or said something that is no answer."""


@dataclass(frozen=True)
class Side:
    """One column of the comparison: which module, in which environment, with which options.

    Args:
        name: Shown in the table.
        module: In `benchmarks.sides`.
        environment: Name of the virtual environment; empty for the interpreter that runs the benchmark.
        options: Handed to the module's `prepare` inside the task.
        note: What the reader must know to compare fairly.
    """

    name: str
    module: str
    environment: str = ""
    options: dict = field(default_factory=dict)
    note: str = ""


class Worker:
    """A side's process, from its start to the end of the conversation."""

    def __init__(self, side: Side, python: Path, task: Path, *, processor: int, keep_memory: bool = False):
        self.side = side
        # The file must live as long as the process that writes to it.
        self.errors = TemporaryFile("w+")  # noqa: SIM115
        environment = os.environ | ONE_THREAD | QUIET | (KEEP_FREED_MEMORY if keep_memory else {})
        environment.pop("PYTHONPATH", None)
        launched = str(time.time())
        self.process = subprocess.Popen(
            [str(python), "-m", "benchmarks.worker", side.module, str(task), launched],
            cwd=TESTS,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {processor}),
        )
        self.first = self.listen()

    def listen(self) -> dict:
        """The next answer.

        Raises:
            SideFailed: The process ended instead of answering.
        """
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.errors.seek(0)
        last_words = [words.strip() for words in self.errors if words.strip()][-1:] or ["nothing"]
        raise SideFailed(f"{self.side.name} must answer, its process ended; its last words: {last_words[0]}")

    def steps(self, number: int) -> dict:
        """Let the side do some steps and return the times of one."""
        self.process.stdin.write(json.dumps({"steps": number}) + "\n")
        self.process.stdin.flush()
        return self.listen()

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def interleave(workers: list[Worker], *, rounds: int, steps: int, warmup: int) -> dict[str, list[dict]]:
    """Each round asks every worker once, in a new order, so that the machine's moods fall on all alike."""
    order = random.Random(0)
    for worker in workers:
        worker.steps(warmup)
    answers = {worker.side.name: [] for worker in workers}
    for number in range(rounds):
        for worker in order.sample(workers, len(workers)):
            answers[worker.side.name].append(worker.steps(steps))
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr)
    print("\r", end="", file=sys.stderr)
    return answers
