"""`quiz`: a prediction before the reveal, in plain HTML that works without a kernel and without a network."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from equitour.learn import exercises, record
from equitour.learn.definition import unknown
from equitour.learn.page import Message, frame, inline

_QUESTIONS: dict[str, "Question"] = {}


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question of prediction; shown with its options, the answer closed until one is chosen."""

    name: str
    text: str
    options: tuple[tuple[str, str], ...]  # What one may predict, and what to say to the one who does.
    right: int

    @property
    def letters(self) -> str:
        """One letter for each option."""
        return "ABCDEFGHIJ"[: len(self.options)]

    @property
    def reveal(self) -> str:
        """The answer and why, the same for everybody."""
        text, why = self.options[self.right]
        return f"The answer is {self.letters[self.right]} ({text}). {why}".rstrip()

    def verdict(self, letter: str) -> str:
        """What to say to somebody who predicted this."""
        text, why = self.options[self.letters.index(letter)]
        if letter == self.letters[self.right]:
            return f"{letter} ({text}): right."
        return f"{letter} ({text}): not so. {why}".rstrip()

    def __repr__(self) -> str:
        """The question in plain text, without the answer."""
        lines = [f"  {letter}) {text}" for letter, (text, _) in zip(self.letters, self.options, strict=True)]
        how = f'Predict first, then record it: quiz("{self.name}", "{self.letters[0]}")'
        return "\n".join([f"[prediction] {self.name}: {self.text}", *lines, how])

    def _repr_html_(self) -> str:
        # Names are drawn anew at each showing, so that a question shown twice on a page is two questions.
        mark = "quiz-" + secrets.token_hex(4)
        rows, rules, replies = [], [], []
        for letter, (text, _) in zip(self.letters, self.options, strict=True):
            field = f"{mark}-{letter}"
            rows.append(
                f'<label for="{field}" style="display:block;padding:0.25em 0;cursor:pointer">'
                f'<input type="radio" name="{mark}" id="{field}"> <strong>{letter}</strong> {inline(text)}</label>'
            )
            replies.append(
                f'<p hidden class="{field}" style="margin:0.3em 0">{inline(self.verdict(letter))}</p>'
            )
            rules.append(f".{mark}:has(#{field}:checked) .{field}{{display:block}}")
        # Where a host strips the style, the answer stands in the closed <details> all the same. The attribute in
        # the fieldset keeps JupyterLab from taking the arrow keys away from the buttons.
        rules.append(f".{mark}:not(:has(input:checked)) details{{display:none}}")
        rules.append(f".{mark}:has(input:checked) .{mark}-wait{{display:none}}")
        body = (
            f"<style>{''.join(rules)}</style>"
            f'<fieldset class="{mark}" data-lm-suppress-shortcuts="true" onkeydown="event.stopPropagation()" style="border:0;margin:0.3em 0;padding:0;color:inherit">'
            f'<legend style="padding:0;color:inherit;font-size:1em">{inline(self.text)}</legend>{"".join(rows)}'
            f'<p class="{mark}-wait" style="margin:0.3em 0;opacity:0.75">Choose one before you read on.</p>'
            f'<details style="margin:0.3em 0"><summary style="cursor:pointer">Reveal the answer</summary>'
            f'{"".join(replies)}<p style="margin:0.3em 0">{inline(self.reveal)}</p>'
            "</details></fieldset>"
        )
        return frame("prediction", self.name, body)


def question(name: str, text: str, *, options: Mapping[str, str], answer: str) -> Question:
    """Define a question out of the reader's sight, beside the lesson's exercises; `quiz(name)` asks it.

    Args:
        name: Lesson and question, "101.q1".
        text: The question; `code` may stand between backticks. Formulas in Unicode: TeX stays source offline.
        options: What one may predict, with why it fails, or for the answer why it holds; that everybody reads.
        answer: The right option, word for word.

    Raises:
        ValueError: If the answer is not among the options, or there are fewer than two or more than ten.
    """
    if answer not in options:
        raise ValueError(f"the answer must be one of the options, received {answer!r}; copy it word for word")
    if not 2 <= len(options) <= 10:
        raise ValueError(f"a question must have 2 to 10 options, received {len(options)}; add or remove some")
    made = Question(name=name, text=text, options=tuple(options.items()), right=list(options).index(answer))
    _QUESTIONS[name] = made
    return made


def quiz(
    name: str,
    text: str = "",
    *,
    options: Mapping[str, str] | None = None,
    answer: str | None = None,
) -> Question | Message:
    """Ask for a prediction, or record one.

    `quiz("101.q1")` asks a question that stands beside the lesson's exercises;
    `quiz("101.q1", "What happens?", options={"It turns": "Yes, ...", "It stays": "No, ..."}, answer="It turns")`
    asks one that is written here; `quiz("101.q1", "B")` records the prediction and answers it.

    Raises:
        LookupError: If no question of that name has been asked.
        ValueError: If the answer is not among the options, or the letter is none of the question's.
    """
    if options is not None:
        return question(name, text, options=options, answer=answer or "")
    exercises.load(name.partition(".")[0])
    if name not in _QUESTIONS:
        raise LookupError(unknown("a question", name, sorted(_QUESTIONS))) from None
    return _record(_QUESTIONS[name], text) if text else _QUESTIONS[name]


def _record(asked: Question, choice: str) -> Message:
    letter = choice.strip().upper()
    if letter not in tuple(asked.letters):
        raise ValueError(
            f"the prediction must be one of {', '.join(asked.letters)}, received {choice!r}; give the letter"
        )
    right = letter == asked.letters[asked.right]

    def change(kept: dict) -> None:
        # The first prediction counts: a second one would know the answer.
        kept["predictions"].setdefault(asked.name, {"choice": letter, "right": right, "at": record.now()})

    note = record.update(change)
    return Message(
        status="prediction",
        name=asked.name,
        kind="right" if right else "not so",
        sentence=f"You predicted {asked.verdict(letter)} {asked.reveal}",
        notes=(note,) if note else (),
    )
