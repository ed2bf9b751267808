"""The lessons: where they lie and what their metadata says of them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from equitour.cli.trouble import Trouble

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A notebook of the course and what a reader wants to know before opening it."""

    name: str
    title: str
    minutes: int | None
    level: str
    prerequisites: tuple[str, ...]
    needs: str
    goal: str
    path: Path

    def as_json(self) -> dict:
        """Plain values, the path as text."""
        return asdict(self) | {"path": str(self.path)}


def in_checkout() -> bool:
    """Whether equitour runs from a checkout, where the lessons stand beside the package, not inside it."""
    return not (_PACKAGE / "tutorials").is_dir()


def folder() -> Path:
    """The folder with the lessons: the one that the wheel carries, else `tutorials/` of the checkout.

    Raises:
        Trouble: If neither is there.
    """
    place = _PACKAGE.parent / "tutorials" if in_checkout() else _PACKAGE / "tutorials"
    if not place.is_dir():
        raise Trouble(
            f"the lessons must lie in {place}, but that folder is missing; "
            "install equitour again, or `pip install -e .` in a complete checkout"
        )
    return place


def course() -> list[Lesson]:
    """All lessons in the order of the course: the start, the numbered parts, then the rest."""
    paths = [path for path in folder().glob("*.ipynb") if not path.name.startswith((".", "_"))]
    return [read(path) for path in sorted(paths, key=_place_in_course)]


def read(path: Path) -> Lesson:
    """Read what a notebook says about itself.

    Raises:
        Trouble: If the file is not a notebook.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("equitour", {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(
            f"a lesson must be a Jupyter notebook, but {path} cannot be read as one; install equitour again"
        ) from None
    return Lesson(
        name=path.stem,
        title=about.get("title", path.stem),
        minutes=about.get("minutes"),
        level=about.get("level", ""),
        prerequisites=tuple(about.get("prerequisites", ())),
        needs=about.get("needs", ""),
        goal=about.get("goal", ""),
        path=path,
    )


def find(name: str) -> Path:
    """The notebook that `name` means: a path, a lesson's full name, or the start of one such as `101`.

    Raises:
        Trouble: If it means none or several.
    """
    given = Path(name)
    if given.suffix == ".ipynb" and given.is_file():
        return given.resolve()
    lessons = {path.stem: path for path in folder().glob("*.ipynb") if not path.name.startswith((".", "_"))}
    stem = given.name.removesuffix(".ipynb")
    if stem in lessons:
        return lessons[stem]
    matches = sorted(lesson for lesson in lessons if stem and lesson.startswith(stem))
    if len(matches) == 1:
        return lessons[matches[0]]
    if matches:
        raise Trouble(
            f"{name!r} must mean one lesson, but it begins {len(matches)}: {', '.join(matches)}; write more of it"
        )
    raise Trouble(
        f"{name!r} is no lesson and no notebook file; `equitour list` shows the names: {', '.join(sorted(lessons))}"
    )


def _place_in_course(path: Path) -> tuple[int, str]:
    if path.stem == "start":
        return 0, ""
    return (1, path.stem) if path.stem[:1].isdigit() else (2, path.stem)
