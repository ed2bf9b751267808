"""What every command that writes a file over a while asks of its options, before any file is read."""

import argparse
import math
from collections.abc import Iterable

from equitour.cli.trouble import Trouble


def require_positive(arguments: argparse.Namespace, names: Iterable[str]) -> None:
    """Options that are given must be positive and finite.

    Raises:
        Trouble: One is not.
    """
    for name in names:
        value = getattr(arguments, name)
        if value is not None and not 0 < value < math.inf:
            raise Trouble(
                f"--{name.replace('_', '-')} must be {'finite' if value == math.inf else 'positive'}, received {value:g}: leave it out or mend it."
            )


def require_place(arguments: argparse.Namespace) -> None:
    """`--out` must be new, unless it is to be gone on with or given up, and its folder must be there.

    Raises:
        Trouble: It is not.
    """
    out = arguments.out
    if out.exists() and not (arguments.resume or arguments.overwrite):
        raise Trouble(
            f"--out must be a new file, received {out}, which exists: "
            "go on with --resume, or begin anew with --overwrite."
        )
    if not out.absolute().parent.is_dir():
        raise Trouble(f"the folder of --out must exist, received {out.absolute().parent}: make it first.")
