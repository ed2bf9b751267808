"""Channel-last features and e3nn's flat ones: [nodes, rows, channels] against [nodes, irreps.dim]."""

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor


def one_each(irreps: o3.Irreps | str) -> o3.Irreps:
    """The irreps of the rows, each once and in e3nn's order.

    Raises:
        ValueError: An irrep is repeated or has a multiplicity; copies live in the channels.
    """
    irreps = o3.Irreps(irreps)
    if any(multiplicity != 1 for multiplicity, _ in irreps) or len({ir for _, ir in irreps}) != len(irreps):
        raise ValueError(
            f"irreps of rows must stand once each, received {irreps}: give the number of copies as num_channels"
        )
    return o3.Irreps(sorted(irreps, key=lambda item: (item.ir.l, -item.ir.p)))


def natural_irreps(lmax: int) -> o3.Irreps:
    """0e + 1o + 2e + …: the irreps of the spherical harmonics, parity (−1)^l.

    Raises:
        ValueError: lmax is negative.
    """
    if lmax < 0:
        raise ValueError(f"lmax must be 0 or larger, received {lmax}: 1 gives vectors, 2 quadrupoles")
    return o3.Irreps.spherical_harmonics(lmax)


def row_counts(irreps: o3.Irreps) -> list[int]:
    """2l + 1 of each irrep: the sizes with which features are split into blocks."""
    return [ir.dim for _, ir in irreps]


def to_e3nn(
    features: Float[Tensor, "nodes rows channels"], irreps: o3.Irreps | str
) -> Float[Tensor, "nodes dim"]:
    """Flat features in e3nn's layout, `channels` copies of each irrep of the rows."""
    blocks = features.split(row_counts(o3.Irreps(irreps)), 1)
    return torch.cat([block.mT.flatten(1) for block in blocks], 1)


def from_e3nn(
    features: Float[Tensor, "nodes dim"], irreps: o3.Irreps | str, num_channels: int
) -> Float[Tensor, "nodes rows channels"]:
    """Channel-last features of flat ones that hold `num_channels` copies of each irrep of the rows."""
    counts = row_counts(o3.Irreps(irreps))
    blocks = features.split([num_channels * count for count in counts], 1)
    return torch.cat([b.unflatten(1, (num_channels, n)).mT for b, n in zip(blocks, counts, strict=True)], 1)
