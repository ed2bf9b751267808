import itertools
import math

import pytest
import torch
from ase.build import bulk, molecule
from ase.spacegroup import crystal
from e3nn import io, o3

from equitour.graph import AtomicGraph, batch
from equitour.symmetry import (
    CartesianTensor,
    allowed_tensors,
    change_lattice_basis,
    coupling,
    invariant_projector,
    irreps_matrix,
    permute,
    random_lattice_basis,
    random_orthogonal,
    random_rotation,
    reflection_matrix,
    rotate,
    rotation_matrix,
    rotation_path,
    same_atoms,
    site_symmetry,
    space_group,
    symmetry_operations,
    transform_irreps,
    translate,
    wrap,
)

IDENTITY = torch.eye(3, dtype=torch.float64)


# Elements of O(3)


def test_random_rotations_are_proper_and_uniform(generator):
    matrices = random_rotation(20000, generator=generator)
    assert torch.allclose(matrices @ matrices.mT, IDENTITY.expand_as(matrices), atol=1e-13)
    assert torch.allclose(torch.linalg.det(matrices), torch.ones(20000, dtype=torch.float64))
    # Schur: every entry averages to 0 and its square to 1/3; five standard errors of the mean.
    assert matrices.mean(0).abs().max() < 5 * math.sqrt(1 / 3 / 20000)
    assert (matrices.square().mean(0) - 1 / 3).abs().max() < 5 * math.sqrt(4 / 45 / 20000)
    # The angle's density is (1 − cos θ)/π, so the trace 1 + 2 cos θ averages to 0 and its square to 1.
    trace = torch.einsum("nii->n", matrices)
    assert abs(float(trace.mean())) < 5 / math.sqrt(20000)
    assert abs(float(trace.square().mean()) - 1) < 5 * math.sqrt(2 / 20000)


def test_chance_is_an_argument(generator):
    first = random_rotation(generator=torch.Generator().manual_seed(5))
    assert torch.equal(first, random_rotation(generator=torch.Generator().manual_seed(5)))
    assert first.shape == (3, 3)
    assert first.dtype == torch.float64


def test_random_orthogonal_matrices_are_mirrored_half_the_time(generator):
    dets = torch.linalg.det(random_orthogonal(2000, generator=generator))
    assert abs(float(dets.mean())) < 5 / math.sqrt(2000)
    assert random_orthogonal(generator=generator).shape == (3, 3)


def test_rotation_about_an_axis_is_that_of_e3nn_and_turns_by_the_angle():
    for axis, reference in (((1, 0, 0), o3.matrix_x), ((0, 2, 0), o3.matrix_y), ((0, 0, 0.5), o3.matrix_z)):
        angle = torch.tensor(0.7, dtype=torch.float64)
        assert torch.allclose(rotation_matrix(axis, 0.7), reference(angle), atol=1e-14)
    quarter = rotation_matrix([0, 0, 1], math.pi / 2)
    assert torch.allclose(quarter @ IDENTITY[0], IDENTITY[1], atol=1e-15)
    with pytest.raises(ValueError, match="axis must be three numbers, not all zero"):
        rotation_matrix([0, 0, 0], 1.0)


def test_a_rotation_path_closes():
    angles, matrices = rotation_path([1, 2, 3], steps=37)
    assert angles[-1] == pytest.approx(2 * math.pi)
    assert torch.allclose(matrices[0], IDENTITY)
    assert torch.allclose(matrices[-1], IDENTITY, atol=1e-14)
    assert torch.allclose(
        matrices @ torch.tensor([1.0, 2, 3]).double(), torch.tensor([1.0, 2, 3]).double(), atol=1e-13
    )


def test_a_mirror_flips_its_normal_and_nothing_else():
    mirror = reflection_matrix([0, 3, 0])
    assert torch.equal(mirror, torch.diag(torch.tensor([1.0, -1.0, 1.0]).double()))


# Irreps


