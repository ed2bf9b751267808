"""What every side is asked to build: the same network as far as each peer's own settings allow."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A NequIP-type network and its training step.

    Args:
        lmax: Largest degree of features and of spherical harmonics; features carry the natural parity (-1)^l.
        cutoff: In Å.
        num_layers: Convolutions; the last one yields scalars only.
        num_channels: Copies of each irrep.
        num_basis: Bessel functions of the distance.
        radial_width: Neurons of the one hidden layer between the radial basis and the weights of the paths.
        learning_rate: Of Adam; small, so that a long run stays a quiet one.
    """

    lmax: int
    cutoff: float
    num_layers: int = 3
    num_channels: int = 32
    num_basis: int = 8
    radial_width: int = 64
    learning_rate: float = 1e-4

    def hidden_irreps(self) -> str:
        """The features between layers in e3nn's words: "32x0e+32x1o"."""
        return "+".join(f"{self.num_channels}x{l}{'eo'[l % 2]}" for l in range(self.lmax + 1))

    def harmonics(self) -> str:
        """The spherical harmonics in e3nn's words: "1x0e+1x1o"."""
        return "+".join(f"1x{l}{'eo'[l % 2]}" for l in range(self.lmax + 1))

    def layer_irreps(self) -> list[str]:
        """The features after each layer; the last keeps scalars only."""
        return [self.hidden_irreps()] * (self.num_layers - 1) + [f"{self.num_channels}x0e"]
