"""Training steps of potentials, ours beside the peers': `python -m tests.benchmarks.potentials`.

All sides train a NequIP-type network (3 layers, 32 channels, natural parity) on the same structures with the same
edges: forward, forces, loss, backward, Adam, in float32 on one thread. Each is a process of its own in its own
environment (`python -m tests.benchmarks.environments` makes them), asked in turn for a few steps, so that the moods of
a shared machine fall on all alike; "times as fast" is the median over rounds of nequip's CPU time over the side's.
"""

import sys
from dataclasses import replace

from .cases import CASES
from .command import parser, run
from .conversation import Side

REFERENCE = "nequip"

EAGER = (
    Side("nequip", "nequip", "nequip", note="eager; a type embedding as wide as the channels, its default"),
    Side(
        "nequip-light",
        "nequip",
        "nequip",
        {"type_embedding": "species"},
        note="eager; a type embedding as wide as there are elements",
    ),
    Side(
        "nequip-lean",
        "nequip",
        "nequip",
        {"as_fit": True},
        note="eager; in the loop of `equitour.train`",
    ),
    Side(
        "mace", "mace", "mace", {"correlation": 2}, note="3 layers, correlation 2 (1 fails for one element)"
    ),
    Side(
        "mace-3",
        "mace",
        "mace",
        {"correlation": 3, "num_layers": 2},
        note="2 layers, correlation 3, its defaults",
    ),
    Side(
        "sevenn", "sevenn", "sevenn", note="its parity=False couples 1 x 1 -> 1 too; starts from edge vectors"
    ),
    Side("tensorial", "tensorial", "tensorial", note="JAX; its layers pass plain features on as more paths"),
    Side("e3nn-jax", "e3nn_jax", "e3nn-jax", note="JAX; a NequIP written for this benchmark from its pieces"),
    Side(
        "equitour",
        "equitour",
        options={"radial_width": 16, "as_fit": True},
        note="as `equitour.train` takes a step with AdamW: radial networks 8-16-out, gradients of the parameters alone, "
        "Adam in one pass",
    ),
    Side(
        "equitour-plain",
        "equitour",
        options={"radial_width": 16},
        note="the same network in the loop of the peers: plain backward(), Adam by its default",
    ),
    Side("equitour-wide", "equitour", note="as equitour-plain, with radial networks as wide as the peers'"),
)
COMPILED = (
    Side("nequip-compiled", "nequip", "nequip", {"compile": True}, note="compile_mode='compile'"),
    Side(
        "equitour-compiled",
        "equitour",
        options={"radial_width": 16, "compile": True, "as_fit": True},
        note="compile=True, as `equitour.train` takes a step",
    ),
    Side(
        "equitour-plain-compiled",
        "equitour",
        options={"radial_width": 16, "compile": True},
        note="compile=True, in the loop of the peers",
    ),
    Side("equitour-wide-compiled", "equitour", options={"compile": True}, note="compile=True"),
)


def main() -> int:
    """Run the benchmark."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--cases", default=",".join(CASES), help="default: %(default)s")
    options.add_argument("--radial-width", type=int, default=64, help="of the peers; default: %(default)s")
    options.add_argument(
        "--compile", action="store_true", help="also compiled nequip and ours (minutes to start)"
    )
    arguments = options.parse_args()
    names = arguments.cases.split(",")
    if unknown := set(names) - set(CASES):
        options.error(f"cases must be among {', '.join(CASES)}, received {', '.join(sorted(unknown))}")
    cases = {
        name: replace(case, settings=replace(case.settings, radial_width=arguments.radial_width))
        for name, case in CASES.items()
        if name in names
    }
    return run(arguments, cases, EAGER + COMPILED if arguments.compile else EAGER, REFERENCE)


if __name__ == "__main__":
    sys.exit(main())
