"""The n-body workload of the EGNN paper: charged particles, where they fly to.

This module runs in the environments of all peers, so it knows numpy and nothing else.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class BodySettings:
    """The paper's n-body network (Satorras et al. 2021, section 5.1 and appendix C)."""

    num_channels: int = 64
    num_layers: int = 4
    learning_rate: float = 5e-4


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """Particles by system: positions, velocities and targets (systems, bodies, 3), charges (systems, bodies)."""

    positions: np.ndarray
    velocities: np.ndarray
    charges: np.ndarray
    targets: np.ndarray

    @classmethod
    def load(cls, path: str) -> "Bodies":
        """Read what the case wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**arrays)

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Receivers and senders of all ordered pairs within each system, sorted by receiver."""
        systems, bodies = self.charges.shape
        receivers, senders = np.nonzero(~np.eye(bodies, dtype=bool))
        first = bodies * np.arange(systems)[:, None]
        return (first + receivers).ravel(), (first + senders).ravel()


@dataclass(frozen=True)
class BodyCase:
    """A batch of systems. Targets are noise: the work of a training step does not depend on them."""

    systems: int = 100
    bodies: int = 5
    settings: BodySettings = BodySettings()

    def describe(self) -> str:
        """Sizes that all sides share."""
        edges = self.systems * self.bodies * (self.bodies - 1)
        return (
            f"{self.systems} systems of {self.bodies} charged bodies, {edges} ordered pairs; "
            f"{self.settings.num_layers} layers, {self.settings.num_channels} channels, float32, one thread"
        )

    def task(self, folder: Path) -> dict:
        """Write the arrays; return what every side is told."""
        generator = np.random.default_rng(0)
        shape = (self.systems, self.bodies, 3)
        positions, velocities = generator.normal(size=shape), generator.normal(size=shape)
        np.savez(
            folder / "bodies.npz",
            positions=positions,
            velocities=velocities,
            charges=generator.choice([-1.0, 1.0], size=shape[:2]),
            targets=positions + velocities + 0.1 * generator.normal(size=shape),
        )
        return {"bodies": str(folder / "bodies.npz"), "settings": asdict(self.settings)}
