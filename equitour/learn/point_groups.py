"""Random inputs for exercises about finite groups: point groups in any orientation, and ammonia's."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from equitour.symmetry import random_orthogonal, random_rotation, reflection_matrix, rotation_matrix


def draw_integer(low: int, high: int, generator: torch.Generator) -> int:
    """One whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def draw_point_group(generator: torch.Generator) -> Float[Tensor, "operations 3 3"]:
    """C_n, C_nv or D_n with n from 2 to 6 in a random orientation; the identity stands first."""
    fold = draw_integer(2, 6, generator)
    turns = rotation_matrix((0, 0, 1), 2 * math.pi / fold * torch.arange(fold, dtype=torch.float64))
    second = [None, reflection_matrix((1, 0, 0)), rotation_matrix((1, 0, 0), math.pi)]
    chosen = second[draw_integer(0, 2, generator)]
    elements = turns if chosen is None else torch.cat([turns, turns @ chosen])
    frame = random_rotation(generator=generator)
    return frame @ elements @ frame.T


def draw_ammonia(generator: torch.Generator) -> tuple[Float[Tensor, "6 3 3"], Float[Tensor, "6 4 4"]]:
    """C3v in a random orientation, and how it shuffles the four atoms of ammonia, nitrogen first."""
    turns = rotation_matrix((0, 0, 1), 2 * math.pi / 3 * torch.arange(3, dtype=torch.float64))
    group = torch.cat([turns, turns @ reflection_matrix((0, 1, 0))])
    corners = turns[:, :, 0]
    shuffles = torch.zeros(6, 4, 4, dtype=torch.float64)
    shuffles[:, 0, 0] = 1
    shuffles[:, 1:, 1:] = torch.stack([torch.cdist(corners, corners @ g.T) < 1e-6 for g in group]).double()
    frame = random_rotation(generator=generator)
    return frame @ group @ frame.T, shuffles


def draw_damaged_group(generator: torch.Generator) -> Float[Tensor, "operations 3 3"]:
    """A point group in any order; five times out of six it has lost one or two elements."""
    elements = draw_point_group(generator)
    lost = (0, 1, 1, 1, 2, 2)[draw_integer(0, 5, generator)] * (len(elements) > 2)
    return elements[torch.randperm(len(elements), generator=generator)[lost:]]


def draw_move(generator: torch.Generator) -> tuple[Float[Tensor, "3 3"], Int[Tensor, " atoms"]]:
    """An operation and where it sends 5 to 9 atoms; one to three of them stay."""
    atoms, fixed = draw_integer(5, 9, generator), draw_integer(1, 3, generator)
    places = torch.arange(atoms)
    chosen = torch.randperm(atoms, generator=generator)[fixed:]
    places[chosen] = chosen.roll(1)
    return random_orthogonal(generator=generator), places
