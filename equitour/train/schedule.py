"""How long training lasts and how fast it learns on the way."""

import math
import time
from collections.abc import Mapping

import torch

from equitour.train.parallel import from_first


def anneal(progress: float, *, warmup: float = 0.01, final: float = 0.01) -> float:
    """Factor of the learning rate: up in a straight line, then down half a cosine to `final`.

    Args:
        progress: Share of the training that is done, 0 to 1.
        warmup: Share in which the rate rises.
        final: Factor at the end.
    """
    if progress < warmup:
        return progress / warmup
    done = min(1.0, (progress - warmup) / (1 - warmup))
    return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2


class Budget:
    """How much of the training is done, by steps or by minutes; what is spent survives a restart.

    With steps, training that was stopped and resumed is the same to the last bit. With minutes the schedule follows the
    clock, which no two runs share; time between stop and restart does not count, and what was `lost` to other work than
    training shortens the schedule instead of beginning it late.

    Args:
        steps: End after so many steps.
        minutes: End after so much time.

    Raises:
        ValueError: Neither or both are given, or one that is not positive.
    """

    def __init__(self, *, steps: int | None = None, minutes: float | None = None) -> None:
        given = [value for value in (steps, minutes) if value is not None]
        if len(given) != 1 or not given[0] > 0:
            raise ValueError(
                "a budget must be a positive number of either steps or minutes, received "
                f"steps={steps} and minutes={minutes}: give one of them"
            )
        self.steps, self.minutes = steps, minutes
        self.steps_done, self.seconds_done, self.seconds_lost = 0, 0.0, 0.0
        self._since: float | None = None

    def tick(self) -> None:
        """One more step is done."""
        now = time.monotonic()
        if self._since is not None:
            self.seconds_done += now - self._since
        self._since = now
        self.steps_done += 1

    def start(self) -> None:
        """The clock runs from now on."""
        self._since = time.monotonic()

    def lose(self, seconds: float) -> None:
        """So much time went into something that is no training, such as compiling: spent, but no progress."""
        self.seconds_done += seconds
        self.seconds_lost += seconds

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0 to 1, lost time left out; the same in all processes."""
        if self.steps is not None:
            return min(1.0, self.steps_done / self.steps)
        running = 0.0 if self._since is None else time.monotonic() - self._since
        trained, whole = (
            self.seconds_done + running - self.seconds_lost,
            60 * self.minutes - self.seconds_lost,
        )
        done = torch.tensor(trained / whole if whole > 0 else 1.0, dtype=torch.float64)
        return min(1.0, float(from_first(done)))

    @property
    def minutes_left(self) -> float | None:
        """Minutes until the budget is spent; None where steps are counted."""
        return None if self.minutes is None else max(0.0, self.minutes - self.seconds_done / 60)

    def state_dict(self) -> dict:
        """What is spent."""
        names = ("steps_done", "seconds_done", "seconds_lost")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping) -> None:
        """Go on where the state was taken; a larger budget than before prolongs the training."""
        self.steps_done, self.seconds_done = state["steps_done"], state["seconds_done"]
        # The first states did not tell lost time from training.
        self.seconds_lost = state.get("seconds_lost", 0.0)


class Plateau:
    """Watches a number that should fall; where it does not, the learning rate decays, and at last training stops.

    Args:
        patience: Looks without improvement before the rate is multiplied by `factor`; None: never.
        factor: See `patience`.
        stop_after: Looks without improvement before training stops; None: never.
        threshold: Share of the best value by which a new one must be lower to count as an improvement.
    """

    def __init__(
        self,
        *,
        patience: int | None = None,
        factor: float = 0.5,
        stop_after: int | None = None,
        threshold: float = 0.0,
    ) -> None:
        if not 0 < factor < 1:
            raise ValueError(
                f"factor must lie between 0 and 1, received {factor}: 0.5 halves the learning rate"
            )
        self.patience, self.factor, self.stop_after, self.threshold = patience, factor, stop_after, threshold
        self.best, self.rate, self.looks_since_best, self.looks_since_decay = math.inf, 1.0, 0, 0

    def look(self, value: float) -> bool:
        """Take note of a new value; True when it is the best so far."""
        if value < self.best - self.threshold * (abs(self.best) if math.isfinite(self.best) else 0.0):
            self.best, self.looks_since_best, self.looks_since_decay = value, 0, 0
            return True
        self.looks_since_best += 1
        self.looks_since_decay += 1
        if self.patience is not None and self.looks_since_decay >= self.patience:
            self.rate *= self.factor
            self.looks_since_decay = 0
        return False

    @property
    def stopped(self) -> bool:
        """Whether nothing has improved for too long."""
        return self.stop_after is not None and self.looks_since_best >= self.stop_after

    def state_dict(self) -> dict:
        """The best value and how long ago it was."""
        names = ("best", "rate", "looks_since_best", "looks_since_decay")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping) -> None:
        """Go on where the state was taken."""
        for name, value in state.items():
            setattr(self, name, value)
