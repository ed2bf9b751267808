"""Figures of lesson 506: an unknown number, right crystals, predicted cells, what comes of asking, errors, candidates."""

from collections.abc import Sequence
from typing import Any

import torch
from ase import Atoms
from jaxtyping import Bool, Float
from torch import Tensor

from equitour.generative import powder_pattern
from equitour.generative.diffusion import GaussianMixture
from equitour.learn.screening import LARGEST_HEAT, WINDOW


def draw_answers(axes: Any, truth: GaussianMixture, samples: dict[str, Tensor]) -> None:
    """Histograms of the unknown component beside its exact density."""
    x = torch.linspace(-1.2, 4.2, 200, dtype=torch.float64)
    p = truth.log_density(x[:, None]).exp()
    for ax, (name, values) in zip(axes, samples.items(), strict=True):
        ax.hist(values.numpy(), bins=40, range=(-1.2, 4.2), density=True, alpha=0.55, color="C0")
        ax.plot(x, p, color="C1", lw=1.8, label="exact")
        ax.set(xlabel="x₂", title=name, ylim=(0, 1.15))
    axes[0].set(ylabel="density")
    axes[0].legend(fontsize=8, loc="upper right")


def draw_shares(ax: Any, shares: dict[str, Sequence[float]], repeats: Sequence[int]) -> None:
    """Shares of right crystals in percent, by repeats, one line a template."""
    for (name, values), mark in zip(shares.items(), "os", strict=False):
        ax.plot(repeats, [100 * x for x in values], f"{mark}-", label=name)
    ax.set(
        xlabel="repeats of each step", ylabel="right within 0.3 Å (%)", ylim=(0, 100), xticks=list(repeats)
    )
    ax.legend(fontsize=9)


def draw_edges(
    ax: Any, edges: dict[str, tuple[Float[Tensor, " crystals"], Bool[Tensor, " crystals"]]], reference: dict
) -> None:
    """Mean edges of predicted cells, by which metal stands in the octahedron, and those of the reference."""
    for row, (name, (edge, inside)) in enumerate(edges.items()):
        for chosen, shift, colour, label in (
            (inside, 0.13, "C0", "second metal in the octahedron"),
            (~inside, -0.13, "C1", "first metal in the octahedron"),
        ):
            y = row + shift + 0.1 * torch.linspace(-1, 1, max(int(chosen.sum()), 1))[: int(chosen.sum())]
            ax.plot(edge[chosen], y, "o", ms=3.5, alpha=0.8, color=colour, label=None if row else label)
        if name in reference:
            ax.plot([reference[name]] * 2, [row - 0.35, row + 0.35], color="#888888", lw=2.5, zorder=0,
                    label=None if row else "CHGNet")  # fmt: skip
    ax.set(
        xlabel="∛volume (Å)",
        yticks=range(len(edges)),
        yticklabels=list(edges),
        ylim=(-0.6, len(edges) + 0.45),
    )
    ax.legend(fontsize=8, ncols=3, loc="upper center", handletextpad=0.3, columnspacing=0.9)


def draw_orders(
    ax: Any,
    energies: Sequence[float],
    shares: dict[str, Sequence[float]],
    judged: dict[str, tuple[float, float]],
) -> None:
    """Shares of crystals in the written order, by the energy asked for; crosses say what the judge gives each order."""
    for k, (name, values) in enumerate(shares.items()):
        ax.plot(energies, [100 * x for x in values], "o-", color=f"C{k}", label=name)
        ax.plot(judged[name], (106 + 4 * k, -6 - 4 * k), "x", ms=6, mew=1.8, color=f"C{k}")
    low, high = zip(*judged.values(), strict=True)
    ax.text(max(low) + 0.12, 112, "judged: as written", va="center", fontsize=8)
    ax.text(min(high) - 0.12, -12, "judged: reversed", ha="right", va="center", fontsize=8)
    ax.set(xlabel="energy asked for (eV/atom)", ylabel="in the written order (%)", ylim=(-24, 124),
           yticks=(0, 50, 100))  # fmt: skip
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def draw_asked(
    axes: Any,
    free: Tensor,
    got: dict[float, Tensor],
    calculated: dict[float, float],
    found: dict[str, dict[float, float]],
) -> None:
    """Energies judged and calculated over those asked for, beside what comes unasked; and what a stronger wish costs."""
    left, right = axes
    ends = [min(got) - 0.3, max(got) + 0.3]
    left.plot(ends, ends, color="#888888", lw=1, label="got = asked")
    left.axhspan(*(float(free.mean() + side * free.std()) for side in (-1, 1)), color="C7", alpha=0.2, lw=0,
                 label="nothing asked")  # fmt: skip
    for k, (asked, values) in enumerate(got.items()):
        place = asked + 0.07 * torch.linspace(-1, 1, len(values))
        left.plot(place, values, "o", ms=3, alpha=0.6, color="C0", mew=0)
        left.errorbar(asked, float(values.mean()), float(values.std()), fmt="s", ms=5, capsize=3, color="C1",
                      label=None if k else "judged, mean and deviation")  # fmt: skip
    beside = [asked + 0.17 for asked in calculated]
    left.plot(beside, list(calculated.values()), "D", ms=6, color="C2", label="calculated, mean")
    left.set(xlabel="energy asked for (eV/atom)", ylabel="energy (eV/atom)", ylim=(-0.7, 4.2))
    left.legend(fontsize=7.5, loc="upper left")
    for (name, shares), style in zip(found.items(), ("o-", "s--"), strict=True):
        right.plot(list(shares), [100 * x for x in shares.values()], style, label=name)
        right.set(xticks=list(shares))
    right.set(xlabel="strength w of the wish", ylabel="share of all made (%)", ylim=(0, 109))
    right.legend(fontsize=8, loc="lower left")


