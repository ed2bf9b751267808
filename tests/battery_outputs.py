"""What the battery compares: features in e3nn's layout, energies and forces of a trunk or of a potential."""

import torch
from e3nn import o3

ROUNDING = 1e-10


def trunk_of(subject):
    """The trunk itself, or a potential's."""
    return getattr(subject, "trunk", subject)


def features_of(subject, graph):
    """What the trunk gives, in e3nn's layout (nodes, dim), and the irreps of that."""
    trunk = trunk_of(subject)
    output, irreps = trunk(graph), o3.Irreps(trunk.irreps_out)
    expected = (graph.num_nodes, irreps.dim, trunk.num_channels)
    assert output.shape == expected, f"trunk must give {expected}, gave {tuple(output.shape)}"
    blocks = [output[:, rows].transpose(1, 2).flatten(1) for rows in irreps.slices()]
    return torch.cat(blocks, dim=1), o3.Irreps([(trunk.num_channels, irrep) for _, irrep in irreps])


def energy_of(subject):
    """Energies (graphs,) of a potential; of a trunk through a fixed readout of its scalars."""
    if hasattr(subject, "evaluate"):
        return subject
    blocks = zip(subject.irreps_out, subject.irreps_out.slices(), strict=True)
    rows = [place.start for (_, irrep), place in blocks if irrep == o3.Irrep("0e")]
    chance = torch.Generator().manual_seed(5)
    weights = torch.randn(len(rows) * subject.num_channels, 4, generator=chance, dtype=torch.float64)

    def energy(graph):
        scalars = subject(graph)[:, rows].flatten(1)
        per_node = torch.tanh(scalars @ weights.to(scalars) / len(weights) ** 0.5).sum(1)
        return per_node.new_zeros(graph.num_graphs).index_add(0, graph.batch, per_node)

    return energy


def forces_of(subject, graph):
    """A potential's own forces, or minus the gradient of the readout."""
    if hasattr(subject, "evaluate"):
        return subject.evaluate(graph).forces
    positions = graph.positions.detach().clone().requires_grad_()
    energy = energy_of(subject)(graph.replace(positions=positions)).sum()
    return -torch.autograd.grad(energy, positions, materialize_grads=True)[0]


def assert_same(left, right, *, tolerance=ROUNDING):
    """Equal to `tolerance`, relative to the largest entry."""
    left, right = left.detach(), right.detach()
    assert left.shape == right.shape
    assert bool(torch.isfinite(left).all())
    difference = float((left - right).abs().max()) if left.numel() else 0.0
    scale = float(right.abs().max()) if right.numel() else 1.0
    assert difference <= tolerance * max(scale, 1e-3), f"differ by {difference:.1e} of {scale:.1e}"
