"""Training steps of EGNN on n-body motion, ours beside egnn-pytorch: `python -m tests.benchmarks.egnn`.

The sizes are the paper's: 100 systems of 5 bodies, 4 layers, 64 channels. The sides differ in what they were built
to do, which the parameter counts show: egnn-pytorch has no velocities and wider hidden layers, ours has both positions
and velocities as output; a plain writing of the paper's equations stands between them.
"""

import sys

from .bodies import BodyCase
from .command import parser, run
from .conversation import Side

SIDES = (
    Side("egnn-pytorch", "egnn_pytorch", "egnn-pytorch", note="all pairs densely; hidden edge layers of 260"),
    Side("paper", "egnn_plain", note="the paper's equations in plain torch, hidden layers of 64"),
    Side("equitour", "egnn_equitour", note="EGNNDynamics, hidden layers of 64"),
)


def main() -> int:
    """Run the benchmark."""
    arguments = parser(__doc__.splitlines()[0]).parse_args()
    return run(arguments, {"bodies": BodyCase()}, SIDES, "egnn-pytorch")


if __name__ == "__main__":
    sys.exit(main())
