"""Ctrl-C that waits for the end of a step, so that nothing that was computed is lost."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """Whether somebody has asked for an end."""

    asked = False


@contextmanager
def stopping_politely() -> Iterator[Stop]:
    """A first Ctrl-C, or a batch system's request to end, waits to be looked at; a second does not."""
    stop = Stop()

    def ask(*_) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
