"""The tester is tested: models broken on purpose must fail, each under its own name."""

import re

import pytest
import torch
from e3nn import o3

from equitour.checks import (
    ProvesNothing,
    assert_equivariant,
    equivariance_report,
    forces_against_energy,
    smoothness_at_cutoff,
)
from equitour.radial import polynomial_cutoff

CUTOFF = 4.5


def sum_of_neighbors(graph, per_edge):
    return per_edge.new_zeros(graph.num_nodes, per_edge.shape[1]).index_add(0, graph.receivers, per_edge)


def harmonics(graph, irreps, vectors=None):
    """An equivariant function: neighbours' harmonics, weighted by distance and element."""
    vectors = graph.edge_vectors() if vectors is None else vectors
    weight = torch.exp(-graph.edge_lengths()) * graph.atomic_numbers[graph.senders]
    angular = o3.spherical_harmonics(o3.Irreps(irreps), vectors, normalize=True)
    return sum_of_neighbors(graph, weight[:, None] * angular)


def vector(graph):
    return harmonics(graph, "1o")


def cross_product(graph):
    """A pseudovector: the cross product of two different sums over neighbours."""
    far = sum_of_neighbors(graph, graph.edge_vectors() * graph.edge_lengths()[:, None])
    return torch.linalg.cross(vector(graph), far)


def total_scalar(graph):
    per_node = harmonics(graph, "0e+1o")[:, 1:].square().sum(1, keepdim=True)
    return per_node.new_zeros(graph.num_graphs, 1).index_add(0, graph.batch, per_node)


@pytest.mark.parametrize("irreps", ["0e+1o+2e+3o", "1o", "2e"])
def test_neighbour_harmonics_are_equivariant_to_rounding(rattled_salt, ethanol, irreps):
    for graph in (rattled_salt, ethanol):
        report = assert_equivariant(lambda g: harmonics(g, irreps), graph, irreps)
        assert max(report.errors.values()) < 1e-12
        assert report.ok
        assert report.verdict.startswith("equivariant")


def test_single_precision_passes_at_its_own_tolerance(ethanol):
    assert_equivariant(vector, ethanol.to(dtype=torch.float32), "1o")


def test_an_invariant_per_graph_is_a_row_of_each_structure(ethanol):
    assert_equivariant(total_scalar, ethanol, "0e", per="graph")
    assert_equivariant(lambda g: total_scalar(g).squeeze(1), ethanol, "0e", per="graph")