def draw_errors(
    axes: Any, energies: tuple[Tensor, Tensor], gaps: tuple[Tensor, Tensor], names: Sequence[str]
) -> None:
    """Predicted energies and gaps of oxides over those of another method; zeros of energy differ, so only the gaps have a diagonal."""
    axes[0].plot(*energies, "o", ms=4, alpha=0.65)
    axes[0].set(xlabel="CHGNet, from elements (eV/atom)", ylabel="predicted energy (eV/atom)")
    axes[1].plot([0, 7], [0, 7], color="#888888", lw=1)
    axes[1].plot(*gaps, "o", ms=5, color="C1")
    for x, y, name in zip(*(part.tolist() for part in gaps), names, strict=True):
        axes[1].annotate(name, (x, y), xytext=(5, -9), textcoords="offset points", fontsize=7)
    axes[1].set(xlabel="GPAW, GLLB-sc (eV)", ylabel="predicted gap (eV)", xlim=(0, 7), ylim=(0, 7))


def draw_map(
    ax: Any, pools: dict[str, tuple[Tensor, Tensor, Tensor]], best: Sequence[int], xlim: tuple[float, float]
) -> None:
    """Candidates by energy and gap, larger where a gap is likelier, the window, and the ranks of the best of the last pool."""
    ax.fill_between([xlim[0], LARGEST_HEAT], *WINDOW, color="C2", alpha=0.25, lw=0)
    ax.text(xlim[0] + 0.03, WINDOW[0] - 0.25, "splits water", fontsize=8)
    for (name, (heat, gapped, gap)), colour in zip(pools.items(), ("#888888", "C0"), strict=True):
        ax.scatter(heat, gap, s=8 + 60 * gapped, c=colour, alpha=0.7, lw=0, label=name)
    for rank, k in enumerate(best, 1):
        place = (float(heat[k]), float(gap[k]))
        ax.annotate(str(rank), place, xytext=(5, 3), textcoords="offset points", fontsize=8.5, weight="bold")
    ax.set(xlabel="predicted energy (eV/atom)", ylabel="predicted gap, if any (eV)", xlim=xlim, ylim=(0, 6))
    ax.legend(fontsize=8, loc="upper right")


def draw_powder(ax: Any, atoms: Atoms) -> str:
    """Lines of a powder pattern, the highest with their planes; what it shows, in words."""
    ax.set(xlabel="2θ (°), copper Kα", ylabel="intensity", ylim=(0, 118), xlim=(10, 90))
    try:
        lines = powder_pattern(atoms)
    except ImportError as error:
        ax.text(50, 60, "needs pymatgen, which is not installed", ha="center")
        return str(error)
    ax.vlines(lines.angles, 0, lines.intensities, color="C0", lw=1.6)
    told = []
    for k in lines.intensities.argsort()[::-1]:
        # Lines that nearly coincide, as in a cell that is nearly cubic, share the label of the highest.
        if lines.intensities[k] > 10 and all(abs(lines.angles[k] - other) > 5 for other in told):
            told.append(lines.angles[k])
            place = (lines.angles[k], lines.intensities[k])
            ax.annotate(lines.planes[k], place, ha="center", va="bottom", fontsize=8)
    return f"{len(lines.angles)} lines, the highest at {told[0]:.1f}°"
