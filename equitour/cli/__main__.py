"""`python -m equitour.cli` does what `equitour` does, also where the scripts' folder is not on the PATH."""

import sys

from equitour.cli import main

sys.exit(main())
