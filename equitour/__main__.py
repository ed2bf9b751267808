"""`python -m equitour`, and so `torchrun ... -m equitour fit`: the same as the command `equitour`."""

import sys

from equitour.cli import main

if __name__ == "__main__":
    sys.exit(main())
