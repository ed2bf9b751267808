"""Line shapes of area one, and spectra as sums of lines."""

from math import log, pi, sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from equitour.dynamics.response.inputs import Array, real

SHAPES = ("lorentzian", "gaussian", "pseudo-voigt")


def line_shape(
    offsets: Array, width: float | Array, *, shape: str = "lorentzian", mixing: float = 0.5
) -> Float[Tensor, "..."]:
    """A line of area one around zero, with full width at half maximum w.

    | shape        | equation                                     |
    | ------------ | -------------------------------------------- |
    | lorentzian   | L(x) = (w/2π) / (x² + w²/4)                  |
    | gaussian     | G(x) = √(4 ln 2/π)/w · exp(−4 ln 2 x²/w²)    |
    | pseudo-voigt | η L(x) + (1 − η) G(x), both of the same w    |

    Args:
        offsets: x, of any shape.
        width: w in the unit of x; broadcast against x.
        shape: One of the three.
        mixing: η, the Lorentzian part of a pseudo-Voigt line.

    Returns:
        In one over the unit of x.

    Raises:
        ValueError: The width is not positive, the shape unknown, or η not within 0 and 1.
    """
    x = torch.as_tensor(offsets).to(torch.float64)
    w = torch.as_tensor(width, dtype=torch.float64)
    if not bool((w > 0).all()):
        raise ValueError(
            f"width must be positive, received {float(w.min())}: it is the full width at half maximum"
        )
    if shape not in SHAPES:
        raise ValueError(f"shape must be one of {', '.join(SHAPES)}, received {shape!r}: choose one of them")
    if not 0 <= mixing <= 1:
        raise ValueError(
            f"mixing must lie within 0 (Gaussian) and 1 (Lorentzian), received {mixing}: try 0.5"
        )
    part = {"lorentzian": 1.0, "gaussian": 0.0, "pseudo-voigt": mixing}[shape]
    lorentzian = w / (2 * pi) / (x.square() + w.square() / 4)
    gaussian = sqrt(4 * log(2) / pi) / w * torch.exp(-4 * log(2) * (x / w).square())
    return part * lorentzian + (1 - part) * gaussian


def spectrum(
    frequencies: Array,
    intensities: Array,
    *,
    grid: Array,
    width: float | Array,
    shape: str = "lorentzian",
    mixing: float = 0.5,
) -> Float[Tensor, " points"]:
    """I(ν̃) = Σ_m I_m line(ν̃ − ν̃_m): the area under a line is the intensity of its mode.

    Args:
        frequencies: (modes,) in cm⁻¹; a mode outside the grid gives its tail only.
        intensities: (modes,) in any unit, such as km/mol.
        grid: (points,), ascending; steps of a fifth of the width or less show lines as they are.
        width: Full width at half maximum in cm⁻¹, one for all or one for each mode.
        shape: "lorentzian", "gaussian" or "pseudo-voigt".
        mixing: Lorentzian part of a pseudo-Voigt line.

    Returns:
        In the unit of the intensities per cm⁻¹.

    Raises:
        ValueError: Frequencies and intensities do not pair up, the grid does not ascend, or as `line_shape` does.
    """
    cure = "give one frequency and one intensity for each mode"
    frequencies = real("frequencies", frequencies, ("modes",), cure)
    intensities = real("intensities", intensities, (len(frequencies),), cure)
    grid = real("grid", grid, ("points",), "give the frequencies to draw at")
    if not bool((grid.diff() > 0).all()):
        raise ValueError(
            f"grid must ascend, received a step of {float(grid.diff().min())}: sort it, without repeats"
        )
    lines = line_shape(grid[:, None] - frequencies, width, shape=shape, mixing=mixing)
    return lines @ intensities
