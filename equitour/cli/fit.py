"""`equitour fit`: from a file of structures to a trained potential, with everything else taken from the data."""

import argparse
from pathlib import Path

from equitour.cli.training_options import require_sense
from equitour.cli.trouble import Trouble

HELP = "train a potential on energies and forces, or a model of response tensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare files, budget, model and what may be set by hand."""
    files = parser.add_argument_group(
        "files",
        "Free atoms in --data begin the energies of their elements. What bonds bring on average is added to them, "
        "which a network would learn at the cost of forces: free atoms of the model are not those of the file.",
    )
    files.add_argument(
        "--data", type=Path, required=True, help="structures with energies and forces, or tensors (extxyz)"
    )
    files.add_argument(
        "--valid", type=Path, help="structures to validate on (a share of --data is kept aside)"
    )
    files.add_argument("--out", type=Path, default=Path("model.safetensors"), help="the model file")
    files.add_argument("--resume", action="store_true", help="go on where the training of --out was stopped")
    files.add_argument("--overwrite", action="store_true", help="begin anew although --out exists")
    budget = parser.add_argument_group("budget")
    budget.add_argument("--minutes", type=float, help="train for so long (20; tensors 25)")
    budget.add_argument(
        "--steps", type=int, help="train for so many steps instead; repeatable to the last bit"
    )
    budget.add_argument("--patience", type=int, help="halve the rate after so many looks without improvement")
    budget.add_argument("--stop-after", type=int, help="stop after so many looks without improvement")
    add_model_arguments(parser.add_argument_group("model"))
    add_learning_arguments(parser.add_argument_group("learning"))
    add_tensor_arguments(parser.add_argument_group("tensors"))


def add_model_arguments(model) -> None:
    """Declare the network and where it is computed."""
    model.add_argument("--model", help="its name (mace; tensors nequip)")
    model.add_argument(
        "--members",
        type=int,
        help="a committee: the mean of so many, which errs less and takes longer (mace, nequip: 3 in 10 minutes or more where "
        "at most 5,000 components of forces are learnt, 1 elsewhere)",
    )
    model.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the model"
    )
    model.add_argument(
        "--cutoff",
        type=float,
        help="length of the longest edge in Å (5; mace, nequip 4 for molecules with at most 5,000 components of forces)",
    )
    model.add_argument("--dtype", choices=("float32", "float64"), help="precision (float32)")
    model.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (cpu)")
    model.add_argument(
        "--compile",
        choices=("auto", "yes", "no"),
        default="auto",
        help="compile energies and forces, for faster steps after a minute or two (auto: where 10 minutes are left)",
    )


def add_learning_arguments(learning) -> None:
    """Declare what the loss weighs and how fast the weights move."""
    learning.add_argument("--seed", type=int, help="of weights, order and validation split (0)")
    learning.add_argument("--batch-size", type=int, help="structures in a step (from the data)")
    learning.add_argument("--optimizer", choices=("adamw", "muon"), help="how weights move (muon)")
    learning.add_argument("--learning-rate", type=float, help="at its highest (from the model)")
    learning.add_argument("--decay", type=float, help="of the average of weights (0.99)")
    learning.add_argument(
        "--weight-decay",
        type=float,
        help="share of a weight taken away a step, times the rate (from the model; more where at most 5,000 "
        "components of forces are learnt)",
    )
    learning.add_argument("--energy-weight", type=float, help="of energies per atom (10)")
    learning.add_argument("--forces-weight", type=float, help="of forces (100)")
    learning.add_argument(
        "--stress-weight", type=float, help="of stress, in the unit of forces per Å² (0: not learnt)"
    )
    learning.add_argument(
        "--measure",
        choices=("squared", "absolute", "huber", "length"),
        help="how deviations of forces are added (length)",
    )
    learning.add_argument(
        "--valid-fraction",
        type=float,
        help="share of --data that is kept aside to validate (0.05)",
    )


def add_tensor_arguments(tensors) -> None:
    """Declare what is learnt instead of energies and forces."""
    tensors.add_argument(
        "--target",
        metavar="NAMES",
        help="tensors to learn, with commas: born_effective_charges, raman_tensors, shielding, dipole, polarizability, …",
    )
    tensors.add_argument(
        "--only", metavar="ELEMENTS", help="atoms whose tensors count, with commas (all labelled)"
    )
    tensors.add_argument(
        "--target-weight",
        action="append",
        default=[],
        metavar="NAME=WEIGHT",
        help="of one tensor in the loss (1)",
    )
    tensors.add_argument(
        "--tensor-measure",
        choices=("squared", "absolute", "huber", "length"),
        help="how deviations of tensors are added (length)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Train; a wrong file or setting ends in one sentence, a stop keeps what was reached."""
    from equitour.cli.training_resume import stamp_of, stopped
    from equitour.cli.training_run import run

    require_sense(arguments)
    before = stamp_of(arguments.out)
    try:
        run(arguments)
    except (ValueError, FloatingPointError) as trouble:
        raise Trouble(str(trouble)) from None
    except KeyboardInterrupt:
        raise stopped(arguments, before=before) from None
    return 0
