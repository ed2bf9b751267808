"""A side without a library, by which the harness itself is tested: it counts, talks too much, and can fail."""


class Toy:
    """Each step counts to the number given as the option `work`."""

    def __init__(self, work: int):
        self.work = work
        self.facts = {"parameters": 1, "edges": 0}

    def step(self) -> float:
        """Count; print, as noisy libraries do."""
        print("a library is talking")
        return float(sum(range(self.work)))


def prepare(task: dict) -> Toy:
    """The toy; without the option `work` it ends with an error."""
    if "work" not in task["options"]:
        raise ValueError("toy must be told how much to do: give the option work")
    return Toy(task["options"]["work"])
