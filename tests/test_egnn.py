import json
from functools import partial

import battery
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from equitour import datasets
from equitour.checks import assert_equivariant
from equitour.graph import AtomicGraph, batch
from equitour.models.egnn import EGNN, EGNNDynamics
from equitour.symmetry import rotate

BONDS = 1.7  # Å: a graph with the covalent bonds of C, H and O as its only edges.


def lively(model, factor=500.0):
    """Pushes as large as after training: untrained they are too small to prove anything."""
    for layer in model.layers:
        if layer.phi_x is not None:
            layer.phi_x[-1].weight.data *= factor
    for scale in getattr(model, "phi_v", []):
        scale[-1].weight.data *= factor
    return model.double().eval()


def moving(generator, *, mutual=False, nodes=6, **settings):
    """Charged points, all pairs as edges, and a model of their motion."""
    torch.manual_seed(1)
    graph = AtomicGraph.from_arrays(
        torch.randn(nodes, 3, generator=generator, dtype=torch.float64),
        [1] * nodes,
        cutoff=50.0,
        min_distance=0,
    )
    features = torch.randn(nodes, 2, generator=generator, dtype=torch.float64)
    velocities = torch.randn(nodes, 3, generator=generator, dtype=torch.float64)
    settings = {"num_layers": 3, "num_channels": 12} | settings
    return lively(EGNNDynamics(num_features=2, mutual=mutual, **settings)), graph, features, velocities


def hydrogen_peroxide(degrees):
    """HOOH with a given torsion."""
    atoms = molecule("H2O2")
    oxygens, hydrogens = (
        [a.index for a in atoms if a.symbol == "O"],
        [a.index for a in atoms if a.symbol == "H"],
    )
    first, second = hydrogens if atoms.get_distance(hydrogens[0], oxygens[0]) < 1.3 else hydrogens[::-1]
    atoms.set_dihedral(first, *oxygens, second, degrees)
    return atoms


def ethane(degrees):
    """C2H6 with one methyl group turned about the bond."""
    atoms = molecule("C2H6")
    first, second = (a.index for a in atoms if a.symbol == "C")
    turning = [i for i in range(8) if i != second and atoms.get_distance(i, second) < 1.3]
    atoms.rotate(degrees, atoms.positions[second] - atoms.positions[first], center=atoms.positions[second])
    kept = molecule("C2H6").positions
    kept[turning] = atoms.positions[turning]
    # `rotate` turned everything about the axis; only one methyl group keeps its new place.
    return Atoms(atoms.symbols, kept)


def trunk(**settings):
    torch.manual_seed(3)
    defaults = {"elements": [1, 6, 8, 9, 14, 17, 35], "cutoff": BONDS, "num_layers": 4, "num_channels": 16}
    return lively(EGNN(**defaults | settings), factor=30.0)


def change(model, one, other, cutoff=BONDS):
    """Largest relative change of the features between two structures with the same numbering."""
    a, b = (model(AtomicGraph.from_ase(atoms, cutoff=cutoff)).detach() for atoms in (one, other))
    return float((a - b).abs().max() / a.abs().max())


def factory(moves, **settings):
    return lively(EGNN(num_layers=2, num_channels=8, moves=moves, **settings), factor=5.0)


@pytest.mark.parametrize("check", battery.CHECKS, ids=battery.name)
def test_physics(check):
    check(battery.build(partial(factory, True)))


def test_features_of_distances_alone_are_invariant_too():
    battery.check_features_turn_mirror_move_and_permute(battery.build(partial(factory, False)))