@pytest.mark.parametrize("degree", range(9))
def test_wigner_matrices_are_representations_to_rounding(degree, generator):
    for parity in "eo":
        irrep = f"{degree}{parity}"
        a, b = random_orthogonal(2, generator=generator)
        product = irreps_matrix(irrep, a) @ irreps_matrix(irrep, b)
        assert torch.allclose(product, irreps_matrix(irrep, a @ b), atol=1e-12)
        orthogonal = irreps_matrix(irrep, a) @ irreps_matrix(irrep, a).mT
        assert torch.allclose(orthogonal, torch.eye(2 * degree + 1, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("irreps", ["3x0e + 2x1o", "1e + 2o", "0o + 4e + 3x3o"])
def test_wigner_matrices_are_those_of_e3nn(irreps, generator):
    matrices = random_orthogonal(8, generator=generator)
    # e3nn computes its own in single precision.
    assert torch.allclose(
        irreps_matrix(irreps, matrices), o3.Irreps(irreps).D_from_matrix(matrices), atol=1e-5
    )


@pytest.mark.parametrize("degree", range(7))
def test_wigner_matrices_turn_the_spherical_harmonics_of_e3nn(degree, generator):
    r = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    q = random_orthogonal(generator=generator)
    irreps = o3.Irreps.spherical_harmonics(degree)
    harmonics = lambda v: o3.spherical_harmonics(irreps, v, normalize=True)  # noqa: E731
    assert torch.allclose(harmonics(r @ q.T), transform_irreps(harmonics(r), irreps, q), atol=1e-11)


def test_the_vector_irrep_is_the_vector_itself_and_the_pseudovector_keeps_its_sign():
    mirror = reflection_matrix([1, 0, 0])
    assert torch.equal(irreps_matrix("1o", mirror), mirror)
    assert torch.equal(irreps_matrix("1e", mirror), -mirror)
    assert float(irreps_matrix("0o", mirror)) == -1.0


@pytest.mark.parametrize("degree", range(5))
def test_characters_follow_the_textbook_formula(degree):
    angle = 1.1
    character = irreps_matrix(f"{degree}e", rotation_matrix([1, -1, 2], angle)).trace()
    assert float(character) == pytest.approx(
        math.sin((degree + 0.5) * angle) / math.sin(angle / 2), abs=1e-12
    )


def test_couplings_are_orthonormal_and_equivariant(generator):
    q = random_rotation(generator=generator)
    for l1, l2, l3 in [(1, 1, 0), (1, 1, 1), (1, 2, 3), (2, 2, 2)]:
        c = coupling(l1, l2, l3)
        assert torch.allclose(
            torch.einsum("abm,abn->mn", c, c), torch.eye(2 * l3 + 1, dtype=torch.float64), atol=1e-7
        )
        d1, d2, d3 = (irreps_matrix(f"{degree}e", q) for degree in (l1, l2, l3))
        assert torch.allclose(
            torch.einsum("abm,ac,bd->cdm", c, d1, d2), torch.einsum("cdn,mn->cdm", c, d3), atol=1e-12
        )


# Cartesian tensors

FORMULAS = {
    ("i", ""): "1o",
    ("i", "i"): "1e",
    ("ij", ""): "0e + 1e + 2e",
    ("ij", "ij"): "0e + 1e + 2e",
    ("ij", "j"): "0o + 1o + 2o",
    ("ij=ji", ""): "0e + 2e",
    ("ij=-ji", ""): "1e",
    ("ijk=ikj", ""): "2x1o + 2o + 3o",
    ("ijk=jik", ""): "2x1o + 2o + 3o",
    ("ijk=jik=ikj", ""): "1o + 3o",
    ("ijk=-jik=-ikj", ""): "0o",
    ("ijkl=jikl=ijlk=klij", ""): "2x0e + 2x2e + 4e",
}


@pytest.mark.parametrize(("formula", "axial"), FORMULAS)
def test_the_irreps_of_a_tensor_follow_from_its_indices(formula, axial):
    assert CartesianTensor(formula, axial).irreps == o3.Irreps(FORMULAS[formula, axial]).simplify()


@pytest.mark.parametrize(("formula", "axial"), FORMULAS)
def test_tensors_and_their_irreps_turn_together(formula, axial, generator):
    tensor = CartesianTensor(formula, axial)
    components = torch.randn(5, tensor.irreps.dim, generator=generator, dtype=torch.float64)
    cartesian = tensor.from_irreps(components)
    assert torch.allclose(tensor.to_irreps(cartesian), components, atol=1e-12)
    for q in (*random_orthogonal(3, generator=generator), -IDENTITY):
        turned = tensor.to_irreps(tensor.rotate(cartesian, q))
        assert torch.allclose(turned, transform_irreps(components, tensor.irreps, q), atol=1e-12)


@pytest.mark.parametrize(("formula", "axial"), FORMULAS)
def test_the_basis_is_orthonormal_and_keeps_the_index_symmetry(formula, axial):
    tensor = CartesianTensor(formula, axial)
    flat = tensor.basis.flatten(1)
    assert torch.allclose(flat @ flat.T, torch.eye(len(flat), dtype=torch.float64), atol=1e-12)
    first, *others = formula.split("=")
    for other in others:
        sign, letters = (-1, other[1:]) if other[0] == "-" else (1, other)
        swapped = torch.einsum(f"z{first}->z{letters}", tensor.basis)
        assert torch.allclose(swapped, sign * tensor.basis, atol=1e-12)


@pytest.mark.parametrize("formula", ["ij=ji", "ij", "ijk=ikj", "ijk=jik=ikj"])
def test_tensors_span_the_same_blocks_as_e3nns(formula, generator):
    letters = formula.split("=")[0]
    theirs = o3.ReducedTensorProducts(formula, **dict.fromkeys(letters, "1o"))
    assert theirs.irreps_out.simplify() == CartesianTensor(formula).irreps
    ours = CartesianTensor(formula)
    tensor = ours.from_irreps(torch.randn(ours.irreps.dim, generator=generator, dtype=torch.float64))
    other = torch.tensordot(theirs.change_of_basis.double(), tensor, dims=len(letters))
    start = 0
    for multiplicity, irrep in ours.irreps:
        stop = start + multiplicity * irrep.dim
        # Copies of one irrep may be mixed by a choice of basis; their total length may not.
        norm = lambda x, block=slice(start, stop): float(x[block].norm())  # noqa: E731
        assert norm(other) == pytest.approx(norm(ours.to_irreps(tensor)), rel=1e-5)
        start = stop


def test_the_symmetric_tensor_is_e3nns_cartesian_tensor_up_to_sign():
    theirs = io.CartesianTensor("ij=ji").reduced_tensor_products().change_of_basis.double()
    overlap = CartesianTensor("ij=ji").basis.flatten(1) @ theirs.flatten(1).T
    assert torch.allclose(overlap.abs(), torch.eye(6, dtype=torch.float64), atol=1e-6)


def test_the_scalar_of_a_matrix_is_its_trace_and_its_pseudovector_the_cross_product(generator):
    a, b = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    components = CartesianTensor("ij").to_irreps(torch.outer(a, b))
    assert abs(float(components[0])) == pytest.approx(abs(float(a @ b)) / math.sqrt(3))
    cross = torch.linalg.cross(a, b) / math.sqrt(2)
    assert min(float((components[1:4] - s * cross).abs().max()) for s in (1, -1)) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ij=ik",), "each side must carry the same letters, received 'ij=ik'"),
        (("ii",), "a formula must begin with different letters, received 'ii'"),
        (("ij=ji=-ji",), "a formula must leave some component free"),
        (("ijkl=-jikl=jikl",), "a formula must leave some component free"),
        (("ij", "k"), "axial must name indices of 'ij', received 'k'"),
    ],
)
def test_impossible_formulas_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        CartesianTensor(*arguments)


