"""Acoustic sum rules: nothing changes when all atoms move together."""

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.inputs import Array, real


def sum_rule_violation(per_atom: Array) -> float:
    """The largest component of Σ_κ T_κ, which must vanish: all atoms moved together are the same structure.

    For Born charges it is the charge of the whole (zero for a neutral one), in e; for Raman tensors dα/dR what a
    translation would do to α; for a Hessian the force on an atom when everything moves. Pick, Cohen and Martin,
    Phys. Rev. B 1, 910 (1970).

    Args:
        per_atom: (nodes, ...), the atom that moves first.

    Raises:
        ValueError: There is no axis of atoms.
    """
    return float(_per_atom(per_atom).sum(0).abs().max())


def impose_sum_rule(per_atom: Array, *, total: Array | None = None) -> Float[Tensor, "nodes ..."]:
    """The nearest tensors of atoms that obey the rule: T_κ − (Σ_κ' T_κ' − total)/nodes.

    Args:
        per_atom: Born charges (nodes, 3, 3) or Raman tensors (nodes, 3, 3, 3); for a Hessian, which has two atoms,
            take `impose_hessian_sum_rule`.
        total: What the sum shall be when it is not zero, such as the charge times the unit matrix for an ion.

    Raises:
        ValueError: There is no axis of atoms.
    """
    values = _per_atom(per_atom)
    wanted = torch.zeros_like(values[0]) if total is None else torch.as_tensor(total).to(values)
    return values - (values.sum(0) - wanted) / len(values)


def impose_hessian_sum_rule(hessian: Array) -> Float[Tensor, "nodes 3 nodes 3"]:
    """The nearest symmetric Hessian in which a translation of everything meets no force, (1 − P) H (1 − P).

    Args:
        hessian: (nodes, 3, nodes, 3) in eV/Å².

    Raises:
        ValueError: The shape is another.
    """
    hessian = checked_hessian(hessian)
    hessian = hessian - hessian.mean(0, keepdim=True)
    return hessian - hessian.mean(2, keepdim=True)


def checked_hessian(hessian: Array) -> Tensor:
    """The Hessian, symmetrised, after a look at its shape and its symmetry.

    Raises:
        ValueError: The shape is another, or the two halves differ by more than noise.
    """
    cure = "reshape a matrix of 3 nodes with .reshape(nodes, 3, nodes, 3)"
    hessian = real("hessian", hessian, ("nodes", 3, "nodes", 3), cure)
    mirrored = hessian.permute(2, 3, 0, 1)
    gap, size = float((hessian - mirrored).abs().max()), float(hessian.abs().max())
    if gap > 0.05 * size:
        raise ValueError(
            f"hessian must be symmetric, received halves that differ by {gap:.2g} of {size:.2g} eV/Å²: "
            "order its axes (atom, xyz, atom, xyz)"
        )
    return (hessian + mirrored) / 2


def _per_atom(values: Array) -> Tensor:
    values = torch.as_tensor(values).to("cpu", torch.float64)
    if values.dim() < 2:
        raise ValueError(
            f"tensors of atoms must have shape (nodes, 3, ...), received {tuple(values.shape)}: put the atoms first"
        )
    return values
