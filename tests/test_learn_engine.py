"""How a check treats answers, inputs, names and ambiguity, whatever the exercise."""

import dataclasses

import numpy as np
import pytest
import torch
from toy_exercises import HINTS, lengths, turn

from equitour.learn import any_order, check, exercise, hint, quiz, same_span, solution, up_to_sign
from equitour.learn.definition import find
from equitour.learn.rotations import real_generators
from equitour.symmetry import rotation_matrix

NAMES = [
    f"test.{name}" for name in ["turn", "product", "steps", "lengths", "count", "dipole", "pair", "table"]
]


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    path = tmp_path / "room" / "progress.json"
    monkeypatch.setenv("EQUITOUR_PROGRESS", str(path))
    return path


def test_a_learners_function_may_differentiate_and_hold_a_module():
    def by_gradient(x):
        x = x.requires_grad_()
        return torch.autograd.grad((x - x.mean(0)).pow(2).sum() / 2 + x.sum(), x)[0]

    assert check("test.steps", by_gradient).passed
    assert check("test.lengths", lambda x: torch.nn.Identity()(x).norm(dim=1)).passed


def test_every_check_draws_fresh_inputs_unless_a_generator_is_given():
    seen = []
    check("test.lengths", lambda x: seen.append(x) or lengths(x))
    check("test.lengths", lambda x: seen.append(x) or lengths(x))
    assert len({float(x[0, 0]) for x in seen}) == 16  # Eight draws each; the repetition sees an old one.
    seen.clear()
    for _ in range(2):
        check(
            "test.lengths", lambda x: seen.append(x) or lengths(x), generator=torch.Generator().manual_seed(3)
        )
    assert len({float(x[0, 0]) for x in seen}) == 8


def test_where_several_functions_draw_they_take_turns():
    seen = []

    def remember(x):
        seen.append(float(x))
        return x

    name = "test.turns"
    exercise(
        name,
        inputs=(lambda generator: torch.tensor(1.0), lambda generator: torch.tensor(-1.0)),
        hints=HINTS,
    )(lambda x: x)
    assert check(name, remember).passed
    assert seen[:4] == [1.0, -1.0, 1.0, -1.0]
    for sign in (1.0, -1.0):  # What answers one kind of input only is found out at every check.
        assert not check(name, lambda x, sign=sign: torch.tensor(sign)).passed


def test_the_closest_name_is_offered_for_an_unknown_exercise():
    with pytest.raises(
        LookupError, match=r"that of an exercise, received 'test\.trun'; did you mean 'test\.turn'"
    ):
        check("test.trun", turn)
    with pytest.raises(LookupError, match="did you mean"):
        hint("test.trun")
    with pytest.raises(LookupError, match="did you mean"):
        solution("nowhere")
    with pytest.raises(LookupError, match="that of a question, received 'test"):
        quiz("test.nothing")


def test_an_exercise_belongs_to_a_lesson_and_to_one_solution():
    with pytest.raises(ValueError, match=r"called lesson\.name, as in 102\.compose, received 'compose'"):
        exercise("compose", hints=HINTS)

    with pytest.raises(
        ValueError, match=r"must have at least one hint, received none for 'test\.new'; add hints"
    ):
        exercise("test.new", hints=())

    def elsewhere(a, b): ...

    with pytest.raises(ValueError, match=r"name must be its own, received 'test\.turn' again"):
        exercise("test.turn", hints=HINTS)(elsewhere)
    assert find("test.turn").solution is turn


def test_any_orthonormal_basis_of_the_space_is_accepted():
    basis = torch.eye(4, dtype=torch.float64)[:2]
    turned = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64) @ basis
    assert same_span(turned, basis) is None
    assert same_span(1j * basis, basis) is None
    assert "not orthonormal" in same_span(2 * turned, basis)
    assert "leaves the space" in same_span(torch.eye(4)[1:3], basis)
    assert "must have the shape (2, 4)" in same_span(torch.eye(4), basis)


def test_an_eigenvector_is_right_with_either_sign_and_a_set_in_any_order():
    vector = torch.tensor([1.0, -2.0, 3.0])
    assert up_to_sign(-vector, vector) is None
    assert "factor" in up_to_sign(2 * vector, vector)
    rows = torch.eye(3)
    assert any_order(rows[[1, 2, 0]], rows) is None
    assert any_order(rows[:2], rows) == "0 of your 2 rows do not belong, 1 of 3 are missing."
    assert "some stand twice" in any_order(torch.cat([rows, rows[:1]]), rows)


def test_inputs_are_copied_with_their_kind():
    @dataclasses.dataclass
    class Box:
        content: torch.Tensor

    def draws(generator):
        return torch.Generator().manual_seed(4), Box(torch.rand(3, generator=generator)), [torch.ones(2)]

    @exercise("test.kinds", inputs=draws, hints=HINTS)
    def kinds(source, box, rest):
        """Three kinds of inputs."""
        return torch.rand((), generator=source) + box.content.sum() + rest[0].sum()

    assert check("test.kinds", kinds).passed

    def spoil(source, box, rest):
        box.content.zero_()
        return kinds(source, box, rest)

    assert check("test.kinds", spoil).kind == "modifies inputs"
    assert "`box`" in check("test.kinds", spoil).sentence


def test_what_a_learner_prints_is_shown_once(capsys):
    assert check("test.turn", lambda a, b: print("hello") or a @ b).passed
    assert capsys.readouterr().out == "hello\n"


STRANGE = [
    3, -1.5, 2j, True, "text", "", b"", [], (), {}, set(), {"a": 1}, [[1, [2]]], object(), Exception, print, ...,
    float("nan"), np.array("x"), np.array([None, 1]), np.zeros(0), np.ones((3, 3)), range(3), iter([1]),
    torch.zeros(0), torch.ones(()), torch.tensor(True), torch.ones(3, dtype=torch.complex64), torch.ones(2, 3, 4, 5),
    torch.full((3, 3), torch.inf), torch.eye(3).to_sparse(), torch.nn.Linear(2, 2), (torch.ones(1), "x"), (None, None),
]  # fmt: skip


@pytest.mark.parametrize("answer", STRANGE, ids=lambda answer: type(answer).__name__)
def test_no_answer_however_strange_makes_a_check_raise(answer):
    for name in (*NAMES, "test.order", "test.irreps", "test.word", "test.set", "test.constant"):
        for given in (answer, lambda *arguments: answer):
            message = check(name, given)
            assert message.status in ("wrong", "not yet", "error"), message
            assert "cannot be compared" not in message.sentence
            assert message._repr_html_().endswith("</div>")


def test_the_ladder_of_degree_one_makes_the_rotations_of_space(generator):
    raising = find("102.raising").solution
    v = torch.randn(3, generator=generator, dtype=torch.float64)
    turned = torch.matrix_exp(torch.einsum("k,kij->ij", v, real_generators(raising(1))))
    order = [1, 2, 0]  # The components stand as y, z, x.
    torch.testing.assert_close(turned, rotation_matrix(v, v.norm())[order][:, order])
    X, Y, Z = real_generators(raising(3))
    torch.testing.assert_close(X @ Y - Y @ X, Z)


def test_what_is_no_ladder_gives_no_rotations():
    with pytest.raises(
        ValueError, match="generators of rotations must be real, received an imaginary part of"
    ):
        real_generators(torch.arange(9.0).reshape(3, 3))
