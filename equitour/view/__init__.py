"""Everything that draws: compute first, keep plain data, then look at it.

Nothing heavy is imported until it is used.
"""

from equitour.view.button import press
from equitour.view.familiar import py3dmol
from equitour.view.fields import field
from equitour.view.figure import Linked, linked, show
from equitour.view.modes import motion
from equitour.view.panels import bars, curve, matrix, points2d
from equitour.view.parity_plots import Parity, parity
from equitour.view.plotly_figure import interactive
from equitour.view.plots import axes, picture
from equitour.view.scenes import scene
from equitour.view.spectra import spectrum
from equitour.view.surface import harmonics

__all__ = [
    "Linked", "Parity", "axes", "bars", "curve", "field", "harmonics", "interactive", "linked",
    "matrix", "motion", "parity", "picture", "points2d", "press", "py3dmol", "scene", "show", "spectrum",
]  # fmt: skip
