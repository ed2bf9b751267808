"""Shielding tensors from the shelf, and the plain sums behind their spectra, as the lesson on NMR needs them."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.datasets import Dataset
from equitour.dynamics.nmr import haeberlen, spinning_line
from equitour.train import Example


def sodium_clusters(data: Dataset) -> tuple[list[Example], list[Example]]:
    """Clusters to learn from and new ones, each a molecular dynamics run of its own, with Hartree-Fock tensors.

    Args:
        data: `datasets.load("nmr_sodium_water")`. Every fifth cluster is a new one, whatever else the set holds.
    """
    examples = {
        int(key.partition("-")[0]): Example(sample.graph, {"shielding": sample.atom_labels["shielding"]})
        for key, sample in zip(data.keys, data, strict=True)
        if sample.labels["method"] == "rhf"
    }
    old = [example for number, example in examples.items() if number % 5 != 2]
    return old, [example for number, example in examples.items() if number % 5 == 2]


def anisotropic_carbon(data: Dataset, *, rank: float = 0.9) -> Float[Tensor, "1 3 3"]:
    """The carbon tensor that is more anisotropic than this share of all carbons in a set.

    Args:
        data: `datasets.load("nmr_molecules")`.
        rank: Between 0 and 1.
    """
    tensors = torch.cat(
        [sample.atom_labels["shielding"][sample.graph.atomic_numbers == 6] for sample in data]
    )
    order = haeberlen(tensors).anisotropy.abs().argsort()
    return tensors[order[int(rank * (len(order) - 1))]][None]


def every_direction(count: int) -> Float[Tensor, "count 3"]:
    """Unit vectors spread evenly over the sphere, on a golden spiral."""
    k = torch.arange(count, dtype=torch.float64) + 0.5
    z, phi = 1 - 2 * k / count, math.pi * (1 + math.sqrt(5)) * k
    ring = (1 - z**2).sqrt()
    return torch.stack([ring * phi.cos(), ring * phi.sin(), z], 1)


def sum_of_lines(
    places: Float[Tensor, " grains"], axis: Float[Tensor, " points"], *, width: float
) -> Float[Tensor, " points"]:
    """The mean of Gaussian lines at these places, each of area 1.

    Args:
        places: In ppm.
        axis: Where the spectrum is wanted, in ppm.
        width: Full width at half the height of one line, in ppm.
    """
    deviation = width / math.sqrt(8 * math.log(2))
    away = (axis[:, None] - places) / deviation
    return torch.exp(-away.square() / 2).mean(1) / (deviation * math.sqrt(2 * math.pi))


def spectra_at_rates(
    shielding: Float[Tensor, "tensors 3 3"], rates: Sequence[float], *, larmor_frequency: float
) -> tuple[Float[Tensor, " points"], Float[Tensor, "tensors rates points"]]:
    """An axis in ppm about the first tensor, and spectra at each rate of spinning, the first tensor's peak at 1.

    Args:
        shielding: In ppm.
        rates: Of the rotor, in kHz.
        larmor_frequency: In MHz.
    """
    mean, delta, _ = haeberlen(shielding[0])
    size = float(delta.abs())
    axis = mean + 2 * size * torch.linspace(-1, 1, 501, dtype=torch.float64)
    fields = {"larmor_frequency": larmor_frequency, "width": size / 30}
    lines = [spinning_line(shielding, axis, spinning_rate=rate, **fields) for rate in rates]
    return axis, torch.stack([line / line[0].max() for line in lines], 1)
