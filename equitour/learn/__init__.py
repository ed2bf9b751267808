'''Exercises that name the mistake, hints in tiers, predictions before reveals, and a record that survives.

For the learner, in a notebook::

    from equitour.learn import check, hint, solution, quiz, progress, by_mode

    quiz("102.order")                # asks for a prediction; the answer opens after a choice, no kernel needed
    check("102.compose", compose)    # the function itself, not called: or a value, where one is asked for
    hint("102.compose")              # one tier more at each call
    solution("102.compose")          # the reference's own source
    progress()                       # a table; progress("102") of one lesson
    progress().export("me.json", learner="Ada")   # for a teacher: no answers, no code
    steps = by_mode(quick=50, normal=1000)   # by EQUITOUR_MODE

For the writer of a lesson, in `equitour/learn/exercises/lesson_102.py` (found by the prefix "102")::

    import torch
    from equitour.learn import exercise, question
    from equitour.symmetry import random_rotation

    def _two_rotations(generator):           # fresh arguments at each call; a tuple, or one argument
        return random_rotation(generator=generator), random_rotation(generator=generator)

    @exercise(
        "102.compose",
        inputs=_two_rotations,
        hints=("Which matrix acts first on a column vector?", "The one on the right.", "Write `b @ a`."),
        mistakes={"You applied `b` first: the matrix on the right acts first.": lambda a, b: a @ b},
    )
    def compose(a, b):
        """The rotation that does first a, then b."""
        return b @ a

    @exercise("102.order_of_d3", hints=("Count turns and flips.", "Three and three."))
    def order_of_d3():                       # no inputs: a value is asked for
        """How many elements has the symmetry group of the triangle?"""
        return 6

    question(
        "102.order",
        "Does the order of two rotations matter?",
        options={"No": "Only about one axis.", "Yes": "About x then y is not y then x."},
        answer="Yes",
    )

The docstring's first line is the exercise's title. The solution's source is what `solution` shows and what the tests
put in the stub's place, so it may use only its arguments and what the notebook has imported. In the notebook stand: a
markdown cell with the task; a cell tagged "exercise", with metadata {"equitour": {"exercise": "102.compose"}}::

    def compose(a, b):
        """The rotation that does first a, then b."""
        ...

and a cell that ends in `check("102.compose", compose)`. For a value the stub is `order_of_d3 = ...`.

What a check names by itself (`.kind` of its message): not yet, error, arguments, type, shape, dtype, nan, zero, sign,
absolute, conjugate, squared, root, reciprocal, inverse, transposed, axis order, component sign, factor, offset,
constant, precision, some inputs, modifies inputs, not deterministic, not equivariant and proves nothing (with
`irreps_out=` and an AtomicGraph as first argument), parity and dimension (of irreps), named (`mistakes=`), different.
Give `axes=("nodes", "xyz")` to have axes and components called by name, and `compare=same_span`, `up_to_sign`,
`any_order` or your own where more than one answer is right. Formulas in hints, titles and questions are written in
Unicode or `code`, not in TeX, because a page without a network shows TeX as its source.
'''

from equitour.learn.definition import exercise
from equitour.learn.equivalence import any_order, same_span, up_to_sign
from equitour.learn.guidance import hint, solution
from equitour.learn.inspection import check
from equitour.learn.mode import by_mode
from equitour.learn.overview import progress
from equitour.learn.questions import question, quiz

__all__ = [
    "any_order",
    "by_mode",
    "check",
    "exercise",
    "hint",
    "progress",
    "question",
    "quiz",
    "same_span",
    "solution",
    "up_to_sign",
]
