"""The options of `equitour fit`: what stands where none was given, and which cannot be meant."""

from __future__ import annotations

import argparse
import math

from equitour.cli.asking import require_place, require_positive
from equitour.cli.trouble import Trouble

# What neither the data nor the model decide. The parser leaves these open, so that --resume can tell what was given.
DEFAULTS = {
    "dtype": "float32",
    "seed": 0,
    # Forces of AcAc, AdamW and Muon in meV/Å: MACE after 1,500 steps 15.5 and 9.5, NequIP after 1,000 32 and 20, after 500
    # attention 88 and 50, SchNet 149 and 79, EGNN 235 and 148, MPNN 201 and 75, CGCNN 241 and 126. Polarizabilities of
    # sixty molecules, 1,000 steps: 0.47 and 0.41.
    "optimizer": "muon",
    "decay": 0.99,
    "energy_weight": 10.0,
    "forces_weight": 100.0,
    "stress_weight": 0.0,
    "measure": "length",
    "tensor_measure": "length",
    "valid_fraction": 0.05,
}
FOR_ENERGIES = ("energy_weight", "forces_weight", "stress_weight", "measure")
FOR_TENSORS = ("only", "target_weight", "tensor_measure")
POSITIVE = ("steps", "minutes", "patience", "stop_after", "batch_size", "learning_rate", "cutoff", "members")
NOT_NEGATIVE = ("weight_decay", "energy_weight", "forces_weight", "stress_weight")


def spelled(name: str) -> str:
    """An option as it is written: "stop_after" is --stop-after."""
    return f"--{name.replace('_', '-')}"


def with_defaults(arguments: argparse.Namespace) -> argparse.Namespace:
    """The same, with the usual in the place of what was not given."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    return argparse.Namespace(**{**vars(arguments), **DEFAULTS, **given})


def require_sense(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before any file is read.

    Raises:
        Trouble: An option is out of its range, or does not go with another.
    """
    if arguments.steps is not None and arguments.minutes is not None:
        raise Trouble("give either --steps or --minutes, received both: leave one out.")
    require_positive(arguments, POSITIVE)
    _require_ranges(arguments)
    _require_one_kind(arguments)
    asked = [spelled(name) for name in ("patience", "stop_after") if getattr(arguments, name) is not None]
    if asked and arguments.valid is None and arguments.valid_fraction == 0:
        raise Trouble(
            f"{asked[0]} needs structures to validate on, received --valid-fraction 0: "
            "give --valid FILE or a share."
        )
    require_place(arguments)


def _require_ranges(arguments: argparse.Namespace) -> None:
    for name in NOT_NEGATIVE:
        value = getattr(arguments, name)
        if value is not None and not 0 <= value < math.inf:
            raise Trouble(
                f"{spelled(name)} must {'not be negative' if value < 0 else 'be finite'}, received {value:g}: "
                f"0 is without{' decay' if name == 'weight_decay' else ''}."
            )
    if arguments.energy_weight == 0 and arguments.forces_weight == 0 and not arguments.stress_weight:
        raise Trouble(
            "something must be learnt, received --energy-weight 0 and --forces-weight 0: leave one out."
        )
    if arguments.valid_fraction is not None and not 0 <= arguments.valid_fraction < 1:
        raise Trouble(
            f"--valid-fraction must lie in [0, 1), received {arguments.valid_fraction:g}: 0.05 keeps a twentieth."
        )
    if arguments.decay is not None and not 0 <= arguments.decay < 1:
        raise Trouble(
            f"--decay must lie in [0, 1), received {arguments.decay:g}: 0.99 averages about 100 steps."
        )
    if arguments.seed is not None and not 0 <= arguments.seed < 2**63:
        raise Trouble(f"--seed must be 0 or a positive number below 2⁶³, received {arguments.seed}: mend it.")


def _require_one_kind(arguments: argparse.Namespace) -> None:
    """Options of energies do not go with tensors, nor the other way round: they would be passed over in silence."""
    if arguments.target and (arguments.members or 1) > 1:
        raise Trouble("--members is for energies and forces, received --target: leave one of them out.")
    names, kind, came = (
        (FOR_ENERGIES, "energies and forces", "--target")
        if arguments.target
        else (FOR_TENSORS, "tensors", "no --target")
    )
    for name in names:
        if getattr(arguments, name) not in (None, []):
            cure = "leave one of them out" if arguments.target else "give --target, or leave it out"
            raise Trouble(f"{spelled(name)} is for {kind}, received {came}: {cure}.")
