"""Every exercise of every lesson: its solution passes, the mistakes it foresees are told apart, nothing upsets it."""

import numpy as np
import pytest
import torch

from equitour.learn import check
from equitour.learn.definition import every, find
from equitour.learn.exercises import lessons

# Other tests define toy exercises of their own; the course has those of its lessons.
EXERCISES = [entry.name for entry in every() if entry.lesson in lessons()]


@pytest.mark.parametrize("name", EXERCISES)
def test_every_solution_passes_its_own_check_whatever_is_drawn(name):
    exercise = find(name)
    assert len(exercise.title) > 8
    assert len(exercise.hints) >= 2
    for seed in range(5):
        answer = exercise.solution if exercise.inputs else exercise.solution()
        message = check(name, answer, generator=torch.Generator().manual_seed(seed))
        assert message.passed, message


@pytest.mark.parametrize(
    ("name", "sentence"), [(name, sentence) for name in EXERCISES for sentence in find(name).mistakes]
)
def test_every_foreseen_mistake_is_recognised(name, sentence):
    exercise = find(name)
    wrong = exercise.mistakes[sentence]
    answer = wrong if exercise.inputs else wrong()
    found = [check(name, answer, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    assert {message.kind for message in found} == {"named"}, found
    # Two mistakes may agree on unlucky draws, but not always: else the second one would never be told.
    assert sentence in {message.sentence for message in found}, found[0]


STRANGE = [
    "text",
    [[1, [2]]],
    {"a": 1},
    np.array([None, 1]),
    torch.zeros(0),
    torch.ones(3, dtype=torch.complex64),
]


@pytest.mark.parametrize("name", EXERCISES)
def test_no_answer_however_strange_makes_a_check_raise(name):
    for answer in STRANGE:
        for given in (answer, lambda *arguments, answer=answer: answer):
            message = check(name, given)
            assert message.status in ("wrong", "error"), message
            # Our own comparison has a name for everything; a lesson's comparison may give up, in words.
            assert find(name).compare or "cannot be compared" not in message.sentence


def test_a_graph_that_was_made_to_ask_for_gradients_is_no_longer_as_the_caller_gave_it():
    def marking(energy, graph):
        r = graph.positions.requires_grad_()
        return -torch.autograd.grad(energy(graph).sum(), r)[0]

    message = check("203.forces", marking)
    assert (message.kind, message.passed) == ("modifies inputs", False)


def _shared_variance(halves):
    shared = torch.cov(halves.T)[0, 1]
    return (shared / halves.mean(1).var()).sqrt()


def _noise_from_differences(halves):
    noise, of_both = halves.diff(dim=1).square().mean() / 2, halves.mean(1).var()
    return ((of_both - noise / 2) / of_both).sqrt()


def _in_single_precision(T):
    rest = T - T.diagonal(dim1=1, dim2=2).mean() * torch.eye(3)
    return rest / rest.square().mean().sqrt()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("106.ceiling", _shared_variance),
        ("106.ceiling", _noise_from_differences),
        ("106.standard_tensors", _in_single_precision),
    ],
)
def test_an_answer_that_is_right_in_another_way_passes(name, answer):
    for seed in range(20):
        message = check(name, answer, generator=torch.Generator().manual_seed(seed))
        assert message.passed, message


def test_a_ceiling_from_halves_whose_means_are_left_in_does_not_pass():
    def uncentred(halves):
        return (halves.prod(1).mean() / halves.mean(1).square().mean()).sqrt()

    assert not check("106.ceiling", uncentred).passed
