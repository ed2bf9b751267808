"""The exercises of the lessons, found by the prefix of their name and imported only when one is asked for.

"102.compose" stands in `lesson_102.py`; "start.turn" and "conventions.order" in `start.py` and `conventions.py`.
"""

import importlib
import pkgutil


def lessons() -> list[str]:
    """List the prefixes that have exercises: "101", "102", ..., "conventions", "start"."""
    return sorted(module.name.removeprefix("lesson_") for module in pkgutil.iter_modules(__path__))


def load(prefix: str) -> None:
    """Import the exercises of one lesson, if there is such a lesson; a second call costs nothing."""
    if prefix in lessons():
        module = f"lesson_{prefix}" if prefix.isdigit() else prefix
        importlib.import_module(f"{__name__}.{module}")