def test_tensors_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"must end in 2 axes of length 3, received shape \(9,\)"):
        CartesianTensor("ij").to_irreps(torch.zeros(9))
    with pytest.raises(ValueError, match=r"must end in an axis of length 6, received shape \(9,\)"):
        CartesianTensor("ij=ji").from_irreps(torch.zeros(9))


# Actions on structures


def edge_set(graph):
    """Edges without their order: receiver, sender, vector rounded to 1e-9 Å."""
    vectors = (graph.edge_vectors() / 1e-6).round().long()
    rows = torch.cat([graph.receivers[:, None], graph.senders[:, None], vectors], dim=1)
    return sorted(map(tuple, rows.tolist()))


def test_rotation_turns_positions_cell_and_edges_alike(rattled_salt, generator):
    q = random_orthogonal(generator=generator)
    turned = rotate(rattled_salt, q)
    assert torch.allclose(turned.edge_vectors(), rattled_salt.edge_vectors() @ q.T, atol=1e-13)
    assert edge_set(turned.rebuild(cutoff=4.5)) == edge_set(turned)
    with pytest.raises(ValueError, match="matrix must be orthogonal, received one with"):
        rotate(rattled_salt, 2 * q)


def test_translation_modulo_the_lattice_keeps_every_edge(rattled_salt):
    moved = translate(rattled_salt, torch.tensor([7.3, -11.0, 0.4]))
    wrapped = wrap(moved)
    assert same_atoms(moved, wrapped)
    assert not same_atoms(rattled_salt, moved)
    assert torch.allclose(wrapped.edge_vectors(), rattled_salt.edge_vectors(), atol=1e-13)
    fractional = wrapped.positions @ torch.linalg.inv(wrapped.cell[0])
    assert fractional.min() >= 0
    assert fractional.max() < 1 + 1e-12
    lattice_vector = rattled_salt.cell[0].T @ torch.tensor([1.0, -2.0, 3.0]).double()
    assert same_atoms(rattled_salt, translate(rattled_salt, lattice_vector))


