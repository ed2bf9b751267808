"""The n-body training step that all EGNN sides share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..bodies import Bodies, BodySettings


def read_task(task: dict) -> tuple[Bodies, BodySettings]:
    """The particles and the sizes of the network; one thread, weights from seed 0."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return Bodies.load(task["bodies"]), BodySettings(**task["settings"])


def as_tensor(array) -> Tensor:
    """An array in float32."""
    return torch.tensor(array, dtype=torch.float32)


class BodyTrainer:
    """Predicted positions, their mean square error, its gradient, one step of Adam.

    Args:
        model: Owns the parameters.
        predict: Returns the positions (systems · bodies, 3) later.
        bodies: Hold the targets.
        settings: Hold the learning rate.
        facts: What else the report shall say.
    """

    def __init__(
        self,
        model: nn.Module,
        predict: Callable[[], Tensor],
        *,
        bodies: Bodies,
        settings: BodySettings,
        facts: dict,
    ):
        self.predict = predict
        self.targets = as_tensor(bodies.targets).flatten(0, 1)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        self.facts = {"parameters": parameters, "torch": torch.__version__, **facts}

    def step(self) -> float:
        """One training step; returns the loss."""
        self.optimizer.zero_grad()
        loss = (self.predict() - self.targets).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss.item()
