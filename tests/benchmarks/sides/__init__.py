"""One module per side. Each has `prepare(task) -> Trainer` and imports its own library at the top, nobody else's."""

from typing import Protocol


class Trainer(Protocol):
    """A network with its batch and optimizer, ready to train.

    `facts` go into the report: "parameters", "edges" and, where the library shows them, "paths" (the tensor-product
    paths of each layer), "version".
    """

    facts: dict

    def step(self) -> float:
        """One training step; returns the loss as a plain number, so all work is done when it returns."""
