"""Data and plain sums of the lesson on NMR shielding."""

import pytest
import torch

from equitour import datasets
from equitour.dynamics.nmr import haeberlen, spinning_line, static_line
from equitour.learn.shieldings import (
    anisotropic_carbon,
    every_direction,
    sodium_clusters,
    spectra_at_rates,
    sum_of_lines,
)

SHIELDING = torch.diag(torch.tensor([250.0, 310.0, 400.0], dtype=torch.float64))


def test_no_cluster_is_learnt_and_tested_and_all_tensors_are_hartree_focks():
    data = datasets.load("nmr_sodium_water", cutoff=5.0)
    old, new = sodium_clusters(data)
    assert len(old) + len(new) == data.labels["method"].count("rhf")
    assert len(old) > 3 * len(new) > 0
    positions = {tuple(example.graph.positions.flatten().tolist()) for example in [*old, *new]}
    assert len(positions) == len(old) + len(new)
    key = data.keys.index("002-rhf")
    assert torch.equal(new[0].labels["shielding"], data.atom_labels["shielding"][key])


def test_the_carbon_is_more_anisotropic_than_nine_in_ten():
    data = datasets.load("nmr_molecules")
    size = haeberlen(anisotropic_carbon(data)).anisotropy.abs()
    carbons = torch.cat(
        [sample.atom_labels["shielding"][sample.graph.atomic_numbers == 6] for sample in data]
    )
    share = (haeberlen(carbons).anisotropy.abs() < size).double().mean()
    assert float(share) == pytest.approx(0.9, abs=0.01)


def test_directions_favour_none():
    b = every_direction(2000)
    assert torch.allclose(b.norm(dim=1), torch.ones(2000, dtype=torch.float64))
    assert b.mean(0).abs().max() < 1e-3
    assert torch.allclose(b.T @ b / 2000, torch.eye(3, dtype=torch.float64) / 3, atol=1e-3)


def test_a_sum_over_grains_is_the_powder_pattern():
    axis, b = torch.linspace(200, 450, 251, dtype=torch.float64), every_direction(20000)
    grains = sum_of_lines((b @ SHIELDING * b).sum(1), axis, width=5.0)
    pattern = static_line(SHIELDING, axis, width=5.0)
    assert (grains - pattern).abs().max() < 2e-3 * pattern.max()
    assert float(grains.sum()) == pytest.approx(1, abs=1e-6)


def test_spectra_share_the_first_ones_axis_and_scale_and_fast_spinning_leaves_one_line():
    both = torch.stack([SHIELDING, SHIELDING + 5 * torch.eye(3, dtype=torch.float64)])
    axis, spectra = spectra_at_rates(both, [2.0, 200.0], larmor_frequency=100.0)
    assert spectra.shape == (2, 2, 501)
    assert torch.allclose(spectra[0].amax(1), torch.ones(2, dtype=torch.float64))
    mean, delta, _ = haeberlen(SHIELDING)
    assert float(axis[spectra[0, 1].argmax()]) == pytest.approx(float(mean), abs=0.5)
    assert float(axis[spectra[1, 1].argmax()]) == pytest.approx(float(mean) + 5, abs=0.5)
    fields = {"larmor_frequency": 100.0, "width": float(delta.abs()) / 30}
    slow = spinning_line(SHIELDING, axis, spinning_rate=2.0, **fields)
    assert torch.allclose(spectra[0, 0], slow / slow.max())
