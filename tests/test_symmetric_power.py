"""The symmetric power against characters, e3nn, sums over neighbours written out, and its own definition."""

import itertools
import math

import numpy as np
import pytest
import torch
from e3nn import o3

from equitour.symmetry import irreps_matrix, random_orthogonal
from equitour.tensor_product import spherical_harmonics
from equitour.tensor_product.symmetric_power import SymmetricPower, symmetric_basis

NATURAL = "0e + 1o + 2e"
MIXED = "0e + 0o + 1e + 1o"
LETTERS = "abdf"


def rows(nodes=7, dim=9, channels=3, seed=0):
    return torch.randn(nodes, dim, channels, generator=torch.Generator().manual_seed(seed)).double()


def count_by_characters(irreps, irrep_out, number):
    """How often `irrep_out` stands in Sym^number of the irreps: an average of characters over O(3)."""
    angles = (np.arange(64) + 0.5) * 2 * np.pi / 64  # Exact: the integrand is a trigonometric polynomial.

    def character(wanted, power, sign):
        return sum(
            ir.p ** ((1 - sign**power) // 2)
            * (1 + 2 * sum(np.cos(m * power * angles) for m in range(1, ir.l + 1)))
            for _, ir in o3.Irreps(wanted)
        )

    total = 0
    for sign in (1, -1):
        x = {k: character(irreps, k, sign) for k in range(1, 5)}
        symmetric = {
            1: x[1],
            2: (x[1] ** 2 + x[2]) / 2,
            3: (x[1] ** 3 + 3 * x[1] * x[2] + 2 * x[3]) / 6,
            4: (x[1] ** 4 + 6 * x[1] ** 2 * x[2] + 3 * x[2] ** 2 + 8 * x[1] * x[3] + 6 * x[4]) / 24,
        }[number]
        total += np.mean(symmetric * character(o3.Irrep(irrep_out), 1, sign) * (1 - np.cos(angles))) / 2
    return total


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("irrep_out", ["0e", "0o", "1o", "1e", "2e"])
@pytest.mark.parametrize("irreps", ["1o", NATURAL, MIXED])
def test_there_are_as_many_couplings_as_characters_count(irreps, irrep_out, number):
    counted = count_by_characters(irreps, irrep_out, number)
    assert counted == pytest.approx(round(counted), abs=1e-9)
    assert len(symmetric_basis(irreps, irrep_out, number)) == round(counted)


def test_the_count_for_harmonics_up_to_octupoles_is_that_of_characters():
    irreps = "0e + 1o + 2e + 3o"
    for irrep_out, number in itertools.product(["0e", "1o", "2e"], [2, 3]):
        assert len(symmetric_basis(irreps, irrep_out, number)) == round(
            count_by_characters(irreps, irrep_out, number)
        )


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("irrep_out", ["0e", "1o", "2e", "1e"])
def test_couplings_are_orthonormal_and_blind_to_the_order_of_factors(irrep_out, number):
    basis = symmetric_basis(MIXED, irrep_out, number)
    flat = basis.flatten(0, 1).flatten(1)
    assert flat.shape[0] > 0
    assert torch.allclose(flat @ flat.T, torch.eye(len(flat)).double(), atol=1e-12)
    for order in itertools.permutations(range(2, 2 + number)):
        assert torch.allclose(basis.permute(0, 1, *order), basis, atol=1e-12)


@pytest.mark.parametrize(("formula", "number"), [("ij=ji", 2), ("ijk=jik=ikj", 3)])
def test_couplings_span_what_e3nn_finds(formula, number):
    reduced = o3.ReducedTensorProducts(formula, i=NATURAL)
    peer = reduced.change_of_basis.double()
    for irrep_out in ("0e", "1o", "2e"):
        theirs = [
            peer[part].flatten(1)
            for (_, ir), part in zip(reduced.irreps_out, reduced.irreps_out.slices(), strict=True)
            if str(ir) == irrep_out
        ]
        theirs = torch.cat(theirs)
        ours = symmetric_basis(NATURAL, irrep_out, number).flatten(0, 1).flatten(1)
        assert len(ours) == torch.linalg.matrix_rank(theirs, atol=1e-4)
        # Both are orthonormal, e3nn's to single precision: what one projects out, the other must not hold.
        outside = theirs - (theirs @ ours.T) @ ours
        assert outside.abs().max() < 1e-5 * theirs.abs().max()


def test_a_cross_product_of_a_vector_with_itself_is_nothing():
    assert len(symmetric_basis("1o", "1e", 2)) == 0
    assert len(symmetric_basis("1o", "0o", 3)) == 0
    assert len(symmetric_basis("1o", "2e", 2)) == 1


@pytest.mark.parametrize("irreps", [NATURAL, MIXED])
@pytest.mark.parametrize("correlation", [1, 2, 3, 4])
def test_products_turn_and_mirror_as_their_irreps_say(irreps, correlation, generator):
    power = SymmetricPower(irreps, "0e + 1o + 2e", correlation=correlation, num_channels=3).double()
    features = rows(dim=power.irreps_in.dim)
    for _ in range(3):
        g = random_orthogonal(generator=generator)
        turned = power(irreps_matrix(irreps, g) @ features)
        expected = irreps_matrix(power.irreps_out, g) @ power(features)
        assert (turned - expected).abs().max() < 1e-12 * expected.abs().max()


def test_scalars_of_two_factors_are_dot_products():
    power = SymmetricPower(NATURAL, "0e", correlation=2, num_channels=3).double()
    features = rows()
    power.weights.data.zero_()
    for eta, part in zip(range(1, 4), o3.Irreps(NATURAL).slices(), strict=True):
        power.weights.data[:, eta] = 1
        found = power(features)[:, 0]
        power.weights.data[:, eta] = 0
        block = features[:, part]
        expected = (block * block).sum(1) / block.shape[1] ** 0.5 / math.sqrt(2)
        assert torch.allclose(found, expected, rtol=1e-13)


def test_a_product_of_sums_over_neighbours_is_a_sum_over_their_tuples():
    """The density trick: Σ_jk P_l(cos θ_jk) of 6 directions from one sum over 6."""
    directions = torch.nn.functional.normalize(rows(6, 3, 1)[:, :, 0], dim=1)
    sums = spherical_harmonics(directions, 2).sum(0)[None, :, None]
    cosines = (directions @ directions.T).numpy()
    for l, part in enumerate(o3.Irreps(NATURAL).slices()):
        basis = symmetric_basis(NATURAL, "0e", 2)[l, 0]
        found = torch.einsum("ab,iac,ibc->", basis, sums, sums)
        legendre = np.polynomial.legendre.Legendre.basis(l)(cosines).sum()
        assert float(found) == pytest.approx(legendre * math.sqrt(2 * l + 1), rel=1e-12), (l, part)


@pytest.mark.parametrize("correlation", [1, 2, 3, 4])
def test_horner_equals_the_definition(correlation):
    power = SymmetricPower(
        NATURAL, "0e + 1o", correlation=correlation, num_channels=3, num_species=2
    ).double()
    features, species = rows(), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    expected, eta = torch.zeros(7, 4, 3).double(), 0
    for ir, number in dict.fromkeys(power.terms):
        basis = symmetric_basis(power.irreps_in, ir, number)
        letters = LETTERS[:number]
        formula = f"eM{letters}," + ",".join(f"i{m}c" for m in letters) + "->ieMc"
        products = torch.einsum(formula, basis, *[features] * number) / math.factorial(number) ** 0.5
        weights = power.weights[species, eta : eta + len(basis), None]
        expected[:, slice(0, 1) if ir.l == 0 else slice(1, 4)] += (weights * products).sum(1)
        eta += len(basis)
    assert eta == len(power.terms)
    assert torch.allclose(power(features, species), expected, rtol=1e-12, atol=1e-12)


def test_terms_of_nu_factors_grow_with_the_power_nu():
    power = SymmetricPower(NATURAL, "0e + 1o", correlation=3, num_channels=3).double()
    features = rows()
    for number in (1, 2, 3):
        only = torch.tensor([n == number for _, n in power.terms])
        kept = power.weights.data.clone()
        power.weights.data *= only[:, None]
        assert torch.allclose(power(2 * features), 2**number * power(features), rtol=1e-12)
        power.weights.data.copy_(kept)


def test_products_of_unit_features_begin_near_unit_size():
    torch.manual_seed(0)
    power = SymmetricPower("0e + 1o + 2e + 3o", "0e + 1o", correlation=3, num_channels=64)
    size = power(torch.randn(500, 16, 64)).square().mean().sqrt()
    assert 0.3 < size < 3


def test_irreps_that_no_product_leads_to_are_left_out():
    power = SymmetricPower("1o", "0e + 0o + 1o + 1e", correlation=3, num_channels=2)
    assert power.irreps_out == o3.Irreps("0e + 1o")
    assert power(torch.randn(4, 3, 2)).shape == (4, 4, 2)


def test_single_precision_holds_exact_couplings_after_a_move_to_double():
    power = SymmetricPower(NATURAL, "0e", correlation=3, num_channels=2)
    exact = SymmetricPower(NATURAL, "0e", correlation=3, num_channels=2).double()
    assert torch.equal(power.float().double().constants["matrix"], exact.constants["matrix"])


def test_no_edge_and_no_node_is_no_obstacle():
    power = SymmetricPower(NATURAL, "0e + 1o", correlation=3, num_channels=2)
    assert power(torch.zeros(0, 9, 2)).shape == (0, 4, 2)


@pytest.mark.parametrize("correlation", [0, 5])
def test_a_correlation_out_of_reach_is_refused(correlation):
    with pytest.raises(ValueError, match=f"correlation must be 1 to 4, received {correlation}"):
        SymmetricPower(NATURAL, "0e", correlation=correlation, num_channels=2)