def test_wrapping_a_molecule_or_a_batch_moves_only_what_is_periodic(ethanol, rattled_salt):
    assert torch.equal(wrap(ethanol).positions, ethanol.positions)
    together = wrap(batch([ethanol, translate(rattled_salt, torch.full((3,), 9.0))]))
    assert torch.equal(together.split()[0].positions, ethanol.positions)
    assert same_atoms(together.split()[1], translate(rattled_salt, torch.full((3,), 9.0)))


def test_permutation_renumbers_and_keeps_the_atoms(rattled_salt, generator):
    order = torch.randperm(8, generator=generator)
    shuffled = permute(rattled_salt, order)
    assert torch.equal(shuffled.positions, rattled_salt.positions[order])
    assert same_atoms(shuffled, rattled_salt)
    assert edge_set(shuffled) == edge_set(shuffled.rebuild(cutoff=4.5))
    assert (shuffled.receivers.diff() >= 0).all()
    with pytest.raises(ValueError, match="a permutation must name each of 8 nodes once"):
        permute(rattled_salt, torch.zeros(8, dtype=torch.long))
    with pytest.raises(ValueError, match="must keep atoms in their structure"):
        permute(batch([rattled_salt, rattled_salt]), torch.arange(15, -1, -1))


@pytest.mark.parametrize("seed", range(5))
def test_another_lattice_basis_is_the_same_set_of_atoms_with_the_same_edges(seed, rattled_salt):
    matrix = random_lattice_basis(generator=torch.Generator().manual_seed(seed), steps=6)
    assert round(float(torch.linalg.det(matrix.double()))) == 1
    changed = change_lattice_basis(rattled_salt, matrix)
    rebuilt = change_lattice_basis(wrap(rattled_salt), matrix, cutoff=4.5)
    assert not torch.allclose(changed.cell, rattled_salt.cell)
    assert same_atoms(changed, rattled_salt)
    assert same_atoms(wrap(changed), rattled_salt)
    assert torch.allclose(changed.edge_vectors(), rattled_salt.edge_vectors(), atol=1e-11)
    assert edge_set(rebuilt) == edge_set(rattled_salt)


