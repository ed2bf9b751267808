"""The training step that all sides written in torch share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..batch import Batch
from ..settings import Settings


def read_task(task: dict) -> tuple[Batch, Settings, dict]:
    """The batch, the settings and the side's own options."""
    torch.set_num_threads(1)
    return Batch.load(task["batch"]), Settings(**task["settings"]), task["options"]


class TorchTrainer:
    """Energies and forces, their loss, its gradient, one step of Adam.

    Args:
        model: Owns the parameters.
        predict: Returns energies (structures,) and forces (nodes, 3) with a graph behind both.
        batch: Holds the labels.
        settings: Hold the learning rate.
        facts: What else the report shall say.
        as_fit: Step as `equitour.train` does: gradients of the parameters alone, and Adam in one pass over them. A plain
            `backward()`, as the peers' own training loops call it, also carries gradients on to the positions, where
            nobody needs them, and Adam as they call it goes from one parameter to the next.
    """

    def __init__(
        self,
        model: nn.Module,
        predict: Callable[[], tuple[Tensor, Tensor]],
        *,
        batch: Batch,
        settings: Settings,
        facts: dict,
        as_fit: bool = False,
    ):
        self.predict = predict
        self.energies = torch.tensor(batch.energies, dtype=torch.float32)
        self.forces = torch.tensor(batch.forces, dtype=torch.float32)
        self.counts = torch.tensor(batch.counts, dtype=torch.float32)
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=as_fit or None)
        self.inputs = parameters if as_fit else None
        self.facts = {"parameters": sum(p.numel() for p in parameters), "torch": torch.__version__, **facts}

    def step(self) -> float:
        """One training step; the loss is the mean square of energies per atom plus that of force components."""
        self.optimizer.zero_grad()
        energies, forces = self.predict()
        loss = ((energies - self.energies) / self.counts).square().mean() + (
            forces - self.forces
        ).square().mean()
        loss.backward(inputs=self.inputs)
        self.optimizer.step()
        return loss.item()
