"""Digits, questions about motifs and their answers drawn: what lesson 503 needs besides its ideas."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.generative import (
    Infilled,
    MotifDenoiser,
    Synchronised,
    bond_angles,
    coordination_numbers,
    environments,
    infill,
    radial_distribution,
    ring_counts,
)
from equitour.graph import AtomicGraph
from equitour.learn.motifs import POINT

# Seven strokes of a display: rows and columns of a picture of 11 by 7 pixels.
STROKES = {
    "a": (0, 1, 1, 6), "b": (1, 5, 6, 7), "c": (6, 10, 6, 7), "d": (10, 11, 1, 6),
    "e": (6, 10, 0, 1), "f": (1, 5, 0, 1), "g": (5, 6, 1, 6),
}  # fmt: skip
DIGITS = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")
BOND = 2.85


def digits() -> Float[Tensor, "10 11 7"]:
    """The digits 0 to 9 of a seven-stroke display, 1 where it is lit."""
    pictures = torch.zeros(10, 11, 7, dtype=torch.float64)
    for picture, strokes in zip(pictures, DIGITS, strict=True):
        for top, bottom, left, right in map(STROKES.get, strokes):
            picture[top:bottom, left:right] = 1.0
    return pictures


def shares(
    drawn: Float[Tensor, "tries pixels"], pictures: Float[Tensor, "pictures pixels"]
) -> Float[Tensor, " pictures"]:
    """How often each picture was drawn: the share of tries to which it is the nearest."""
    nearest = torch.cdist(drawn, pictures).argmin(1)
    return nearest.bincount(minlength=len(pictures)) / len(drawn)


def hide(
    motifs: Float[Tensor, "motifs neighbors 3"], missing: int, *, generator: torch.Generator | None = None
) -> tuple[Float[Tensor, "motifs known 3"], Float[Tensor, "motifs missing 3"]]:
    """Known and removed atoms of motifs, those to remove drawn at random for each."""
    order = torch.rand(motifs.shape[:2], generator=generator).argsort(1)
    mixed = motifs.gather(1, order.unsqueeze(-1).expand_as(motifs))
    return mixed[:, missing:], mixed[:, :missing]


def halves(found: Infilled) -> tuple[Infilled, Infilled]:
    """The tries in two halves: one to choose a place with, one to ask how sure it is."""
    half = found.vectors.shape[1] // 2
    return tuple(
        Infilled(found.vectors[:, part], found.misfit[:, part]) for part in (slice(half), slice(half, None))
    )


def within(
    place: Float[Tensor, "motifs 3"], atoms: Float[Tensor, "motifs *atoms 3"], radius: float = 0.3
) -> Float[Tensor, "motifs *tries"]:
    """1 where at least one of the atoms lies within the radius (Å) of the place, else 0; for each try, where there are tries."""
    away = atoms - place.view(len(place), *[1] * (atoms.dim() - 2), 3)
    return (away.norm(dim=-1) < radius).any(-1).double()


def put_in(
    seen: Float[Tensor, "motifs neighbors 3"], known: Float[Tensor, "motifs known 3"], laid: Synchronised
) -> Float[Tensor, "motifs neighbors 3"]:
    """Motifs with known atoms in the places of their partners, in the frame of the motifs.

    Args:
        seen: Motifs, in Å.
        known: Atoms that stay, in Å, in a frame of their own.
        laid: `synchronise_unordered(seen, known)`.
    """
    places = laid.permutation.unsqueeze(-1).expand(-1, -1, 3)
    return seen.scatter(1, places, known @ laid.rotation)


def sure_and_unsure(
    share: Float[Tensor, " motifs"], removed: Float[Tensor, "motifs 3"]
) -> tuple[list[int], list[str]]:
    """Questions to look at, and their labels: bonded atoms of which tries are surest, then others that they know least."""
    bonded = removed.norm(dim=-1) < BOND
    near, far = share.where(bonded, 0).argsort(descending=True), share.where(~bonded, 1).argsort()
    show = [*near[:3].tolist(), *far[: int((~bonded).sum())][:5].tolist()]
    return show, [f"{'bonded' if bonded[k] else 'second shell'}, {share[k]:.0%} agree" for k in show]


def cloud(
    known: Float[Tensor, "known 3"], tries: Float[Tensor, "tries 3"], removed: Float[Tensor, "removed 3"]
) -> AtomicGraph:
    """A motif with its known atoms and bonds, and the tries as plain points; the removed atoms are oxygen's red.

    Args:
        known: From the centre, in Å.
        tries: Where the missing atom was put.
        removed: Where it had been.
    """
    places = torch.cat([torch.zeros_like(known[:1]), known, removed, tries])
    held, shown = len(known) + 1, len(known) + 1 + len(removed)
    graph = AtomicGraph.from_arrays(places, [14] * len(places), cutoff=BOND, min_distance=0)
    numbers = torch.tensor([14] * held + [8] * len(removed) + [POINT] * len(tries))
    kept = (graph.senders < shown) & (graph.receivers < shown)
    edges = {name: getattr(graph, name)[kept] for name in ("senders", "receivers", "cell_shifts")}
    return graph.replace(atomic_numbers=numbers, **edges)


def random_cell(atoms: int, *, density: float, generator: torch.Generator | None = None) -> AtomicGraph:
    """Silicon atoms anywhere in a periodic cube of that density, in atoms per Å³."""
    length = (atoms / density) ** (1 / 3)
    return AtomicGraph.from_arrays(
        length * torch.rand(atoms, 3, generator=generator, dtype=torch.float64),
        [14] * atoms,
        cutoff=length / 2,
        cell=length * torch.eye(3, dtype=torch.float64),
        pbc=True,
        min_distance=0,
    )


def described(graph: AtomicGraph) -> dict[str, float]:
    """What a structure of silicon is like: coordination, bonds, angles, and shares of the rings."""
    bonds = coordination_numbers(graph, cutoff=BOND)
    lengths = graph.rebuild(cutoff=BOND).edge_lengths()
    angles = _angles(graph)
    rings = ring_counts(graph, cutoff=BOND)
    share = {
        k: sum(n for size, n in rings.items() if size in k) / sum(rings.values()) for k in ((3, 4), (5, 6, 7))
    }
    return {
        "four bonds (%)": 100 * float((bonds == 4).double().mean()),
        "bond length (Å)": float(lengths.mean()),
        "shortest distance (Å)": float(lengths.min()),
        "mean angle (°)": float(angles.mean()),
        "spread of angles (°)": float(angles.std()),
        "rings of 3, 4 (%)": 100 * share[3, 4],
        "rings of 5, 6, 7 (%)": 100 * share[5, 6, 7],
    }


def next_atom(
    model: MotifDenoiser, x: Float[Tensor, "atoms 3"], *, tries: int, steps: int, generator: torch.Generator
) -> tuple[Float[Tensor, "3"], Float[Tensor, ""]]:
    """The surest place for one more atom around those that have fewer than four bonds, and the share of tries there."""
    D = torch.cdist(x, x)
    open_ = ((D < BOND).sum(1) < 5).nonzero().flatten()  # An atom counts itself.
    reach = (D[open_] < 4.0).sum(1).sub(1).clamp(2, 7)
    best = torch.zeros(3), torch.zeros(())
    for n in reach.unique():  # Questions with as many known atoms go together.
        centres = open_[reach == n][:6]
        near = D[centres].topk(int(n) + 1, largest=False).indices[:, 1:]
        known = x[near] - x[centres][:, None]
        place, share = infill(model, known, tries=tries, steps=steps, generator=generator).agreed()
        place = place + x[centres]
        share = share.float() * (torch.cdist(place, x).amin(1) > 2.0)  # Not upon another atom.
        if share.max() > best[1]:
            best = place[share.argmax()], share.max()
    return best


def independent_rings(positions: Float[Tensor, "atoms 3"]) -> int:
    """Bonds − atoms + 1 of a connected cluster: how many bonds may be cut before it falls apart."""
    bonds = int((torch.pdist(positions) < BOND).sum())
    return bonds - len(positions) + 1


def draw_pictures(axes: Any, pictures: Mapping[str, Float[Tensor, "rows columns"]]) -> None:
    """Pictures side by side, dark where 0 and light where 1; rows of NaN, at the top, are hidden and hatched."""
    for ax, (name, picture) in zip(axes, pictures.items(), strict=True):
        ax.imshow(picture.numpy(), cmap="cividis", vmin=0, vmax=1)
        rows, columns = picture.shape
        hidden = int(picture.isnan().all(1).sum())
        if hidden:
            ax.axhspan(-0.5, hidden - 0.5, hatch="//", facecolor="none", edgecolor="#888888", lw=0)
        ax.set(title=name, xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
        ax.set_axis_off()


def draw_answers(
    axes: Any,
    sure: Float[Tensor, " questions"],
    right: Float[Tensor, " questions"],
    kinds: Mapping[str, Mapping[int, Float[Tensor, " some"]]],
) -> None:
    """Left how often a place was right by how sure the tries were; right the share of right ones by known atoms and kind.

    Args:
        axes: Two, from `view.axes`.
        sure: Share of tries that lie at the place.
        right: 1 where the place was right, else 0.
        kinds: Such ones by number of known atoms, by kind of the missing ones.
    """
    left, other = axes
    for part in sure.argsort().chunk(6):
        p, n = float(right[part].mean()), len(part)
        deviation = (p * (1 - p) / n + 0.25 / n**2) ** 0.5
        left.errorbar(sure[part].mean(), p, deviation, fmt="o", color="C0", capsize=2)
    left.plot([0, 1], [0, 1], ":", color="#888888")
    left.set(xlabel="tries that agree", ylabel="places that are right", xlim=(-0.03, 1), ylim=(-0.03, 1))
    for k, (name, answers) in enumerate(kinds.items()):
        place = [x + 0.38 * (k - 0.5) for x in range(len(answers))]
        shares = [float(one.mean()) if len(one) else 0.0 for one in answers.values()]
        other.bar(place, shares, width=0.34, label=name, hatch=("", "//")[k % 2])
        for at, share, one in zip(place, shares, answers.values(), strict=True):
            told = f"{int(one.sum())}\nof {len(one)}"
            other.text(at, share + 0.02, told, ha="center", va="bottom", fontsize=7.5)
    other.set_xticks(range(len(answers)), [f"{n} known" for n in answers])
    other.set(ylabel="places that are right", ylim=(0, 1))
    other.legend(fontsize=8.5, title="missing:")


def draw_structures(axes: Any, structures: Mapping[str, AtomicGraph]) -> None:
    """Left g(r), right the distribution of bond angles, a line for each structure of silicon."""
    left, right = axes
    edges = torch.arange(50.0, 181.0, 5.0, dtype=torch.float64)
    for (name, graph), style in zip(structures.items(), ("-", "--", ":"), strict=False):
        left.plot(*radial_distribution(graph, r_max=6.0, bins=60), style, label=name)
        angles = _angles(graph).double()
        heights = torch.histogram(angles, edges, density=True).hist
        right.stairs(heights, edges, ls=style, lw=1.6, label=name)
    left.set(xlabel="r (Å)", ylabel="g(r)", xlim=(1.5, 6.0))
    left.legend(fontsize=8.5)
    right.axvline(109.47, color="#888888", ls=":")
    right.set(xlabel="bond angle (°)", ylabel="density (1/°)")


def _angles(graph: AtomicGraph) -> Float[Tensor, " angles"]:
    return bond_angles(environments(graph.rebuild(cutoff=6.5), num_neighbors=8).vectors, cutoff=BOND)
