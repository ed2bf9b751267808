"""Latent numbers to train, to map and to walk along: what lesson 502 needs besides its ideas."""

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.datasets import density_2d
from equitour.generative import (
    MotifDenoiser,
    MotifVAE,
    PosedVAE,
    bond_angles,
    environments,
    pose,
    shortest_distance,
    shuffled,
    synchronise_unordered,
)
from equitour.graph import AtomicGraph

RADIUS, SPREAD = 2.0, 0.15  # Of the circle on which the islands lie, and of each of them.
SHORE = 3 * SPREAD
BOND, BLUR = 2.85, 0.15  # Å: where a bond of silicon ends, and how gradually.
NEAREST = 2.0  # Å: nearer than that, two atoms of silicon overlap.


def layers(*widths: int) -> nn.Sequential:
    """Linear maps between these widths, with tanh between them and none at the end."""
    made: list[nn.Module] = []
    for wide, next_wide in itertools.pairwise(widths):
        made += [nn.Linear(wide, next_wide), nn.Tanh()]
    return nn.Sequential(*made[:-1])


def islands() -> Float[Tensor, "8 2"]:
    """The middles of the eight islands of the density "gaussians"."""
    angle = math.pi / 4 * torch.arange(8)
    return RADIUS * torch.stack([angle.cos(), angle.sin()], 1)


def on_islands(count: int, *, generator: torch.Generator) -> tuple[Float[Tensor, "count 2"], list[str]]:
    """Points on eight islands in the plane, and the name of the island of each."""
    points = density_2d("gaussians", count, generator=generator).float()
    nearest, order = torch.cdist(points, islands()).argmin(1).sort()
    return points[order], [f"island {k + 1}" for k in nearest.tolist()]


def ashore(points: Float[Tensor, "count 2"]) -> float:
    """Share of points that lie within three deviations of an island's middle."""
    return (torch.cdist(points, islands()).amin(1) < SHORE).double().mean().item()


def shores() -> list[Float[Tensor, "corners 2"]]:
    """A circle around each island, to be drawn behind points."""
    angle = torch.linspace(0, 2 * math.pi, 33)
    circle = SHORE * torch.stack([angle.cos(), angle.sin()], 1)
    return [middle + circle for middle in islands()]


def room(vectors: Float[Tensor, "motifs 8 3"]) -> Float[Tensor, " motifs"]:
    """Mean distance of the four outer neighbours from the centre, in Å: how much room the bonded four have."""
    return vectors.norm(dim=-1).sort(1).values[:, 4:].mean(1)


def coordination(vectors: Float[Tensor, "motifs neighbors 3"]) -> Float[Tensor, " motifs"]:
    """Bonds of the centre, each counted as 1 / (1 + exp((r − 2.85 Å) / 0.15 Å)), so that a bond may be half made."""
    return torch.sigmoid((BOND - vectors.norm(dim=-1)) / BLUR).sum(1)


def bonds_and_room(vectors: Float[Tensor, "motifs 8 3"]) -> Float[Tensor, "motifs 2"]:
    """Both properties, `coordination` and `room`."""
    return torch.stack([coordination(vectors), room(vectors)], 1)


def explained(
    predicted: Float[Tensor, "motifs *properties"], true: Float[Tensor, "motifs *properties"]
) -> Float[Tensor, "*properties"]:
    """R² of each property: 1 for a perfect prediction, 0 for the mean."""
    return 1 - (predicted - true).square().mean(0) / (true - true.mean(0)).square().mean(0)


def linear_readout(
    z: Float[Tensor, "motifs latent"],
    properties: Float[Tensor, "motifs properties"],
    asked: Float[Tensor, "others latent"],
) -> Float[Tensor, "others properties"]:
    """Properties at `asked` by the linear map that fits best at z."""
    weights = torch.linalg.lstsq(_with_one(z), properties).solution
    return _with_one(asked) @ weights


def plane(z: Float[Tensor, "motifs latent"]) -> Float[Tensor, "latent 2"]:
    """The two directions in which latent numbers reach farthest, for a map of them."""
    return torch.linalg.svd(z - z.mean(0), full_matrices=False)[2][:2].T


def walker(
    resting: Float[Tensor, "points 2"], path: Float[Tensor, "frames 2"], groups: Sequence[str]
) -> tuple[Float[Tensor, "frames more 2"], list[str]]:
    """Points of a map and, as the last of them, one that walks; and the group of each."""
    frames = torch.cat([resting.expand(len(path), -1, -1), path[:, None]], 1)
    return frames, [*groups, "you"]


@torch.no_grad()
def brought_back(
    network: MotifVAE, vectors: Float[Tensor, "motifs neighbors 3"]
) -> Float[Tensor, "motifs neighbors 3"]:
    """Motifs through the latent numbers and back, without noise."""
    return network.decode(network.encode(vectors).mean).vectors


def off(made: Float[Tensor, "motifs n 3"], vectors: Float[Tensor, "motifs n 3"]) -> float:
    """Median over motifs of the root mean square distance of atoms, modulo rotation, mirror and order, in Å."""
    return synchronise_unordered(made, vectors, starts=3).rmsd.median().item()


@torch.no_grad()
def rms_in_pose(network: PosedVAE, vectors: Float[Tensor, "motifs neighbors 3"]) -> float:
    """Root mean square distance in Å of atoms that were brought back, each from its own place in the pose."""
    rows = network.entries(vectors)
    miss = network.decoder(network.gaussian(rows).mean) - rows
    return float((3 * miss.square().mean()).sqrt() * network.deviation)