def test_only_integer_matrices_of_determinant_one_change_the_basis(rattled_salt, ethanol):
    for matrix in (2 * IDENTITY, -IDENTITY, 0.5 * IDENTITY + 0.5):
        with pytest.raises(ValueError, match="matrix must be an integer matrix of determinant 1"):
            change_lattice_basis(rattled_salt, matrix)
    with pytest.raises(ValueError, match="a change of lattice basis needs three periodic directions"):
        change_lattice_basis(ethanol, IDENTITY)


def test_left_and_right_actions_on_the_lattice_commute(rattled_salt, generator):
    q = random_orthogonal(generator=generator)
    matrix = random_lattice_basis(generator=generator)
    one = rotate(change_lattice_basis(rattled_salt, matrix), q)
    other = change_lattice_basis(rotate(rattled_salt, q), matrix)
    assert torch.allclose(one.cell, other.cell, atol=1e-12)
    assert same_atoms(one, other)


def test_a_supercell_is_the_same_set_of_atoms_and_a_defect_is_not():
    primitive = AtomicGraph.from_ase(bulk("Si"), cutoff=3.0)
    conventional = AtomicGraph.from_ase(bulk("Si", cubic=True), cutoff=3.0)
    large = AtomicGraph.from_ase(bulk("Si").repeat((2, 1, 3)), cutoff=3.0)
    assert same_atoms(primitive, conventional)
    assert same_atoms(large, primitive)
    defect = bulk("Si").repeat((2, 1, 3))
    defect.numbers[4] = 32
    assert not same_atoms(AtomicGraph.from_ase(defect, cutoff=3.0), primitive)
    assert not same_atoms(primitive, AtomicGraph.from_ase(bulk("Cu"), cutoff=3.0))
    assert not same_atoms(primitive, AtomicGraph.from_ase(bulk("Si", a=5.5), cutoff=3.0))


# The symmetry of a structure itself


@pytest.mark.parametrize(
    ("name", "order"), [("H2O", 4), ("NH3", 6), ("CH4", 24), ("C6H6", 24), ("C2H6", 12), ("CH3CH2OH", 2)]
)
def test_point_groups_of_molecules_have_their_textbook_order(name, order):
    operations = symmetry_operations(AtomicGraph.from_ase(molecule(name), cutoff=2.0), tolerance=1e-3)
    assert len(operations) == order
    # Closed under products, as a group must be.
    for a, b in itertools.product(operations, repeat=2):
        assert min(float((a @ b - c).abs().max()) for c in operations) < 1e-2


def test_a_turned_molecule_has_the_turned_group(generator):
    ammonia = AtomicGraph.from_ase(molecule("NH3"), cutoff=2.0)
    q = random_rotation(generator=generator)
    turned = symmetry_operations(rotate(ammonia, q))
    for operation in symmetry_operations(ammonia):
        assert min(float((q @ operation @ q.T - c).abs().max()) for c in turned) < 1e-6


