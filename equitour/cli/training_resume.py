"""Going on with a training that was stopped: as it began, with nothing but the budget changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equitour.cli import tensor_plan
from equitour.cli import training_plan as planning
from equitour.cli.training_options import spelled
from equitour.cli.training_plan import Plan
from equitour.cli.trouble import Trouble

# Of these a plan holds one number or word each.
OPTIONS = (
    *(
        "model",
        "members",
        "cutoff",
        "dtype",
        "seed",
        "batch_size",
        "valid_fraction",
        "patience",
        "stop_after",
    ),
    *("optimizer", "learning_rate", "decay", "weight_decay", "measure", "tensor_measure"),
    *("energy_weight", "forces_weight", "stress_weight"),
)


def state_of(out: Path) -> Path:
    """Where everything that resuming needs stands, beside the model."""
    return out.with_name(out.name + ".state")


def stamp_of(out: Path) -> int | None:
    """When the state was written, in ns; None where there is none."""
    state = state_of(out)
    return state.stat().st_mtime_ns if state.is_file() else None


def stopped(arguments: argparse.Namespace, *, before: int | None) -> Trouble:
    """What is said after Ctrl-C: --resume is promised only where this training has a state to go on from.

    Args:
        arguments: Of `equitour fit`.
        before: `stamp_of` the model when the command began.
    """
    now = stamp_of(arguments.out)
    if now is not None and (arguments.resume or now != before):
        return Trouble(
            "stopped; what was reached is kept, and the same command with --resume goes on from there."
        )
    return Trouble("stopped before there was anything to keep; the same command begins anew.")


def resumed_plan(saved: dict[str, Any], arguments: argparse.Namespace) -> Plan:
    """The plan that training began with; only the budget may have changed.

    Raises:
        Trouble: The data, the structures to validate on, or an option that was given differ from the plan's.
    """
    plan = Plan(**saved)
    names = [target["name"] for target in plan.targets] if plan.response else []
    if names != (tensor_plan.targets_in(arguments.target) if arguments.target else []):
        raise Trouble(
            f"--resume needs the --target that training began with, received {arguments.target or 'none'}: "
            f"{'give --target ' + ','.join(names) if names else 'leave it out'}, or begin anew with --overwrite."
        )
    if plan.valid is None and arguments.valid is None:
        raise Trouble(
            "--resume needs --valid FILE as before, received none: give the file that training began with."
        )
    _require_same_file(arguments.data, plan.data["file"], plan.data["sha256"])
    if arguments.valid and plan.valid is not None:
        raise Trouble(
            f"--resume keeps aside the same share of --data to validate, received --valid {arguments.valid.name}: "
            "leave it out, or begin anew with --overwrite."
        )
    # The first states did not hold this; then the file cannot be compared.
    if arguments.valid and "valid_sha256" in plan.data:
        _require_same_file(arguments.valid, plan.data["valid"], plan.data["valid_sha256"])
    _require_same_options(plan, arguments)
    if arguments.steps or arguments.minutes:
        plan.steps, plan.minutes = arguments.steps, arguments.minutes
    return plan


def _require_same_file(path: Path, name: str, sha256: str) -> None:
    if not path.is_file():
        raise Trouble(f"a data file must exist, received {path}: check the name and the folder")
    if planning.sha256(path) != sha256:
        raise Trouble(
            f"--resume needs the data that training began with, received {path.name}, which differs from "
            f"{name}: give the same file, or begin anew with --overwrite."
        )


def _require_same_options(plan: Plan, arguments: argparse.Namespace) -> None:
    for option, before, received in _compared(plan, arguments):
        if before != received:
            words = f"without {option}" if before is None else f"with {option} {before}"
            raise Trouble(
                f"--resume goes on as training began, {words}, received {option} {received}: "
                "leave it out, or begin anew with --overwrite."
            )


def _compared(plan: Plan, arguments: argparse.Namespace) -> Iterator[tuple[str, Any, Any]]:
    """Each option that was given, with its value in the plan and the one received."""
    known = options_of(plan)
    for name in OPTIONS:
        received = getattr(arguments, name)
        # The first states did not hold the share that validates.
        if received is not None and not (name == "valid_fraction" and plan.valid_fraction is None):
            yield spelled(name), known.get(name), received
    for name, value in planning.parsed_settings(arguments.set).items():
        yield f"--set {name}", plan.settings.get(name), value
    if plan.response:
        yield from tensor_plan.compared(plan, arguments)


def options_of(plan: Plan) -> dict[str, Any]:
    """What each option would have to be for the same plan."""
    names = ("model", "members", "dtype", "seed", "batch_size", "valid_fraction", "patience", "stop_after")
    options = {name: getattr(plan, name) for name in names} | {"cutoff": plan.settings["cutoff"]}
    options |= {name: plan.recipe[name] for name in ("learning_rate", "decay", "weight_decay")}
    # The first states did not hold it; they were all of one kind.
    options["optimizer"] = plan.recipe.get("optimizer", "adamw")
    targets = {target["name"]: target for target in plan.targets}
    if plan.response:
        return options | {"tensor_measure": plan.targets[0]["measure"]}
    weights = {f"{name}_weight": target["weight"] for name, target in targets.items()}
    return {"stress_weight": 0.0} | options | weights | {"measure": targets["forces"]["measure"]}