BROKEN = {
    "parity": (cross_product, "1o", "the 1o block turns like 1e: a cross product lost its parity"),
    "node order": (
        lambda g: vector(g) * torch.arange(1, g.num_nodes + 1)[:, None],
        "1o",
        "depends on the order of the atoms",
    ),
    "translation": (lambda g: vector(g) + g.positions, "1o", "absolute positions enter"),
    "batching": (lambda g: vector(g) + vector(g).mean(0), "1o", "feels the others in its batch"),
    "preferred axis": (
        lambda g: harmonics(g, "1o", g.edge_vectors() * torch.tensor([1.0, 1.0, 1.3])),
        "1o",
        "singles out the z axis",
    ),
    "scalars": (
        lambda g: vector(g).norm(dim=1, keepdim=True) * torch.ones(3).double(),
        "1o",
        "does not turn at all",
    ),
    "axis order": (lambda g: vector(g)[:, [1, 2, 0]], "1o", "in the order (y, z, x)"),
    "frame": (lambda g: torch.tanh(0.2 * vector(g)), "1o", "how the structure is oriented"),
    "mixed parity": (lambda g: vector(g) + cross_product(g), "1o", "turns like neither 1o nor 1e"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_fails_under_its_own_name(rattled_salt, name):
    function, irreps, sentence = BROKEN[name]
    report = equivariance_report(function, rattled_salt, irreps)
    assert [finding.name for finding in report.findings] == [name]
    assert sentence in report.verdict
    with pytest.raises(AssertionError, match=re.escape(sentence)):
        assert_equivariant(function, rattled_salt, irreps)


def test_each_rotation_of_the_axis_order_is_named_for_higher_degrees(rattled_salt):
    # Harmonics with z as the polar axis are e3nn's of the relabelled vector.
    report = equivariance_report(
        lambda g: harmonics(g, "2e", g.edge_vectors()[:, [1, 2, 0]]), rattled_salt, "2e"
    )
    assert report.findings[0].name == "axis order"


def third_vector(graph):
    return sum_of_neighbors(graph, graph.edge_vectors() * graph.edge_lengths()[:, None] ** 3)


def triple_product(graph):
    return (cross_product(graph) * third_vector(graph)).sum(1, keepdim=True)


def pseudotensor(graph):
    coupling = o3.wigner_3j(1, 1, 2, dtype=torch.float64)
    return torch.einsum("ni,nj,ijk->nk", cross_product(graph), vector(graph), coupling)


@pytest.mark.parametrize(
    ("function", "irreps", "sentence"),
    [
        (triple_product, "0e", "the 0e block turns like 0o: a triple product"),
        (pseudotensor, "2e", "the 2e block turns like 2o: one of the parities"),
    ],
)
def test_lost_parity_is_named_for_other_degrees(rattled_salt, function, irreps, sentence):
    report = equivariance_report(function, rattled_salt, irreps)
    assert [finding.name for finding in report.findings] == ["parity"]
    assert sentence in report.verdict


def test_only_the_broken_block_is_blamed(rattled_salt):
    both = lambda g: torch.cat([harmonics(g, "0e+1o"), cross_product(g)], dim=1)  # noqa: E731
    report = equivariance_report(both, rattled_salt, "0e+1o+1o")
    assert report.blocks["1x0e"] < 1e-12
    assert report.blocks["1x1o"] < 1e-12
    assert report.blocks["1x1o (2)"] > 0.1
    assert equivariance_report(both, rattled_salt, "0e+1o+1e").ok


def test_a_function_for_one_structure_only_is_named(ethanol):
    def single(graph):
        (cell,) = graph.cell
        return vector(graph) + 0 * cell.sum()

    report = equivariance_report(single, ethanol, "1o")
    assert [finding.name for finding in report.findings] == ["batching"]
    assert "fails on several structures at once: it was written for one" in report.verdict


def test_a_zero_output_proves_nothing(ethanol):
    with pytest.raises(ProvesNothing, match="proves nothing: the output is identically zero"):
        equivariance_report(lambda g: 0 * vector(g), ethanol, "1o")


def test_an_output_blind_to_geometry_proves_nothing(ethanol):
    with pytest.raises(ProvesNothing, match="proves nothing: the output is blind to geometry"):
        equivariance_report(lambda g: g.atomic_numbers[:, None].double(), ethanol, "0e")


def test_a_block_that_stays_zero_is_not_called_proven(ethanol):
    padded = lambda g: torch.nn.functional.pad(vector(g), (0, 3))  # noqa: E731
    report = equivariance_report(padded, ethanol, "1o+1e")
    assert report.silent == ("1x1e",)
    assert "nothing is proven of 1x1e" in report.verdict


def test_bad_outputs_are_refused_in_one_sentence(ethanol):
    with pytest.raises(
        ValueError, match=r"output must have shape \(9, 3\), a row per node of 1x1o, received \(9, 4\)"
    ):
        equivariance_report(lambda g: harmonics(g, "0e+1o"), ethanol, "1o")
    with pytest.raises(ValueError, match="output must be finite, received NaN"):
        equivariance_report(lambda g: vector(g) / 0, ethanol, "1o")
    with pytest.raises(ValueError, match="function must return a tensor, received tuple"):
        equivariance_report(lambda g: (vector(g),), ethanol, "1o")
    with pytest.raises(ValueError, match="function must be deterministic"):
        equivariance_report(lambda g: torch.nn.functional.dropout(vector(g)), ethanol, "1o")
    with pytest.raises(ValueError, match="per must be 'node' or 'graph', received 'edge'"):
        equivariance_report(vector, ethanol, "1o", per="edge")
    with pytest.raises(ValueError, match="trials must be at least 1, received 0"):
        equivariance_report(vector, ethanol, "1o", trials=0)


def test_the_report_escapes_and_speaks(ethanol):
    report = equivariance_report(cross_product, ethanol, "1o")
    assert "✗ broken" in report._repr_html_()
    assert "rotation" in str(report)


def pair_energy(graph, envelope=polynomial_cutoff):
    lengths = graph.edge_lengths()
    charges = graph.atomic_numbers.double()
    pairs = charges[graph.senders] * charges[graph.receivers] / lengths * envelope(lengths, cutoff=CUTOFF) / 2
    return pairs.new_zeros(graph.num_graphs).index_add(0, graph.batch[graph.receivers], pairs)


def test_automatic_forces_are_minus_the_numerical_gradient(rattled_salt):
    assert forces_against_energy(pair_energy, rattled_salt) < 1e-8


def test_forces_of_the_wrong_sign_and_of_another_energy_are_caught(rattled_salt):
    positions = rattled_salt.positions.clone().requires_grad_()
    gradient = torch.autograd.grad(pair_energy(rattled_salt.replace(positions=positions)).sum(), positions)[0]
    assert forces_against_energy(pair_energy, rattled_salt, forces=lambda g: gradient) > 1.5
    assert forces_against_energy(pair_energy, rattled_salt, forces=lambda g: -1.01 * gradient) > 5e-3
    with pytest.raises(ProvesNothing, match="all forces are zero"):
        forces_against_energy(pair_energy, rattled_salt, forces=lambda g: 0 * gradient)


def test_an_envelope_makes_energy_and_force_smooth_and_its_absence_is_seen():
    smooth = smoothness_at_cutoff(pair_energy, cutoff=CUTOFF)
    assert smooth.energy_jump < 1e-9
    assert smooth.force_jump < 1e-5
    cut = smoothness_at_cutoff(lambda g: pair_energy(g, lambda r, cutoff: torch.ones_like(r)), cutoff=CUTOFF)
    # The pair (8, 1) of the cut Coulomb-like energy: q₁q₂/r disappears at once.
    assert cut.energy_jump == pytest.approx(8 / CUTOFF, rel=1e-3)
    kinked = smoothness_at_cutoff(lambda g: pair_energy(g, lambda r, cutoff: 1 - r / cutoff), cutoff=CUTOFF)
    assert kinked.energy_jump < 1e-9
    assert kinked.force_jump == pytest.approx(8 / CUTOFF**2, rel=1e-3)


def test_smoothness_of_a_blind_energy_proves_nothing():
    with pytest.raises(ProvesNothing, match="does not feel the atom that leaves"):
        smoothness_at_cutoff(lambda g: g.atomic_numbers.double().sum()[None], cutoff=CUTOFF)


def test_the_report_runs_where_the_graph_lives(rattled_salt, device):
    graph = rattled_salt.to(device=device)
    report = assert_equivariant(lambda g: harmonics(g, "0e+1o+2e"), graph, "0e+1o+2e")
    assert report.ok
