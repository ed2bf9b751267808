"""Which irreps couple to which: the paths of a tensor product."""

from typing import NamedTuple

from e3nn import o3


class Path(NamedTuple):
    """One coupling: places of the three irreps in their lists, and the irreps themselves."""

    place_in: int
    place_edge: int
    place_out: int
    irrep_in: o3.Irrep
    irrep_edge: o3.Irrep
    irrep_out: o3.Irrep

    @property
    def degrees(self) -> tuple[int, int, int]:
        """l of the features, of the edge and of the result."""
        return self.irrep_in.l, self.irrep_edge.l, self.irrep_out.l


def coupling_paths(irreps_in: o3.Irreps, irreps_edge: o3.Irreps, irreps_out: o3.Irreps) -> list[Path]:
    """All paths that obey |l₁ − l₂| ≤ l₃ ≤ l₁ + l₂ and p₃ = p₁ p₂, ordered by result, features, edge."""
    return [
        Path(a, b, c, first, second, result)
        for c, (_, result) in enumerate(irreps_out)
        for a, (_, first) in enumerate(irreps_in)
        for b, (_, second) in enumerate(irreps_edge)
        if result in first * second
    ]
