"""What the learner sees is sound, plain HTML, and a prediction comes before its answer."""

from html.parser import HTMLParser

import pytest
from toy_exercises import turn

from equitour.learn import check, hint, progress, question, quiz, solution


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    path = tmp_path / "room" / "progress.json"
    monkeypatch.setenv("EQUITOUR_PROGRESS", str(path))
    return path


class _Balanced(HTMLParser):
    """Counts elements and requires that each is closed where it must be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.attributes.append(dict(attributes))
        if tag != "input":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_messages_are_sound_html_that_says_the_status_in_words():
    for message in (
        check("test.turn", turn),
        check("test.turn", ...),
        hint("test.turn"),
        solution("test.turn"),
    ):
        page = _Balanced(message._repr_html_())
        assert page.attributes[0]["role"] == "status"
        assert message.status in message._repr_html_().lower()
        assert message.status in repr(message)
    _Balanced(progress()._repr_html_())


def test_a_learners_text_stays_text():
    def evil(a, b):
        raise ValueError("<script>alert(1)</script>")

    page = check("test.turn", evil)._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    shown = quiz("test.e", "<b>?", options={"<i>x": "<u>y", "z": "w"}, answer="z")._repr_html_()
    assert not {"b", "i", "u"} & set(_Balanced(shown).seen)


def test_a_prediction_is_asked_before_it_is_answered_and_needs_neither_kernel_nor_network():
    asked = quiz("test.q2", "Why?", options={"A cause": "Not so.", "Chance": "Indeed."}, answer="Chance")
    page = asked._repr_html_()
    seen = _Balanced(page)
    assert seen.seen.count("input") == 2
    assert seen.seen.index("input") < seen.seen.index("details")
    assert "script" not in seen.seen
    assert not any("src" in found or "href" in found or "checked" in found for found in seen.attributes)
    assert not any("open" in found for found in seen.attributes)
    assert "Chance" in repr(asked)
    assert "Indeed" not in repr(asked)
    assert page != quiz("test.q2")._repr_html_()  # Two showings on one page do not share their buttons.
    labels = [found["for"] for found in seen.attributes if "for" in found]
    assert labels == [found["id"] for found in seen.attributes if "id" in found]


def test_the_first_prediction_is_the_one_that_counts():
    question("test.q3", "Which?", options={"This": "No.", "That": "Yes, that."}, answer="That")
    assert quiz("test.q3", "a").kind == "not so"
    second = quiz("test.q3", "B")
    assert second.kind == "right"
    assert "Yes, that." in second.sentence
    assert progress().predictions["test.q3"]["choice"] == "A"
    with pytest.raises(ValueError, match="must be one of A, B, received 'C'; give the letter"):
        quiz("test.q3", "C")


def test_a_question_without_its_answer_is_refused():
    with pytest.raises(ValueError, match="must be one of the options, received 'Maybe'"):
        question("test.q4", "?", options={"Yes": "", "No": ""}, answer="Maybe")
    with pytest.raises(ValueError, match="must have 2 to 10 options, received 1"):
        question("test.q4", "?", options={"Yes": ""}, answer="Yes")
