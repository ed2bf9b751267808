"""A mistake with its name, and how a value is shown in a sentence about it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """A mistake: its name and the sentence for the learner."""

    kind: str
    sentence: str


def short(value: object) -> str:
    """One line of at most 80 characters that shows a value."""
    text = " ".join(repr(value).split())
    return text if len(text) < 80 else text[:77] + "..."


def called(value: object) -> str:
    """The type of a value in words, with its article."""
    names = {"Tensor": "a torch.Tensor", "ndarray": "a numpy array", "NoneType": "nothing"}
    name = type(value).__name__
    return names.get(name, f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}")


def type_finding(answer: object, model: object, cure: str = "") -> Finding:
    """The answer is of another type than the model; `cure` says how to turn the one into the other."""
    return Finding(
        "type", f"The answer must be {called(model)}, received {called(answer)}{cure and '; ' + cure}."
    )
