"""`equitour fit`: how often it looks at the validation set, and what the clock counts."""

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from equitour.cli import energy_report, training_run
from equitour.cli.training_plan import Plan
from equitour.train import Budget, Errors, Plateau, anneal

STEP = 0.01


class Clock:
    """Seconds that pass only where a test says so."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


class FakeTraining:
    """Steps of a hundredth of a second by the clock, as `Training` counts them."""

    def __init__(self, clock, **budget):
        self.clock, self.budget, self.plateau = clock, Budget(**budget), Plateau()

    def __iter__(self):
        self.budget.start()
        while self.budget.progress < 1:
            self.budget.tick()
            self.clock.now += STEP
            yield SimpleNamespace(loss=1.0, number=self.budget.steps_done)


def looks_of(monkeypatch, *, seconds, **budget):
    """The steps after which a run looks, when a look takes so many seconds; and the training."""
    clock, looks = Clock(monkeypatch), []
    training = FakeTraining(clock, **budget)
    nothing = {"settings": {}, "shifts": [], "scale": 1.0, "targets": [], "recipe": {}}
    plan = Plan(model="toy", batch_size=1, dtype="float64", seed=0, **nothing, **budget)
    run = training_run.Run(training, plan, [], Path("nowhere"), first=False)

    def look():
        clock.now += seconds
        looks.append(training.budget.steps_done)

    run.look = look
    run.go()
    return looks, training


def test_slow_looks_leave_ten_elevenths_of_the_time_to_training(monkeypatch):
    looks, training = looks_of(monkeypatch, seconds=0.3, minutes=0.1)
    # 6 s of which each look takes 0.3 s and gives 3 s to training: at 0.12, 3.42, and the last.
    assert len(looks) == 3
    assert training.budget.steps_done > 0.85 * 6.0 / STEP
    assert looks[-1] == training.budget.steps_done


def test_fast_looks_come_fifty_times(monkeypatch):
    looks, training = looks_of(monkeypatch, seconds=1e-4, minutes=0.1)
    assert 49 <= len(looks) <= 51
    assert training.budget.steps_done == pytest.approx(600, abs=5)
    gaps = [after - before for before, after in pairwise(looks)]
    assert max(gaps) <= 14


@pytest.mark.parametrize("seconds", [1e-4, 0.3])
def test_looks_of_a_training_counted_in_steps_do_not_mind_the_clock(monkeypatch, seconds):
    looks, _ = looks_of(monkeypatch, seconds=seconds, steps=100)
    assert looks == [step for step in range(1, 101) if int(step / 100 * 50) > int((step - 1) / 100 * 50)]
    assert len(looks) == 50


def test_the_model_is_looked_at_after_its_last_step_and_not_twice(monkeypatch):
    for seconds in (0.0, 0.013, 0.05, 0.31, 0.77):
        looks, training = looks_of(monkeypatch, seconds=seconds, minutes=0.05)
        assert looks[-1] == training.budget.steps_done
        assert len(set(looks)) == len(looks)


def test_lost_time_is_spent_but_no_progress(monkeypatch):
    clock = Clock(monkeypatch)
    budget = Budget(minutes=20.0)
    budget.lose(90.0)
    # The first step warms up as if nothing had been before it …
    assert budget.progress == 0.0
    assert anneal(budget.progress) == 0.0
    assert budget.minutes_left == pytest.approx(18.5)
    budget.start()
    clock.now += (20 * 60 - 90) / 2
    budget.tick()
    assert budget.progress == pytest.approx(0.5)
    # … and the last one ends with the budget, also of a training that was stopped and loses time once more.
    later = Budget(minutes=20.0)
    later.load_state_dict(budget.state_dict())
    assert later.progress == pytest.approx(0.5)
    later.lose(90.0)
    assert later.progress == pytest.approx(555 / (1200 - 180))
    later.start()
    clock.now += 555 - 90 - 1
    assert 0.99 < later.progress < 1
    clock.now += 1
    assert later.progress == 1.0


def test_a_budget_that_is_lost_whole_is_at_its_end():
    budget = Budget(minutes=1.0)
    budget.lose(61.0)
    assert budget.progress == 1.0
    assert budget.minutes_left == 0.0
    assert Budget(steps=3).minutes_left is None


def test_states_that_do_not_know_of_lost_time_still_go_on():
    budget = Budget(minutes=1.0)
    budget.load_state_dict({"steps_done": 7, "seconds_done": 15.0})
    assert budget.progress == pytest.approx(0.25)
    assert math.isclose(budget.seconds_lost, 0.0)


def mean_errors(**values):
    return {name: Errors(mae=value, rmse=2 * value) for name, value in values.items()}


def weighing(**weights):
    """A plan that learns with these weights."""
    targets = [{"name": name, "weight": weight, "scale": 0.7} for name, weight in weights.items()]
    nothing = {"settings": {}, "shifts": [], "scale": 1.0, "recipe": {}}
    return Plan(model="toy", batch_size=1, dtype="float64", seed=0, targets=targets, steps=1, **nothing)


def test_the_best_model_has_the_best_forces_where_no_stress_is_learnt():
    plan = weighing(energy=10.0, forces=100.0)
    assert energy_report.watched(plan, mean_errors(energy=9.0, forces=0.02)) == pytest.approx(0.02)


def test_a_stress_that_is_learnt_has_its_say_in_which_model_is_best():
    plan = weighing(energy=10.0, forces=100.0, stress=5000.0)
    errors = mean_errors(energy=9.0, forces=0.02, stress=0.001)
    assert energy_report.watched(plan, errors) == pytest.approx(0.02 + 50 * 0.001)
    assert energy_report.in_words(errors) == "forces 20.0 meV/Å, stress 1.00 meV/Å³"


def test_energies_alone_choose_where_nothing_else_is_learnt():
    plan = weighing(energy=10.0, forces=0.0)
    assert energy_report.watched(plan, mean_errors(energy=0.3, forces=0.02)) == pytest.approx(0.3)
