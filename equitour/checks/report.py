"""The equivariance report: does the output turn as its irreps say, and if not, what broke?"""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Callable

import torch
from e3nn import o3
from torch import Tensor

from equitour.checks.diagnosis import Finding, diagnose
from equitour.checks.measure import Probe, measure
from equitour.graph import AtomicGraph

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}


@dataclasses.dataclass(frozen=True)
class EquivarianceReport:
    """Relative errors of a function under each symmetry, and in words what they mean.

    Attributes:
        rotation, reflection, translation, permutation, batching: Largest error over all trials, relative to
            the largest entry of the output.
        blocks: The same for each irrep block of the output under rotation and reflection, as "1x0e", "3x1o".
        silent: Blocks that stayed zero in every trial, of which nothing is proven.
        findings: What broke, each with a name and a sentence; empty for an equivariant function.
        tolerance: Errors below it count as rounding.
    """

    rotation: float
    reflection: float
    translation: float
    permutation: float
    batching: float
    blocks: dict[str, float]
    silent: tuple[str, ...]
    findings: tuple[Finding, ...]
    tolerance: float

    @property
    def errors(self) -> dict[str, float]:
        """The five errors by name."""
        names = ("rotation", "reflection", "translation", "permutation", "batching")
        return {name: getattr(self, name) for name in names}

    @property
    def ok(self) -> bool:
        """Whether nothing broke."""
        return not self.findings

    @property
    def verdict(self) -> str:
        """What broke and why, in a sentence or two."""
        if self.findings:
            return "; ".join(finding.sentence for finding in self.findings)
        text = f"equivariant: the largest relative error is {max(self.errors.values()):.1e}"
        if self.silent:
            text += f"; nothing is proven of {', '.join(self.silent)}, which stayed zero"
        return text

    def __str__(self) -> str:
        rows = [f"{name:>12}  {error:.1e}" for name, error in {**self.errors, **self.blocks}.items()]
        return "\n".join([*rows, self.verdict])

    def _repr_html_(self) -> str:
        def row(name: str, error: float) -> str:
            mark = "✓" if error <= self.tolerance else "✗ broken"
            return f"<tr><th scope='row'>{html.escape(name)}</th><td>{error:.1e}</td><td>{mark}</td></tr>"

        errors = {**self.errors, **{f"block {name}": error for name, error in self.blocks.items()}}
        body = "".join(row(name, error) for name, error in errors.items())
        return (
            f"<p>Equivariance report: {html.escape(self.verdict)}</p>"
            "<table><thead><tr><th scope='col'>under</th>"
            f"<th scope='col'>relative error</th><th scope='col'></th></tr></thead><tbody>{body}</tbody></table>"
        )


def equivariance_report(
    function: Callable[[AtomicGraph], Tensor],
    graph: AtomicGraph,
    irreps_out: str | o3.Irreps,
    *,
    per: str = "node",
    trials: int = 4,
    generator: torch.Generator | None = None,
) -> EquivarianceReport:
    """Turn, mirror, move, renumber and batch the structure; compare f(g · x) with D(g) f(x).

    Args:
        function: From a graph to (nodes, dim) or (graphs, dim). It must be deterministic (`model.eval()`).
        graph: Any structure; one without symmetry of its own leaves nothing to chance.
        irreps_out: How the output claims to turn, for example "1x0e + 1x1o".
        per: "node" or "graph": what a row of the output belongs to.
        trials: Random group elements of each kind.
        generator: Where the chance comes from; a fixed seed by default.

    Raises:
        ProvesNothing: The output is zero everywhere, or does not feel the positions. Every zero function is
            equivariant, and so is every constant scalar.
        ValueError: The output has the wrong shape, is not finite, or differs from call to call.
    """
    if per not in ("node", "graph"):
        raise ValueError(f"per must be 'node' or 'graph', received {per!r}: say what a row of the output is")
    if trials < 1:
        raise ValueError(f"trials must be at least 1, received {trials}: 4 will do")
    generator = generator or torch.Generator().manual_seed(0)
    probe = Probe(function, graph, o3.Irreps(irreps_out), per)
    tolerance = TOLERANCE.get(graph.positions.dtype, 1e-2)
    errors = measure(probe, trials=trials, generator=generator)
    return EquivarianceReport(
        **errors.totals(),
        blocks=errors.blocks(),
        silent=probe.silent(),
        findings=tuple(diagnose(probe, errors, tolerance=tolerance, generator=generator)),
        tolerance=tolerance,
    )


def assert_equivariant(
    function: Callable[[AtomicGraph], Tensor],
    graph: AtomicGraph,
    irreps_out: str | o3.Irreps,
    *,
    per: str = "node",
    tolerance: float | None = None,
    trials: int = 4,
    generator: torch.Generator | None = None,
) -> EquivarianceReport:
    """The report, or AssertionError with its sentence when an error exceeds the tolerance.

    The tolerance is relative: 1e-10 in float64 and 1e-4 in float32 unless given. Other arguments and errors
    as in `equivariance_report`.
    """
    report = equivariance_report(function, graph, irreps_out, per=per, trials=trials, generator=generator)
    tolerance = report.tolerance if tolerance is None else tolerance
    worst = max({**report.errors, **report.blocks}.values())
    if math.isnan(worst) or worst > tolerance:
        raise AssertionError(f"relative error {worst:.1e} exceeds {tolerance:.0e}: {report.verdict}")
    return report
