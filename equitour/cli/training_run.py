"""The loop of `equitour fit`: train, look at the validation set, keep the best model and the whole state."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equitour.cli import compiling, energy_report, tensor_report
from equitour.cli.progress import bar_of
from equitour.cli.stopping import stopping_politely
from equitour.cli.training_options import with_defaults
from equitour.cli.training_plan import Plan
from equitour.cli.training_resume import resumed_plan, state_of
from equitour.cli.training_setup import labels_in, plan_of, predicting, read_labelled, set_up, summary
from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from equitour.cli.structure_files import StructureFile
    from equitour.train import Errors, Example, Target, Training

# So often the validation set is looked at and the state is written; long trainings do it every other minute. Where the
# clock counts, a look is followed by training for ten times as long as it took.
LOOKS, MINUTES_BETWEEN_LOOKS, TRAINING_PER_LOOK = 50, 2.0, 10.0


def run(arguments: argparse.Namespace) -> None:
    """Train as the arguments say, alone or as one of the processes of `torchrun`."""
    from equitour.train import load_state, together

    with together() as (rank, world):
        state_path = state_of(arguments.out)
        saved = load_state(state_path) if arguments.resume and state_path.is_file() else None
        if arguments.resume and arguments.out.exists() and saved is None:
            raise Trouble(
                f"--resume needs the file {state_path}, which does not exist: begin anew with --overwrite."
            )
        plan, file, valid = planned(arguments, saved)
        training, held = set_up(plan, file, valid, device=arguments.device, rank=rank, world=world)
        if saved:
            training.load_state_dict(saved["training"])
        elif rank == 0:
            # Of a training that is given up: a stop from here on must not seem to be a stop of that one.
            state_path.unlink(missing_ok=True)
            print(summary(plan, training, file, len(held)), file=sys.stderr)
        where = {"tensors": bool(plan.response), "device": arguments.device, "world": world}
        if compiling.worthwhile(arguments.compile, training, **where):
            compiling.compile_model(training, choice=arguments.compile)
        this = Run(training, plan, held, arguments.out, first=rank == 0)
        this.restore((saved or {}).get("best", {}))
        result = this.go()
    if rank == 0:
        print(result)


def planned(
    arguments: argparse.Namespace, saved: Mapping[str, Any] | None
) -> tuple[Plan, StructureFile, StructureFile | None]:
    """What will be done, by the state to go on from or by the arguments, and the data to do it with."""
    plan = resumed_plan(saved["plan"], arguments) if saved else None
    arguments = with_defaults(arguments)
    names, tensors = labels_in(arguments, plan), bool(arguments.target)
    file = read_labelled(arguments.data, names, tensors=tensors)
    valid = read_labelled(arguments.valid, names, tensors=tensors) if arguments.valid else None
    return plan or plan_of(arguments, file, valid), file, valid


class Run:
    """One training with its bar, its looks at the validation set and its files."""

    def __init__(
        self, training: Training, plan: Plan, held: Sequence[Example], out: Path, *, first: bool
    ) -> None:
        self.training, self.plan, self.held, self.out, self.first = training, plan, held, out, first
        self.errors: dict[str, Errors] = {}
        self.best_errors: dict[str, Errors] = {}
        self.looked_at: int | None = None
        self.due, self.rest_until = 0, -math.inf
        # A file that --overwrite gives up stands until there is a model to put in its place.
        self.written = training.budget.steps_done > 0 and out.exists()
        self._report = tensor_report if plan.response else energy_report
        self.looks = LOOKS
        if plan.minutes:
            self.looks = max(LOOKS, round(plan.minutes / MINUTES_BETWEEN_LOOKS))

    def restore(self, best: Mapping[str, Mapping[str, float]]) -> None:
        """The best model's errors as a state holds them; the first states did not."""
        from equitour.train import Errors

        self.best_errors = {name: Errors(**found) for name, found in best.items()}

    def go(self) -> str:
        """Train to the end of the budget, or until a stop, after which the state is written; the result in words."""
        started = time.process_time()
        training, self.due = self.training, self._due()
        with bar_of(training, self.plan.model, shown=self.first) as bar, stopping_politely() as stop:
            for step in training:
                bar.n = training.budget.progress
                bar.set_postfix_str(self._words(step.loss), refresh=False)
                bar.update(0)
                if self._wants_look():
                    self._look()
                if stop.asked:
                    self.keep()
                    raise KeyboardInterrupt
            if self.looked_at != training.budget.steps_done:
                self._look()
        return self._result(time.process_time() - started)

    def look(self) -> None:
        """Validate the averaged weights; write the model when it is the best so far, and the state in any case."""
        import torch

        from equitour.train import prediction_errors
        from equitour.train.parallel import from_first

        if not self.held:
            return self.keep(best=True)
        value = torch.zeros((), dtype=torch.float64)
        if self.first:
            self.errors = prediction_errors(
                self.training.average, self.held, self._plain_targets(), **self._predicting()
            )
            value += self._watched()
        # All processes learn the same number, so that all decay or stop together.
        best = self.training.plateau.look(float(from_first(value)))
        self.best_errors = self.errors if best or not self.best_errors else self.best_errors
        self.keep(best=best)

    def keep(self, *, best: bool = False) -> None:
        """Write the state, and the model first when it is the best so far or there is none."""
        from equitour import models
        from equitour.train import save_state

        if not self.first:
            return
        if best or not self.written:
            self.written = True
            header = {"plan": self.plan.to_json(), "steps": self.training.budget.steps_done}
            models.save(self.training.average, self.out, metadata=header)
        found = {name: asdict(errors) for name, errors in self.best_errors.items()}
        state = {"plan": self.plan.to_json(), "training": self.training.state_dict(), "best": found}
        save_state(state, state_of(self.out))

    def _due(self) -> int:
        return int(self.training.budget.progress * self.looks)

    def _wants_look(self) -> bool:
        """Whether another share of the budget is done, and the last look is long enough ago; all processes agree.

        Steps are there to be repeated: where they count, looks stand at the same steps whatever the clock says.
        """
        from equitour.train.parallel import from_first

        if self._due() <= self.due:
            return False
        if self.plan.steps:
            return True
        import torch

        rest = torch.tensor(self.rest_until - time.monotonic(), dtype=torch.float64)
        return float(from_first(rest)) <= 0

    def _look(self) -> None:
        """Look, and note when the next one may come."""
        started = time.monotonic()
        self.look()
        ended = time.monotonic()
        self.looked_at, self.due = self.training.budget.steps_done, self._due()
        self.rest_until = ended + TRAINING_PER_LOOK * (ended - started)

    def _watched(self) -> float:
        """The number whose least value marks the best model."""
        return self._report.watched(self.plan, self.errors)

    def _predicting(self) -> dict:
        """How tensors are asked for, few structures at a time; nothing for energies, which have their own way."""
        if not self.plan.response:
            return {}
        atoms = max(example.graph.num_nodes for example in self.held)
        return predicting(self.plan) | {"batch_size": max(1, tensor_report.ATOMS_AT_ONCE // atoms)}

    def _plain_targets(self) -> list[Target]:
        """The targets in eV and Å, or in the labels' own units."""
        from equitour.train import Target, TensorTarget

        if self.plan.response:
            return [TensorTarget(name=item["name"], species=item["species"]) for item in self.plan.targets]
        return [Target(name=item["name"], per_atom=item["per_atom"]) for item in self.plan.targets]

    def _words(self, loss: float) -> str:
        shown = f"loss {loss:.3g}"
        if not self.errors:
            return shown
        return f"{shown}, validation {self._report.in_words(self.errors)}"

    def _result(self, cpu_seconds: float) -> str:
        budget, reached = self.training.budget, "no validation"
        if self.best_errors:
            reached = f"best validation {self._report.MEASURE}: {self._report.in_words(self.best_errors)}"
        return (
            f"{self.out}: {reached}, {budget.steps_done} steps in {budget.seconds_done / 60:.2f} minutes "
            f"({cpu_seconds / 60:.2f} minutes of CPU in this run)"
        )
