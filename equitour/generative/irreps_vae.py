"""An equivariant autoencoder: the latent numbers are irreps, and turn with the motif."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative.environments import Environments
from equitour.generative.fingerprint import Fingerprint
from equitour.generative.gram import Reconstruction
from equitour.generative.learnt import learnt_vectors
from equitour.generative.vae import MotifVAE
from equitour.tensor_product import Linear, SymmetricPower, from_e3nn, natural_irreps, to_e3nn

FINGERPRINT = Fingerprint()


class PowerNetwork(nn.Module):
    """Linear map, symmetric power, linear map, once or more: flat e3nn features to flat e3nn features.

    Args:
        lmaxes: Highest l before, between and after; rows are 0e + 1o + 2e + … up to it.
        channels: Copies of each row before, between and after.
        correlations: Factors of each power; l grows at most by so many times.
    """

    def __init__(self, lmaxes: Sequence[int], channels: Sequence[int], correlations: Sequence[int]) -> None:
        super().__init__()
        self.irreps = [natural_irreps(lmax) for lmax in lmaxes]
        self.channels_in = channels[0]
        self.linear = nn.ModuleList()
        self.powers = nn.ModuleList()
        steps = zip(self.irreps, self.irreps[1:], channels, channels[1:], correlations, strict=False)
        for before, after, narrow, wide, correlation in steps:
            self.linear.append(_linear(before, narrow, wide))
            self.powers.append(SymmetricPower(before, after, correlation=correlation, num_channels=wide))
        self.last = _linear(self.irreps[-1], channels[-2], channels[-1])

    def forward(self, flat: Float[Tensor, "motifs dim_in"]) -> Float[Tensor, "motifs dim_out"]:
        """Features turned before are turned after."""
        x = from_e3nn(flat, self.irreps[0], self.channels_in)
        for linear, power in zip(self.linear, self.powers, strict=True):
            x = power(_each(linear, x))
        return to_e3nn(_each(self.last, x), self.irreps[-1])


class IrrepsVAE(MotifVAE):
    """Fingerprint → `latent_channels` x (0e + 1o + … ) → fingerprint; by default 2x0e + 2x1o, eight numbers.

    The fingerprint knows no order, so the loss needs no partners; everything between is equivariant, so the latent numbers hold
    also how the motif lies in space: three of them are spent on that. The uncertainty of a latent irrep is one number, the same for
    its components: anything else would have directions of its own.

    Args:
        deviation: Of the fingerprint's coefficients, one number for each l.
        elements: Atomic numbers that occur in the motifs.
        num_neighbors: n.
        latent_channels: Copies of each latent irrep.
        latent_lmax: Highest l among them.
        channels: Of the layers between.
    """

    def __init__(
        self,
        deviation: Float[Tensor, " degrees"] | None = None,
        *,
        elements: Sequence[int],
        num_neighbors: int = 8,
        latent_channels: int = 2,
        latent_lmax: int = 1,
        channels: int = 16,
    ) -> None:
        latent = latent_channels * (latent_lmax + 1) ** 2
        super().__init__(
            elements,
            num_neighbors,
            width=FINGERPRINT.irreps.dim,
            hidden=(),
            latent=latent,
            activation=nn.SiLU,
        )
        self.settings = {name: self.settings[name] for name in ("elements", "num_neighbors")} | {
            "latent_channels": latent_channels,
            "latent_lmax": latent_lmax,
            "channels": channels,
        }
        top, basis = FINGERPRINT.lmax, FINGERPRINT.num_basis
        self.latent_irreps = o3.Irreps([(latent_channels, ir) for _, ir in natural_irreps(latent_lmax)])
        self.encoder = _WithVariance(
            PowerNetwork((top, top, latent_lmax), (basis, channels, channels, latent_channels), (2, 2)),
            self.latent_irreps,
        )
        self.decoder = PowerNetwork(
            (latent_lmax, top, top), (latent_channels, channels, channels, basis), (4, 2)
        )
        ones = torch.ones(top + 1)
        self.register_buffer("deviation", ones if deviation is None else torch.as_tensor(deviation))

    @classmethod
    def of(cls, motifs: Float[Tensor, "motifs neighbors 3"], **settings: object) -> IrrepsVAE:
        """A network with fresh weights, scaled for these motifs (Å)."""
        blocks = FINGERPRINT(motifs).split([irrep.dim for irrep in FINGERPRINT.irreps], 1)
        deviation = torch.stack([block.square().mean().sqrt() for block in blocks])
        return cls(deviation, num_neighbors=motifs.shape[1], **settings)

    def entries(self, motifs: Environments | Tensor) -> Float[Tensor, "motifs entries"]:
        """Fingerprints of motifs, or of their vectors in Å, scaled.

        Raises:
            ValueError: The number of neighbours is another, or an element was not among those learnt.
        """
        return FINGERPRINT(learnt_vectors(motifs, self.settings, self.deviation)) / self._scale()

    def vectors_of(self, entries: Float[Tensor, "motifs entries"]) -> Reconstruction:
        """Atoms whose fingerprint is nearest; the `error` is what their fingerprint misses, in scaled coefficients."""
        entries = entries.detach()
        vectors = FINGERPRINT.atoms(entries * self._scale(), count=self.settings["num_neighbors"])
        return Reconstruction(vectors, (entries - FINGERPRINT(vectors) / self._scale()).norm(dim=-1))

    def _scale(self) -> Tensor:
        sizes = torch.tensor([irrep.dim for irrep in FINGERPRINT.irreps], device=self.deviation.device)
        return self.deviation.repeat_interleave(sizes)


class _WithVariance(nn.Module):
    """Beside latent irreps the logarithm of the variance of each, one learnt number an irrep."""

    def __init__(self, network: PowerNetwork, irreps: o3.Irreps) -> None:
        super().__init__()
        self.network = network
        self.log_variance = nn.Parameter(torch.full((irreps.num_irreps,), -2.0))
        copies = torch.tensor([ir.dim for multiplicity, ir in irreps for _ in range(multiplicity)])
        self.register_buffer("copies", copies, persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        spread = self.log_variance.repeat_interleave(self.copies).expand(len(rows), -1)
        return torch.cat([self.network(rows), spread], 1)


def _linear(irreps: o3.Irreps, before: int, after: int) -> Linear:
    return Linear(irreps, [before] * len(irreps), [after] * len(irreps))


def _each(linear: Linear, x: Tensor) -> Tensor:
    return torch.cat(linear(x.split([ir.dim for _, ir in linear.irreps], 1)), 1)
