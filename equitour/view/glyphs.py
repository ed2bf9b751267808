"""How tensors on atoms are drawn: ellipsoids, signed glyphs r(n) = |f(n)|, and axial arrows for what is antisymmetric."""

import math
from itertools import permutations
from typing import Any

import numpy as np
from jaxtyping import Float

# The longest half axis or lobe as a share of the shortest bond, and its bounds in Å.
_SHARE, _LEAST, _MOST = 0.7, 0.6, 1.1
# A part smaller than this share of the tensor is rounding.
_ROUNDING = 1e-5
# Components of a symmetric tensor of three indices in the order in which the shader takes them.
_CUBIC = ("xxx", "yyy", "zzz", "xxy", "yyz", "zzx", "xyy", "yzz", "zxx", "xyz")


def with_marks(one: dict, bond: float) -> dict:
    """What the viewer draws for tensors (atoms, 3, 3) or (atoms, 3, 3, 3), of a size that goes with this bond length."""
    values, shape = one["values"], one.pop("shape", None)
    axial = axial_vectors(values) if values.ndim == 3 else np.zeros((len(values), 3))
    twisted = np.abs(axial).max() > _ROUNDING * (np.abs(values).max() or 1.0)
    if shape is None:
        shape = "glyph" if twisted or values.ndim == 4 else "ellipsoid"
    if shape not in ("ellipsoid", "glyph") or (shape == "ellipsoid" and values.ndim == 4):
        raise ValueError(
            f"tensors are drawn as 'ellipsoid' (two indices) or 'glyph', received shape={shape!r} for {values.ndim - 1} indices: "
            "leave shape out to have it chosen"
        )
    scale, arrow = one["scale"] if isinstance(one["scale"], (tuple, list)) else (one["scale"], None)
    longest = min(max(_SHARE * bond, _LEAST), _MOST)
    scale = scale or longest / (longest_radius(values) or 1.0)
    one |= {"scale": scale, "bar": _scale_bar(scale, one["name"]), "axial": None}
    one |= {"shape": "cubic" if values.ndim == 4 else shape, "axes": _axes(values, shape).astype(np.float32)}
    one["reach"] = scale * longest_radius(values)
    if twisted and shape == "glyph":
        one["axial_scale"] = arrow or 2 * longest / float(np.linalg.norm(axial, axis=1).max())
        one |= {"axial": axial.astype(np.float32), "times": f"{one['axial_scale'] / scale:.2g}"}
    return one


def _axes(values: np.ndarray, shape: str) -> np.ndarray:
    if values.ndim == 4:
        return cubic_form(values)
    return ellipsoid_axes(values) if shape == "ellipsoid" else (values + values.swapaxes(-1, -2)) / 2


def ellipsoid_axes(tensors: np.ndarray) -> np.ndarray:
    """Symmetric part of each tensor with eigenvalues kept off zero, so that a flat ellipsoid stays visible."""
    symmetric = (tensors + tensors.swapaxes(-1, -2)) / 2
    values, vectors = np.linalg.eigh(symmetric)
    thin = 0.05 * np.abs(values).max(axis=-1, keepdims=True)
    kept = np.where(values < 0, -1.0, 1.0) * np.maximum(np.abs(values), thin)
    return np.einsum("nij,nj,nkj->nik", vectors, kept, vectors)


def axial_vectors(tensors: Float[np.ndarray, "atoms 3 3"]) -> Float[np.ndarray, "atoms 3"]:
    """The vector a of the antisymmetric part A = (T - Tᵀ)/2, with A v = a × v: axial, whatever the indices are.

    Both indices polar (a Born charge) or both axial (a shielding): the product of two has even parity, so a is 1e.
    """
    return (
        np.stack(
            [
                tensors[:, 2, 1] - tensors[:, 1, 2],
                tensors[:, 0, 2] - tensors[:, 2, 0],
                tensors[:, 1, 0] - tensors[:, 0, 1],
            ],
            axis=1,
        )
        / 2
    )


def cubic_form(tensors: Float[np.ndarray, "atoms 3 3 3"]) -> Float[np.ndarray, "atoms 10"]:
    """The ten components of the totally symmetric part, which alone is seen by f(n) = Σ T_ijk n_i n_j n_k."""
    symmetric = sum(tensors.transpose(0, *order) for order in permutations((1, 2, 3))) / 6
    return np.stack([symmetric[:, *("xyz".index(letter) for letter in name)] for name in _CUBIC], axis=1)


def longest_radius(values: np.ndarray) -> float:
    """The largest |f(n)| of all atoms: an eigenvalue for two indices, sought over 2,000 directions for three."""
    if values.ndim == 3:
        symmetric = (values + values.swapaxes(-1, -2)) / 2
        return float(np.abs(np.linalg.eigvalsh(symmetric)).max())
    x, y, z = _directions(2000)
    powers = {"x": x, "y": y, "z": z}
    # How often a component occurs among the 27: once with three equal letters, three times with two, else six times.
    counts = {1: 1, 2: 3, 3: 6}
    form = np.stack(
        [counts[len(set(name))] * math.prod(powers[letter] for letter in name) for name in _CUBIC]
    )
    return float(np.abs(cubic_form(values) @ form).max())


def _directions(count: int) -> np.ndarray:
    """Evenly spread over the sphere, on a spiral of golden angles."""
    index = np.arange(count) + 0.5
    polar, azimuth = np.arccos(1 - 2 * index / count), np.pi * (1 + 5**0.5) * index
    return np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])


def _scale_bar(scale: float, name: str) -> dict:
    """A round number of the tensor's unit that is drawn between half an Å and one and a quarter."""
    power = 10.0 ** math.floor(math.log10(1.25 / scale))
    value = max(step * power for step in (1, 2, 5) if step * power <= 1.25 / scale)
    unit = name[:-1].rpartition("(")[2] if name.endswith(")") and "(" in name else ""
    return {"length": value * scale, "text": f"{value:g} {unit}".strip()}


def describe(one: dict[str, Any]) -> str:
    """The tensors of a panel in words, with the scale."""
    kind = "ellipsoids" if one["shape"] == "ellipsoid" else "signed glyphs, striped where negative"
    words = f"{kind}: {one['name']}, {one['bar']['text']} are drawn as {one['bar']['length']:.2f} Å"
    if one["axial"] is not None:
        words += f"; ringed arrows: its antisymmetric part, drawn {one['times']} times as large"
    return words
