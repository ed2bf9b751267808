"""Latent numbers to train, to map and to walk along: what lesson 502 needs besides its ideas."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from equitour.generative import (
    MotifDenoiser,
    MotifVAE,
    PosedVAE,
    environments,
    pose,
    shuffled,
    synchronise_unordered,
)
from equitour.graph import AtomicGraph

BOND, BLUR = 2.85, 0.15  # Å: where a bond of silicon ends, and how gradually.


def room(vectors: Float[Tensor, "motifs 8 3"]) -> Float[Tensor, " motifs"]:
    """Mean distance of the four outer neighbours from the centre, in Å: how much room the bonded four have."""
    return vectors.norm(dim=-1).sort(1).values[:, 4:].mean(1)


def coordination(vectors: Float[Tensor, "motifs neighbors 3"]) -> Float[Tensor, " motifs"]:
    """Bonds of the centre, each counted as 1 / (1 + exp((r − 2.85 Å) / 0.15 Å)), so that a bond may be half made."""
    return torch.sigmoid((BOND - vectors.norm(dim=-1)) / BLUR).sum(1)


def bonded(vectors: Float[Tensor, "motifs neighbors 3"]) -> list[str]:
    """The group of each motif by the bonds of its centre: "four bonds", or "three or five"."""
    off = (coordination(vectors) - 4).abs()
    return ["four bonds" if o < 0.5 else "three or five" for o in off.tolist()]


def four_and_five(
    vectors: Float[Tensor, "motifs neighbors 3"], z: Float[Tensor, "motifs latent"]
) -> tuple[int, int]:
    """The motif of most nearly four bonds, and of those with a fifth the one farthest from it in latent numbers."""
    bonds = coordination(vectors)
    start, five = int((bonds - 4).abs().argmin()), (bonds > 4.7).nonzero().flatten()
    return start, int(five[(z[five] - z[start]).norm(dim=1).argmax()])


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


def plane(z: Float[Tensor, "motifs latent"], *, along: Float[Tensor, " latent"]) -> Float[Tensor, "latent 2"]:
    """For a map of latent numbers: the direction `along`, and of those at right angles the one that reaches farthest."""
    way = along / along.norm()
    beside = z - z.mean(0)
    beside = beside - torch.outer(beside @ way, way)
    return torch.stack([way, torch.linalg.svd(beside, full_matrices=False)[2][0]], 1)


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


def size(network: nn.Module) -> int:
    """How many weights a network has."""
    return sum(weights.numel() for weights in network.parameters())


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


def descend(
    loss: Callable[..., Tensor],
    networks: Sequence[nn.Module],
    data: Sequence[Float[Tensor, "motifs _"]],
    *,
    steps: int,
    generator: torch.Generator,
) -> None:
    """Train networks together: so many steps of Adam down `loss(*batch)`, with batches of 256 rows of the data."""
    optimizer = torch.optim.Adam([w for network in networks for w in network.parameters()], lr=1e-3)
    for _ in range(steps):
        batch = torch.randint(len(data[0]), (256,), generator=generator)
        optimizer.zero_grad()
        loss(*(one[batch] for one in data)).backward()
        optimizer.step()


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


def explorer(structures: Sequence[Any], properties: Mapping[str, Any]) -> Any:
    """Structures of ASE and their properties in chemiscope; a sentence where it is not installed."""
    try:
        import chemiscope
    except ImportError:
        return "chemiscope is not here; the linked figures need nothing but this page."
    return chemiscope.show(list(structures), properties=dict(properties))


def _with_one(z: Tensor) -> Tensor:
    return torch.cat([z, torch.ones_like(z[:, :1])], 1)
