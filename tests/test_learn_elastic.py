"""Elasticity as lesson 303 takes it up: its irreps, its table, and the crystals that leave it fewer numbers."""

import pytest
import torch
from e3nn import o3

from equitour.learn import elastic
from equitour.learn.exercises.lesson_303 import symmetric_square
from equitour.symmetry import CartesianTensor, invariant_projector, symmetry_operations

ELASTICITY = CartesianTensor("ijkl=jikl=ijlk=klij")


@pytest.mark.parametrize(
    ("space", "formula"),
    [
        ("1o", "ij=ji"),
        ("0e + 2e", "ijkl=jikl=ijlk=klij"),
        ("0e + 1e + 2e", "ijkl=klij"),
        ("1e", "ijkl=-jikl=-ijlk=klij"),
    ],
)
def test_the_square_of_a_space_has_the_irreps_of_the_tensor_whose_pairs_of_indices_may_be_exchanged(
    space, formula
):
    assert symmetric_square(space) == CartesianTensor(formula).irreps


@pytest.mark.parametrize("space", ["2x1o", "1e + 2o", "3o", "2x0o + 1e + 2e", "0e + 1o + 2e"])
def test_the_square_agrees_with_e3nn_and_counts_the_entries_of_a_symmetric_matrix(space):
    found = symmetric_square(space)
    reference = o3.ReducedTensorProducts("ij=ji", i=space).irreps_out
    assert found == reference.sort().irreps.simplify()
    n = o3.Irreps(space).dim
    assert found.dim == n * (n + 1) // 2


def test_an_isotropic_solid_has_the_table_of_the_textbooks():
    unit, lam, mu = torch.eye(3).double(), 0.7, 0.4
    C = lam * torch.einsum("ij,kl->ijkl", unit, unit)
    C = C + mu * (torch.einsum("ik,jl->ijkl", unit, unit) + torch.einsum("il,jk->ijkl", unit, unit))
    expected = torch.zeros(6, 6).double()
    expected[:3, :3] = lam
    expected += torch.diag(torch.tensor([2 * mu] * 3 + [mu] * 3).double())
    torch.testing.assert_close(elastic.table(C), expected)
    assert elastic.table(C.expand(2, 5, 3, 3, 3, 3)).shape == (2, 5, 6, 6)


def test_rows_and_columns_of_the_table_are_called_by_their_strains():
    C = torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    places = [["xyz".index(letter) for letter in strain] for strain in elastic.STRAINS]
    for row, (i, j) in enumerate(places):
        for column, (k, l) in enumerate(places):
            assert elastic.table(C)[row, column] == C[i, j, k, l]


def test_the_crystals_have_as_many_constants_as_nye_gives_their_groups():
    free = {}
    for name, graph in elastic.crystals().items():
        assert torch.bincount(graph.receivers, minlength=graph.num_nodes).min() >= 1
        group = symmetry_operations(graph)
        free[name] = (len(group), round(float(invariant_projector(group, ELASTICITY.irreps).trace())))
    # m-3m, 6/mmm, 4/mmm, 32 and 1.
    assert free == {
        "rock salt": (48, 3),
        "graphite": (24, 5),
        "rutile": (16, 6),
        "quartz": (6, 6),
        "quartz, shaken": (1, 21),
    }
