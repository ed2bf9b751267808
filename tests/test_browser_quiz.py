"""A prediction in a real browser: nothing is told before a choice, and the keyboard is enough."""

import browser
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from equitour.learn import quiz

pytestmark = pytest.mark.browser

# Jupyter moves between its cells on arrow keys; this listener does as it does.
_GREEDY = "<script>document.addEventListener('keydown', (event) => event.preventDefault())</script>"


@pytest.fixture
def page(chrome, tmp_path):
    question = quiz(
        "test.browser",
        "What does a molecule's energy do when it turns?",
        options={"It turns": "A number has no direction.", "It stays": "It knows distances only."},
        answer="It stays",
    )
    shown = question._repr_html_()
    browser.open_page(chrome, _GREEDY + shown + shown.replace("quiz-", "twin-"), tmp_path / "quiz.html")
    return chrome


def _visible(page):
    return page.find_element(By.TAG_NAME, "fieldset").text


def test_nothing_is_told_before_a_choice(page):
    assert "Choose one before you read on." in _visible(page)
    assert "Reveal" not in _visible(page)
    assert "distances" not in _visible(page)


def test_the_choice_alone_tells_nothing_and_the_reveal_answers_this_choice_only(page):
    page.find_element(By.TAG_NAME, "label").click()
    assert "Reveal the answer" in _visible(page)
    assert "Choose one" not in _visible(page)
    assert "distances" not in _visible(page)
    page.find_element(By.TAG_NAME, "summary").click()
    assert "A (It turns): not so. A number has no direction." in _visible(page)
    assert "The answer is B (It stays). It knows distances only." in _visible(page)
    assert "right." not in _visible(page)
    assert (
        "Choose one" in page.find_elements(By.TAG_NAME, "fieldset")[1].text
    )  # The twin is another question.


def test_the_arrow_keys_choose_even_where_the_page_wants_them_for_itself(page):
    buttons = page.find_elements(By.TAG_NAME, "input")
    page.execute_script("arguments[0].focus()", buttons[0])
    buttons[0].send_keys(Keys.SPACE)
    buttons[0].send_keys(Keys.ARROW_DOWN)
    assert [button.is_selected() for button in buttons] == [False, True, False, False]
    page.switch_to.active_element.send_keys(Keys.TAB)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert "B (It stays): right." in _visible(page)


def test_a_question_asks_nothing_of_the_network(page):
    assert browser.requests_beyond_loopback(page) == []
    assert browser.console_errors(page) == []
