"""One switch for the size of a computation: `EQUITOUR_MODE=quick|normal|full`."""

import os

MODES = ("quick", "normal", "full")


def mode() -> str:
    """Read the mode in which the lessons run.

    Raises:
        ValueError: If `EQUITOUR_MODE` names no mode.
    """
    received = os.environ.get("EQUITOUR_MODE", "normal").strip().lower() or "normal"
    if received not in MODES:
        raise ValueError(
            f"EQUITOUR_MODE must be quick, normal or full, received {received!r}; "
            "unset it or set it to one of the three"
        ) from None
    return received


def by_mode(*, quick: object, normal: object, full: object = None) -> object:
    """Pick a value by the mode: seconds in quick, the lesson's stated minutes in normal, hours in full.

    `steps = by_mode(quick=50, normal=1000, full=20_000)`; without `full` the normal value serves both.

    Raises:
        ValueError: If `EQUITOUR_MODE` names no mode.
    """
    return {"quick": quick, "normal": normal, "full": normal if full is None else full}[mode()]
