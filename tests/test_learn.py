"""The tester is tested: every kind of mistake is fed to `check`, which must give it its own name."""

import pytest
import torch
from toy_exercises import count, dipole, lengths, order, pair, product, spectrum, steps, table, turn

from equitour.learn import check
from equitour.learn.definition import find


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    path = tmp_path / "room" / "progress.json"
    monkeypatch.setenv("EQUITOUR_PROGRESS", str(path))
    return path


def test_the_reference_passes_its_own_check():
    for reference in (turn, product, steps, lengths, count, dipole, pair, table):
        name = next(name for name in _names() if find(name).solution is reference)
        message = check(name, reference)
        assert message.passed, message
        assert message.status == "passed"


def _names():
    return [f"test.{n}" for n in ["turn", "product", "steps", "lengths", "count", "dipole", "pair", "table"]]


def _in_place(a, b):
    a += b
    return a @ b


def _forgetful(a, b):
    a @ b


def _stub(a, b):
    """Do b, then a."""
    ...


def _raising(a, b):
    raise NotImplementedError


def _half_filled(a, b):
    c = ...
    return a @ c


def _breaking(a, b):
    unused = a[7]
    return unused


P = torch.tensor([1, 2, 0])
CALLS = iter(range(10**6))

# The exercise, a wrong answer, the name that it must be given, and words that its sentence must hold.
MISTAKES = [
    ("test.turn", None, "not yet", "replace the `...`"),
    ("test.turn", ..., "not yet", "replace the `...`"),
    ("test.turn", _stub, "not yet", "replace the `...`"),
    ("test.turn", _raising, "not yet", "replace the `...`"),
    ("test.turn", _half_filled, "not yet", "still stands"),
    ("test.pair", lambda a, b: (a + b, ...), "not yet", "replace the `...`"),
    ("test.turn", _forgetful, "type", "returns nothing"),
    ("test.turn", torch.eye(3), "type", "without calling it"),
    ("test.turn", _breaking, "error", "IndexError in line"),
    ("test.turn", _breaking, "error", "`unused = a[7]`"),
    ("test.turn", lambda a: a, "arguments", "must take the arguments (a, b), received (a)"),
    ("test.turn", lambda a, b: [[0.0]], "type", "must be a torch.Tensor, received a list; use torch.tensor"),
    (
        "test.turn",
        lambda a, b: list(a @ b),
        "type",
        "must be a torch.Tensor, received a list; use torch.stack",
    ),
    ("test.turn", lambda a, b: (a @ b).numpy(), "type", "received a numpy array; use torch.from_numpy"),
    ("test.turn", lambda a, b: a.copy() @ b, "error", "no attribute 'copy' (in torch: x.clone())"),
    ("test.turn", lambda a, b: torch.array(a), "error", "no attribute 'array' (in torch: torch.tensor)"),
    ("test.turn", lambda a, b: (a @ b)[:2], "shape", "must be (3, 3) = (to, from), received (2, 3)"),
    ("test.turn", lambda a, b: (a @ b).float(), "dtype", "must be torch.float64, received torch.float32"),
    ("test.turn", lambda a, b: a @ b / 0 * 0, "nan", "9 of 9 numbers are NaN"),
    ("test.turn", lambda a, b: a @ b / 0, "nan", "infinite"),
    ("test.turn", lambda a, b: 0 * a, "zero", "zero everywhere"),
    ("test.turn", lambda a, b: -a @ b, "sign", "negative"),
    ("test.turn", lambda a, b: (a @ b).T, "inverse", "inverse rotation"),
    ("test.product", lambda a, b: (a @ b).T, "transposed", "rows and columns"),
    ("test.product", lambda a, b: torch.linalg.inv(a @ b), "inverse", "inverse of the matrix"),
    ("test.product", lambda a, b: b @ a, "named", "You exchanged a and b."),
    ("test.product", lambda a, b: (a @ b).sum(), "named", "You summed too much."),
    ("test.steps", lambda x: steps(x).T, "transposed", "(7, 3) = (nodes, xyz), received (3, 7)"),
    ("test.steps", lambda x: steps(x)[:, P], "axis order", "(y, z, x) instead of (x, y, z)"),
    ("test.steps", lambda x: steps(x).flip(0), "axis order", "axis 0 (nodes)"),
    (
        "test.product",
        lambda a, b: (a @ b)[P][:, P],
        "axis order",
        "Rows and columns stand in the order (y, z, x)",
    ),
    ("test.steps", lambda x: steps(x) * torch.tensor([1, -1, 1]), "component sign", "component y"),
    ("test.steps", lambda x: 2 * steps(x), "factor", "2 times what it must be"),
    ("test.steps", lambda x: -torch.pi / 180 * steps(x), "factor", "radians for degrees"),
    ("test.steps", lambda x: 1.2345 * steps(x), "factor", "1.2345 times"),
    ("test.steps", lambda x: steps(x) / x[0, 0], "factor", "changes from input to input"),
    ("test.steps", lambda x: steps(x) - 0.5, "offset", "every number is -0.5 off"),
    ("test.steps", lambda x: x, "offset", "one shift that all rows share"),
    ("test.lengths", lambda x: (x**2).sum(1), "squared", "a root is missing"),
    ("test.lengths", lambda x: x.norm(dim=1).sqrt(), "root", "square root"),
    ("test.lengths", lambda x: 1 / x.norm(dim=1), "reciprocal", "one over"),
    ("test.steps", lambda x: steps(x).abs(), "absolute", "absolute values"),
    ("test.steps", lambda x: steps(x).round(decimals=5), "precision", "the relative error is"),
    ("test.steps", lambda x: torch.ones(7, 3).double(), "constant", "does not depend on its arguments"),
    ("test.steps", lambda x: x**3, "different", "of 21 numbers are wrong"),
    ("test.turn", lambda a, b: a @ b + next(CALLS), "not deterministic", "called twice"),
    ("test.turn", _in_place, "modifies inputs", "changes its argument `a`"),
    ("test.pair", lambda a, b: (a + b, b - a), "sign", "Value 2 of 2: The sign is wrong"),
    ("test.pair", lambda a, b: (a + b,), "shape", "must be 2 values, received 1"),
    ("test.spectrum", lambda n: spectrum(n)[:1] * 2, "named", "root of the first"),
    ("test.spectrum", lambda n: (spectrum(n)[0].float(),) * 2, "named", "root of the first"),
    (
        "test.spectrum",
        lambda n: tuple(x.float() for x in spectrum(n)),
        "dtype",
        "Value 1 of 2: The numbers are right",
    ),
    ("test.spectrum", lambda n: tuple(x.flip(0) for x in spectrum(n)), "axis order", "last axis is reversed"),
    ("test.pair", lambda a, b: a + b, "type", "return 2 values"),
    ("test.table", lambda a, b: {"a": torch.trace(a)}, "type", "keys must be a, b, received a"),
    ("test.table", lambda a, b: {"a": torch.trace(a), "b": -torch.trace(b)}, "sign", "In `b`:"),
    ("test.dipole", lambda g: -dipole(g), "sign", "negative"),
    ("test.dipole", lambda g: dipole(g)[:, P], "axis order", "(y, z, x)"),
    (
        "test.dipole",
        lambda g: dipole(g).sigmoid(),
        "not equivariant",
        "the 1o block depends on how the structure",
    ),
    ("test.dipole", lambda g: dipole(g) + g.positions, "not equivariant", "when the whole structure moves"),
    (
        "test.dipole",
        lambda g: dipole(g) * torch.arange(len(g.positions))[:, None],
        "not equivariant",
        "order of",
    ),
    (
        "test.dipole",
        lambda g: dipole(g) * torch.arange(9)[:, None],
        "not equivariant",
        "order of the atoms",
    ),
    (
        "test.dipole",
        lambda g: torch.linalg.cross(dipole(g), dipole(g).roll(1, 0)),
        "not equivariant",
        "atoms",
    ),
    ("test.dipole", lambda g: dipole(g) * dipole(g).norm(dim=1)[:, None], "different", "numbers are wrong"),
    ("test.order", ..., "not yet", "replace the `...`"),
    ("test.order", 5, "offset", "one too few"),
    ("test.order", 12, "factor", "2 times"),
    ("test.order", 10, "different", "10 is not the answer"),
    ("test.order", "six", "type", "must be a number, received a str"),
    ("test.irreps", "1x0e + 1x1e", "dimension", "has 4 components, the space has 9"),
    ("test.irreps", "1x0e + 1x1o + 1x2e", "parity", "parity is wrong"),
    ("test.irreps", "1x4e", "different", "not the right l"),
    ("test.irreps", "a vector", "type", "must name irreps"),
    ("test.word", "scalar", "different", "`'scalar'` is not the answer"),
    ("test.word", 3, "type", "must be a str, received an int"),
    ("test.set", {0, 1}, "different", "1 of 3 are missing"),
    ("test.set", {0, 1, 3}, "different", "`3` does not belong"),
]


