"""What the equivariance report measures: f(g · x) against D(g) f(x), block by block."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property

import torch
from e3nn import o3
from torch import Tensor

from equitour.graph import AtomicGraph, batch
from equitour.symmetry import (
    irreps_matrix,
    permute,
    random_rotation,
    rotate,
    translate,
)

JITTER = 0.05  # Å: moves every atom visibly and breaks the symmetry that a structure may have.
ZERO = 1e-12  # Relative to the whole output, a block below this is zero.


class ProvesNothing(ValueError):
    """The check passes for a reason that has nothing to do with symmetry."""


@dataclasses.dataclass
class Probe:
    """A function under test, the structure it is tested on, and what its output claims to be."""

    function: Callable[[AtomicGraph], Tensor]
    graph: AtomicGraph
    irreps: o3.Irreps
    per: str

    def __call__(self, graph: AtomicGraph) -> Tensor:
        """The output as rows (nodes or graphs, dim), detached."""
        rows = graph.num_nodes if self.per == "node" else graph.num_graphs
        output = self.function(graph)
        if not isinstance(output, Tensor):
            raise ValueError(
                f"function must return a tensor, received {type(output).__name__}: pick the output to be tested"
            )
        if output.shape != (rows, self.irreps.dim) and not (
            output.numel() == rows and self.irreps.dim == 1 and output.ndim <= 1
        ):
            raise ValueError(
                f"output must have shape ({rows}, {self.irreps.dim}), a row per {self.per} of {self.irreps}, "
                f"received {tuple(output.shape)}: reshape it, or change irreps_out or per"
            )
        output = output.detach().reshape(rows, self.irreps.dim)
        if not bool(torch.isfinite(output).all()):
            raise ValueError(
                "output must be finite, received NaN or infinity: look for a zero length or a root of it"
            )
        return output

    @cached_property
    def output(self) -> Tensor:
        """f(x) of the structure as it came."""
        return self(self.graph)

    @cached_property
    def scale(self) -> float:
        """Largest entry of the output, with the jittered structure's so that a symmetric one does not hide it."""
        return float(torch.maximum(self.output.abs().max(), self._jittered_output.abs().max()))

    @cached_property
    def jittered(self) -> AtomicGraph:
        """The structure with every atom moved a little, always the same way."""
        chance = torch.Generator().manual_seed(1)
        noise = JITTER * torch.randn(self.graph.positions.shape, generator=chance, dtype=torch.float64)
        return self.graph.replace(positions=self.graph.positions + noise.to(self.graph.positions))

    @cached_property
    def _jittered_output(self) -> Tensor:
        return self(self.jittered)

    def slices(self) -> dict[str, slice]:
        """Name and columns of each irrep block; a repeated name gets a number."""
        named: dict[str, slice] = {}
        for (multiplicity, irrep), columns in zip(self.irreps, self.irreps.slices(), strict=True):
            name = f"{multiplicity}x{irrep}"
            named[f"{name} ({len(named)})" if name in named else name] = columns
        return named

    def block_scale(self, columns: slice) -> float:
        """Largest entry of a block, but not less than rounding of the whole output would need."""
        largest = max(
            float(self.output[:, columns].abs().max()), float(self._jittered_output[:, columns].abs().max())
        )
        return max(largest, 1e-4 * self.scale)

    def silent(self) -> tuple[str, ...]:
        """Blocks that are zero in the structure and in its jittered copy."""
        return tuple(
            name
            for name, columns in self.slices().items()
            if float(self._jittered_output[:, columns].abs().max()) < ZERO * self.scale
            and float(self.output[:, columns].abs().max()) < ZERO * self.scale
        )

    def require_proof(self) -> None:
        """Raise ProvesNothing for a zero or constant output, ValueError for one that changes by itself."""
        if self.scale == 0:
            raise ProvesNothing(
                "this check proves nothing: the output is identically zero, and zero turns like everything; "
                "test the function with non-zero weights"
            )
        noise = float((self(self.graph) - self.output).abs().max()) / self.scale
        rounding = 1e3 * torch.finfo(self.output.dtype).eps
        if noise > rounding:
            raise ValueError(
                f"function must be deterministic, received two outputs that differ by {noise:.1e}: "
                "call model.eval(), or fix its generator"
            )
        moved = float((self._jittered_output - self.output).abs().max()) / self.scale
        if moved <= rounding:
            raise ProvesNothing(
                f"this check proves nothing: the output is blind to geometry, it does not change when every atom "
                f"moves by about {JITTER} Å; test a function that uses the positions"
            )

    def turning_error(
        self, matrix: Tensor, representation: Callable[[Tensor], Tensor], columns: slice
    ) -> float:
        """|f(g · x) − D(g) f(x)| of a block, relative to it, with any candidate for D."""
        turned = self(rotate(self.graph, matrix))[:, columns]
        expected = self.output[:, columns] @ representation(matrix).to(self.output).mT
        return float((turned - expected).abs().max()) / self.block_scale(columns)


