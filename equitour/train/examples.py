"""Structures with their labels beside them, and the order in which training sees them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from equitour.graph import AtomicGraph, batch


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    """One structure, or several side by side, with what was computed for them.

    Attributes:
        graph: Structure only.
        labels: By name, one row a structure ("energy": (graphs), "stress": (graphs, 3, 3)) or one row an atom
            ("forces": (nodes, 3)).
    """

    graph: AtomicGraph
    labels: Mapping[str, Tensor]


def collate(examples: Sequence[Example]) -> Example:
    """Several examples as one: graphs side by side, labels one after the other.

    Raises:
        ValueError: There is none, or they do not carry the same labels.
    """
    if not examples:
        raise ValueError(
            "a batch must hold at least one example, received none: check the selection before it"
        )
    names = examples[0].labels.keys()
    for example in examples:
        if example.labels.keys() != names:
            raise ValueError(
                f"examples of a batch must carry the same labels, received {sorted(names)} and "
                f"{sorted(example.labels)}: leave out what only some of them have"
            )
    if len(examples) == 1:
        return examples[0]
    labels = {name: torch.cat([example.labels[name] for example in examples]) for name in names}
    return Example(batch([example.graph for example in examples]), labels)


@runtime_checkable
class Batches(Protocol):
    """What a training asks of its data: batches without end, and a state from which they go on."""

    def __iter__(self) -> Iterator[Any]: ...

    def state_dict(self) -> dict:
        """Everything that decides which batches come next."""

    def load_state_dict(self, state: Mapping) -> None:
        """Go on where the state was taken."""


class Minibatches:
    """Endless minibatches; each epoch holds every example once, in a new order drawn from the generator.

    The order, the place in it and the generator's state are one state, so that training that was stopped in the middle
    of an epoch goes on with the batch that would have come next. Batches of an epoch are as equal as can be, so that no
    small one is left over: a single structure makes another piece of compiled code, and a noisy gradient.

    Args:
        examples: One structure each.
        batch_size: Structures in a batch at most, over all processes together; in twos, an odd number of structures
            makes one batch of three.
        generator: Draws the order; seeded alike in all processes.
        rank: Of this process, which gets every `world`-th structure of a batch; None where its share is empty.
        world: Number of processes.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        batch_size: int,
        generator: torch.Generator,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if batch_size < 1 or len(examples) == 0:
            raise ValueError(
                "minibatches need examples and a batch_size of at least 1, received "
                f"{len(examples)} examples and batch_size {batch_size}: check the data and the size"
            )
        self.examples, self.batch_size, self.generator = examples, batch_size, generator
        self.rank, self.world = rank, world
        self.epoch, self.position, self.order = 0, 0, torch.empty(0, dtype=torch.long)

    def __iter__(self) -> Iterator[Example | None]:
        while True:
            if self.position >= len(self.order):
                self.order = torch.randperm(len(self.examples), generator=self.generator)
                self.position, self.epoch = 0, self.epoch + 1
            end = self._end_of_batch()
            chosen = self.order[self.position : end].tolist()
            self.position = end
            share = chosen[self.rank :: self.world]
            yield collate([self.examples[place] for place in share]) if share else None

    def _end_of_batch(self) -> int:
        """Where the batch at this place ends: batch i of k in an epoch of n ends at ⌊i n / k⌋."""
        count = len(self.examples)
        batches = -(-count // self.batch_size)
        if self.batch_size == 2 and count > 1:
            batches = count // 2
        # The first end beyond this place, also for a place between two ends, as the first states may hold.
        return (-(-(self.position + 1) * batches // count)) * count // batches

    def state_dict(self) -> dict:
        """Everything that decides which batches come next."""
        return {
            "epoch": self.epoch,
            "position": self.position,
            "order": self.order,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: Mapping) -> None:
        """Go on where the state was taken.

        Raises:
            ValueError: The state belongs to another number of examples.
        """
        if len(state["order"]) not in (0, len(self.examples)):
            raise ValueError(
                f"training must go on with the same data, received {len(self.examples)} examples where there "
                f"were {len(state['order'])}: give the same files, or begin anew"
            )
        self.epoch, self.position, self.order = state["epoch"], state["position"], state["order"].clone()
        self.generator.set_state(state["generator"])