def test_motion_follows_the_equations_of_the_paper_written_out_pair_by_pair(generator):
    model, graph, features, velocities = moving(generator, duration=0.6)
    x, v, n = graph.positions, velocities, graph.num_nodes
    h = model.embedding(torch.cat([features, (v**2).sum(1, keepdim=True)], dim=1))
    for layer, phi_v in zip(model.layers, model.phi_v, strict=True):
        m, push = torch.zeros(n, 12, dtype=x.dtype), torch.zeros(n, 3, dtype=x.dtype)
        for i in range(n):
            for j in range(n):
                if i != j:
                    r = x[i] - x[j]
                    edge = torch.cat([h[i], h[j], (r @ r)[None], features[i] * features[j]])
                    message = layer.phi_e(edge)  # eq. 3
                    m[i] += message  # eq. 5
                    push[i] += r * layer.phi_x(message) / (n - 1)  # eq. 4
        v = (1 + phi_v(h)) * v + push  # eq. 7
        x = x + 0.2 * v
        h = h + layer.phi_h(torch.cat([h, m], dim=1))  # eq. 6
    found = model(graph, features, velocities)
    torch.testing.assert_close(found.positions, x, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.velocities, v, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mutual", [False, True])
def test_motion_turns_mirrors_moves_and_permutes_with_the_start(generator, mutual):
    model, graph, _, _ = moving(generator, mutual=mutual)

    def motion(graph):
        start = torch.zeros_like(graph.positions).index_add(0, graph.receivers, graph.edge_vectors())
        charges = graph.positions.new_ones(graph.num_nodes, 2)
        after = model(graph, charges, start)
        return torch.cat([after.positions - graph.positions, after.velocities], dim=1)

    assert_equivariant(motion, graph, "2x1o", tolerance=1e-10, generator=generator)


def momenta(x, v):
    return torch.cat([v.sum(0), torch.linalg.cross(x, v).sum(0)])


def test_mutual_pushes_conserve_momentum_and_angular_momentum_whatever_the_weights(generator):
    model, graph, features, velocities = moving(generator, mutual=True)
    after = model(graph, features, velocities)
    assert float((after.velocities.detach() - velocities).abs().max()) > 0.1
    torch.testing.assert_close(momenta(*after), momenta(graph.positions, velocities), rtol=1e-12, atol=1e-12)


def test_pushes_that_are_not_mutual_conserve_neither(generator):
    model, graph, features, velocities = moving(generator)
    drift = momenta(*model(graph, features, velocities)).detach() - momenta(graph.positions, velocities)
    assert float(drift[:3].norm()) > 1e-2
    assert float(drift[3:].norm()) > 1e-2


def test_before_training_the_motion_is_almost_free_flight(generator):
    _, graph, features, velocities = moving(generator)
    with torch.no_grad():
        after = EGNNDynamics(num_features=2, duration=0.5).double()(graph, features, velocities)
    flown = graph.positions + 0.5 * velocities
    assert float((after.positions - flown).abs().max()) < 0.05
    assert float((after.positions - flown).abs().max()) > 0


def test_a_lonely_charge_flies_straight_on(generator):
    model, *_ = moving(generator, mutual=True)
    graph = AtomicGraph.from_arrays(torch.zeros(1, 3), [1], cutoff=5.0)
    velocity = torch.tensor([[1.0, 2, 3]], dtype=torch.float64)
    torch.testing.assert_close(model(graph, velocity[:, :2], velocity).positions, velocity)


def test_after_seconds_of_training_the_motion_is_better_than_free_flight():
    data = datasets.load("n_body", count=100, generator=torch.Generator().manual_seed(2), dtype=torch.float32)
    graph = batch(list(data.graphs))
    q, v, target = (
        torch.cat(data.atom_labels[name]) for name in ("charges", "velocities", "later_positions")
    )
    torch.manual_seed(0)
    model = EGNNDynamics(num_features=1, num_layers=3, num_channels=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(30):
        loss = (model(graph, q[:, None], v).positions - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    free = (graph.positions + v - target).square().mean()
    assert float(loss.detach()) < 0.75 * float(free)


def test_distances_along_bonds_do_not_tell_an_angle_and_moved_atoms_do():
    straight, bent = (Atoms("OHH", [[0, 0, 0], [0.96, 0, 0], end]) for end in ([-0.96, 0, 0], [0, 0.96, 0]))
    assert change(trunk(moves=False, cutoff=1.2), straight, bent, cutoff=1.2) < 1e-12
    assert change(trunk(cutoff=1.2), straight, bent, cutoff=1.2) > 1e-3


def test_a_torsion_is_felt_through_bonds_unless_threefold_symmetry_cancels_every_push():
    assert change(trunk(), hydrogen_peroxide(60), hydrogen_peroxide(120)) > 1e-4
    # In ethane the three pushes of a methyl group add up to one along the axis, which knows no torsion (ASE's
    # coordinates are threefold to six digits).
    assert change(trunk(), ethane(0), ethane(60)) < 1e-9
    assert change(trunk(cutoff=3.0), ethane(0), ethane(60), cutoff=3.0) > 1e-4


def test_mirror_images_look_alike_by_design():
    left = Atoms("CHFClBr", [[0, 0, 0], [0.6, 0.6, 0.6], [-0.8, -0.8, 0.8], [-1, 1, -1], [1.1, -1.1, -1.1]])
    right = Atoms("CHFClBr", left.positions * [1, 1, -1])
    assert change(trunk(cutoff=5.0), left, right, cutoff=5.0) < 1e-12


def test_without_a_cutoff_features_come_from_all_pairs(ethanol, generator):
    model, graph = trunk(cutoff=None), ethanol.rebuild(cutoff=50.0)
    assert_equivariant(lambda g: model(g)[:, 0], graph, "16x0e", generator=generator)


def test_settings_are_plain_and_build_the_same_model_again(ethanol):
    for model in (trunk(moves=False), trunk(cutoff=None)):
        settings = json.loads(json.dumps(model.settings))
        twin = EGNN(**settings).double()
        twin.load_state_dict(model.state_dict())
        torch.testing.assert_close(twin(ethanol), model(ethanol), rtol=0, atol=0)


def test_features_need_a_row_for_each_node(generator):
    model, graph, features, velocities = moving(generator)
    with pytest.raises(ValueError, match="features must be \\(6, 2\\) and velocities \\(6, 3\\), received"):
        model(graph, features[:, :1], velocities)


def test_the_callers_graph_is_never_touched(generator):
    model, graph, features, velocities = moving(generator)
    before = {name: value.clone() for name, value in vars(graph).items()}
    model(rotate(graph, torch.eye(3, dtype=torch.float64)), features, velocities)
    model(graph, features, velocities).positions.sum().backward()
    for name, value in before.items():
        assert torch.equal(getattr(graph, name), value)
        assert getattr(graph, name).grad is None
