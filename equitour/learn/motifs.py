"""Motifs to shake, to compare and to look at: what lesson 501 needs besides its ideas."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from equitour.generative import coordinates, synchronise_unordered
from equitour.graph import AtomicGraph

POINT = 0  # An atomic number for what is to be drawn as a plain point: a centre, or the motif underneath.


def shaken(
    vectors: Float[Tensor, "*motifs neighbors 3"], by: float, *, generator: torch.Generator | None = None
) -> Float[Tensor, "*motifs neighbors 3"]:
    """The same motifs with every atom displaced by a normal vector, of root mean square length `by`, in Å."""
    noise = torch.randn(vectors.shape, generator=generator, dtype=vectors.dtype)
    return vectors + by / 3**0.5 * noise


def alike_axes(vectors: Float[Tensor, "motifs neighbors 3"], *, within: float) -> Bool[Tensor, " motifs"]:
    """Whether the squared extents along two of the principal axes differ by less than the share `within`."""
    squares = torch.linalg.eigvalsh(vectors.mT @ vectors)
    return (squares[:, 1:] < (1 + within) * squares[:, :-1]).any(1)


def from_sticks(lengths: tuple[float, float, float], far: tuple[float, float, float]) -> Float[Tensor, "3 3"]:
    """A motif of three neighbours from its six distances in Å.

    Args:
        lengths: From the centre to the first, second and third neighbour.
        far: From the first to the second, the first to the third, and the second to the third.
    """
    r = torch.tensor(lengths, dtype=torch.float64)
    d = torch.zeros(3, 3, dtype=torch.float64)
    d[0, 1], d[0, 2], d[1, 2] = torch.tensor(far, dtype=torch.float64)
    d = d + d.T
    return coordinates((r[:, None] ** 2 + r**2 - d**2) / 2).vectors


def with_noise(
    gram: Float[Tensor, "*motifs n n"],
    sigma: float | Float[Tensor, "*motifs 1 1"],
    *,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*motifs n n"]:
    """Gram matrices whose entries are off by σ Å², and by √2 σ on the diagonal.

    Such noise, of the Gaussian orthogonal ensemble, is alike in all directions of the space of symmetric matrices.
    """
    noise = torch.randn(gram.shape, generator=generator, dtype=gram.dtype)
    return gram + sigma * (noise + noise.mT) / 2**0.5


def every_distance(
    motifs: Float[Tensor, "motifs neighbors 3"], references: Float[Tensor, "references neighbors 3"]
) -> Float[Tensor, "motifs references"]:
    """Distances in Å of each motif from each reference, modulo rotation, mirror and order."""
    pairs = motifs.repeat_interleave(len(references), 0), references.repeat(len(motifs), 1, 1)
    return synchronise_unordered(*pairs, starts=2).rmsd.view(len(motifs), len(references))


def drawn(vectors: Float[Tensor, "neighbors 3"], *, number: int = 14, bond: float = 2.85) -> AtomicGraph:
    """A motif to look at: its centre is atom 0, a plain point, and its edges are the bonds.

    Args:
        vectors: From the centre to its neighbours, in Å.
        number: Atomic number of the neighbours.
        bond: Two atoms nearer than that, in Å, are joined.
    """
    places = torch.cat([torch.zeros_like(vectors[:1]), vectors])
    graph = AtomicGraph.from_arrays(places, [number] * len(places), cutoff=bond, min_distance=0)
    return graph.replace(atomic_numbers=graph.atomic_numbers.index_fill(0, torch.tensor([0]), POINT))


def overlaid(
    motif: Float[Tensor, "neighbors 3"], other: Float[Tensor, "neighbors 3"], *, bond: float = 2.85
) -> AtomicGraph:
    """Two motifs of silicon with one centre, the second one as plain points; neither is joined to the other.

    Args:
        motif: From the centre to its neighbours, in Å.
        other: Likewise, in the same frame.
        bond: Two atoms of one motif nearer than that, in Å, are joined.
    """
    n = len(motif)
    both = drawn(torch.cat([motif, other]), bond=bond)
    numbers = both.atomic_numbers.clone()
    numbers[n + 1 :] = POINT
    from_centre = (both.senders == 0) | (both.receivers == 0)
    kept = from_centre | ((both.senders <= n) == (both.receivers <= n))
    edges = {name: getattr(both, name)[kept] for name in ("senders", "receivers", "cell_shifts")}
    return both.replace(atomic_numbers=numbers, **edges)


def draw_spread(ax: Any, spreads: Mapping[str, Float[Tensor, " components"]], *, step: int) -> None:
    """Spreads in Å² by component, on a logarithmic axis, with a line after the component `step`."""
    for (name, s), style in zip(spreads.items(), ("s-", "^-", "o-"), strict=False):
        ax.semilogy(range(1, len(s) + 1), s, style, markersize=4, label=name)
    ax.axvline(step + 0.5, color="#888888", ls=":")
    ax.set(xlabel="principal component of G", ylabel="spread (Å²)", ylim=(1e-5, 20))
    ax.legend(loc="lower left")


def draw_cost(
    ax: Any, sigmas: Float[Tensor, " noises"], cost: Mapping[str, Float[Tensor, " noises"]], *, slope: float
) -> None:
    """Errors of the atoms (Å) by noise of G (Å²); beside them `slope` σ, and a root through the start of the last."""
    for (name, rmsd), style in zip(cost.items(), ("o", "s"), strict=False):
        ax.loglog(sigmas, rmsd, style, label=name)
    ax.loglog(sigmas, slope * sigmas, "-", color="#888888", label=f"{slope:.2f} σ")
    ax.loglog(sigmas, rmsd[0] * (sigmas / sigmas[0]) ** 0.5, "--", color="#888888", label="∝ √σ")
    ax.set(xlabel="noise σ of the entries of G (Å²)", ylabel="error of the atoms (Å)")
    ax.legend()


def draw_nearest(
    axes: Sequence[Any],
    seen: Int[Tensor, " sizes"],
    nearest: Float[Tensor, " sizes"],
    distances: Mapping[str, Float[Tensor, "..."]],
) -> None:
    """Left the distance of the nearest by the number of motifs seen; right how several kinds of distances are spread.

    Args:
        axes: Two, from `view.axes`.
        seen: Numbers of motifs.
        nearest: Distances in Å.
        distances: In Å, by name; any shape.
    """
    left, right = axes
    left.loglog(seen, nearest, "o-")
    left.set(xlabel="motifs seen, M", ylabel="nearest one, median (Å)", ylim=(0.4, 1.2))
    left.set_yticks([0.4, 0.6, 0.8, 1.0], ["0.4", "0.6", "0.8", "1.0"])
    left.set_xticks(seen.tolist()[::2], [str(m) for m in seen.tolist()[::2]])
    left.minorticks_off()
    bins = [0.1 * k for k in range(23)]
    for (name, x), style in zip(distances.items(), ("-", "-", "--", ":"), strict=False):
        heights = torch.histogram(x.flatten().double(), torch.tensor(bins).double()).hist
        right.stairs(heights / heights.max(), bins, ls=style, lw=1.6, label=name)
    right.set(xlabel="distance (Å)", ylabel="share, highest = 1", ylim=(0, 1.35), xlim=(0, 2.2))
    right.legend(fontsize=8.5, ncols=2, loc="upper center")
