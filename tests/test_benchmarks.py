"""The benchmark harness with a toy for a side: no peer is needed."""

import json
import os

import numpy as np
import pytest
import torch
from benchmarks.batch import Batch
from benchmarks.bodies import BodyCase
from benchmarks.cases import CASES
from benchmarks.command import parser, run
from benchmarks.conversation import Side
from benchmarks.electric import derived, forward, methanol
from benchmarks.report import quartiles, summarise, table

from equitour.graph import AtomicGraph
from equitour.models import ElectricPotential
from equitour.models.electric import COULOMB
from equitour.models.nequip import NequIP


class ToyCase:
    def describe(self):
        return "counting"

    def task(self, folder):
        return {}


def run_toys(tmp_path, *sides):
    path = tmp_path / "measured.json"
    arguments = parser("").parse_args(["--rounds", "5", "--steps", "3", "--warmup", "1", "--json", str(path)])
    run(arguments, {"toy": ToyCase()}, sides, "one")
    return json.loads(path.read_text())["cases"]["toy"]


def test_three_times_the_work_takes_about_three_times_the_time(tmp_path, capsys):
    sides = Side("one", "toy", options={"work": 300_000}), Side("three", "toy", options={"work": 900_000})
    measured = run_toys(tmp_path, *sides)["sides"]
    assert measured["one"]["ratio"]["median"] == 1
    assert 1 / 4.5 < measured["three"]["ratio"]["median"] < 1 / 2
    assert measured["three"]["startup_cpu_seconds"] < measured["three"]["startup_seconds"] + 0.1
    assert "three" in capsys.readouterr().out


def test_sides_that_cannot_take_part_are_named_with_the_reason(tmp_path, capsys):
    absent = Side("absent", "toy", environment="no-such-environment")
    broken = Side("broken", "toy")
    measured = run_toys(tmp_path, Side("one", "toy", options={"work": 1000}), absent, broken)
    assert "not installed" in measured["skipped"]["absent"]
    assert "toy must be told how much to do" in measured["skipped"]["broken"]
    printed = capsys.readouterr().out
    assert "skipped absent" in printed
    assert "skipped broken" in printed


def test_a_side_that_nobody_knows_is_refused(tmp_path):
    arguments = parser("").parse_args(["--sides", "one,two"])
    with pytest.raises(SystemExit, match="sides must be among one, received two"):
        run(arguments, {"toy": ToyCase()}, [Side("one", "toy")], "one")


@pytest.mark.parametrize("name", CASES)
def test_every_side_is_handed_the_edges_of_our_own_neighbour_list(name, tmp_path):
    """ASE found the edges of the batch; ours come from vesin."""
    case = CASES[name]
    task = case.task(tmp_path)
    batch = Batch.load(task["batch"])
    vectors = batch.positions[batch.senders] - batch.positions[batch.receivers] + batch.offsets
    ours = []
    for number in range(case.copies):
        nodes = batch.structure == number
        graph = AtomicGraph.from_arrays(
            batch.positions[nodes],
            batch.atomic_numbers[nodes],
            cutoff=case.settings.cutoff,
            cell=batch.cells[number],
            pbc=batch.cells[number].any(axis=1),
        )
        ours.append(graph.edge_lengths().numpy())
    np.testing.assert_allclose(np.sort(np.linalg.norm(vectors, axis=1)), np.sort(np.concatenate(ours)))
    assert np.all(np.diff(batch.receivers) >= 0)
    assert f"{len(batch.senders)} edges" in case.describe()


def test_all_ordered_pairs_of_each_system_are_there_once(tmp_path):
    case = BodyCase(systems=3, bodies=4)
    with np.load(case.task(tmp_path)["bodies"]) as arrays:
        assert arrays["positions"].shape == (3, 4, 3)
    from benchmarks.bodies import Bodies

    receivers, senders = Bodies.load(tmp_path / "bodies.npz").pairs()
    assert len(set(zip(receivers, senders, strict=True))) == 3 * 4 * 3 == len(receivers)
    assert np.all(receivers // 4 == senders // 4)
    assert not np.any(receivers == senders)


def test_ratios_are_taken_round_by_round_so_that_a_slow_minute_cancels():
    slow = [1.0, 10.0, 1.0]
    answers = {
        "reference": [{"cpu": 2 * s, "wall": s, "loss": 0.0, "memory_mib": 1.0} for s in slow],
        "side": [{"cpu": s, "wall": s, "loss": 0.0, "memory_mib": 1.0} for s in slow],
    }
    summary = summarise({"reference": {}, "side": {}}, answers, "reference")
    assert summary["side"]["ratio"] == {"low": 2.0, "median": 2.0, "high": 2.0}
    lines = table(summary).splitlines()
    assert lines[1].startswith("side")
    assert "2.00 (2.00-2.00)" in lines[1]


def test_quartiles_of_one_value_are_that_value():
    assert quartiles([3.0]) == {"low": 3.0, "median": 3.0, "high": 3.0}


def test_the_benchmark_leaves_this_process_on_its_processors(tmp_path):
    before = os.sched_getaffinity(0)
    run_toys(tmp_path, Side("one", "toy", options={"work": 1000}))
    assert os.sched_getaffinity(0) == before


def test_the_electric_benchmark_compares_ways_to_the_same_derivatives():
    graph = methanol(2)
    torch.manual_seed(0)
    trunk = NequIP(elements=[1, 6, 8], cutoff=4.0, num_layers=2, num_channels=4, lmax=1)
    model = ElectricPotential(trunk)
    names = ("polarizability", "born_effective_charges")
    alpha, charges = derived(model, graph, names)
    alpha_forward, charges_forward = forward(model, graph, (0, 1))
    torch.testing.assert_close(-COULOMB * alpha_forward.movedim(0, 2), alpha, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(-charges_forward.movedim(0, 2), charges, atol=1e-5, rtol=1e-3)
    assert charges.abs().max() > 1e-2
