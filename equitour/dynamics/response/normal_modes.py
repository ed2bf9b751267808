"""Normal modes of molecules and phonons at Γ: eigenvectors of the mass-weighted Hessian."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.constants import TERAHERTZ, WAVENUMBER
from equitour.dynamics.response.inputs import Array, real
from equitour.dynamics.response.rigid_motions import rigid_motions
from equitour.dynamics.response.sum_rules import checked_hessian
from equitour.dynamics.state import masses_of
from equitour.graph import AtomicGraph


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NormalModes:
    """Vibrations of one structure, softest first.

    Attributes:
        frequencies: ν̃ in cm⁻¹. An unstable mode (ω² < 0) has an imaginary frequency, stored as a negative number.
        eigenvectors: e of the mass-weighted Hessian, orthonormal: Σ_κα e_mκα e_nκα = δ_mn.
        masses: m in u.
    """

    frequencies: Float[Tensor, " modes"]
    eigenvectors: Float[Tensor, "modes nodes 3"]
    masses: Float[Tensor, " nodes"]

    def __len__(self) -> int:
        return len(self.frequencies)

    def __repr__(self) -> str:
        listed = ", ".join(f"{frequency:.1f}" for frequency in self.frequencies[:12].tolist())
        rest = ", …" if len(self) > 12 else ""
        count = "1 mode" if len(self) == 1 else f"{len(self)} modes"
        return f"NormalModes({count} of {len(self.masses)} atoms: {listed}{rest} cm⁻¹)"

    @property
    def frequencies_thz(self) -> Float[Tensor, " modes"]:
        """ν = c ν̃ in THz, negative where imaginary."""
        return TERAHERTZ * self.frequencies

    @property
    def displacements(self) -> Float[Tensor, "modes nodes 3"]:
        """u = e/√m in 1/√u: dR/dQ, what the atoms do when the normal coordinate Q (in Å√u) grows by one."""
        return self.eigenvectors / self.masses.sqrt()[:, None]

    @property
    def reduced_masses(self) -> Float[Tensor, " modes"]:
        """1/Σ u² in u."""
        return 1 / self.displacements.square().sum((1, 2))

    def chosen(self, which: Sequence[int] | slice | Tensor) -> NormalModes:
        """Only some modes, by indices or a mask: `modes.chosen(modes.frequencies > 0)`."""
        return dataclasses.replace(
            self, frequencies=self.frequencies[which], eigenvectors=self.eigenvectors[which]
        )

    def levels(self, tolerance: float = 1.0) -> list[list[int]]:
        """Modes of the same frequency within the tolerance (cm⁻¹) taken together.

        Partners of a degenerate level are an arbitrary choice of axes; only sums over a level can be compared.
        """
        levels: list[list[int]] = []
        for mode, frequency in enumerate(self.frequencies.tolist()):
            if levels and frequency - float(self.frequencies[levels[-1][-1]]) < tolerance:
                levels[-1].append(mode)
            else:
                levels.append([mode])
        return levels

    def frames(
        self, mode: int, positions: Array, *, amplitude: float = 0.3, frames: int = 24
    ) -> Float[Tensor, "frames nodes 3"]:
        """One period of a mode as a film: r + A sin(2πt) u, scaled so that the atom that moves most moves by A.

        Args:
            mode: Its index.
            positions: At rest, (nodes, 3) in Å.
            amplitude: A in Å.
            frames: Pictures in the period; the last is the one before the first, so that the film loops.

        Raises:
            ValueError: The positions are not those of these atoms.
        """
        rest = real("positions", positions, (len(self.masses), 3), "give those that the modes belong to")
        pattern = self.displacements[mode]
        pattern = amplitude * pattern / pattern.norm(dim=1).max()
        phase = 2 * torch.pi * torch.arange(frames, dtype=rest.dtype) / frames
        return rest + phase.sin()[:, None, None] * pattern


def normal_modes(
    hessian: Array,
    graph: AtomicGraph,
    *,
    masses: Array | None = None,
    keep_rigid: bool = False,
) -> NormalModes:
    """Solve D e = ω² e with D = H/√(m m'), on what is left when nothing moves as a whole.

    | equation                   | code                                          |
    | -------------------------- | --------------------------------------------- |
    | D = M^(−½) H M^(−½)        | `weighted`                                    |
    | rigid motions taken out    | `free.mT @ weighted @ free`                   |
    | ν̃ = √ω² / 2πc              | `WAVENUMBER * sign(ω²) * √abs(ω²)`            |

    Translations are taken out everywhere, rotations only where no direction repeats: a molecule has 3N − 6 modes,
    a linear one 3N − 5, a crystal 3N − 3 at Γ. Wilson, Decius and Cross, Molecular Vibrations (1955), chapter 2.

    Args:
        hessian: (nodes, 3, nodes, 3) in eV/Å².
        graph: Says where the atoms are, which they are and whether they repeat.
        masses: m in u; ASE's atomic masses by default.
        keep_rigid: Also return rigid motions, whose frequencies then say how far the Hessian is from its sum rules.

    Raises:
        ValueError: The Hessian is not symmetric or not of this structure, or nothing is left to vibrate.
    """
    hessian = checked_hessian(hessian)
    if graph.num_graphs != 1 or len(hessian) != graph.num_nodes:
        raise ValueError(
            f"hessian must belong to one graph of {graph.num_nodes} atoms, received one of {len(hessian)} atoms and "
            f"{graph.num_graphs} graphs: compute it for this structure"
        )
    if masses is not None:
        masses = real("masses", masses, (graph.num_nodes,), "give one in u for each atom")
    masses = masses_of(graph, masses).cpu().double()
    size = 3 * len(masses)
    roots = masses.sqrt().repeat_interleave(3)
    weighted = hessian.reshape(size, size) / roots / roots[:, None]
    free = torch.eye(size, dtype=torch.float64)
    if not keep_rigid:
        free = _complement(rigid_motions(graph, masses))
    squares, vectors = torch.linalg.eigh(free.mT @ weighted @ free)
    eigenvectors = _signed((free @ vectors).mT).reshape(-1, len(masses), 3)
    frequencies = WAVENUMBER * squares.sign() * squares.abs().sqrt()
    return NormalModes(frequencies=frequencies, eigenvectors=eigenvectors, masses=masses)


def _complement(rigid: Tensor) -> Tensor:
    """An orthonormal basis, in columns, of everything that the rigid motions (rows) leave free."""
    count, size = rigid.shape
    if count == size:
        raise ValueError(
            f"a structure must have modes beyond its {count} rigid motions, received a single atom: add atoms"
        )
    return torch.linalg.qr(rigid.mT, mode="complete").Q[:, count:]


def _signed(vectors: Tensor) -> Tensor:
    """Eigenvectors (rows) with their first large component positive, so that a run shows what the last one did."""
    large = vectors.abs() > 0.99 * vectors.abs().amax(1, keepdim=True)
    return vectors * vectors.gather(1, large.int().argmax(1, keepdim=True)).sign()