@dataclasses.dataclass
class Errors:
    """Largest relative errors over the trials."""

    rotation: dict[str, float]
    reflection: dict[str, float]
    translation: float
    permutation: float
    batching: float

    def totals(self) -> dict[str, float]:
        """One number a symmetry."""
        return {
            "rotation": max(self.rotation.values()),
            "reflection": max(self.reflection.values()),
            "translation": self.translation,
            "permutation": self.permutation,
            "batching": self.batching,
        }

    def blocks(self) -> dict[str, float]:
        """One number an irrep block, the worse of rotation and reflection."""
        return {name: max(error, self.reflection[name]) for name, error in self.rotation.items()}


def measure(probe: Probe, *, trials: int, generator: torch.Generator) -> Errors:
    """All errors of a function; see `equivariance_report`."""
    probe.require_proof()
    rotations = random_rotation(trials, generator=generator)
    return Errors(
        rotation=_turning(probe, rotations),
        reflection=_turning(probe, -random_rotation(trials, generator=generator)),
        translation=max(_translation(probe, generator) for _ in range(trials)),
        permutation=max(_permutation(probe, generator) for _ in range(trials)),
        batching=_batching(probe, rotations[0]),
    )


def _turning(probe: Probe, matrices: Tensor) -> dict[str, float]:
    worst = dict.fromkeys(probe.slices(), 0.0)
    for matrix in matrices:
        turned = probe(rotate(probe.graph, matrix))
        error = turned - probe.output @ irreps_matrix(probe.irreps, matrix).to(probe.output).mT
        for name, columns in probe.slices().items():
            relative = float(error[:, columns].abs().max()) / probe.block_scale(columns)
            worst[name] = max(worst[name], relative)
    return worst


def _translation(probe: Probe, generator: torch.Generator) -> float:
    vector = 3 * torch.randn(3, generator=generator, dtype=torch.float64)
    return _relative(probe, probe(translate(probe.graph, vector)), probe.output)


def _permutation(probe: Probe, generator: torch.Generator) -> float:
    """Renumber within each structure: atoms never change their graph."""
    keys = torch.rand(probe.graph.num_nodes, generator=generator, dtype=torch.float64)
    order = torch.argsort(probe.graph.batch.cpu().double() + keys).to(probe.graph.batch.device)
    expected = probe.output[order] if probe.per == "node" else probe.output
    return _relative(probe, probe(permute(probe.graph, order)), expected)


def _batching(probe: Probe, rotation: Tensor) -> float:
    """Three different structures side by side against the same three one by one."""
    graphs = [probe.graph, probe.jittered, rotate(probe.jittered, rotation)]
    one_by_one = torch.cat([probe(graph) for graph in graphs])
    try:
        together = probe(batch(graphs))
    except Exception:  # Written for one structure only, it may fail in any way.
        return float("inf")
    return _relative(probe, together, one_by_one)


def _relative(probe: Probe, output: Tensor, expected: Tensor) -> float:
    return float((output - expected).abs().max()) / probe.scale