def perovskite(a=4.0, c=4.0, polar=0.0):
    atoms = crystal(
        ["Ba", "Ti", "O", "O", "O"],
        [(0, 0, 0), (0.5, 0.5, 0.5 + polar), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
        spacegroup=1,
        cellpar=[a, a, c, 90, 90, 90],
    )
    return AtomicGraph.from_ase(atoms, cutoff=3.0)


def test_space_groups_are_those_of_spglib_and_the_literature():
    assert space_group(perovskite()).symbol == "Pm-3m"
    assert space_group(perovskite(c=4.04, polar=0.02)).symbol == "P4mm"
    assert space_group(AtomicGraph.from_ase(bulk("Si"), cutoff=3.0)).number == 227


def test_site_groups_of_a_perovskite_and_of_diamond():
    assert [len(site_symmetry(perovskite(), node)) for node in range(5)] == [48, 48, 16, 16, 16]
    diamond = AtomicGraph.from_ase(bulk("Si", cubic=True), cutoff=3.0)
    assert len(symmetry_operations(diamond)) == 48
    assert all(len(site_symmetry(diamond, node)) == 24 for node in range(8))
    ammonia = AtomicGraph.from_ase(molecule("NH3"), cutoff=2.0)
    assert [len(site_symmetry(ammonia, node)) for node in range(4)] == [6, 2, 2, 2]


@pytest.mark.parametrize(
    ("graph", "formula", "free"),
    [
        # Nye, Physical Properties of Crystals: independent components by point group.
        (perovskite(), "ij=ji", 1),
        (perovskite(c=4.04, polar=0.02), "ij=ji", 2),
        (perovskite(), "ijk=ikj", 0),
        (perovskite(c=4.04, polar=0.02), "ijk=ikj", 3),
        (AtomicGraph.from_ase(bulk("ZnS", "zincblende", a=5.41), cutoff=3.0), "ijk=ikj", 1),
        (AtomicGraph.from_ase(bulk("ZnS", "zincblende", a=5.41), cutoff=3.0), "ijkl=jikl=ijlk=klij", 3),
        (AtomicGraph.from_ase(bulk("ZnO", "wurtzite", a=3.25, c=5.2), cutoff=3.0), "ijk=ikj", 3),
        (AtomicGraph.from_ase(bulk("ZnO", "wurtzite", a=3.25, c=5.2), cutoff=3.0), "ijkl=jikl=ijlk=klij", 5),
    ],
)
def test_crystal_symmetry_leaves_as_many_components_as_the_tables_say(graph, formula, free):
    tensor, operations = CartesianTensor(formula), symmetry_operations(graph)
    projector = invariant_projector(operations, tensor.irreps)
    assert float(projector.trace()) == pytest.approx(free, abs=1e-9)
    assert torch.allclose(projector @ projector, projector, atol=1e-9)
    allowed = allowed_tensors(operations, tensor)
    assert len(allowed) == free
    for operation in operations:
        assert torch.allclose(tensor.rotate(allowed, operation), allowed, atol=1e-6)


def test_the_oxygen_site_of_a_perovskite_leaves_two_born_charges():
    allowed = allowed_tensors(site_symmetry(perovskite(), 2), CartesianTensor("ij"))
    assert len(allowed) == 2
    for tensor in allowed:
        # Diagonal, with equal values across the Ti-O-Ti axis, which is z for this oxygen.
        assert torch.allclose(tensor, torch.diag(tensor.diagonal()), atol=1e-9)
        assert float(tensor[0, 0]) == pytest.approx(float(tensor[1, 1]))


def test_structures_without_a_finite_group_are_refused(ethanol, rattled_salt):
    for name in ("CO2", "N2"):
        with pytest.raises(ValueError, match="a finite group needs atoms that do not lie on one line"):
            symmetry_operations(AtomicGraph.from_ase(molecule(name), cutoff=3.0))
    with pytest.raises(ValueError, match="a space group needs one structure periodic in three directions"):
        space_group(ethanol)
    with pytest.raises(ValueError, match="node must lie between 0 and 8, received 9"):
        site_symmetry(ethanol, 9)
    with pytest.raises(ValueError, match="symmetry needs one structure, received a batch of 2"):
        symmetry_operations(batch([ethanol, ethanol]))


def test_a_structure_that_spglib_cannot_read_is_refused_in_one_sentence():
    doubled = AtomicGraph.from_arrays(
        torch.zeros(2, 3).double(), [14, 14], cutoff=1.0, cell=4 * IDENTITY, pbc=True, min_distance=0
    )
    with pytest.raises(
        ValueError, match=r"spglib must find a symmetry, received a structure where it finds none"
    ):
        space_group(doubled)


def test_actions_keep_a_graph_on_its_device(rattled_salt, generator, device):
    graph = rattled_salt.to(device=device)
    matrix = random_lattice_basis(generator=generator)
    for moved in (
        rotate(graph, random_rotation(generator=generator)),
        wrap(translate(graph, torch.ones(3))),
        permute(graph, torch.randperm(8, generator=generator)),
        change_lattice_basis(graph, matrix, cutoff=4.5),
    ):
        assert {value.device.type for value in vars(moved).values()} == {device}
    assert same_atoms(change_lattice_basis(graph, matrix), graph)
