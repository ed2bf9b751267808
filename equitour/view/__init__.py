"""Everything that draws: compute first, keep plain data, then look at it.

Nothing heavy is imported until it is used.
"""

from equitour.view.fields import field
from equitour.view.harmonics import harmonics
from equitour.view.linked import Linked, linked, show
from equitour.view.panels import bars, curve, matrix, points2d
from equitour.view.plots import axes, picture
from equitour.view.scenes import scene

__all__ = ["Linked", "axes", "bars", "curve", "field", "harmonics", "linked", "matrix", "picture", "points2d", "scene", "show"]
