"""The bar of a training: a share of its budget, with what is known of its errors behind it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

    from equitour.train import Training

LAYOUT = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"


def bar_of(training: Training, name: str, *, shown: bool = True) -> tqdm:
    """A bar from where the training stands to the end of its budget; whoever steps sets `bar.n`."""
    from tqdm.auto import tqdm

    # A bar that jumped to where a resumed training stands would wait for jumps as large before it moves again.
    options = {"initial": training.budget.progress, "miniters": 0, "disable": not shown}
    return tqdm(total=1.0, desc=name, bar_format=LAYOUT, file=sys.stderr, **options)
