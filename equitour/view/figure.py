"""One slider, many panels: turn a structure and see at once what turns along, what mixes and what stays."""

from pathlib import Path
from typing import Any

from equitour.view import page, words
from equitour.view.scenes import scene


class Linked:
    """Panels that share one slider and one camera; shows itself as self-contained HTML."""

    def __init__(self, spec: dict):
        """Keep the plain data: title, labels, index and panels."""
        self.spec = spec

    def to_html(self) -> str:
        """The figure as HTML that carries its own script and numbers and asks nothing of the network."""
        return page.figure_html(self.spec)

    def save(self, path: str | Path) -> Path:
        """Write the figure as a complete page and return where it stands."""
        path = Path(path)
        path.write_text(page.document(self.spec), encoding="utf-8")
        return path

    def live(self) -> Any:
        """The same figure as a widget: `.index`, `.atom` and `.panel` follow the reader's slider and clicks."""
        from equitour.view.live import live_figure

        return live_figure(self.spec)

    def describe(self, index: int | None = None) -> str:
        """The figure in words at this place of the slider."""
        index = self.spec["index"] if index is None else index
        label = self.spec["labels"][index]
        return "\n\n".join(
            [
                f"{self.spec['title']} {label}".strip(),
                *[words.plain_words(panel, index) for panel in self.spec["panels"]],
            ]
        )

    def _repr_mimebundle_(self, **_: Any) -> dict:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        told = "; ".join(panel["title"] or panel["alt"] for panel in self.spec["panels"])
        return f"Linked figure {self.spec['title']!r}: {told} ({len(self.spec['labels'])} frames)"


def linked(panels: list[dict], *, labels: list[str] | None = None, title: str = "", index: int = 0) -> Linked:
    """Put panels on one slider.

    Args:
        panels: From `scene`, `harmonics`, `matrix`, `bars`, `curve` and `points2d`; each has one frame or as many as labels.
        labels: What the slider reads at each frame ("30°", "t = 0.5 ps"); by default the frame's number.
        title: Names the slider.
        index: The frame to start with.

    Raises:
        ValueError: If there is no panel, if frames and labels do not match, or if index is not among them.
    """
    if not panels or not all(isinstance(panel, dict) and "kind" in panel for panel in panels):
        raise ValueError(
            "a linked figure needs at least one panel, received none or something else: pass [view.scene(...), ...]"
        )
    frames = max(panel["frames"] for panel in panels)
    labels = (
        [str(label) for label in labels] if labels is not None else [str(frame) for frame in range(frames)]
    )
    for panel in panels:
        if panel["frames"] not in (1, len(labels)):
            name = panel["title"] or panel["kind"]
            raise ValueError(
                f"every panel must have one frame or one per label, received {panel['frames']} frames in '{name}' and {len(labels)} labels: "
                "give one label per frame"
            )
    if not 0 <= index < len(labels):
        raise ValueError(
            f"index must be between 0 and {len(labels) - 1}, received {index}: it counts the frames from 0"
        )
    return Linked({"title": title, "labels": labels, "index": index, "panels": list(panels)})


def show(structure: Any, **options: Any) -> Linked:
    """Look at one structure (or its frames on a slider); the options are those of `scene`."""
    panel = scene(structure, **options)
    return linked([panel], title="frame" if panel["frames"] > 1 else "")
