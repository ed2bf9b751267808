"""The house style: colours that colour-blind readers tell apart, on light pages and on dark ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import Float

# Okabe and Ito's palette (2008) without its black and its yellow: one vanishes on dark pages, one on light.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
CYCLE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY)

# Stops of the two colour maps; cividis is Nunez, Anderton and Renslow's (2018), sampled at equal steps.
CIVIDIS = (
    "#00224E",
    "#123570",
    "#3B496C",
    "#575D6D",
    "#707173",
    "#8A8678",
    "#A59C74",
    "#C3B369",
    "#E1CC55",
    "#FEE838",
)
DIVERGING = ("#8C3D00", "#D9730D", "#F2B76B", "#F4EFE6", "#8EC1E4", "#2A7FBF", "#003F7D")

# This grey marks in a matplotlib SVG what takes the colour of the page's own text.
INK = "#010203"


def rgb(colour: str) -> list[float]:
    """Red, green and blue of `"#rrggbb"`, each between 0 and 1."""
    return [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]


def element_colours(atomic_numbers: np.ndarray) -> Float[np.ndarray, "atoms 3"]:
    """Jmol's element colours, a little calmer, so that a white hydrogen still has a shaded side."""
    from ase.data.colors import jmol_colors

    numbers = np.minimum(np.asarray(atomic_numbers, dtype=int), len(jmol_colors) - 1)
    colours = jmol_colors[numbers]
    grey = colours.mean(axis=1, keepdims=True)
    return 0.93 * (0.88 * colours + 0.12 * grey)


@contextmanager
def rc_context() -> Iterator[None]:
    """Matplotlib's settings in house style for one `with` block; the global ones stay as the reader set them."""
    import matplotlib

    with matplotlib.rc_context(_rc_settings()):
        yield


def _rc_settings() -> dict:
    from cycler import cycler

    ink = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(ink, INK),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "legend.facecolor": "none",
        "legend.frameon": False,
        "axes.prop_cycle": cycler(color=CYCLE),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": INK,
        "grid.alpha": 0.12,
        "grid.linewidth": 0.8,
        "axes.linewidth": 0.8,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "lines.linewidth": 2.0,
        "image.cmap": "cividis",
        "font.family": "sans-serif",
        "svg.fonttype": "none",
    }