@pytest.mark.parametrize(("name", "answer", "kind", "words"), MISTAKES)
def test_each_mistake_is_called_by_its_own_name(name, answer, kind, words, generator):
    message = check(name, answer, generator=generator)
    assert (message.kind, words in message.sentence) == (kind, True), message
    assert not message.passed
    assert message.status == (kind if kind in ("not yet", "error") else "wrong")


def test_an_answer_right_for_some_inputs_says_for_which_it_is_not(generator):
    message = check("test.count", lambda n: 2 * n + 1, generator=generator)
    assert message.kind == "some inputs"
    assert "For `n = -" in message.sentence


def test_a_lost_parity_names_the_block_that_turns_wrongly(generator):
    def cross(graph):
        vector = dipole(graph)
        summed = torch.zeros_like(vector).index_add(0, graph.receivers, vector[graph.senders])
        return torch.linalg.cross(vector, summed)

    message = check("test.dipole", cross, generator=generator)
    assert message.kind == "not equivariant"
    assert "the 1o block turns like 1e" in message.sentence


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("test.order", 6),
        ("test.order", 6.0),
        ("test.order", torch.tensor(6)),
        ("test.order", order),
        ("test.irreps", "1x2e + 1x0e + 1x1e"),
        ("test.word", " Vector "),
        ("test.set", [2, 1, 0]),
        ("test.pair", lambda a, b: [a + b, a - b]),
        ("test.table", lambda a, b: {"b": float(torch.trace(b)), "a": float(torch.trace(a))}),
        ("test.turn", lambda *ab: ab[0] @ ab[1] + 1e-14),
        ("test.turn", lambda a, b, c=1: a @ b),
        ("test.constant", 1.75 + 1e-12),
    ],
)
def test_an_answer_that_is_as_good_passes(name, answer):
    assert check(name, answer).passed
