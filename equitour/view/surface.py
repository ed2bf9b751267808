"""Spherical-harmonic surfaces: the function on the sphere that a list of irreps components stands for."""

import math
from typing import Any

import numpy as np

from equitour.view.frames import to_array

_LMAX_LIMIT = 12
_NORMALIZATIONS = ("integral", "component", "norm")


def harmonics(
    coefficients: Any,
    *,
    l: int | None = None,
    title: str = "",
    normalization: str = "integral",
    alt: str | None = None,
) -> dict:
    """The surface r(n) = |f(n)| of f(n) = Σ c_lm Y_lm(n), blue where f is positive and orange where it is negative.

    Args:
        coefficients: (frames, (lmax + 1)^2) in e3nn's order, polar axis y, or without the first axis.
        l: Given, the coefficients are of this single degree, (frames, 2 l + 1).
        title: Stands above the panel.
        normalization: Of the Y_lm, as in `e3nn.o3.spherical_harmonics`.
        alt: Words for the picture.

    Raises:
        ValueError: For a number of components that fits no lmax, an unknown normalization, or values not finite.
    """
    values = to_array(coefficients)
    values = values[None] if values.ndim == 1 else values
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(
            f"coefficients must be finite with the shape (frames, components), received {values.shape}: look for their source"
        )
    values = _full(values, l)
    lmax = math.isqrt(values.shape[1]) - 1
    if normalization not in _NORMALIZATIONS:
        raise ValueError(
            f"normalization must be one of {_NORMALIZATIONS}, received {normalization!r}: e3nn's default is 'integral'"
        )
    orthonormal = values * _factors(lmax, normalization)
    panel = {"kind": "harmonics", "title": title, "frames": len(values), "lmax": lmax}
    panel |= {
        "values": values.astype(np.float32),
        "drawn": orthonormal.astype(np.float32),
        "extent": _largest(orthonormal),
    }
    return panel | {
        "alt": alt
        or f"Surface of spherical harmonics up to l = {lmax}, blue where positive, orange where negative."
    }


def _full(values: np.ndarray, degree: int | None) -> np.ndarray:
    """Coefficients for all degrees from 0, zero where only one degree was given."""
    if degree is not None:
        if values.shape[1] != 2 * degree + 1:
            raise ValueError(
                f"l = {degree} has {2 * degree + 1} components, received {values.shape[1]}: leave l out for all degrees up to lmax"
            )
        full = np.zeros((len(values), (degree + 1) ** 2))
        full[:, degree**2 :] = values
        values = full
    count = values.shape[1]
    if math.isqrt(count) ** 2 != count or count > (_LMAX_LIMIT + 1) ** 2:
        raise ValueError(
            f"coefficients must number (lmax + 1)^2 with lmax at most {_LMAX_LIMIT}, received {count}: "
            "give all degrees from 0 to lmax, or one degree with l="
        )
    return values


def _factors(lmax: int, normalization: str) -> np.ndarray:
    degrees = np.repeat(np.arange(lmax + 1), 2 * np.arange(lmax + 1) + 1)
    if normalization == "integral":
        return np.ones(len(degrees))
    return np.sqrt(4 * np.pi / (1 if normalization == "component" else 2 * degrees + 1)) * np.ones(
        len(degrees)
    )


def _largest(orthonormal: np.ndarray) -> float:
    """An upper bound of |f| that a single harmonic reaches: Cauchy and Schwarz with Unsöld's theorem, per degree."""
    degrees = np.repeat(
        np.arange(math.isqrt(orthonormal.shape[1])), 2 * np.arange(math.isqrt(orthonormal.shape[1])) + 1
    )
    bound = 0.0
    for degree in range(degrees.max() + 1):
        norm = np.linalg.norm(orthonormal[:, degrees == degree], axis=1)
        bound = bound + norm * math.sqrt((2 * degree + 1) / (4 * math.pi))
    return float(np.max(bound)) or 1.0