def possible(vectors: Float[Tensor, "motifs neighbors 3"]) -> float:
    """Share of motifs of silicon in which no two atoms are nearer than 2.0 Å."""
    return (shortest_distance(vectors) >= NEAREST).double().mean().item()


@torch.no_grad()
def share_of_order(
    network: MotifVAE,
    vectors: Float[Tensor, "motifs neighbors 3"],
    *,
    generator: torch.Generator,
    orders: int = 8,
) -> float:
    """Which share of the variance of latent numbers remains among different orders of the same motif."""
    z = torch.stack([network.encode(shuffled(vectors, generator=generator)).mean for _ in range(orders)])
    everything = (z - z.mean((0, 1))).square().mean((0, 1))
    between = (
        z.mean(0).var(0, correction=0) - z.var(0).mean(0) / orders
    )  # less the chance in a mean of a few orders
    return float((1 - between.clamp(min=0) / everything).mean())


@torch.no_grad()
def ways(
    network: PosedVAE,
    vectors: Float[Tensor, "motifs neighbors 3"],
    *,
    generator: torch.Generator,
    pairs: int = 200,
    steps: int = 11,
) -> tuple[Float[Tensor, "steps pairs neighbors 3"], Float[Tensor, "steps pairs neighbors 3"]]:
    """From one motif to another, for random pairs: straight through the latent space, and straight in space."""
    i, j = torch.randperm(len(vectors), generator=generator)[: 2 * pairs].view(2, pairs)
    z, places = network.encode(vectors).mean, pose(vectors, network.reference)
    shares = [k / (steps - 1) for k in range(steps)]
    latent = [network.decode(torch.lerp(z[i], z[j], share)).vectors for share in shares]
    return torch.stack(latent), torch.stack([torch.lerp(places[i], places[j], share) for share in shares])


def possible_ways(frames: Float[Tensor, "steps pairs neighbors 3"]) -> float:
    """Share of ways on which every step is a possible motif."""
    gaps = torch.stack([shortest_distance(step) for step in frames])
    return (gaps.amin(0) >= NEAREST).double().mean().item()


def copied(network: MotifVAE) -> MotifVAE:
    """The same network once more, to be trained on."""
    return copy.deepcopy(network).train()


def own_motifs(
    structure: AtomicGraph | str, *, cutoff: float, n: int, generator: torch.Generator
) -> tuple[Float[Tensor, "motifs n 3"], Float[Tensor, "others n 3"]]:
    """Motifs around the most frequent element of any structure, of mean length 1: four fifths to learn, one fifth aside."""
    graph = (
        structure if isinstance(structure, AtomicGraph) else AtomicGraph.from_ase(structure, cutoff=cutoff)
    )
    found = environments(graph, num_neighbors=n).of_element(int(graph.atomic_numbers.mode().values))
    vectors = found.vectors[torch.randperm(len(found), generator=generator)].float()
    vectors = vectors / vectors.norm(dim=-1).mean()
    return vectors[len(vectors) // 5 :], vectors[: len(vectors) // 5]


def six_angles(vectors: Float[Tensor, "motifs neighbors 3"]) -> Float[Tensor, "motifs 6"]:
    """Angles between the four nearest neighbours, sorted, in degrees; 109.5 in a perfect tetrahedron."""
    nearest = vectors.norm(dim=-1).argsort(1)[:, :4, None].expand(-1, -1, 3)
    return bond_angles(vectors.gather(1, nearest)).view(-1, 6).sort(1).values


@torch.no_grad()
def cleaned(
    denoiser: MotifDenoiser, vectors: Float[Tensor, "motifs 8 3"], sigma: float
) -> Float[Tensor, "motifs 8 3"]:
    """The mean clean motif behind each, if what is wrong with it were noise of scale sigma (in the denoiser's unit)."""
    rows = denoiser.rows(vectors)
    return denoiser.vectors_of(denoiser(rows, torch.full((len(rows),), sigma)))


def draw_sizes(
    ax: Any, flat: Float[Tensor, " sizes"], networks: Mapping[int, tuple[float, float]], *, freedoms: int
) -> None:
    """Errors in Å by latent size: of principal components from none up, and of networks (learnt, new)."""
    ax.plot(range(len(flat)), flat, "s--", markersize=3.5, color="#888888", label="principal components, new")
    sizes = sorted(networks)
    for place, (name, style) in enumerate((("network, learnt", "^:"), ("network, new", "o-"))):
        ax.plot(sizes, [networks[size][place] for size in sizes], style, label=name)
    ax.axvline(freedoms, color="#888888", ls=":")
    ax.set(xlabel="latent numbers", ylabel="error, root mean square (Å)", ylim=(0, None))
    ax.legend()


def table(scores: Mapping[str, Sequence[float]]) -> str:
    """Kinds of motifs: share possible, angles off (degrees), distance from the nearest learnt one (Å)."""
    lines = [f"{'':20} possible  angles off  nearest learnt"]
    lines += [
        f"{name:20} {valid:8.0%}  {off:8.2f} °  {near:12.2f} Å" for name, (valid, off, near) in scores.items()
    ]
    return "\n".join(lines)


def columns(
    vectors: Float[Tensor, "motifs 8 3"], places: Float[Tensor, "motifs 2"]
) -> dict[str, dict[str, Any]]:
    """Properties of motifs, and their places on the map, as chemiscope takes them."""
    named = {
        "first": places[:, 0],
        "second": places[:, 1],
        "bonds": coordination(vectors),
        "room": room(vectors),
    }
    return {name: {"target": "structure", "values": v.detach().numpy()} for name, v in named.items()}


def _with_one(z: Tensor) -> Tensor:
    return torch.cat([z, torch.ones_like(z[:, :1])], 1)
