import copy
import dataclasses
import math
from contextlib import contextmanager

import pytest
import torch
from e3nn import nn as e3nn_nn
from e3nn import o3

from equitour.radial import bessel_basis, polynomial_cutoff
from equitour.symmetry import irreps_matrix, random_orthogonal
from equitour.tensor_product import (
    Constants,
    Convolution,
    Edges,
    Gate,
    Linear,
    RadialNetwork,
    coupling_paths,
    from_e3nn,
    natural_irreps,
    one_each,
    spherical_harmonics,
    sum_over_neighbors,
    to_e3nn,
)
from equitour.tensor_product.gate import SILU_GAIN
from equitour.tensor_product.harmonics import SphericalHarmonics
from equitour.tensor_product.neighbor_product import sum_of_products

ALL_KINDS = "0e + 0o + 1e + 1o + 2e + 2o + 3e + 3o"
CASES = {
    "scalars": ("0e", "0e + 1o", "0e + 1o"),
    "to scalars": ("0e + 1o + 2e", "0e + 1o + 2e", "0e"),
    "natural": ("0e + 1o + 2e", "0e + 1o + 2e", "0e + 1o + 2e"),
    "all parities": ("0e + 0o + 1e + 1o + 2e + 2o", "0e + 1o + 2e + 3o", ALL_KINDS),
    "only odd": ("0o + 1e", "1o", "0e + 0o + 1o + 1e + 2o"),
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def some_edges(irreps, *, dtype=torch.float64, num_nodes=6, generator):
    """Random directed edges, sorted by receiver; none reaches node 2."""
    pairs = torch.tensor([(i, j) for i in range(num_nodes) for j in range(num_nodes) if i != j])
    pairs = pairs[(torch.rand(len(pairs), generator=generator) < 0.6) & (pairs[:, 0] != 2)]
    return Edges(
        senders=pairs[:, 1].contiguous(),
        receivers=pairs[:, 0].contiguous(),
        num_nodes=num_nodes,
        harmonics=harmonics(irreps, directions(len(pairs), generator)).to(dtype),
        basis=torch.rand(len(pairs), 4, generator=generator, dtype=torch.float64).to(dtype),
    )


def directions(number, generator):
    vectors = torch.randn(number, 3, generator=generator, dtype=torch.float64)
    return vectors / vectors.norm(dim=1, keepdim=True)


def harmonics(irreps, unit_vectors):
    """Of the degrees of `irreps` alone."""
    degrees = [ir.l for _, ir in o3.Irreps(irreps)]
    return torch.cat([spherical_harmonics(unit_vectors, l)[:, l * l :] for l in degrees], 1)


@contextmanager
def exact_e3nn():
    """e3nn rounds its coefficients to the default dtype of the moment it is built."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def inputs(case, *, channels=3, dtype=torch.float64, generator):
    """A convolution with features, radial weights as a function of the basis, and edges."""
    irreps_in, irreps_edge, irreps_out = case
    convolution = Convolution(irreps_in, irreps_edge, irreps_out, num_channels=channels).to(dtype)
    edges = some_edges(convolution.irreps_edge, dtype=dtype, generator=generator)
    features = torch.randn(6, convolution.irreps_in.dim, channels, generator=generator, dtype=torch.float64)
    to_weights = torch.randn(4, len(convolution.paths) * channels, generator=generator, dtype=torch.float64)
    return convolution, features.to(dtype), to_weights.to(dtype), edges


def convolve(convolution, features, to_weights, edges):
    weights = (edges.basis @ to_weights).unflatten(1, (len(convolution.paths), -1))
    return convolution(features, weights, edges, convolution.edge_matrices(edges.harmonics))


def by_e3nn(convolution, features, weights, edges):
    """The same sums by `o3.TensorProduct`, one output block a path, in e3nn's layout."""
    channels, paths = convolution.num_channels, convolution.paths
    with exact_e3nn():
        product = o3.TensorProduct(
            o3.Irreps([(channels, ir) for _, ir in convolution.irreps_in]),
            convolution.irreps_edge,
            o3.Irreps([(channels, path.irrep_out) for path in paths]),
            [(path.place_in, path.place_edge, k, "uvu", True) for k, path in enumerate(paths)],
            shared_weights=False,
            internal_weights=False,
        )
    flat = to_e3nn(features, convolution.irreps_in)[edges.senders]
    messages = product.to(features.dtype)(flat, edges.harmonics, weights.flatten(1))
    sums = messages.new_zeros(edges.num_nodes, messages.shape[1])
    return sums.index_add(0, edges.receivers, messages)


def as_e3nn(convolution, blocks):
    """Blocks (nodes, 2l+1, fan_in · channels) in the order of the paths and e3nn's layout."""
    columns = [
        part.mT.flatten(1)
        for block, fan_in in zip(blocks, convolution.fan_in, strict=True)
        for part in block.split([convolution.num_channels] * fan_in, 2)
    ]
    return torch.cat(columns, 1)


def largest_difference(left, right):
    left, right = left.detach(), right.detach()
    return float((left - right).abs().max() / right.abs().max())


# Harmonics


def test_harmonics_are_those_of_e3nn_up_to_degree_eight(generator):
    arrows = directions(50, generator)
    theirs = o3.spherical_harmonics(list(range(9)), arrows, normalize=False, normalization="component")
    assert largest_difference(spherical_harmonics(arrows, 8), theirs) < 1e-12


def test_the_square_of_each_degree_is_its_number_of_components(generator):
    blocks = spherical_harmonics(directions(20, generator), 5).split([2 * l + 1 for l in range(6)], 1)
    for l, block in enumerate(blocks):
        assert torch.allclose(block.square().sum(1), torch.full((20,), 2.0 * l + 1).double(), atol=1e-12)


def test_harmonics_of_no_edge_and_of_degree_zero_alone():
    assert spherical_harmonics(torch.zeros(0, 3), 3).shape == (0, 16)
    assert torch.equal(spherical_harmonics(torch.eye(3), 0), torch.ones(3, 1))


# Paths, rows and layout


def test_paths_are_those_that_angular_momentum_and_parity_allow():
    paths = coupling_paths(*(o3.Irreps(text) for text in ("0e + 1o", "0e + 1o", "0e + 1o + 1e")))
    found = [tuple(map(str, path[3:])) for path in paths]
    assert found == [
        ("0e", "0e", "0e"),
        ("1o", "1o", "0e"),
        ("0e", "1o", "1o"),
        ("1o", "0e", "1o"),
        ("1o", "1o", "1e"),
    ]


def test_the_number_of_paths_is_e3nns_count_of_irreps_in_a_product():
    irreps = one_each(ALL_KINDS)
    theirs = o3.FullTensorProduct(irreps, irreps, filter_ir_out=[ir for _, ir in irreps])
    assert len(coupling_paths(irreps, irreps, irreps)) == len(theirs.instructions)


def test_what_no_path_reaches_is_left_out_of_the_result():
    convolution = Convolution("0e", "0e + 1o", "0e + 0o + 1o + 2e", num_channels=2)
    assert str(convolution.irreps_out) == "1x0e+1x1o"
    assert convolution.fan_in == [1, 1]


@pytest.mark.parametrize("irreps", ["2x0e", "1o + 1o", "0e + 3x1e"])
def test_rows_stand_once_each(irreps):
    with pytest.raises(ValueError, match=r"irreps of rows must stand once each, received .* num_channels"):
        one_each(irreps)


def test_a_negative_degree_is_refused():
    with pytest.raises(ValueError, match="lmax must be 0 or larger, received -1: 1 gives vectors"):
        natural_irreps(-1)


def test_layout_goes_to_e3nn_and_back_and_turns_as_e3nn_turns(generator):
    features = torch.randn(5, one_each(ALL_KINDS).dim, 3, generator=generator, dtype=torch.float64)
    flat = to_e3nn(features, ALL_KINDS)
    assert torch.equal(from_e3nn(flat, ALL_KINDS, 3), features)
    g = random_orthogonal(generator=generator)
    theirs = irreps_matrix(o3.Irreps([(3, ir) for _, ir in o3.Irreps(ALL_KINDS)]), g)
    ours = irreps_matrix(ALL_KINDS, g)
    assert torch.allclose(to_e3nn(ours @ features, ALL_KINDS), flat @ theirs.T, atol=1e-12)


# Sums


def test_sums_over_neighbours_add_what_arrives_and_are_zero_where_nothing_does(generator):
    messages = torch.randn(4, 2, 3, generator=generator, dtype=torch.float64)
    sums = sum_over_neighbors(messages, torch.tensor([0, 0, 2, 2]), 4)
    none = torch.zeros(2, 3, dtype=torch.float64)
    assert torch.allclose(sums, torch.stack([messages[:2].sum(0), none, messages[2:].sum(0), none]))
    assert torch.equal(
        sum_over_neighbors(messages[:0], torch.zeros(0).long(), 2), torch.zeros(2, 2, 3).double()
    )


def test_padding_keeps_every_edge_once_and_adds_only_silent_ones(generator):
    edges = some_edges("0e + 1o", generator=generator)
    padded = edges.padded()
    counts = torch.bincount(edges.receivers, minlength=6)
    assert padded.degree == int(counts.max())
    assert len(padded.senders) == 6 * padded.degree
    real = padded.basis.abs().sum(1) > 0
    assert torch.equal(padded.senders[real], edges.senders)
    assert torch.equal(padded.receivers[real], edges.receivers)
    assert torch.equal(padded.basis[real], edges.basis)
    assert torch.equal(padded.harmonics[real], edges.harmonics)


def test_edges_of_a_graph_carry_bessel_functions_times_the_envelope(rattled_salt):
    edges = Edges.of(rattled_salt, harmonics=SphericalHarmonics(2).double(), cutoff=4.0, num_basis=5)
    lengths = rattled_salt.edge_lengths()
    assert float(lengths.max()) > 4.0
    basis = bessel_basis(lengths, cutoff=4.0, num_basis=5) * polynomial_cutoff(lengths, cutoff=4.0)[:, None]
    assert torch.allclose(edges.basis, basis, atol=1e-14)
    assert bool((edges.basis[lengths > 4.0].abs() < 1e-14).all())
    unit = rattled_salt.edge_vectors() / lengths[:, None]
    assert torch.allclose(edges.harmonics, spherical_harmonics(unit, 2), atol=1e-14)


def test_edges_of_stretched_distances_see_them_in_the_sine_alone(rattled_salt):
    options = {"harmonics": SphericalHarmonics(1).double(), "cutoff": 4.0, "num_basis": 3}
    plain = Edges.of(rattled_salt, **options).basis
    basis = Edges.of(rattled_salt, **options, stretch=2.0).basis
    r = rattled_salt.edge_lengths()[:, None]
    s = 4.0 * torch.log(1 + 2 * r) / math.log(9.0)
    n = torch.arange(1, 4)
    inside = r.squeeze(1) < 3.9
    ratio = torch.sin(n * math.pi * s / 4) / torch.sin(n * math.pi * r / 4)
    assert torch.allclose(basis[inside], (plain * ratio)[inside], atol=1e-12)


def test_sums_of_products_keep_the_memory_order_in_every_derivative(generator):
    a = torch.randn(4, 6, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    x = torch.randn(4, 6, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(sum_of_products(a, x), torch.einsum("nsm,nsc->nmc", a, x), atol=1e-13)
    assert torch.autograd.gradgradcheck(sum_of_products, (a, x))
    first = torch.autograd.grad(sum_of_products(a, x).square().sum(), (a, x), create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), (a, x), create_graph=True)
    third = torch.autograd.grad(sum(g.square().sum() for g in second), (a, x))
    assert all(g.is_contiguous() for g in (*first, *second, *third))


# The convolution


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("padded", [False, True], ids=["path", "padded"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_convolution_is_e3nns_tensor_product(case, padded, dtype, generator):
    convolution, features, to_weights, edges = inputs(case, dtype=dtype, generator=generator)
    weights = (edges.basis @ to_weights).unflatten(1, (len(convolution.paths), -1))
    theirs = by_e3nn(convolution, features, weights, edges)
    ours = convolve(convolution, features, to_weights, edges.padded() if padded else edges)
    assert [b.shape for b in ours] == [
        (6, ir.dim, n * 3) for (_, ir), n in zip(convolution.irreps_out, convolution.fan_in, strict=True)
    ]
    assert largest_difference(as_e3nn(convolution, ours), theirs) < TOLERANCE[dtype]


@pytest.mark.parametrize("padded", [False, True], ids=["path", "padded"])
def test_gradients_are_those_of_e3nns_tensor_product(padded, generator):
    convolution, features, to_weights, edges = inputs(CASES["all parities"], generator=generator)
    arrows = directions(len(edges.senders), generator).requires_grad_()
    leaves = [features.requires_grad_(), to_weights.requires_grad_(), arrows, edges.basis.requires_grad_()]
    edges = dataclasses.replace(edges, harmonics=harmonics(convolution.irreps_edge, arrows))
    weights = (edges.basis @ to_weights).unflatten(1, (len(convolution.paths), -1))
    theirs = by_e3nn(convolution, features, weights, edges)
    ours = as_e3nn(
        convolution, convolve(convolution, features, to_weights, edges.padded() if padded else edges)
    )
    pull = torch.randn(ours.shape, generator=generator, dtype=torch.float64)
    found = torch.autograd.grad(ours, leaves, pull, retain_graph=True)
    for mine, other in zip(found, torch.autograd.grad(theirs, leaves, pull), strict=True):
        assert largest_difference(mine, other) < 1e-12


@pytest.mark.parametrize("padded", [False, True], ids=["path", "padded"])
def test_the_convolution_commutes_with_rotations_and_reflections(padded, generator):
    convolution, features, to_weights, edges = inputs(CASES["all parities"], generator=generator)
    g = random_orthogonal(generator=generator)
    turned = dataclasses.replace(
        edges, harmonics=edges.harmonics @ irreps_matrix(convolution.irreps_edge, g).T
    )
    first, second = (e.padded() if padded else e for e in (edges, turned))
    before = convolve(convolution, features, to_weights, first)
    after = convolve(convolution, irreps_matrix(convolution.irreps_in, g) @ features, to_weights, second)
    for (_, ir), old, new in zip(convolution.irreps_out, before, after, strict=True):
        assert torch.allclose(new, irreps_matrix(str(ir), g) @ old, atol=1e-12)


@pytest.mark.parametrize("padded", [False, True], ids=["path", "padded"])
@pytest.mark.parametrize("case", ["scalars", "all parities"])
def test_the_convolution_is_differentiable_twice(case, padded, generator):
    irreps_in, _, _ = CASES[case]
    convolution, features, to_weights, edges = inputs(
        (irreps_in, "0e + 1o", "0e + 1o + 1e"), channels=1, generator=generator
    )
    keep = slice(0, 5)

    def function(features, to_weights, rows, basis):
        few = dataclasses.replace(
            edges, senders=edges.senders[keep], receivers=edges.receivers[keep], harmonics=rows, basis=basis
        )
        return torch.cat(
            [
                b.flatten()
                for b in convolve(convolution, features, to_weights, few.padded() if padded else few)
            ]
        )

    leaves = [features, to_weights, edges.harmonics[keep], edges.basis[keep]]
    leaves = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)


@pytest.mark.parametrize("padded", [False, True], ids=["path", "padded"])
def test_a_graph_without_edges_gives_zeros(padded):
    convolution = Convolution("0e + 1o", "0e + 1o", "0e + 1o", num_channels=2)
    none = torch.zeros(0, dtype=torch.long)
    edges = Edges(
        senders=none, receivers=none, num_nodes=3, harmonics=torch.zeros(0, 4), basis=torch.zeros(0, 4)
    )
    features = torch.randn(3, 4, 2, requires_grad=True)
    to_weights = torch.randn(4, len(convolution.paths) * 2, requires_grad=True)
    blocks = convolve(convolution, features, to_weights, edges.padded() if padded else edges)
    assert [b.shape for b in blocks] == [(3, 1, 4), (3, 3, 4)]
    assert all(bool((b == 0).all()) for b in blocks)
    gradients = torch.autograd.grad(sum(b.sum() for b in blocks), [features, to_weights])
    assert all(bool((g == 0).all()) for g in gradients)


@pytest.mark.parametrize("padded", [False, True], ids=["path", "padded"])
def test_the_convolution_works_with_torch_func(padded, generator):
    convolution, features, to_weights, edges = inputs(CASES["natural"], generator=generator)
    edges = edges.padded() if padded else edges

    def size(features, to_weights):
        return sum(b.square().sum() for b in convolve(convolution, features, to_weights, edges))

    leaves = [features.clone().requires_grad_(), to_weights.clone().requires_grad_()]
    expected = torch.autograd.grad(size(*leaves), leaves)
    for mine, other in zip(
        torch.func.grad(size, argnums=(0, 1))(features, to_weights), expected, strict=True
    ):
        assert largest_difference(mine, other) < 1e-12
    several = torch.stack([to_weights, 2 * to_weights])
    together = torch.func.vmap(size, in_dims=(None, 0))(features, several)
    assert torch.allclose(together, torch.stack([size(features, w) for w in several]), rtol=1e-12)
    curvature = torch.func.grad(lambda w: torch.func.grad(size)(features, w).square().sum())(to_weights)
    (gradient,) = torch.autograd.grad(size(*leaves), leaves[:1], create_graph=True)
    (expected,) = torch.autograd.grad(gradient.square().sum(), leaves[1:])
    assert largest_difference(curvature, expected) < 1e-12


@pytest.mark.parametrize("padded", [False, True], ids=["path", "padded"])
def test_the_convolution_on_another_device_is_that_on_the_cpu(padded, generator, device):
    convolution, features, to_weights, edges = inputs(CASES["all parities"], generator=generator)
    here = as_e3nn(convolution, convolve(convolution, features, to_weights, edges))
    moved = Edges(
        senders=edges.senders.to(device),
        receivers=edges.receivers.to(device),
        num_nodes=edges.num_nodes,
        harmonics=edges.harmonics.to(device),
        basis=edges.basis.to(device),
    )
    there = convolve(
        convolution.to(device),
        features.to(device),
        to_weights.to(device),
        moved.padded() if padded else moved,
    )
    assert largest_difference(as_e3nn(convolution, there).cpu(), here) < 1e-12


# Linear maps and gates


def test_linear_maps_are_e3nns(generator):
    irreps, channels_in, channels_out = one_each("0e + 0o + 1o + 2e"), [4, 2, 3, 5], [3, 2, 4, 1]
    linear = Linear(irreps, channels_in, channels_out).double()
    theirs = o3.Linear(
        o3.Irreps([(n, ir) for n, (_, ir) in zip(channels_in, irreps, strict=True)]),
        o3.Irreps([(n, ir) for n, (_, ir) in zip(channels_out, irreps, strict=True)]),
        internal_weights=False,
        shared_weights=True,
    ).double()
    blocks = [
        torch.randn(7, ir.dim, n, generator=generator, dtype=torch.float64)
        for n, (_, ir) in zip(channels_in, irreps, strict=True)
    ]
    # e3nn divides by the square root of the channels that come in.
    weights = torch.cat([(w * w.shape[1] ** 0.5).flatten() for w in linear.weights])
    flat = theirs(torch.cat([b.mT.flatten(1) for b in blocks], 1), weights)
    ours = torch.cat([b.mT.flatten(1) for b in linear(blocks)], 1)
    assert largest_difference(ours, flat) < 1e-12


@pytest.mark.parametrize("num_species", [1, 3])
def test_linear_maps_of_species_are_each_nodes_own(num_species, generator):
    linear = Linear(one_each("0e + 1o"), [4, 4], [3, 5], num_species=num_species).double()
    species = torch.randint(num_species, (6,), generator=generator)
    blocks = [torch.randn(6, d, 4, generator=generator, dtype=torch.float64) for d in (1, 3)]
    for block, result, weight in zip(blocks, linear(blocks, species), linear.weights, strict=True):
        expected = torch.stack([block[n] @ weight[species[n]] for n in range(6)])
        assert torch.allclose(result, expected, atol=1e-13)


def test_the_gate_is_e3nns(generator):
    irreps, channels = one_each("0e + 0o + 1e + 1o + 2e"), 3
    gate = Gate(irreps, num_channels=channels)
    assert gate.channels_in == [12, 3, 3, 3, 3]
    blocks = [
        torch.randn(5, ir.dim, n, generator=generator, dtype=torch.float64)
        for n, (_, ir) in zip(gate.channels_in, irreps, strict=True)
    ]
    own, *gates = (SILU_GAIN * torch.nn.functional.silu(blocks[0])).view(5, 4, channels).unbind(1)
    odd = torch.tanh(blocks[1]).flatten(1)
    # e3nn scales its activations to unit variance; without activations its gate is the product alone.
    gated = [
        e3nn_nn.Gate(f"{channels}x0e", [None], f"{channels}x0e", [None], f"{channels}x{ir}").double()(
            torch.cat([own, scalar, block.mT.flatten(1)], 1)
        )[:, channels:]
        for (_, ir), scalar, block in zip(irreps[2:], gates, blocks[2:], strict=True)
    ]
    theirs = torch.cat([own, odd, *gated], 1)
    assert largest_difference(to_e3nn(gate(blocks), irreps), theirs) < 1e-12


def test_the_gain_of_a_gate_keeps_a_normal_number_at_unit_size():
    x = torch.linspace(-12, 12, 100_001, dtype=torch.float64)
    density = torch.exp(-x.square() / 2) / (2 * math.pi) ** 0.5
    assert float(torch.trapezoid((SILU_GAIN * torch.nn.functional.silu(x)).square() * density, x)) == (
        pytest.approx(1, abs=1e-4)
    )


def test_the_gate_commutes_with_rotations_and_reflections(generator):
    irreps = one_each("0e + 0o + 1e + 1o + 2o")
    gate = Gate(irreps, num_channels=2)
    blocks = [
        torch.randn(5, ir.dim, n, generator=generator, dtype=torch.float64)
        for n, (_, ir) in zip(gate.channels_in, irreps, strict=True)
    ]
    g = random_orthogonal(generator=generator)
    g = g * -torch.linalg.det(g).sign()  # A reflection, which pseudoscalars feel.
    turned = [irreps_matrix(str(ir), g) @ b for (_, ir), b in zip(irreps, blocks, strict=True)]
    assert torch.allclose(gate(turned), irreps_matrix(irreps, g) @ gate(blocks), atol=1e-13)


def test_a_gate_without_scalars_is_refused():
    with pytest.raises(
        ValueError, match=r"a gate must have scalars to gate with, received irreps .*: add 0e"
    ):
        Gate(one_each("0o + 1o"), num_channels=4)


# Radial network and constants


def test_the_radial_network_is_zero_where_the_basis_is_and_keeps_unit_size():
    torch.manual_seed(0)
    network = RadialNetwork([64, 256, 256, 256]).double()
    assert torch.equal(network(torch.zeros(3, 64).double()), torch.zeros(3, 256).double())
    size = network(torch.randn(2000, 64).double()).detach().square().mean()
    assert float(size) == pytest.approx(1, rel=0.2)


def test_parts_of_the_radial_network_are_its_result_cut_up(generator):
    network = RadialNetwork([4, 7, 5, 12]).double()
    basis = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    parts = network.parts(basis, 3)
    assert [part.shape for part in parts] == [(9, 1, 4)] * 3
    assert torch.allclose(torch.cat(parts, 2)[:, 0], network(basis), atol=1e-13)


def test_constants_are_exact_after_every_move_and_no_part_of_a_checkpoint():
    exact = torch.tensor([1 / 3, 2**0.5], dtype=torch.float64)
    constants = Constants(thirds=exact)
    assert constants["thirds"].dtype == torch.float32
    assert torch.equal(constants.double()["thirds"], exact)
    assert torch.equal(constants.half().float().double()["thirds"], exact)
    assert torch.equal(copy.deepcopy(constants)["thirds"], exact)
    assert not constants.state_dict()


def test_a_float32_convolution_is_exact_once_it_is_float64(generator):
    case = CASES["all parities"]
    assert torch.get_default_dtype() == torch.float32
    convolution, features, to_weights, edges = inputs(case, dtype=torch.float64, generator=generator)
    weights = (edges.basis @ to_weights).unflatten(1, (len(convolution.paths), -1))
    twin = Convolution(*case, num_channels=3).float().double()
    theirs = by_e3nn(convolution, features, weights, edges)
    assert largest_difference(as_e3nn(twin, convolve(twin, features, to_weights, edges)), theirs) < 1e-12
    arrows = directions(9, generator)
    assert torch.equal(SphericalHarmonics(4).double()(arrows), spherical_harmonics(arrows, 4))
