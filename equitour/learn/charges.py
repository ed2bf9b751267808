"""Learning Born charges, and what a network has to beat: guesses that know the element, or the molecule and its turn."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from ase.data import chemical_symbols
from jaxtyping import Float, Int
from torch import Tensor, nn

from equitour.datasets import Sample
from equitour.generative import synchronise
from equitour.graph import AtomicGraph
from equitour.learn.field_answers import field_training, learning_curve
from equitour.learn.molecules import seen_from_above
from equitour.models import Response
from equitour.train import Example, predict_tensors

BORN = "born_effective_charges"


def waters_in_one_frame(
    samples: Sequence[Sample],
) -> tuple[
    Float[Tensor, "frames 3 3"],
    Float[Tensor, " frames"],
    Float[Tensor, "frames 3"],
    Float[Tensor, "frames 3 3 3"],
]:
    """Positions (Å), angles (degrees), dipoles (e·Å) and Born charges (e) of waters, the narrowest first.

    The oxygen is the origin and the first atom, x runs from one hydrogen to the other, z stands on the plane.

    Args:
        samples: Of `molecules_response`, which holds molecules of other kinds as well.
    """
    water = [sample for sample in samples if sample.labels["molecule"] == "H2O"]
    r, turn, angle = seen_from_above(torch.stack([sample.graph.positions for sample in water]))
    mu = torch.stack([R @ sample.labels["dipole"] for R, sample in zip(turn, water, strict=True)])
    Z = torch.stack([R @ sample.atom_labels[BORN] @ R.T for R, sample in zip(turn, water, strict=True)])
    order = angle.argsort()
    return r[order], angle[order], mu[order], Z[order]


def head_of(
    model: Response, atomic_numbers: Int[Tensor, " nodes"]
) -> tuple[list[Float[Tensor, " channels"]], Float[Tensor, "nodes 1"], list[float]]:
    """What a head for Born charges holds: the weights of each irrep, the mean of 0e of each atom, and the scales (e).

    Args:
        model: Of one copy of 0e, 1e and 2e, as Born charges are.
        atomic_numbers: Of the atoms, all of them known to the model.
    """
    weights = [weight[:, 0] for weight in model.heads[BORN].weights]
    means = torch.tensor(model.settings["means"][BORN], dtype=torch.float64).to(weights[0])
    return weights, means[model.trunk.species(atomic_numbers)], model.settings["scales"][BORN]


def trained(model: nn.Module, examples: Sequence[Example], *, steps: int) -> nn.Module:
    """The model after so many steps on the Born charges of the examples, its weights averaged and at rest.

    Args:
        model: Gives tensors by name, such as `Response`; changed in place.
        examples: With labels "born_effective_charges".
        steps: Of `field_training`.
    """
    training = field_training(model, examples, [BORN], steps=steps, predict=predict_tensors)
    for _ in training:
        pass
    return training.average.requires_grad_(False)


def mean_curve(
    build: Callable[..., nn.Module],
    examples: Sequence[Example],
    held_out: Sequence[Example],
    *,
    sizes: Sequence[int],
    steps: int,
    seeds: Sequence[int] = (1, 2),
) -> list[float]:
    """Relative errors of Born charges of held-out molecules for each number of examples, the mean over the seeds.

    Args:
        build: Makes a fresh model, `build(examples, seed=seed)`.
        examples: To learn from; a larger size holds the smaller ones.
        held_out: To judge by.
        sizes: Numbers of examples.
        steps: Of each training.
        seeds: Of the first weights.
    """
    curves = []
    for seed in seeds:

        def start(few, seed=seed):
            return build(few, seed=seed)

        found = learning_curve(
            start, examples, held_out, sizes=sizes, steps=steps, names=[BORN], predict=predict_tensors
        )
        curves.append(found[BORN])
    return torch.tensor(curves).mean(0).tolist()


def draw_curve(
    ax: Any, sizes: Sequence[int], errors: Sequence[float], others: Mapping[str, float], *, label: str
) -> None:
    """Relative errors against the number of examples on logarithmic axes, other guesses as level lines.

    Args:
        ax: Of matplotlib, from `view.axes`.
        sizes: Numbers of examples.
        errors: One for each.
        others: Relative errors of guesses by name.
        label: Of the curve.
    """
    ax.loglog(sizes, errors, "o-", label=label)
    for (name, error), style in zip(others.items(), (":", "--", "-.") * len(others), strict=False):
        ax.axhline(error, ls=style, color="#888888", label=name)
    ax.set(xlabel="molecules to learn from", ylabel="error on new ones, relative")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ends = min([*errors, *others.values()]) / 1.2, max([*errors, *others.values()]) * 1.2
    round_ones = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
    ticks = [tick for tick in round_ones if ends[0] <= tick <= ends[1]]
    ax.set_yticks(ticks, [f"{100 * tick:.0f} %" for tick in ticks])
    ax.set_ylim(ends)
    ax.minorticks_off()
    ax.legend(fontsize=8.5)


def process_seconds(call: Callable[[AtomicGraph], Any], graph: AtomicGraph, *, repeats: int = 5) -> float:
    """Processor time of one call, the mean of some."""
    start = time.process_time()
    for _ in range(repeats):
        call(graph)
    return (time.process_time() - start) / repeats


def rmse(error: Float[Tensor, "..."]) -> float:
    """Root of the mean square over all components."""
    return float(error.square().mean().sqrt())


def relative(guess: Float[Tensor, "..."], truth: Float[Tensor, "..."]) -> float:
    """Root mean square error over the root mean square of the truth: 1 is as bad as zeros."""
    return float((guess - truth).norm() / truth.norm())


def by_element(error: Float[Tensor, "nodes 3 3"], atomic_numbers: Int[Tensor, " nodes"]) -> dict[str, float]:
    """Root mean square error of each element, by its symbol."""
    present = atomic_numbers.unique().tolist()
    return {chemical_symbols[number]: rmse(error[atomic_numbers == number]) for number in present}


def number_an_element(
    known: Sequence[Example], atomic_numbers: Int[Tensor, " nodes"], name: str
) -> Float[Tensor, "nodes 3 3"]:
    """One number for each element, the mean over a third of the traces of its tensors, times the unit matrix.

    Args:
        known: Structures whose tensors may be averaged.
        atomic_numbers: Of the atoms to guess for, all of them among the known elements.
        name: Of the label, (nodes, 3, 3).
    """
    tensors = torch.cat([example.labels[name] for example in known])
    numbers = torch.cat([example.graph.atomic_numbers for example in known])
    thirds = tensors.diagonal(dim1=1, dim2=2).mean(1)
    means = torch.zeros(119).to(tensors)
    for number in numbers.unique():
        means[number] = thirds[numbers == number].mean()
    return means[atomic_numbers][:, None, None] * torch.eye(3).to(tensors)


def carried_along(known: Sequence[Example], new: Sequence[Example], name: str) -> Float[Tensor, "nodes 3 3"]:
    """The mean tensor of each atom of each kind of molecule, in the molecule's own frame, turned into new molecules.

    The frames are those that lay a molecule best onto the first of its kind (Kabsch, Acta Cryst. A32, 922, 1976).

    Args:
        known: Molecules whose tensors may be averaged; those with the same elements in the same order are of one kind.
        new: Molecules to guess for, each of a known kind.
        name: Of the label, (nodes, 3, 3).
    """
    guesses = []
    for example in new:
        elements = example.graph.atomic_numbers
        same = [fellow for fellow in known if torch.equal(fellow.graph.atomic_numbers, elements)]
        reference = same[0].graph.positions
        frames = [overlay(fellow.graph.positions, reference) for fellow in same]
        turned = [R @ fellow.labels[name] @ R.T for R, fellow in zip(frames, same, strict=True)]
        R = overlay(example.graph.positions, reference)
        guesses.append(R.T @ torch.stack(turned).mean(0) @ R)
    return torch.cat(guesses)


def overlay(positions: Float[Tensor, "nodes 3"], reference: Float[Tensor, "nodes 3"]) -> Float[Tensor, "3 3"]:
    """The rotation R for which the rows of `positions` times Rᵀ come closest to `reference`, both about their means."""
    moved, fixed = (places - places.mean(0) for places in (positions, reference))
    return synchronise(moved[None], fixed[None], reflections=False).rotation[0]
