"""The viewer that many readers know, 3Dmol.js, with our own standing in whenever its script cannot be had."""

from typing import Any

from equitour.view.figure import show
from equitour.view.frames import read_frames
from equitour.view.page import script, script_json


class Familiar:
    """Our viewer first; 3Dmol.js takes its place when the reader asks for it and the network gives it."""

    def __init__(self, own: Any, view: Any, online: bool):
        """Keep our figure, py3Dmol's view of the same atoms, and whether to load its script unasked."""
        self.own, self.view, self.online = own, view, online

    def _repr_mimebundle_(self, **_: Any) -> dict:
        return {"text/html": self.to_html(), "text/plain": repr(self.own)}

    def to_html(self) -> str:
        """HTML that asks nothing of the network until its button is pressed (or at once, with online=True)."""
        familiar = self.view._make_html()
        mark = self.view.uniqueid
        options = script_json(
            {"mark": mark, "html": familiar, "online": self.online, "address": _address(familiar)}
        )
        return (
            f'<div data-equitour-familiar="{mark}"><div class="eq-own">{self.own.to_html()}</div>'
            '<p style="font:12px system-ui,sans-serif;margin:4px 2px"><button type="button" hidden>Open in 3Dmol.js</button> '
            '<span role="status"></span></p><div class="eq-other"></div></div>'
            f'<script type="module">\n{script("familiar")}\nopenFamiliar({options});\n</script>'
        )


def py3dmol(structure: Any, *, style: dict | None = None, online: bool = False, title: str = "") -> Familiar:
    """Show a structure in 3Dmol.js, the viewer of many notebooks, behind our own.

    Its script comes from a content network. So our viewer is shown first, with a button that loads 3Dmol.js; where
    that fails (no network, a blocked address) our viewer stays and a sentence says so.

    Args:
        structure: A graph, ASE's atoms, or a list of them for an animation.
        style: 3Dmol's style, by default balls and sticks.
        online: Load 3Dmol.js at once, without the button.
        title: Stands above our viewer.

    Raises:
        ValueError: As `view.scene` does.
    """
    import py3Dmol

    frames = read_frames(structure)
    view = py3Dmol.view(width=560, height=380)
    text = "".join(_xyz(frame) for frame in frames)
    (view.addModelsAsFrames if len(frames) > 1 else view.addModel)(text, "xyz")
    view.setStyle(style or {"stick": {"radius": 0.12}, "sphere": {"scale": 0.28}})
    if frames[0].cell is not None:
        view.addUnitCell()
    view.zoomTo()
    if len(frames) > 1:
        view.animate({"loop": "forward"})
    return Familiar(show(structure, title=title), view, online)


def _xyz(frame: Any) -> str:
    from ase.data import chemical_symbols

    lattice = ""
    if frame.cell is not None:
        lattice = 'Lattice="' + " ".join(f"{value:.8f}" for value in frame.cell.ravel()) + '"'
    lines = [
        f"{chemical_symbols[int(number)]} {x:.6f} {y:.6f} {z:.6f}"
        for number, (x, y, z) in zip(frame.numbers, frame.positions, strict=True)
    ]
    return "\n".join([str(len(lines)), lattice, *lines]) + "\n"


def _address(html: str) -> str:
    """Where py3Dmol's page loads its script from."""
    return html.split("loadScriptAsync('")[1].split("'")[0]
