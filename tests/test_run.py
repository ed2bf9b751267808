"""A lesson run without a page: what comes out, what stops it, and that the result needs nothing but a browser."""

import json
import re
import sys

import browser
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from selenium.webdriver.support.ui import WebDriverWait

from equitour import cli
from equitour.cli import lessons, mathml
from equitour.cli.lesson_page import to_html


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook of these cells and return its path."""

    def write(*cells, name="lesson.ipynb", **about):
        path = tmp_path / name
        nbformat.write(new_notebook(cells=list(cells), metadata={"equitour": about} if about else {}), path)
        return path

    return write


def refusal(capsys, *words):
    """The sentence with which a command line is refused; nothing else may be said."""
    assert cli.main([*words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("equitour: ")
    assert err.count("\n") == 1
    return err


def test_a_lesson_becomes_one_page_with_its_results_and_formulas(notebook, tmp_path, capsys):
    path = notebook(
        new_markdown_cell(r"Energy $E < 0$ and $$F = -\frac{\partial E}{\partial x}$$"),
        new_code_cell("import os; print('mode', os.environ['EQUITOUR_MODE'])"),
        new_code_cell("from IPython.display import Math; Math(r'\\sqrt{x}')"),
        title="A <small> lesson",
    )
    assert cli.main(["run", str(path), "--mode", "full", "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "mode full" in page
    assert page.count("<math") == 3
    assert "<mfrac>" in page
    assert "<title>A &lt;small&gt; lesson</title>" in page
    assert "2 cells" in capsys.readouterr().out


def test_a_page_asks_no_server_for_anything(notebook, tmp_path):
    slider = "import ipywidgets; ipywidgets.IntSlider()"
    path = notebook(new_markdown_cell("$x$"), new_code_cell(slider))
    assert cli.main(["run", str(path), "--html", str(tmp_path)]) == 0
    page = (tmp_path / "lesson.html").read_text()
    for word in ("cdnjs", "unpkg", "jsdelivr", "mathjax.", 'src="http', 'href="http', "url(http"):
        assert word not in page.lower(), word
    assert "IntSlider" in page


def test_links_between_lessons_lead_from_page_to_page(notebook, tmp_path):
    cell = new_markdown_cell("[next](102_groups.ipynb#characters), [elsewhere](https://example.org/a.ipynb)")
    page = to_html(nbformat.read(notebook(cell), as_version=4), title="x", folder=tmp_path)
    assert 'href="102_groups.html#characters"' in page
    assert 'href="https://example.org/a.ipynb"' in page


def test_a_failing_cell_is_named_and_the_page_up_to_there_is_kept(notebook, tmp_path, capsys):
    cells = [
        new_code_cell("print('before')"),
        new_markdown_cell("text"),
        new_code_cell("1 / 0"),
        new_code_cell("print('after')"),
    ]
    assert cli.main(["run", str(notebook(*cells)), "--html", str(tmp_path / "page.html")]) == 1
    said = capsys.readouterr().err
    assert "lesson stopped: code cell 2 (id" in said
    assert "beginning '1 / 0') failed with ZeroDivisionError: division by zero" in said
    page = (tmp_path / "page.html").read_text()
    assert "before\n" in page
    assert "after\n" not in page


def test_a_kernel_that_dies_is_a_sentence(notebook, tmp_path, capsys):
    path = notebook(new_code_cell("import os; os._exit(1)"))
    assert cli.main(["run", str(path), "--html", str(tmp_path / "page.html")]) == 1
    assert "the kernel died, perhaps for want of memory" in capsys.readouterr().err


def test_an_interrupted_lesson_keeps_the_page_up_to_there(notebook, tmp_path, capsys):
    cells = [
        new_code_cell("print('before')"),
        new_code_cell("import os, signal; os.kill(os.getppid(), signal.SIGINT); import time; time.sleep(60)"),
    ]
    assert cli.main(["run", str(notebook(*cells)), "--html", str(tmp_path / "page.html")]) == 130
    assert "interrupted in cell 2" in capsys.readouterr().err
    assert "before\n" in (tmp_path / "page.html").read_text()


def test_a_lesson_runs_in_this_python_whatever_kernels_the_user_has(notebook, tmp_path, monkeypatch):
    """A kernel named python3 of another Python is what most often breaks a course."""
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text(
        json.dumps({"argv": ["/nowhere/python"], "display_name": "x", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    path = notebook(new_code_cell("import sys; print('PREFIX', sys.prefix)"))
    assert cli.main(["run", str(path), "--html", str(tmp_path / "page.html")]) == 0
    assert f"PREFIX {sys.prefix}" in (tmp_path / "page.html").read_text()


def test_threads_that_wait_give_their_core_away(notebook, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    path = notebook(new_code_cell("import os; print('POLICY', os.environ['OMP_WAIT_POLICY'])"))
    assert cli.main(["run", str(path), "--html", str(tmp_path / "page.html")]) == 0
    assert "POLICY PASSIVE" in (tmp_path / "page.html").read_text()


def test_a_run_leaves_the_learners_record_alone(notebook, tmp_path, monkeypatch):
    monkeypatch.delenv("EQUITOUR_PROGRESS")
    path = notebook(new_code_cell("from equitour.learn.record import place; print('PLACE', place())"))
    assert cli.main(["run", str(path), "--html", str(tmp_path / "page.html")]) == 0
    assert "PLACE" in (tmp_path / "page.html").read_text()
    assert not (tmp_path / ".equitour").exists()
    assert f"PLACE {tmp_path}" not in (tmp_path / "page.html").read_text()


def test_a_page_that_cannot_be_written_is_refused_before_the_lesson_runs(notebook, tmp_path, capsys):
    path = notebook(new_code_cell(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    said = refusal(capsys, "run", str(path), "--html", str(tmp_path / "nowhere" / "page.html"))
    assert "the folder of the page must exist" in said
    assert not (tmp_path / "ran").exists()


def test_without_the_tools_to_run_a_lesson_the_cure_is_said(notebook, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbclient", None)
    said = refusal(capsys, "run", str(notebook(new_code_cell("1"))), "--html", str(tmp_path / "page.html"))
    assert "nbclient must be installed to run a lesson" in said


@pytest.mark.parametrize("lesson", lessons.course(), ids=lambda lesson: lesson.name)
def test_every_formula_of_a_lesson_is_drawn_on_its_page(lesson):
    """What the translator does not know would stand there as source."""
    notebook = nbformat.read(lesson.path, as_version=4)
    page = to_html(notebook, title=lesson.title, folder=lesson.path.parent)
    assert re.findall(r'<code class="equitour-tex">(.*?)</code>', page, re.S) == []
    for block in re.findall(r'data-mime-type="text/markdown">(.*?)</div>', page, re.S):
        prose = re.sub(r"<(math|code|pre)\b.*?</\1>", "", block, flags=re.S)
        assert not re.search(r"\$[^$]+\$|\\(begin|frac|mathbf)\b", prose), prose


@pytest.mark.parametrize(
    ("tex", "drawn"),
    [
        (r"\frac{a}{b}", "<mfrac>"),
        (r"\mathbb{R}^3", "ℝ"),
        (r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}", "<mtable"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "<mtable"),
        (r"\langle l_1 m_1 l_2 m_2 | l m \rangle", "⟨"),
        (r"x < y", "&lt;"),
    ],
)
def test_formulas_become_mathml(tex, drawn):
    assert drawn in mathml.render(tex, block=True)


def test_a_formula_that_cannot_be_drawn_stays_readable():
    assert mathml.render(r"\unknowncommand{x} < y", block=False) == (
        r'<code class="equitour-tex">\unknowncommand{x} &lt; y</code>'
    )


@pytest.mark.parametrize(
    "wrapped", [r"$\displaystyle \sqrt{x}$", r"$$\sqrt{x}$$", r"\[\sqrt{x}\]", r"\sqrt{x}"]
)
def test_an_output_in_latex_is_unwrapped_and_displayed(wrapped):
    assert mathml.unwrapped(wrapped) == mathml.render(r"\sqrt{x}", block=True)


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_in_the_browser_a_page_is_complete_follows_the_theme_and_asks_nobody(notebook, tmp_path, dark):
    browser.require_chromium()
    path = notebook(
        new_markdown_cell(r"$$E = \frac{p^2}{2m}$$"),
        new_code_cell(
            "from equitour import view; from ase.build import molecule; view.show(molecule('H2O'))"
        ),
    )
    assert cli.main(["run", str(path), "--html", str(tmp_path / "page.html")]) == 0
    driver = browser.start(dark=dark)
    try:
        driver.get((tmp_path / "page.html").as_uri())
        assert (
            driver.execute_script("return document.querySelector('mfrac').getBoundingClientRect().height")
            > 15
        )
        assert driver.execute_script("return document.body.dataset.jpThemeLight") == str(not dark).lower()
        background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") is not dark
        WebDriverWait(driver, 10).until(
            lambda page: browser.painted(page) and min(browser.painted(page)) > 0.001
        )
        assert browser.requests_beyond_loopback(driver) == []
        assert browser.console_errors(driver) == []
    finally:
        driver.quit()
